"""Gifts in Django admin: found, shown whole, given back, and taken down if they came by hand."""

from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.core.money import Money
from donations import gateway, refunds, services
from donations.admin import facts
from donations.admin.base import MoneyAdmin, page, require
from donations.admin.forms import OfflineForm, RefundForm
from donations.models import Donation, DonationQuerySet, Payment, RefundRequest, State

MAY_REFUND = ("donations.view_donation", "donations.add_refundrequest")
MAY_RECORD = ("donations.view_donation", "donations.add_donation")


@admin.register(Donation)
class DonationAdmin(MoneyAdmin[Donation]):
    list_display = [
        "reference",
        "campaign",
        "name",
        "contact_email",
        "amount",
        "state",
        "created_at",
    ]
    list_filter = ["campaign"]
    list_select_related = ["campaign", "contact"]
    gift_lookup = "pk"
    actions = ["hide_name"]
    # The page's address opens the gift to whoever has it, and the form's words are proof only.
    fields = [
        "reference",
        "campaign",
        "name",
        "contact_email",
        "amount",
        "state",
        "left",
        "frequency",
        "method",
        "display",
        "shown_at",
        "created_at",
        "said_at",
        "session_id",
        "session_rank",
        "failed_at",
        "told_at",
    ]
    view_on_site = False
    change_list_template = "admin/donations/gifts.html"
    change_form_template = "admin/donations/gift.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Donation]:
        return super().get_queryset(request).with_state()  # type: ignore[attr-defined,no-any-return]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("offline/", wrap(self.offline), name="donations_offline"),
            path("<int:pk>/refund/<int:payment>/", wrap(self.refund), name="donations_refund"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may_record = request.user.has_perms(MAY_RECORD)
        return super().changelist_view(
            request, {"may_record": may_record, **(extra_context or {})}
        )

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Donation | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["tables"] = facts.of(obj, may_refund=request.user.has_perms(MAY_REFUND))
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.action(description="Don’t show these names in public", permissions=["hide"])
    def hide_name(self, request: HttpRequest, donations: DonationQuerySet) -> None:
        """Stop naming these donors on the campaign's page."""
        user = require(request, "donations.change_donation")
        named = list(donations.to_be_shown())
        count = services.hide_names(donations)
        audit.note(user, named, "Took the donor’s name off the campaign’s page.")
        self.message_user(request, f"{count} names are hidden now.")

    def has_hide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.change_donation")

    @admin.display(description="donor’s address")
    def contact_email(self, donation: Donation) -> str:
        return donation.contact.address

    @admin.display
    def state(self, donation: Donation) -> str:
        return State(donation.state).label

    @admin.display(description="what is there of it")
    def left(self, donation: Donation) -> str:
        if donation.net_minor is None:
            return "–"
        return Money(donation.net_minor, donation.currency).exact

    def offline(self, request: HttpRequest) -> HttpResponse:
        """Take down a gift that came by hand."""
        user = require(request, *MAY_RECORD)
        form = OfflineForm(request.POST or None, initial={"nonce": uuid4()})
        if form.is_valid():
            try:
                donation = refunds.record_offline(form.gift(), by=user)
            except refunds.SaidOtherwise:
                form.add_error(
                    None,
                    "This form has recorded a gift already, in other words, and nothing was "
                    "recorded now. Look for it in the list; for another gift, open the form anew.",
                )
            else:
                messages.success(
                    request,
                    f"{donation.amount.exact} for {donation.campaign.name} is recorded under "
                    f"{donation.reference}; its receipt is on the way.",
                )
                return _to(donation)
        return page(
            request,
            self,
            "offline",
            title="Record a gift that came by hand",
            form=form,
            status=422 if form.is_bound else 200,
        )

    def refund(self, request: HttpRequest, pk: int, payment: int) -> HttpResponse:
        """Give back a payment or a part of it, once it was read over and confirmed."""
        user = require(request, *MAY_REFUND)
        known = Payment.objects.select_related("donation__campaign", "donation__contact")
        paid = get_object_or_404(known, pk=payment, donation=pk)
        left = refunds.left_of(paid)
        form = RefundForm(request.POST or None, left=left, initial={"amount": left.bare})
        if form.is_valid() and form.is_confirmed:
            problem = give_back(request, paid, form, user)
            if not problem:
                return _to(paid.donation)
            form.add_error("amount", problem)
            left = refunds.left_of(paid)
        context: dict[str, Any] = {
            "payment": paid,
            "donation": paid.donation,
            "left": left,
            "is_by_hand": paid.donation.method != Donation.Method.STRIPE,
            "form": form,
        }
        if form.is_valid():
            amount = form.cleaned_data["money"]
            return page(
                request,
                self,
                "refund_confirm",
                title=f"Give back {amount.exact}?",
                amount=amount,
                rest=Money(left.minor - amount.minor, left.currency),
                reason=RefundRequest.Reason(form.cleaned_data["reason"]).label,
                hidden=form.to_confirm,
                **context,
            )
        status = 422 if form.is_bound else 200
        return page(request, self, "refund", title="Give money back", status=status, **context)


def give_back(request: HttpRequest, paid: Payment, form: RefundForm, user: User) -> str:
    """Do what was confirmed and tell what came of it; return what is in the way."""
    said = form.cleaned_data
    amount = said["money"]
    try:
        made = refunds.refund(
            paid,
            amount=amount,
            reason=RefundRequest.Reason(said["reason"]),
            note=said["note"],
            by=user,
            key=said["key"],
            seen=Money(said["seen"], paid.currency),
        )
    except (refunds.Changed, refunds.TooMuch):
        left = refunds.left_of(paid)
        return (
            f"Meanwhile something has changed, and {left.exact} is left of this payment. "
            "Nothing was given back now: look at what others did, and confirm again."
        )
    except refunds.SaidOtherwise:
        return (
            "This form was sent before, with another amount, and that one holds. "
            "Nothing more was given back now."
        )
    except gateway.Declined as refusal:
        messages.error(request, f"Stripe said no, and nothing was given back: {refusal}")
        return ""
    if made.refused:
        messages.error(request, f"Stripe said no, and nothing was given back: {made.refused}")
    elif made.refund_id is None:
        messages.warning(
            request,
            f"Stripe has not answered whether {amount.exact} went back. It is asked again "
            "every minute, under the same key, so that it happens once: don’t ask for it "
            "anew, look here.",
        )
    elif refunds.has_come_back(made):
        messages.warning(
            request, f"{amount.exact} could not be paid out: the money is here again."
        )
    else:
        messages.success(request, f"{amount.exact} has been given back ({made.refund_id}).")
    return ""


def _to(donation: Donation) -> HttpResponseRedirect:
    return HttpResponseRedirect(
        reverse("admin:donations_donation_change", args=[donation.pk]), status=303
    )
