"""The pages of giving, and the address where Stripe reports."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta

from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from alliance.core.http import private
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import facts, forms, gateway, guard, inbox, queries, receipts, services, settling
from donations.models import SETTLED, Donation, State

logger = logging.getLogger(__name__)

# For how long Stripe's "not yet" is repeated without asking again.
BELIEVED_FOR = timedelta(seconds=30)

AWAY = (
    "Our card partner can’t be reached at the moment. What you entered is still here: please try "
    "again in a minute. If you have paid already, don’t pay again; the receipt will come."
)
REFUSED = "Our card partner would not take this gift. Please try another amount, or write to us."


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form, or take it and lead to Stripe's page."""
    campaign = get_object_or_404(Campaign.objects.public(), slug=slug)
    if request.method == "POST":
        return _take(request, campaign) if campaign.is_open else _closed(request, campaign)
    form = _blank_form(request, campaign) if campaign.is_open else None
    return _give_page(request, campaign, form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Lead on from a mail to Stripe's page, by a press of the button."""
    donation = _find(public_id)

    def page(trouble: str, status: int) -> HttpResponse:
        context = {"campaign": donation.campaign, "gift": donation, "trouble": trouble}
        answer = render(request, "donations/confirm.html", context, status=status)
        return private(answer, has_form=True)

    if donation.is_under_way:
        return HttpResponseRedirect(donation.get_absolute_url())
    # Of somebody who was erased meanwhile nothing leads on.
    if not guard.is_link(public_id, token) or not donation.contact.email:
        late = render(
            request, "donations/confirm_late.html", {"campaign": donation.campaign}, status=410
        )
        return private(late)
    if request.method != "POST":
        return page("", 200)
    visit = guard.visit_of(request, is_confirmed=True)
    return _lead_on(request, donation.campaign, services.pledge_of(donation), visit, or_say=page)


@require_GET
def gift(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show how a gift stands. Who has the address may see it; it names nobody."""
    donation, state = _standing(public_id)
    is_resumable = state == State.OPEN and donation.session_expires_at > timezone.now()
    paid = receipts.receipts_of(donation)
    context = {
        "state": state,
        "is_settled": state in SETTLED,
        "gift": donation,
        "plan": donation.plans.order_by("-pk").first(),
        "receipts": paid,
        "left": Money(sum(one.left.minor for one in paid), donation.currency),
        "campaign": donation.campaign,
        "progress": queries.progress_of(donation.campaign),
        "resume_url": donation.session_url if is_resumable else "",
        "again_url": services.give_again_path(donation),
    }
    return private(render(request, "donations/gift.html", context))


@require_GET
def receipt(request: HttpRequest, public_id: str, number: int) -> HttpResponse:
    """Show the receipt of one payment, to be printed. It names nobody."""
    donation = _find(public_id)
    paid = receipts.receipts_of(donation)
    if not 1 <= number <= len(paid):
        raise Http404
    context = {"receipt": paid[number - 1], "gift": donation, "campaign": donation.campaign}
    return private(render(request, "donations/receipt.html", context))


@require_GET
def gift_state(_request: HttpRequest, public_id: str) -> HttpResponse:
    """Tell the waiting page, in JSON, whether there is news."""
    return private(JsonResponse({"state": _standing(public_id)[1]}))


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Keep what Stripe signed, and answer at once; nothing else is ever written."""
    try:
        event = gateway.verify_event(request.body, request.headers.get("Stripe-Signature", ""))
    except (gateway.BadSignature, facts.NotAnEvent) as error:
        logger.warning("webhook refused: %s", type(error).__name__)
        return HttpResponse(status=400)
    inbox.receive(event, now=timezone.now())
    return HttpResponse(status=200)


def _take(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Take the form, and lead to where one pays, or say what is in the way."""
    form = forms.GiveForm(request.POST, campaign=campaign)
    if not form.is_valid():
        return _give_page(request, campaign, _with_fresh_nonce(form), status=422)
    if "change" in request.POST:
        return _give_page(request, campaign, form)

    def page(trouble: str, status: int) -> HttpResponse:
        form.add_error(None, trouble)
        return _give_page(request, campaign, form, status=status)

    visit = guard.visit_of(
        request,
        is_hasty=form.is_hasty(now=timezone.now()),
        proof=request.POST.get("proof", ""),
    )
    try:
        if "mail" in request.POST:
            return _mail(request, campaign, form.pledge(), visit)
        return _lead_on(request, campaign, form.pledge(), visit, or_say=page)
    except guard.ProofWanted as wanted:
        return _challenge(request, form, effort=wanted.effort)
    except guard.TooManyLetters:
        return _challenge(request, form, effort=guard.HARDEST, is_out_of_letters=True)


def _lead_on(
    request: HttpRequest,
    campaign: Campaign,
    pledge: services.Pledge,
    visit: guard.Visit,
    *,
    or_say: Callable[[str, int], HttpResponse],
) -> HttpResponse:
    """Lead to where one pays, or say what is in the way. Raises guard.ProofWanted."""
    try:
        address = services.start_checkout(
            campaign=campaign, pledge=pledge, visit=visit, now=timezone.now()
        )
    except services.CampaignIsClosed:
        return _closed(request, campaign)
    except gateway.Unavailable:
        logger.exception("no checkout: Stripe did not answer")
        return or_say(AWAY, 503)
    except gateway.Declined:
        logger.exception("no checkout: Stripe refused")
        return or_say(REFUSED, 502)
    return HttpResponseRedirect(address, status=303)


def _mail(
    request: HttpRequest, campaign: Campaign, pledge: services.Pledge, visit: guard.Visit
) -> HttpResponse:
    """Mail the link that leads on. Raises guard.TooManyLetters."""
    try:
        services.mail_link(campaign=campaign, pledge=pledge, visit=visit, now=timezone.now())
    except services.CampaignIsClosed:
        return _closed(request, campaign)
    context = {"campaign": campaign, "email": pledge.email}
    return render(request, "donations/mailed.html", context)


def _challenge(
    request: HttpRequest, form: forms.GiveForm, *, effort: int, is_out_of_letters: bool = False
) -> HttpResponse:
    """Ask for a proof, and keep every word for the time after it."""
    nonce = form.cleaned_data["nonce"]
    context = {
        "campaign": form.campaign,
        "email": form.cleaned_data["email"],
        "kept": [(name, form.data[name]) for name in form.fields if name in form.data],
        "challenge": json.dumps(guard.new_challenge(nonce, effort=effort, now=timezone.now())),
        "is_out_of_letters": is_out_of_letters,
    }
    return render(request, "donations/challenge.html", context, status=429)


def _closed(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    campaign.refresh_from_db()
    return _give_page(request, campaign, None, status=409)


def _standing(public_id: str) -> tuple[Donation, State]:
    """Find a gift and what can truly be said of it, having asked Stripe where that helps.

    "Not paid yet" takes Stripe's own and recent word: until then it is being confirmed.
    """
    now = timezone.now()
    donation = _find(public_id)
    if donation.state in {State.OPEN, State.CONFIRMING}:
        try:
            services.ask_stripe(donation, now=now)
        except (gateway.Unavailable, gateway.Declined, settling.AmountMismatch):
            logger.exception("gift %s: it is not known how it stands", donation.reference)
        donation = _find(public_id)
    is_known = donation.told_at is not None and donation.told_at > now - BELIEVED_FOR
    if donation.state == State.OPEN and not is_known:
        return donation, State.CONFIRMING
    return donation, State(donation.state)


def _find(public_id: str) -> Donation:
    return get_object_or_404(
        Donation.objects.with_state().select_related("campaign"), public_id=public_id
    )


def _blank_form(request: HttpRequest, campaign: Campaign) -> forms.GiveForm:
    """Start from the amount that a link or the campaign's page named, if it is one."""
    initial: dict[str, object] = {"nonce": forms.new_nonce(campaign, made_at=timezone.now())}
    if request.GET.get("frequency") == Donation.Frequency.MONTHLY:
        initial["frequency"] = Donation.Frequency.MONTHLY
    if link := queries.link_of(campaign.slug, request.GET.get("ref", "")):
        initial["ref"] = link.code
    asked, typed = request.GET.get("amount", ""), request.GET.get("other", "")[:30]
    if typed:
        initial |= {"amount": forms.OTHER, "other": typed}
    elif asked in {str(preset) for preset in campaign.presets}:
        initial["amount"] = asked
    elif asked.isascii() and asked.isdecimal() and len(asked) < 9:  # noqa: PLR2004 (Stripe's 8)
        amount = Money(int(asked), campaign.currency)
        initial |= {"amount": forms.OTHER, "other": amount.bare}
    return forms.GiveForm(initial=initial, campaign=campaign)


def _with_fresh_nonce(form: forms.GiveForm) -> forms.GiveForm:
    """Let a form that was too old, or came without its nonce, be sent again as it is."""
    if "nonce" in form.errors:
        # Who sends it again need not read it again.
        made_at = timezone.now() - guard.HASTE
        nonce = forms.new_nonce(form.campaign, made_at=made_at)
        form.data = {**dict(form.data.items()), "nonce": nonce}
    return form


def _give_page(
    request: HttpRequest, campaign: Campaign, form: forms.GiveForm | None, *, status: int = 200
) -> HttpResponse:
    context = {"campaign": campaign, "form": form, "progress": queries.progress_of(campaign)}
    return render(request, "donations/give.html", context, status=status)
