"""Ending a campaign: its monthly gifts go on or are stopped, and each of their donors is told."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import connection, transaction

from alliance.accounts.models import User
from alliance.core import jobs
from alliance.outbox import services as outbox
from campaigns import services as campaigns
from campaigns.models import Campaign, State
from donations import gateway, mails, plans
from donations.models import Ending, LastPlan, Plan
from donations.models.plans import OVER, PlanQuerySet

logger = logging.getLogger(__name__)

ASK_AGAIN_AFTER = timedelta(minutes=2)
BATCH = 50
# Well within a task's time, even where the last call of all takes its longest.
TURN_SECONDS = 60

# Every running plan of a campaign that ended, those too that began on Stripe's page before the
# end and were heard of after it.
_ADOPT = """
INSERT INTO donations_lastplan (ending_id, plan_id, ask_at, refused)
SELECT ending.id, plan.id, %(now)s, ''
FROM donations_ending ending
JOIN donations_donation donation ON donation.campaign_id = ending.campaign_id
JOIN donations_plan plan ON plan.donation_id = donation.id
WHERE NOT plan.status = ANY(%(over)s)
    AND (%(campaign)s::bigint IS NULL OR ending.campaign_id = %(campaign)s)
ON CONFLICT (plan_id) DO NOTHING
RETURNING id
"""


@dataclass(frozen=True)
class Progress:
    """How far the stopping of monthly gifts has come; `refused`: Stripe would not."""

    total: int
    left: int
    refused: int


def running(campaign: Campaign) -> PlanQuerySet:
    """Return the monthly gifts that still run."""
    return Plan.objects.running().filter(donation__campaign=campaign)


@transaction.atomic
def end(campaign: Campaign, *, by: User, reason: str, stops_plans: bool, now: datetime) -> Ending:
    """End a campaign for good. Its monthly gifts are stopped, if so wished, within minutes.

    Raises as `campaigns.services.move`.
    """
    campaigns.move(campaign=campaign, to=State.ENDED, by=by, reason=reason, now=now)
    ending = Ending.objects.create(campaign=campaign, stops_plans=stops_plans, by=by, at=now)
    _adopt(now=now, campaign=campaign)
    jobs.wake_after_commit("donations.tasks.sweep_endings")
    return ending


def progress(campaign: Campaign) -> Progress | None:
    """Say how far the stopping has come; None where nothing is to be stopped."""
    last = LastPlan.objects.filter(ending__campaign=campaign, ending__stops_plans=True)
    total = last.count()
    if not total:
        return None
    refused = last.exclude(refused="").exclude(plan__status__in=OVER).count()
    return Progress(total=total, left=last.to_be_stopped().count(), refused=refused)


def sweep(*, now: datetime) -> None:
    """Stop the monthly gifts that are due, while Stripe answers; the rows are the queue.

    A worker that is killed has claimed a row for some minutes, and lost nothing: to cancel what
    is cancelled is no harm.
    """
    _adopt(now=now)
    give_way_at = monotonic() + TURN_SECONDS
    due = LastPlan.objects.due(now).select_related("plan__donation__campaign")
    batch = list(due[:BATCH])
    for last in batch:
        if monotonic() > give_way_at:
            break
        is_ours = LastPlan.objects.filter(pk=last.pk, ask_at=last.ask_at)
        if not is_ours.update(ask_at=now + ASK_AGAIN_AFTER):
            continue
        try:
            plans.cancel(last.plan, by=None)
        except plans.PlanIsOver:
            continue
        except gateway.Declined as refusal:
            LastPlan.objects.filter(pk=last.pk).update(refused=str(refusal)[:500])
            logger.exception("plan %s: Stripe would not stop it", last.plan_id)
        except Exception as error:
            logger.exception("plan %s: not stopped yet", last.plan_id)
            if gateway.is_away(error):
                return
    if len(batch) == BATCH:
        jobs.wake_after_commit("donations.tasks.sweep_endings")


@transaction.atomic
def _adopt(*, now: datetime, campaign: Campaign | None = None) -> None:
    """Write down which monthly gifts ran at the end; tell their donors, where they go on."""
    values: dict[str, Any] = {
        "now": now,
        "over": sorted(OVER),
        "campaign": campaign.pk if campaign else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADOPT, values)
        new = [pk for (pk,) in cursor.fetchall()]
    going_on = LastPlan.objects.filter(pk__in=new, ending__stops_plans=False)
    outbox.queue_all(
        kind=mails.CAMPAIGN_ENDED,
        owed=[
            (str(plan), contact, now)
            for plan, contact in going_on.values_list("plan_id", "plan__donation__contact_id")
        ],
    )
