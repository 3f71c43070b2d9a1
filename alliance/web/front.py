"""What needs a person, at a glance, for Django admin's first page: each counted by an index."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from alliance.accounts.models import User
from alliance.core import jobs
from alliance.outbox.models import Mail
from alliance.outbox.models import State as MailState
from campaigns.models import Application, Endorsement
from donations import guard, reconciliation
from donations.models import Dispute, StripeEvent

# Nobody counts further: there is too much to do, and that is all that matters.
FURTHEST = 100
# A mail that failed longer ago than that helps nobody any more.
MAILS_OF = timedelta(days=30)


@dataclass(frozen=True)
class Need:
    """Something that waits for a person: how many of it, as is shown, and where to see it."""

    count: str
    words: str
    address: str


def needs(user: User, *, now: datetime) -> list[Need] | None:
    """Return what waits for a person, as far as this one may see it.

    None where they may see nothing of the kind.
    """
    seen = [look for permission, look in _LOOKS if user.has_perm(permission)]
    if not seen:
        return None
    return [need for look in [*seen, _late] for need in look(now)]


def _some(rows: QuerySet[Any], one: str, many: str, address: str) -> Iterator[Need]:
    count = rows.order_by().values("pk")[:FURTHEST].count()
    if count:
        shown = f"{FURTHEST - 1}+" if count == FURTHEST else str(count)
        yield Need(shown, one if count == 1 else many, address)


def _applications(_now: datetime) -> Iterator[Need]:
    yield from _some(
        Application.objects.filter(state=Application.State.WAITING),
        "application waits for a decision",
        "applications wait for a decision",
        f"{_list('campaigns_application')}?state=waiting",
    )


def _endorsements(_now: datetime) -> Iterator[Need]:
    yield from _some(
        Endorsement.objects.filter(verified_at__isnull=True),
        "endorsement waits to be verified",
        "endorsements wait to be verified",
        f"{_list('campaigns_endorsement')}?verified_at__isempty=1",
    )


def _events(_now: datetime) -> Iterator[Need]:
    yield from _some(
        StripeEvent.objects.filter(state=StripeEvent.State.DEAD),
        "event of Stripe’s failed too often",
        "events of Stripe’s failed too often",
        f"{_list('donations_stripeevent')}?state=dead",
    )


def _disputes(_now: datetime) -> Iterator[Need]:
    yield from _some(
        Dispute.objects.filter(status__in=Dispute.OPEN),
        "dispute is open at a bank",
        "disputes are open at a bank",
        f"{_list('donations_dispute')}?open=yes",
    )


def _mails(now: datetime) -> Iterator[Need]:
    lost = Mail.objects.filter(created_at__gt=now - MAILS_OF)
    for state, what in (
        (MailState.FAILED, "failed for good"),
        (MailState.UNKNOWN, "may or may not have left"),
    ):
        address = f"{_list('outbox_mail')}?state__exact={state.value}"
        yield from _some(lost.filter(state=state), f"mail {what}", f"mails {what}", address)


def _differences(now: datetime) -> Iterator[Need]:
    count = reconciliation.count_differences(now=now)
    if count:
        words = "difference" if count == 1 else "differences"
        words += " between our books and Stripe’s"
        yield Need(str(count), words, reverse("admin:donations_board"))


def _alarm(now: datetime) -> Iterator[Need]:
    if guard.alarm(now=now).is_on:
        words = "Alarm: card testers are at it, and every giver is asked for a proof of work"
        yield Need("", words, _list("donations_donation"))


def _late(now: datetime) -> Iterator[Need]:
    late = jobs.late(now=now)
    if late:
        words = f"{'job has' if len(late) == 1 else 'jobs have'} not ended well in time"
        yield Need(str(len(late)), f"{words}: {', '.join(late)}", reverse("web:readyz"))


# Who may look at the rows is told that there are some.
_LOOKS: list[tuple[str, Callable[[datetime], Iterator[Need]]]] = [
    ("donations.view_donation", _alarm),
    ("donations.view_stripeevent", _events),
    ("donations.view_ledgerentry", _differences),
    ("donations.view_dispute", _disputes),
    ("campaigns.view_application", _applications),
    ("campaigns.view_endorsement", _endorsements),
    ("outbox.view_mail", _mails),
]


def _list(name: str) -> str:
    return reverse(f"admin:{name}_changelist")
