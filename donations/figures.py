"""What a campaign's desk shows of its money: from tallies, whose rows grow with days alone."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Max, Min, QuerySet, Sum

from alliance.core.money import Money
from campaigns.models import Campaign, Link
from donations.models import Donation, LedgerEntry, PlanTally, RefundRequest, Tally
from donations.models.ledger import Dispute, Kind
from donations.queries import Progress, progress_of

# As many days as are shown, and at least so many of a campaign that is young.
DAYS, FEWEST = 28, 14
WEEK = 7
RECENT = timedelta(days=14)


@dataclass(frozen=True)
class Part:
    """Some of the gifts: how many payments, what they brought, and what of it went back."""

    gifts: int
    given: Money
    went_back: Money

    @property
    def raised(self) -> Money:
        return Money(self.given.minor - self.went_back.minor, self.given.currency)

    @property
    def mean(self) -> Money:
        """Return the mean gift, to the penny."""
        return Money(
            (self.given.minor + self.gifts // 2) // max(self.gifts, 1), self.given.currency
        )


@dataclass(frozen=True)
class Day:
    day: date
    part: Part


@dataclass(frozen=True)
class Source:
    """What came by a link; without one: by the page's own address."""

    link: Link | None
    once: Part
    monthly: Part

    @property
    def all(self) -> Part:
        return _sum([self.once, self.monthly], self.once.given.currency)


@dataclass(frozen=True)
class Figures:
    """How a campaign stands. `days` end today or, of one long at rest, with its last gift."""

    progress: Progress
    sources: list[Source]
    days: list[Day]
    is_recent: bool
    plans: int
    promised: Money

    @property
    def once(self) -> Part:
        return _sum([source.once for source in self.sources], self._currency)

    @property
    def monthly(self) -> Part:
        return _sum([source.monthly for source in self.sources], self._currency)

    @property
    def all(self) -> Part:
        return _sum([self.once, self.monthly], self._currency)

    @property
    def shown(self) -> Part:
        """What the days that are shown brought."""
        return _sum([day.part for day in self.days], self._currency)

    @property
    def week(self) -> int:
        """How many gifts the last seven days brought."""
        return sum(d.part.gifts for d in self.days[-WEEK:]) if self.is_recent else 0

    @property
    def _currency(self) -> str:
        return self.progress.raised.currency


def figures_of(campaign: Campaign, *, today: date) -> Figures:
    """Return how a campaign stands, by a handful of queries over a handful of rows."""
    rows = _sums(campaign.tallies.all(), "link", "is_monthly")
    last = max((row["last"] for row in rows), default=today)
    until = today if last > today - timedelta(days=DAYS) else last
    first = min((row["first"] for row in rows), default=until)
    length = min(max((until - first).days + 1, FEWEST), DAYS)
    since = until - timedelta(days=length - 1)
    by_day = {
        row["day"]: _part(row, campaign.currency)
        for row in _sums(campaign.tallies.filter(day__range=(since, until)), "day")
    }
    nothing = _sum([], campaign.currency)
    plans, promised = promised_by(campaign)
    return Figures(
        progress=progress_of(campaign),
        sources=_sources(campaign, rows),
        days=[
            Day(since + timedelta(days=n), by_day.get(since + timedelta(days=n), nothing))
            for n in range(length)
        ],
        is_recent=until == today,
        plans=plans,
        promised=promised,
    )


def sources_of(campaign: Campaign) -> list[Source]:
    """Return what each link brought, links that brought nothing too, and what came without."""
    return _sources(campaign, _sums(campaign.tallies.all(), "link", "is_monthly"))


def promised_by(campaign: Campaign) -> tuple[int, Money]:
    """Return how many monthly gifts will be paid next time, and what they promise a month."""
    sums = PlanTally.objects.filter(campaign=campaign).aggregate(
        plans=Sum("plans", default=0), minor=Sum("promised_minor", default=0)
    )
    return sums["plans"], Money(sums["minor"], campaign.currency)


def awaited(campaign: Campaign) -> QuerySet[Donation]:
    """Return gifts whose banks are still at it, the longest waiting first."""
    return campaign.donations.awaited()


def open_refunds(campaign: Campaign) -> QuerySet[RefundRequest]:
    """Return refunds that Stripe has not answered yet."""
    unanswered = RefundRequest.objects.filter(refund_id__isnull=True, refused="")
    return unanswered.filter(payment__donation__campaign=campaign).order_by("asked_at")


def returned_refunds(campaign: Campaign, *, today: date) -> QuerySet[LedgerEntry]:
    """Return refunds of late that no card took: the money is here again."""
    back = campaign.entries.filter(kind=Kind.REFUND_FAILED)
    return back.filter(entered_at__date__gt=today - RECENT).order_by("-pk")


def open_disputes(campaign: Campaign) -> QuerySet[Dispute]:
    """Return disputes that a bank has yet to decide, those to be answered first before others."""
    return Dispute.objects.filter(
        status__in=Dispute.OPEN, payment__donation__campaign=campaign
    ).order_by(F("answer_by").asc(nulls_last=True))


def _sums(rows: QuerySet[Tally], *by: str) -> list[dict[str, Any]]:
    return list(
        rows.order_by()
        .values(*by)
        .annotate(
            number=Sum("gifts"),
            net=Sum("raised_minor"),
            back=Sum("refunded_minor"),
            first=Min("day"),
            last=Max("day"),
        )
    )


def _part(row: dict[str, Any], currency: str) -> Part:
    return Part(
        gifts=row["number"],
        given=Money(row["net"] + row["back"], currency),
        went_back=Money(row["back"], currency),
    )


def _sum(parts: list[Part], currency: str) -> Part:
    return Part(
        gifts=sum(part.gifts for part in parts),
        given=Money(sum(part.given.minor for part in parts), currency),
        went_back=Money(sum(part.went_back.minor for part in parts), currency),
    )


def _sources(campaign: Campaign, rows: list[dict[str, Any]]) -> list[Source]:
    parts: dict[tuple[int | None, bool], Part] = {
        (row["link"], row["is_monthly"]): _part(row, campaign.currency) for row in rows
    }
    nothing = _sum([], campaign.currency)
    links: list[Link | None] = [*campaign.links.order_by("-pk"), None]
    return [
        Source(
            link=link,
            once=parts.get((link.pk if link else None, False), nothing),
            monthly=parts.get((link.pk if link else None, True), nothing),
        )
        for link in links
    ]
