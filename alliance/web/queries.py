"""What the pages that span several rooms are made of."""

from datetime import datetime
from typing import Any

from django.db import connection

from alliance.core import text
from alliance.core.money import Money
from campaigns import queries as words
from campaigns.models import PUBLIC, Campaign, Goal
from donations import queries as giving

# One row, one trip: everything that can change a campaign's page. Each part is found by an
# index, however many gifts there are.
_FINGERPRINT = """
SELECT c.id, c.changed_at,
    (SELECT (sum(raised_minor), sum(donors))::text FROM donations_totalslot
        WHERE campaign_id = c.id),
    (SELECT (count(*), max(changed_at))::text FROM campaigns_goal WHERE campaign_id = c.id),
    (SELECT (count(*), max(changed_at))::text FROM campaigns_picture WHERE campaign_id = c.id),
    (SELECT (count(*), max(changed_at))::text FROM campaigns_endorsement
        WHERE campaign_id = c.id),
    (SELECT (count(*), max(changed_at))::text FROM updates_update WHERE campaign_id = c.id),
    (SELECT (count(*), max(p.id))::text FROM updates_update_goals p
        JOIN updates_update u ON u.id = p.update_id WHERE u.campaign_id = c.id),
    (SELECT (count(*), max(changed_at))::text FROM events_event WHERE campaign_id = c.id),
    (SELECT (count(*), max(s.changed_at))::text FROM events_speaker s
        JOIN events_event e ON e.id = s.event_id WHERE e.campaign_id = c.id)
FROM campaigns_campaign c
WHERE c.slug = %s AND c.state = ANY(%s)
"""


def fingerprint(slug: str) -> str | None:
    """Return what is different whenever a public campaign's page is; None for no such page."""
    with connection.cursor() as cursor:
        cursor.execute(_FINGERPRINT, [slug, sorted(PUBLIC)])
        row = cursor.fetchone()
    return None if row is None else repr(row)


def campaign_page(slug: str, *, now: datetime) -> dict[str, Any]:
    """Return the context of a public campaign's page."""
    return page_of(Campaign.objects.public().get(slug=slug), now=now)


def page_of(campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """Return the context of a campaign's page as it is, be it saved or not."""
    progress = giving.progress_of(campaign)
    events = campaign.events.prefetch_related("speakers")
    updates = list(campaign.updates.published(now).prefetch_related("goals"))
    for update in updates:
        update.body_html = text.to_html(update.body)  # type: ignore[attr-defined]
    goals = list(campaign.goals.select_related("campaign"))
    _mark_reached(goals, progress.raised.minor)
    for goal in goals:
        goal.shown_by = [u for u in updates if goal in u.goals.all()]  # type: ignore[attr-defined]
    return {
        "campaign": campaign,
        "progress": progress,
        "story_html": text.to_html(campaign.story, words.pictures_of(campaign)),
        "fees_html": text.to_html(campaign.fees),
        "refunds_html": text.to_html(campaign.refunds),
        "terms_html": text.to_html(campaign.terms),
        "presets": [
            {"minor": minor, "label": str(Money(minor, campaign.currency))}
            for minor in campaign.presets
        ],
        "goals": goals,
        "endorsements": list(campaign.endorsements.filter(verified_at__isnull=False)),
        "supporters": giving.supporters_of(campaign),
        "updates": updates,
        "upcoming": list(events.upcoming(now)),
        "past": list(events.past(now)),
    }


def _mark_reached(goals: list[Goal], raised_minor: int) -> None:
    """Mark as reached what the money covers, goal after goal in their order."""
    for goal in goals:
        if goal.amount_minor is None:
            continue
        raised_minor -= goal.amount_minor
        goal.reached = raised_minor >= 0  # type: ignore[attr-defined]


def cards() -> list[dict[str, Any]]:
    """Return every public campaign with its progress, the newest first."""
    campaigns = list(Campaign.objects.public().newest_first())
    progress = giving.progress_of_all(campaigns)
    return [{"campaign": c, "progress": progress[c.pk]} for c in campaigns]
