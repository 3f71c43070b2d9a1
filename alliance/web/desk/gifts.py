"""The desk's pages about gifts and donors: found, looked at, thanked for, given back, exported."""

from typing import Any, cast
from uuid import uuid4

from django.contrib import messages
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from alliance.core.money import Money
from alliance.web.desk.access import DeskRequest, desk
from alliance.web.desk.money_forms import OfflineForm, ThanksForm
from campaigns.models import Campaign, Can
from donations import desk as giving
from donations import export as exporting
from donations import history, refunds, thanks
from donations.admin.forms import RefundForm
from donations.admin.giving import give_back
from donations.models import Donation, Donor, Payment, RefundRequest, State

# Two years of a monthly gift.
SHOWN = 24
GET_OR_POST = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@desk(Can.MONEY)
def gifts(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """List the campaign's gifts, the newest first, or those that are looked for."""
    show, text = request.GET.get("show", ""), request.GET.get("q", "")[:200]
    page = giving.page_of(
        giving.gifts_of(campaign, show=show, text=text), _number(request.GET.get("page", ""))
    )
    links = list(campaign.links.order_by("label"))
    return render(
        request,
        "desk/gifts.html",
        {
            "campaign": campaign,
            "page": page,
            "rows": [_Row(gift) for gift in page.rows],
            "show": show if show in _known_shows(campaign) else "",
            "text": text,
            "shows": giving.SHOWS.items(),
            "links": [(f"{giving.BY_LINK}{link.code}", link.label) for link in links],
            "is_narrowed": bool(show or text.strip()),
            "here": _query(show=show, q=text),
        },
    )


@require_safe
@desk(Can.MONEY)
def donors(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """List who gave to the campaign, and what is there of it, who gave most first."""
    number = _number(request.GET.get("page", ""))
    found, has_more = giving.donors_of(campaign, number)
    context = {
        "campaign": campaign,
        "givers": found,
        "newer": number - 1,
        "older": number + 1 if has_more else 0,
    }
    return render(request, "desk/gifts_donors.html", context)


@require_safe
@desk(Can.MONEY)
def donor(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Show what one person gave to this campaign; what they gave to others is not looked at."""
    found = get_object_or_404(Donor.objects.select_related("contact"), pk=pk, campaign=campaign)
    theirs = campaign.donations.that_came().filter(contact=found.contact).order_by("-pk")
    page = giving.page_of(theirs, _number(request.GET.get("page", "")))
    context = {
        "campaign": campaign,
        "giver": giving.givers(campaign, [found])[0],
        "page": page,
        "rows": [_Row(gift) for gift in page.rows],
        "consent": giving.consent_of(campaign, found.contact_id),
    }
    return render(request, "desk/gifts_donor.html", context)


@require_safe
@desk(Can.MONEY)
def gift(request: DeskRequest, campaign: Campaign, reference: str) -> HttpResponse:
    """Show a gift: who gave it, what became of it, and what can be done about it."""
    found = _find(campaign, reference)
    team = set(campaign.memberships.values_list("user", flat=True))
    context = {
        "campaign": campaign,
        "gift": found,
        "row": _Row(found),
        "left": None if found.net_minor is None else Money(found.net_minor, found.currency),
        "payments": _payments(found),
        "shown": SHOWN,
        "history": history.of(found, team=team),
        "donor": campaign.donors.filter(contact=found.contact_id).first(),
        "in_all": giving.given_by(campaign, found.contact_id),
        "consent": giving.consent_of(campaign, found.contact_id),
        "plan": found.plans.order_by("-pk").first(),
        "thanks": getattr(found, "thanks", None),
        "no_thanks": thanks.in_the_way(found),
    }
    return render(request, "desk/gifts_gift.html", context)


@GET_OR_POST
@desk(Can.MONEY)
def thank(request: DeskRequest, campaign: Campaign, reference: str) -> HttpResponse:
    """Thank for a gift in the campaign's own words, once they were read over."""
    found = _find(campaign, reference)
    if reason := thanks.in_the_way(found):
        if request.method == "POST":
            messages.error(request, f"{reason} Nothing was sent.")
        return _to(found)
    form = ThanksForm(request.POST or None)
    is_fine = form.is_valid()
    if is_fine and "send" in request.POST:
        try:
            thanks.send(
                found, words=form.cleaned_data["words"], by=request.user, now=timezone.now()
            )
        except thanks.NotWanted as reason:
            messages.error(request, f"{reason} Nothing was sent.")
        else:
            messages.success(request, "Your thanks are on the way.")
        return _to(found)
    context = {"campaign": campaign, "gift": found, "form": form}
    if is_fine and "change" not in request.POST:
        words = form.cleaned_data["words"]
        return render(request, "desk/gifts_thank_confirm.html", {**context, "words": words})
    status = 422 if form.is_bound and not is_fine else 200
    return render(request, "desk/gifts_thank.html", context, status=status)


@GET_OR_POST
@desk(Can.MONEY, asks_again=True)
def refund(request: DeskRequest, campaign: Campaign, reference: str, payment: int) -> HttpResponse:
    """Give back a payment or a part of it, once it was read over and confirmed."""
    found = _find(campaign, reference)
    paid = get_object_or_404(
        Payment.objects.select_related("donation__campaign", "donation__contact"),
        pk=payment,
        donation=found,
    )
    left = refunds.left_of(paid)
    form = RefundForm(request.POST or None, left=left, initial={"amount": left.bare})
    if form.is_valid() and form.is_confirmed:
        problem = give_back(request, paid, form, request.user)
        if not problem:
            return _to(found)
        form.add_error("amount", problem)
        left = refunds.left_of(paid)
    context: dict[str, Any] = {
        "campaign": campaign,
        "gift": found,
        "payment": paid,
        "left": left,
        "is_by_hand": found.method != Donation.Method.STRIPE,
        "form": form,
    }
    if form.is_valid():
        amount = form.cleaned_data["money"]
        context |= {
            "amount": amount,
            "rest": Money(left.minor - amount.minor, left.currency),
            "reason": RefundRequest.Reason(form.cleaned_data["reason"]).label,
            "hidden": form.to_confirm,
        }
        return render(request, "desk/gifts_refund_confirm.html", context)
    status = 422 if form.is_bound else 200
    return render(request, "desk/gifts_refund.html", context, status=status)


@GET_OR_POST
@desk(Can.MONEY, asks_again=True)
def offline(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Take down a gift that came by hand."""
    form = OfflineForm(
        request.POST or None,
        campaign=campaign,
        initial={"nonce": uuid4(), "received_on": timezone.localdate().isoformat()},
    )
    if form.is_valid():
        try:
            made = refunds.record_offline(form.gift(), by=request.user)
        except refunds.SaidOtherwise:
            form.add_error(
                None,
                "This form has recorded a gift already, in other words, and nothing was recorded "
                "now. Look for it in the list; for another gift, open the form anew.",
            )
        else:
            messages.success(
                request, f"{made.amount.exact} is recorded; its receipt is on the way."
            )
            return _to(made)
    context = {"campaign": campaign, "form": form}
    status = 422 if form.is_bound else 200
    return render(request, "desk/gifts_offline.html", context, status=status)


@GET_OR_POST
@desk(Can.MONEY, asks_again=True)
def export(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Say what is in the file, and send it."""
    said = request.POST if request.method == "POST" else request.GET
    show = said.get("show", "")
    if show not in _known_shows(campaign):
        show = ""
    if request.method != "POST":
        links = [
            (f"{giving.BY_LINK}{link.code}", link.label)
            for link in campaign.links.order_by("label")
        ]
        context = {
            "campaign": campaign,
            "show": show,
            "shows": giving.SHOWS.items(),
            "links": links,
            "columns": exporting.COLUMNS.items(),
        }
        return render(request, "desk/gifts_export.html", context)
    file = StreamingHttpResponse(
        exporting.export(campaign, show=show, by=request.user),
        content_type="text/csv; charset=utf-8",
    )
    name = f"{campaign.slug}-gifts-{timezone.localdate():%Y-%m-%d}.csv"
    file["Content-Disposition"] = f'attachment; filename="{name}"'
    return cast(HttpResponse, file)


class _Row:
    """A gift as a list shows it."""

    def __init__(self, gift: Donation) -> None:
        self.gift = gift
        self.name = gift.name or "Name erased"
        self.state = State(gift.state)
        self.is_plain = self.state == State.PAID
        # A patch for money that is here, a gap where none is, a part of one in between.
        self.patch = {
            State.PAID: "tile",
            State.REFUNDED: "gap",
            State.CHARGED_BACK: "gap",
            State.FAILED: "gap",
        }.get(self.state, "part")
        self.is_thanked = hasattr(gift, "thanks")


def _payments(gift: Donation) -> list[tuple[Payment, Money]]:
    """Return a gift's latest payments, and what is left of each to be given back."""
    payments = list(gift.payments.order_by("-pk")[:SHOWN])
    left = refunds.left_of_all(payments)
    return [(payment, left[payment.pk]) for payment in payments]


def _find(campaign: Campaign, reference: str) -> Donation:
    try:
        return giving.find(campaign, reference)
    except Donation.DoesNotExist:
        raise Http404 from None


def _known_shows(campaign: Campaign) -> set[str]:
    codes = campaign.links.values_list("code", flat=True)
    return {*giving.SHOWS, *(f"{giving.BY_LINK}{code}" for code in codes)}


def _number(text: str) -> int:
    is_small = text.isascii() and text.isdecimal() and len(text) < 4  # noqa: PLR2004 (pages are few)
    return max(int(text), 1) if is_small else 1


def _query(**said: str) -> str:
    """Return what of the search is carried on to the next page."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in said.items() if value})
    return query.urlencode()


def _to(gift: Donation) -> HttpResponseRedirect:
    address = reverse("desk:gift", args=[gift.campaign.slug, gift.reference])
    return HttpResponseRedirect(address, status=303)
