"""The desk's overview: how a campaign stands, and what needs somebody's attention."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.views.decorators.http import require_safe

from alliance.web.desk import charts
from alliance.web.desk.access import DeskRequest, desk
from campaigns import queries as pages
from campaigns.models import Campaign, Can, Goal, State
from donations import figures
from donations.queries import Progress

MEETINGS = 3
# Beyond this many, that there are more is all that anybody needs to know.
MANY = 99


@dataclass(frozen=True)
class Item:
    """Something that waits for somebody: what, a line about it, and where to go."""

    title: str
    words: str
    address: str = ""


@require_safe
@desk(Can.LOOK)
def overview(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show how a campaign stands. Nobody who gave is named here."""
    now = timezone.now()
    found = figures.figures_of(campaign, today=timezone.localdate(now))
    return render(
        request,
        "desk/overview.html",
        {
            "campaign": campaign,
            "figures": found,
            "progress": found.progress,
            "quilt": _quilt(found.progress),
            "chart": charts.per_day(found.days, currency=campaign.currency),
            "rhythm": _rhythm(found),
            "sources": _sources(found),
            "meetings": list(campaign.events.upcoming(now)[:MEETINGS]),
            "updates": campaign.updates.published(now).count(),
            "attention": _attention(request, campaign, now),
        },
    )


@dataclass(frozen=True)
class Bar:
    """A source of gifts beside the others; `width` of a thousand."""

    source: figures.Source
    width: int


def _quilt(progress: Progress) -> dict[str, int]:
    """Return how much of the quilt is filled: of the stretch target, once the target is met."""
    if not (progress.is_met and progress.stretch):
        return {"patches": progress.patches, "part": progress.part}
    raised, target = progress.raised.minor, progress.stretch.minor
    patches = min(raised * 100 // target, 100)
    return {"patches": patches, "part": 0 if patches == 100 else raised * 10_000 // target % 100}  # noqa: PLR2004 (all of them)


def _rhythm(found: figures.Figures) -> Any:
    once, monthly = found.once, found.monthly
    return charts.shares(
        [("te", once.given.minor), ("go", monthly.given.minor)],
        told=f"One-off gifts brought {once.given}, monthly ones {monthly.given}.",
    )


def _sources(found: figures.Figures) -> list[Bar]:
    """Return what came by which link, the most first; without a link last."""
    used = [source for source in found.sources if source.all.gifts]
    used.sort(key=lambda source: (source.link is None, -source.all.given.minor))
    most = max((source.all.given.minor for source in used), default=0) or 1
    return [Bar(source, max(source.all.given.minor * 1000 // most, 4)) for source in used]


def _attention(request: DeskRequest, campaign: Campaign, now: datetime) -> list[Item]:
    """Return what waits for somebody who may see to it, the most pressing first."""
    items: list[Item] = []
    if request.membership.may(Can.MONEY):
        items += _of_money(campaign, now)
    if request.membership.may(Can.WRITE):
        items += _of_the_page(campaign)
    return items


def _of_money(campaign: Campaign, now: datetime) -> list[Item]:
    items = []

    def list_of(show: str) -> str:
        return f"{reverse('desk:gifts', args=[campaign.slug])}?show={show}"

    disputes = list(figures.open_disputes(campaign).values_list("answer_by", flat=True)[:MANY])
    if disputes:
        due = disputes[0]
        items.append(
            Item(
                f"{_number(disputes)} disputed by a bank",
                f"The first answer is due by {timezone.localtime(due):%-d %B}. Staff answer it."
                if due
                else "The bank decides; staff answer it.",
                list_of("disputed"),
            )
        )
    waiting = list(figures.awaited(campaign).values_list("awaited_since", flat=True)[:MANY])
    if waiting and waiting[0]:
        items.append(
            Item(
                f"{_number(waiting)} being confirmed",
                f"The oldest has waited for {timesince(waiting[0], now, depth=1)}.",
                list_of("waiting"),
            )
        )
    asked = list(figures.open_refunds(campaign).values_list("asked_at", flat=True)[:MANY])
    if asked:
        items.append(
            Item(
                f"{_number(asked, 'refund')} without an answer",
                f"Asked for {timesince(asked[0], now, depth=1)} ago. Stripe is asked again by "
                "itself.",
                list_of("refunded"),
            )
        )
    back = figures.returned_refunds(campaign, today=timezone.localdate(now))[:MANY]
    if came_back := back.count():
        items.append(
            Item(
                f"{_number(range(came_back), 'refund')} came back",
                "No card took it: the money is here again, and its donor waits.",
                list_of("refunded"),
            )
        )
    return items


def _of_the_page(campaign: Campaign) -> list[Item]:
    items = []
    if campaign.state == State.DRAFT and (missing := pages.missing(campaign)):
        items.append(
            Item(
                "Not ready to be published",
                f"Still missing: {', '.join(one.words for one in missing)}.",
                reverse("desk:state", args=[campaign.slug]),
            )
        )
    unproven = campaign.goals.filter(state__in=[Goal.State.UNDER_WAY, Goal.State.DONE])
    titles = list(
        unproven.annotate(proofs_=Count("proofs"))
        .filter(proofs_=0)
        .values_list("title", flat=True)
    )
    if titles:
        items.append(
            Item(
                f"{_number(titles, 'goal')} without proof",
                f"No update shows it yet: {titles[0]}."
                if len(titles) == 1
                else f"No update shows them yet: {titles[0]}, and others.",
                reverse("desk:goals", args=[campaign.slug]),
            )
        )
    waiting = campaign.endorsements.filter(verified_at__isnull=True).count()
    if waiting:
        items.append(
            Item(
                f"{_number(range(waiting), 'endorsement')} to be verified",
                "Shown on the page once our staff have looked.",
                reverse("desk:endorsements", args=[campaign.slug]),
            )
        )
    return items


def _number(rows: Any, noun: str = "gift") -> str:
    """Say how many there are: "1 gift", "3 gifts", "99 or more gifts"."""
    number = len(rows)
    many = f"{number} or more" if number >= MANY else str(number)
    return f"{many} {noun}{'' if number == 1 else 's'}"
