"""The pages of a monthly gift: who has its signed link may see it and change it, without login."""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from alliance.core.http import private
from donations import forms, gateway, links, managing, plans, receipts, services
from donations.models import Plan

logger = logging.getLogger(__name__)

NO_ANSWER = (
    "We have asked Stripe and had no answer yet. This page will show it as soon as there is one, "
    "and you’ll get a mail. You don’t need to ask again."
)
REFUSED = "Stripe would not do this. Please try again another way, or write to us."
OVER_ALREADY = "This monthly gift has ended, so there was nothing to change."
CARD_PAGE_AWAY = (
    "Stripe’s page for cards can’t be reached at the moment. Nothing has changed; please try "
    "again in a minute."
)
SENT = (
    "If anything was given from that address in the last year, a mail with the links is on its "
    "way. It can take a few minutes."
)

PlanView = Callable[[HttpRequest, Plan, str], HttpResponse]


def _by_link(view: PlanView) -> Callable[[HttpRequest, str], HttpResponse]:
    """Let in who has a link that is good; offer a fresh one to everybody else."""

    @wraps(view)
    def handle(request: HttpRequest, token: str) -> HttpResponse:
        try:
            plan = links.plan_of(token)
        except links.Lost:
            return _giving_page(request, forms.AddressForm(), status=404, is_lost=True)
        except links.Awaited as awaited:
            gift = awaited.donation
            context = {"gift": gift, "campaign": gift.campaign}
            return private(render(request, "donations/awaited.html", context))
        return private(view(request, plan, token), has_form=True)

    return handle


@require_http_methods(["GET", "HEAD", "POST"])
def giving(request: HttpRequest) -> HttpResponse:
    """Offer to mail the links to what somebody gives; the answer is the same for everybody."""
    if request.method != "POST":
        return _giving_page(request, forms.AddressForm())
    form = forms.AddressForm(request.POST)
    if not form.is_valid():
        return _giving_page(request, form, status=422)
    services.mail_links(form.cleaned_data["email"], now=timezone.now())
    messages.success(request, SENT)
    return HttpResponseRedirect(request.path, status=303)


@require_GET
@_by_link
def manage(request: HttpRequest, plan: Plan, token: str) -> HttpResponse:
    """Show a monthly gift, having asked Stripe where that helps."""
    try:
        plans.ask_if_it_helps(plan, now=timezone.now())
    except (gateway.Unavailable, gateway.Declined):
        logger.exception("plan %s: it is not known how it stands", plan.pk)
    return _page(request, plan, token)


@require_POST
@_by_link
def change_amount(request: HttpRequest, plan: Plan, token: str) -> HttpResponse:
    """Take another amount from the next payment on."""
    form = forms.AmountForm(request.POST, currency=plan.currency)
    if not form.is_valid():
        return _page(request, plan, token, status=422, amount_form=form)
    amount = form.cleaned_data["amount"]
    return _carry_out(
        request,
        plan,
        token,
        lambda: plans.change_amount(plan, amount, by=None),
        lambda: f"From the next payment on it’s {plan.amount} a month. A mail confirms it.",
    )


@require_POST
@_by_link
def pause(request: HttpRequest, plan: Plan, token: str) -> HttpResponse:
    """Take nothing for some months."""
    form = forms.PauseForm(request.POST)
    if not form.is_valid():
        return _page(request, plan, token, status=422, pause_form=form)
    months = form.cleaned_data["months"]
    return _carry_out(
        request,
        plan,
        token,
        lambda: plans.pause(plan, months=months, by=None),
        lambda: f"Paused{_until(plan)}. A mail confirms it.",
    )


@require_POST
@_by_link
def resume(request: HttpRequest, plan: Plan, token: str) -> HttpResponse:
    """End a pause."""
    return _carry_out(
        request,
        plan,
        token,
        lambda: plans.resume(plan, by=None),
        lambda: "Your monthly gift goes on. A mail confirms it.",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@_by_link
def cancel(request: HttpRequest, plan: Plan, token: str) -> HttpResponse:
    """Ask whether it is meant, and stop taking payments."""
    if request.method == "POST":
        return _carry_out(
            request,
            plan,
            token,
            lambda: plans.cancel(plan, by=None),
            lambda: "Stopped. Nothing more will be taken. A mail confirms it.",
        )
    if plan.is_over:
        return _back(token)
    context = {"plan": plan, "token": token, "campaign": plan.donation.campaign}
    return render(request, "donations/cancel.html", context)


@require_POST
@_by_link
def card(request: HttpRequest, plan: Plan, token: str) -> HttpResponse:
    """Lead to Stripe's page where another card can be named."""
    page = settings.SITE_URL + reverse("donations:manage", args=[token])
    try:
        address = plans.card_page(plan, return_url=f"{page}?from=card")
    except plans.PlanIsOver:
        messages.info(request, OVER_ALREADY)
        return _back(token)
    except gateway.Unavailable:
        logger.exception("plan %s: no page for cards", plan.pk)
        return _page(request, plan, token, status=503, trouble=CARD_PAGE_AWAY)
    except gateway.Declined:
        logger.exception("plan %s: no page for cards", plan.pk)
        return _page(request, plan, token, status=502, trouble=REFUSED)
    return HttpResponseRedirect(address, status=303)


def _carry_out(
    request: HttpRequest,
    plan: Plan,
    token: str,
    wish: Callable[[], None],
    outcome: Callable[[], str],
) -> HttpResponse:
    """Do what was asked for and say what came of it, as far as anybody knows."""
    try:
        wish()
    except plans.PlanIsOver:
        messages.info(request, OVER_ALREADY)
    except (gateway.Unavailable, gateway.Missing):
        logger.exception("plan %s: it is not known what came of a wish", plan.pk)
        plan.refresh_from_db()
        return _page(request, plan, token, status=503, trouble=NO_ANSWER)
    except gateway.Declined:
        logger.exception("plan %s: Stripe refused a wish", plan.pk)
        return _page(request, plan, token, status=502, trouble=REFUSED)
    else:
        messages.success(request, outcome())
    return _back(token)


def _until(plan: Plan) -> str:
    if plan.resumes_at is None:
        return ""
    return f" until {date_format(timezone.localtime(plan.resumes_at), 'j F Y')}"


def _back(token: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("donations:manage", args=[token]), status=303)


def _page(
    request: HttpRequest,
    plan: Plan,
    token: str,
    *,
    status: int = 200,
    trouble: str = "",
    amount_form: forms.AmountForm | None = None,
    pause_form: forms.PauseForm | None = None,
) -> HttpResponse:
    context = {
        "plan": plan,
        "token": token,
        "trouble": trouble,
        "gift": plan.donation,
        "campaign": plan.donation.campaign,
        "standing": managing.standing(plan),
        "card": managing.card_of(plan),
        "missed": managing.unpaid(plan).first(),
        "receipts": receipts.receipts_of(plan.donation)[::-1],
        "changes": plan.changes.order_by("-at", "-pk"),
        "amount_form": amount_form or forms.AmountForm(currency=plan.currency),
        "pause_form": pause_form or forms.PauseForm(),
        "came_from_card": request.GET.get("from") == "card",
    }
    return render(request, "donations/manage.html", context, status=status)


def _giving_page(
    request: HttpRequest, form: forms.AddressForm, *, status: int = 200, is_lost: bool = False
) -> HttpResponse:
    context = {"form": form, "is_lost": is_lost}
    page = render(request, "donations/giving.html", context, status=status)
    return private(page, has_form=True)
