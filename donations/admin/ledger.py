"""The ledger in Django admin, what was asked back or disputed, and the board that compares it."""

import logging
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from alliance.accounts import audit
from alliance.core import jobs
from alliance.core.models import Heartbeat
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import gateway, queries, reconciliation
from donations.admin import facts
from donations.admin.base import MoneyAdmin, gift_link, page, require
from donations.models import BalanceEntry, Dispute, LedgerEntry, RefundRequest

logger = logging.getLogger(__name__)

# Nobody enters anything in the ledger by hand. Who may add to it may have it compared with
# Stripe's, and have what is missing brought in.
MAY_LOOK = "donations.view_ledgerentry"
MAY_BRING_IN = "donations.add_ledgerentry"


class OfAPayment(MoneyAdmin[Any]):
    """Rows about a payment, each beside its gift."""

    list_select_related = ["payment__donation"]

    @admin.display(description="gift")
    def gift(self, row: Any) -> str:
        return gift_link(row.payment.donation)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(OfAPayment):
    list_display = ["entered_at", "kind", "amount", "campaign", "gift", "stripe_id"]
    list_filter = ["kind", "campaign"]
    list_select_related = ["campaign", "payment__donation"]
    change_list_template = "admin/donations/ledger.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("board/", wrap(require_safe(self.board)), name="donations_board"),
            path("board/read/", wrap(require_POST(self.read)), name="donations_board_read"),
            path(
                "board/bring-in/",
                wrap(require_POST(self.bring_in)),
                name="donations_board_bring_in",
            ),
            *super().get_urls(),
        ]

    def board(self, request: HttpRequest) -> HttpResponse:
        """Show where our ledger and Stripe's differ, as far as Stripe's has been read."""
        require(request, MAY_LOOK)
        now = timezone.now()
        last = reconciliation.read_until()
        found = reconciliation.differences(until=last, now=now) if last else []
        campaigns = list(Campaign.objects.order_by("name"))
        sums = queries.progress_of_all(campaigns)
        return page(
            request,
            self,
            "board",
            title="Our ledger beside Stripe’s",
            last=last,
            is_late=reconciliation.is_late(now=now),
            late_jobs=jobs.late(now=now),
            differences=found,
            is_cut=len(found) == reconciliation.SHOWN,
            on_its_way_since=now - reconciliation.GRACE,
            may_bring_in=request.user.has_perm(MAY_BRING_IN),
            totals=[(campaign, sums[campaign.pk]) for campaign in campaigns],
        )

    def read(self, request: HttpRequest) -> HttpResponse:
        """Read Stripe's ledger now."""
        user = require(request, MAY_LOOK, MAY_BRING_IN)
        try:
            is_done = reconciliation.read_now(now=timezone.now())
        except (gateway.Unavailable, gateway.Declined) as error:
            logger.exception("reconcile: Stripe's ledger can't be read")
            messages.error(
                request, f"Stripe’s ledger could not be read, so this is as it was: {error}"
            )
            return _to_board()
        if not is_done:
            messages.warning(request, "It is being read just now: look again in a minute.")
            return _to_board()
        audit.note(user, [Heartbeat.objects.get(job=reconciliation.JOB)], "Read Stripe’s ledger.")
        messages.success(request, "Stripe’s ledger is read up to now.")
        return _to_board()

    def bring_in(self, request: HttpRequest) -> HttpResponse:
        """Bring in one movement that ours lacks."""
        user = require(request, MAY_LOOK, MAY_BRING_IN)
        entry = get_object_or_404(BalanceEntry, pk=request.POST.get("id", ""))
        if not reconciliation.is_missing(entry):
            messages.success(request, f"{entry.pk} is in our ledger: somebody was quicker.")
            return _to_board()
        outcome = "it failed"
        try:
            is_there = reconciliation.bring_in(entry, now=timezone.now())
        except (gateway.Unavailable, gateway.Declined) as error:
            logger.exception("reconcile: %s can't be fetched", entry.pk)
            outcome = "Stripe did not answer"
            messages.error(request, f"{entry.pk} is still missing: {error}")
        else:
            outcome = "it is there now" if is_there else "it is still missing"
            if is_there:
                messages.success(request, f"{entry.pk} is resolved: it is in our ledger now.")
            else:
                messages.error(
                    request,
                    f"{entry.pk} is still missing: what Stripe tells of it names no gift of "
                    "ours, or could not be taken in. Look among Stripe’s events for one that "
                    "needs a person.",
                )
        finally:
            audit.note(user, [entry], f"Had it brought into our ledger: {outcome}.")
        return _to_board()


def _to_board() -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:donations_board"), status=303)


class Answered(admin.SimpleListFilter):
    title = "what came of it"
    parameter_name = "answer"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "no answer yet"), ("no", "Stripe said no"), ("done", "given back")]

    def queryset(
        self, _request: HttpRequest, rows: QuerySet[RefundRequest]
    ) -> QuerySet[RefundRequest]:
        if self.value() == "none":
            return rows.filter(refund_id__isnull=True, refused="")
        if self.value() == "no":
            return rows.exclude(refused="")
        return rows.filter(refund_id__isnull=False) if self.value() == "done" else rows


@admin.register(RefundRequest)
class RefundRequestAdmin(OfAPayment):
    list_display = ["asked_at", "gift", "amount", "reason", "by", "outcome"]
    list_filter = [Answered]
    list_select_related = ["payment__donation", "by"]
    ordering = ["-asked_at"]
    fields = ["asked_at", "gift", "amount", "reason", "note", "by", "outcome"]

    @admin.display(description="what came of it")
    def outcome(self, row: RefundRequest) -> str:
        return facts.outcome(row)


class IsOpen(admin.SimpleListFilter):
    title = "how it stands"
    parameter_name = "open"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "open: the bank decides"), ("no", "decided, or only a question")]

    def queryset(self, _request: HttpRequest, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
        if self.value() == "yes":
            return rows.filter(status__in=Dispute.OPEN)
        return rows.exclude(status__in=Dispute.OPEN) if self.value() == "no" else rows


@admin.register(Dispute)
class DisputeAdmin(OfAPayment):
    list_display = ["stripe_id", "gift", "amount", "status", "reason", "answer_by", "told_at"]
    list_filter = [IsOpen]
    fields = ["stripe_id", "gift", "amount", "status", "reason", "answer_by", "told_at"]


@admin.register(BalanceEntry)
class BalanceEntryAdmin(MoneyAdmin[BalanceEntry]):
    """Stripe's own ledger, as it was read."""

    list_display = ["created_at", "type", "amount", "fee", "source", "id"]
    ordering = ["-created_at"]
    search_help_text = "Stripe’s id of the balance transaction, or of what it is about."

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[BalanceEntry], search_term: str
    ) -> tuple[QuerySet[BalanceEntry], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        named = Q(pk=text) | Q(source=text) | Q(payment_intent=text)
        return queryset.filter(named), False

    @admin.display(description="amount")
    def amount(self, entry: BalanceEntry) -> str:
        return Money(entry.amount_minor, entry.currency).exact

    @admin.display(description="fee")
    def fee(self, entry: BalanceEntry) -> str:
        return Money(entry.fee_minor, entry.currency).exact
