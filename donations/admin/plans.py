"""Monthly plans in Django admin: how they stand, and what staff may do about them."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from alliance.accounts import audit
from alliance.core.admin import ReadOnlyInline
from donations import gateway, plans
from donations.admin import facts
from donations.admin.base import MoneyAdmin, gift_link, page, require
from donations.admin.forms import PauseForm
from donations.models import MissedPayment, Plan, PlanChange
from donations.models.plans import FAILING, OVER

MAY_CHANGE = ("donations.view_plan", "donations.change_plan")

# What staff may do: the question, and the words for it having been done.
DEEDS = {
    "cancel": ("Cancel this monthly gift?", "cancelled"),
    "pause": ("Pause this monthly gift?", "paused"),
    "resume": ("Take this monthly gift up again?", "resumed"),
}


class ChangeInline(ReadOnlyInline[PlanChange, Plan]):
    model = PlanChange
    fields = ["at", "what", "origin", "by", "amount", "until"]
    readonly_fields = ["amount"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlanChange]:
        return super().get_queryset(request).select_related("plan", "by").order_by("pk")


class MissedInline(ReadOnlyInline[MissedPayment, Plan]):
    model = MissedPayment
    # Stripe's page for paying it shows more of the donor than anybody here needs.
    fields = ["failed_at", "invoice_id", "amount", "attempts", "next_try_at"]
    readonly_fields = ["amount"]


class Standing(admin.SimpleListFilter):
    title = "how it stands"
    parameter_name = "standing"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("running", "running"),
            ("paused", "paused"),
            ("failing", "the last payment failed"),
            ("doubt", "in doubt: Stripe is being asked"),
            ("over", "ended"),
        ]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Plan]) -> QuerySet[Plan]:
        wanted: dict[str, dict[str, object]] = {
            "running": {"status": "active", "is_paused": False},
            "paused": {"is_paused": True},
            "failing": {"status__in": FAILING},
            "doubt": {"is_in_doubt": True},
            "over": {"status__in": OVER},
        }
        return rows.filter(**wanted.get(self.value() or "", {}))


@admin.register(Plan)
class PlanAdmin(MoneyAdmin[Plan]):
    list_display = ["subscription_id", "gift", "amount", "stands", "next_payment_at", "ended_at"]
    list_filter = [Standing]
    list_select_related = ["donation"]
    gift_lookup = "donation"
    fields = [
        "subscription_id",
        "gift",
        "customer_id",
        "amount",
        "stands",
        "status",
        "next_payment_at",
        "resumes_at",
        "ended_at",
        "card",
        "card_expires_on",
        "told_at",
        "is_in_doubt",
        "wish",
        "wished_by",
    ]
    inlines = [ChangeInline, MissedInline]
    change_form_template = "admin/donations/plan.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/do/<str:deed>/", wrap(self.act), name="donations_plan_act"),
            *super().get_urls(),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Plan | None = None,
    ) -> HttpResponse:
        if obj is not None and request.user.has_perms(MAY_CHANGE):
            context["deeds"] = [deed for deed in DEEDS if _in_the_way(obj, deed) == ""]
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="gift")
    def gift(self, plan: Plan) -> str:
        return gift_link(plan.donation)

    @admin.display(description="how it stands")
    def stands(self, plan: Plan) -> str:
        return facts.standing(plan)

    @admin.display(description="card")
    def card(self, plan: Plan) -> str:
        return f"{plan.card_brand} {plan.card_last4}".strip() or "–"

    def act(self, request: HttpRequest, pk: int, deed: str) -> HttpResponse:
        """Cancel, pause or resume a plan, once it was confirmed."""
        user = require(request, *MAY_CHANGE)
        if deed not in DEEDS:
            raise Http404
        plan = get_object_or_404(
            Plan.objects.select_related("donation__campaign", "donation__contact"), pk=pk
        )
        back = HttpResponseRedirect(
            reverse("admin:donations_plan_change", args=[plan.pk]), status=303
        )
        if problem := _in_the_way(plan, deed):
            messages.error(request, f"{problem} Nothing was changed.")
            return back
        is_sent = request.method == "POST"
        form = (PauseForm if deed == "pause" else forms.Form)(request.POST if is_sent else None)
        if not form.is_valid():
            return page(
                request,
                self,
                "plan_act",
                title=DEEDS[deed][0],
                deed=deed,
                plan=plan,
                form=form,
                status=422 if is_sent else 200,
            )
        months = form.cleaned_data.get("months", 0)
        calls: dict[str, Callable[[], None]] = {
            "cancel": lambda: plans.cancel(plan, by=user),
            "pause": lambda: plans.pause(plan, months=months, by=user),
            "resume": lambda: plans.resume(plan, by=user),
        }
        outcome = "it failed"
        try:
            outcome = _attempt(request, deed, calls[deed])
        finally:
            length = f" for {months} months" if months else ""
            audit.note(user, [plan], f"Asked Stripe to {deed} this{length}: {outcome}.")
        return back


def _attempt(request: HttpRequest, deed: str, call: Callable[[], None]) -> str:
    """Do it, tell what came of it, and return that in a few words for the trail."""
    done = DEEDS[deed][1]
    try:
        call()
    except plans.PlanIsOver:
        messages.error(request, "This monthly gift has ended. Nothing was changed.")
        return "it had ended"
    except gateway.Unavailable:
        messages.warning(
            request,
            f"Stripe has not answered: nobody knows yet whether this is {done}. Stripe is asked "
            "within a minute or two; look here before you try again.",
        )
        return "no answer yet"
    except gateway.Declined as refusal:
        messages.error(request, f"Stripe said no, and nothing was changed: {refusal}")
        return f"Stripe said no: {refusal}"
    messages.success(request, f"This monthly gift is {done}. The donor is told by mail.")
    return "done"


def _in_the_way(plan: Plan, deed: str) -> str:
    """Say why this can't be done to the plan as it stands; nothing where it can."""
    if plan.is_over:
        return "This monthly gift has ended."
    if deed == "resume" and not plan.is_paused:
        return "This monthly gift is not paused."
    return ""
