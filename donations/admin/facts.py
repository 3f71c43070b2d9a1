"""Everything that is known of a gift, as tables to look at."""

from django.urls import reverse
from django.utils.html import format_html

from donations import history
from donations.admin.base import Table
from donations.models import (
    Dispute,
    Donation,
    LedgerEntry,
    MissedPayment,
    Payment,
    Plan,
    PlanChange,
    RefundRequest,
)


def of(donation: Donation, *, may_refund: bool) -> list[Table]:
    """Return the tables of a gift; those that are empty say so by not being there."""
    facts = history.facts_of(donation)
    tables = [
        _payments(donation, facts.payments, may_refund=may_refund),
        _entries(facts.entries),
        _requests(facts.requests),
        _disputes(facts.disputes),
        _plans(facts.plans),
        _changes(facts.changes),
        _missed(facts.missed),
        _mails(facts),
    ]
    return [table for table in tables if table.rows]


def _payments(donation: Donation, payments: list[Payment], *, may_refund: bool) -> Table:
    columns = ["When", "Amount", "Stripe’s id"]
    rows: list[list[object]] = [[p.paid_at, p.amount.exact, p.stripe_id] for p in payments]
    if may_refund:
        columns.append("")
        for row, payment in zip(rows, payments, strict=True):
            address = reverse("admin:donations_refund", args=[donation.pk, payment.pk])
            row.append(
                format_html(
                    '<a href="{}">Give back<span class="visually-hidden"> {}</span> …</a>',
                    address,
                    payment.stripe_id,
                )
            )
    return Table("Payments", columns, rows)


def _entries(entries: list[LedgerEntry]) -> Table:
    return Table(
        "Ledger",
        ["When", "What", "Amount", "Stripe’s id"],
        [[e.entered_at, e.get_kind_display(), e.amount.exact, e.stripe_id] for e in entries],
    )


def _requests(requests: list[RefundRequest]) -> Table:
    return Table(
        "Refunds that we asked for",
        ["When", "Amount", "Why", "By", "What came of it"],
        [
            [
                r.asked_at,
                r.amount.exact,
                f"{r.get_reason_display()}. {r.note}".strip(),
                r.by,
                outcome(r),
            ]
            for r in requests
        ],
    )


def outcome(request: RefundRequest) -> str:
    """Say what came of a refund that was asked for."""
    if request.refused:
        return f"Stripe said no: {request.refused}"
    return request.refund_id or "no answer yet: asked again every minute, under the same key"


def _disputes(disputes: list[Dispute]) -> Table:
    return Table(
        "Disputes",
        ["Stripe’s id", "Amount", "How it stands", "Why", "Answer by"],
        [[d.stripe_id, d.amount.exact, d.status, d.reason, d.answer_by or "–"] for d in disputes],
    )


def _plans(plans: list[Plan]) -> Table:
    return Table(
        "Monthly plan",
        ["Stripe’s id", "A month", "How it stands", "Next payment"],
        [
            [
                format_html(
                    '<a href="{}">{}</a>',
                    reverse("admin:donations_plan_change", args=[p.pk]),
                    p.subscription_id,
                ),
                p.amount.exact,
                standing(p),
                "–" if p.is_over else p.next_payment_at or "–",
            ]
            for p in plans
        ],
    )


def standing(plan: Plan) -> str:
    """Say in plain words how a plan stands."""
    if plan.is_over:
        return "ended"
    if plan.is_paused:
        return f"paused until {plan.resumes_at:%-d %B %Y}" if plan.resumes_at else "paused"
    if plan.is_failing:
        return "running, but the last payment failed"
    return "ends when this month is over" if plan.will_end else "running"


def _changes(changes: list[PlanChange]) -> Table:
    return Table(
        "Changes of the plan",
        ["When", "What", "By", "A month from then on"],
        [
            [c.at, c.get_what_display(), c.by or c.get_origin_display(), c.amount.exact]
            for c in changes
        ],
    )


def _missed(missed: list[MissedPayment]) -> Table:
    return Table(
        "Payments that failed",
        ["When", "Invoice", "Amount", "Tries", "Next try"],
        [
            [m.failed_at, m.invoice_id, m.amount.exact, m.attempts, m.next_try_at or "none"]
            for m in missed
        ],
    )


def _mails(facts: history.Facts) -> Table:
    return Table(
        "Mails to the donor",
        ["Owed since", "What", "How it stands"],
        [
            [m.created_at, m.kind.replace("_", " "), m.get_state_display()]
            for m in history.mails_about(facts)
        ],
    )
