"""What the people who write a campaign's page do to it: each edit is kept, for ever."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.validators import URLValidator
from django.db import transaction
from django.utils import timezone

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.core import text
from campaigns import queries
from campaigns.models import (
    Campaign,
    Edit,
    Endorsement,
    Goal,
    Picture,
    State,
    new_preview_key,
)
from campaigns.queries import GOAL_FIELDS, PAGE, Missing

# From each state, where one may go; what has ended stays so.
MOVES: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.LIVE}),
    State.LIVE: frozenset({State.PAUSED, State.ENDED}),
    State.PAUSED: frozenset({State.LIVE, State.ENDED}),
    State.ENDED: frozenset(),
}
is_web_address = URLValidator(schemes=["http", "https"])
MAX_PICTURES = 50
MAX_GOALS = 20


class Stale(Exception):
    """Somebody saved another text meanwhile; `version` is theirs."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class Incomplete(Exception):
    """What people see must say more than this; `missing` tells what."""

    def __init__(self, missing: list[Missing]) -> None:
        super().__init__([one.words for one in missing])
        self.missing = missing


class NoWay(Exception):
    """A campaign in this state can't go there."""


class Full(Exception):
    """There are as many of these as there may be."""


@transaction.atomic
def edit(*, campaign: Campaign, by: User, page: Mapping[str, Any], version: int) -> Edit | None:
    """Save fields of the page, made from that version of it; None where nothing is different.

    Raises Stale where one of these fields was changed since, Incomplete where the page is in
    public and would lack something.
    """
    unknown = set(page) - set(PAGE)
    if unknown:
        raise ValueError(f"no part of the page: {sorted(unknown)}")
    now_it_is = _lock(campaign)
    before = queries.page_of(now_it_is)
    wanted = {name: cleaned(name, value) for name, value in page.items()}
    if before | queries.plain(wanted) == before:
        return None
    _refuse_stale(now_it_is, version, fields=set(page))
    for name, value in wanted.items():
        setattr(now_it_is, name, value)
    return _keep(now_it_is, before, by=by)


@contextmanager
def recording(*, campaign: Campaign, by: User) -> Iterator[None]:
    """Keep as one edit whatever the block changes about a page and its goals.

    Raises Incomplete, and saves nothing, where a page in public would lack something.
    """
    with transaction.atomic():
        before = queries.page_of(_lock(campaign))
        yield
        _keep(Campaign.objects.get(pk=campaign.pk), before, by=by)


@transaction.atomic
def restore(*, campaign: Campaign, by: User, edit: Edit, version: int) -> Edit | None:
    """Save a page and its goals as they once were; it is an edit like any other.

    Raises as `edit` does.
    """
    now_it_is = _lock(campaign)
    before = queries.page_of(now_it_is)
    if edit.page == before:
        return None
    _refuse_stale(now_it_is, version, fields={*PAGE, "goals"})
    for name in PAGE:
        if name in edit.page:
            setattr(now_it_is, name, edit.page[name])
    kept = [goal["id"] for goal in edit.page["goals"]]
    now_it_is.goals.exclude(pk__in=kept).delete()
    for goal in edit.page["goals"]:
        fields = {name: goal[name] for name in GOAL_FIELDS}
        Goal.objects.update_or_create(
            pk=goal["id"], campaign=now_it_is, defaults=fields, create_defaults=fields
        )
    return _keep(now_it_is, before, by=by, what=f"Restored version {edit.version}.")


@transaction.atomic
def save_goal(
    *, campaign: Campaign, by: User, goal: Goal | None, fields: Mapping[str, Any], version: int
) -> Goal:
    """Change one of the goals, or add one at their end.

    Raises Stale where that goal was changed since, Full, and Goal.DoesNotExist where it is gone.
    """
    now_it_is = _lock(campaign)
    before = queries.page_of(now_it_is)
    if goal is None:
        positions = [one["position"] for one in before["goals"]]
        if len(positions) >= MAX_GOALS:
            raise Full
        goal = Goal(campaign=now_it_is, position=max(positions, default=-1) + 1)
    else:
        goal = now_it_is.goals.get(pk=goal.pk)
        _refuse_stale(now_it_is, version, goal=goal)
    for name in set(fields) & set(GOAL_FIELDS) - {"position"}:
        setattr(goal, name, cleaned(name, fields[name]))
    goal.save()
    _keep(now_it_is, before, by=by)
    return goal


@transaction.atomic
def delete_goal(*, campaign: Campaign, by: User, goal: Goal) -> None:
    """Take a goal off the page. Raises Incomplete for the last one of a page in public."""
    now_it_is = _lock(campaign)
    before = queries.page_of(now_it_is)
    now_it_is.goals.filter(pk=goal.pk).delete()
    _keep(now_it_is, before, by=by)


@transaction.atomic
def move_goal(*, campaign: Campaign, by: User, goal: Goal, by_places: int) -> None:
    """Let a goal change places with one further up (-1) or down (1); at the end it stays."""
    now_it_is = _lock(campaign)
    before = queries.page_of(now_it_is)
    goals = list(now_it_is.goals.all())
    at = next((i for i, one in enumerate(goals) if one.pk == goal.pk), None)
    if at is None or not 0 <= at + by_places < len(goals):
        return
    goals.insert(at + by_places, goals.pop(at))
    for position, one in enumerate(goals):
        if one.position != position:
            one.position = position
            one.save(update_fields=["position", "changed_at"])
    _keep(now_it_is, before, by=by)


@transaction.atomic
def add_picture(*, campaign: Campaign, by: User, file: Any, alt: str, credit: str) -> Picture:
    """Keep a picture that the story may show. Raises Full."""
    now_it_is = _lock(campaign)
    if now_it_is.pictures.count() >= MAX_PICTURES:
        raise Full
    picture = Picture.objects.create(
        campaign=now_it_is, file=file, alt=text.one_line(alt), credit=text.one_line(credit)
    )
    audit.note(by, [now_it_is], f"Added {picture} for the story.")
    return picture


@transaction.atomic
def move(
    *, campaign: Campaign, to: State, by: User, reason: str = "", now: datetime | None = None
) -> Campaign:
    """Publish, pause, take up again or end a campaign; `reason` is said to visitors.

    Raises NoWay, and Incomplete where something is missing. Ending is `donations.ending`'s: it
    knows what becomes of monthly gifts.
    """
    now_it_is = _lock(campaign)
    before = State(now_it_is.state)
    if to not in MOVES[before]:
        raise NoWay
    reason = text.one_line(reason)
    if to == State.LIVE:
        missing = queries.missing(now_it_is)
        if missing:
            raise Incomplete(missing)
        reason = ""
        now_it_is.launched_on = now_it_is.launched_on or timezone.localdate(now)
    elif not reason:
        raise Incomplete([Missing("reason", "Say why no gifts are taken.")])
    now_it_is.state, now_it_is.closed_reason = to, reason
    now_it_is.save()
    audit.note(by, [now_it_is], "Opened or closed.", changes={"state": (before, to)})
    return now_it_is


@transaction.atomic
def renew_preview_key(*, campaign: Campaign, by: User) -> None:
    """Make the addresses of the preview that were passed on lead nowhere."""
    now_it_is = _lock(campaign)
    now_it_is.preview_key = new_preview_key()
    now_it_is.save(update_fields=["preview_key"])
    audit.note(by, [now_it_is], "Made a new address for the preview.")


@transaction.atomic
def save_endorsement(
    *, campaign: Campaign, by: User, endorsement: Endorsement | None, fields: Mapping[str, Any]
) -> Endorsement:
    """Write down somebody's support; whatever is changed waits for our staff to look again."""
    is_new = endorsement is None
    if endorsement is None:
        endorsement = Endorsement(campaign=campaign)
    else:
        endorsement = campaign.endorsements.select_for_update().get(pk=endorsement.pk)
    before = {name: getattr(endorsement, name) for name in queries.ENDORSEMENT_FIELDS}
    wanted = {name: cleaned(name, fields[name]) for name in queries.ENDORSEMENT_FIELDS}
    is_web_address(wanted["source_url"])
    if before == wanted:
        return endorsement
    for name, value in wanted.items():
        setattr(endorsement, name, value)
    endorsement.verified_at = endorsement.verified_by = None
    endorsement.save()
    audit.note(by, [endorsement], "" if is_new else "Changed; to be verified.", is_new=is_new)
    return endorsement


@transaction.atomic
def delete_endorsement(*, by: User, endorsement: Endorsement) -> None:
    """Take somebody's support off the page."""
    audit.note(by, [endorsement.campaign], f"Deleted {endorsement}.")
    endorsement.delete()


@transaction.atomic
def verify(*, seen: Mapping[int, datetime], by: User, now: datetime) -> list[Endorsement]:
    """Show endorsements whose sources somebody of ours has read; return those.

    `seen`: of each the time of its last change. One that was changed since is left alone.
    """
    waiting = Endorsement.objects.select_for_update().filter(pk__in=seen, verified_at__isnull=True)
    same = [one for one in waiting if one.changed_at == seen[one.pk]]
    for one in same:
        one.verified_at, one.verified_by = now, by
        one.save()
    audit.note(by, same, "Verified.")
    return same


@transaction.atomic
def unverify(*, endorsements: list[Endorsement], by: User) -> None:
    """Show endorsements no longer."""
    for one in endorsements:
        one.verified_at = one.verified_by = None
        one.save()
    audit.note(by, endorsements, "No longer verified.")


def _lock(campaign: Campaign) -> Campaign:
    # Whoever gives meanwhile does not wait.
    return Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)


def cleaned(name: str, value: Any) -> Any:
    """Return what was typed without anything invisible in it."""
    if not isinstance(value, str):
        return value
    return text.one_line(value) if name in queries.ONE_LINE else text.lines(value)


def _refuse_stale(
    campaign: Campaign, version: int, *, fields: set[str] | None = None, goal: Goal | None = None
) -> None:
    """Raise Stale where the part of the page that is to be saved is no longer what it was."""
    if version == campaign.version:
        return
    edits = {
        e.version: e.page for e in campaign.edits.filter(version__in=[version, campaign.version])
    }
    then, since = edits.get(version), edits.get(campaign.version)
    if then is None or since is None:
        raise Stale(campaign.version)
    if fields and any(then.get(name) != since.get(name) for name in fields):
        raise Stale(campaign.version)
    if goal and _goal_in(then, goal.pk) != _goal_in(since, goal.pk):
        raise Stale(campaign.version)


def _goal_in(page: Mapping[str, Any], pk: int) -> dict[str, Any] | None:
    for goal in page["goals"]:
        if goal["id"] == pk:
            # Where it stands among the others is another's business.
            return {name: value for name, value in goal.items() if name != "position"}
    return None


def _keep(
    campaign: Campaign, before: Mapping[str, Any], *, by: User, what: str = "Edited the page."
) -> Edit | None:
    """Save the campaign, and what its page says from now on."""
    page = queries.page_of(campaign)
    if page == before:
        return None
    lost = [one for one in queries.missing_in(page) if one not in queries.missing_in(before)]
    if lost and campaign.state != State.DRAFT:
        raise Incomplete(lost)
    now = timezone.now()
    if not campaign.edits.exists():
        # What was there before anybody's first edit.
        Edit.objects.create(
            campaign=campaign, version=campaign.version, by=None, at=now, page=before
        )
    campaign.version += 1
    campaign.save()
    names = sorted(queries.LABELS[name] for name in page if page[name] != before.get(name))
    audit.note(by, [campaign], f"{what} Changed: {', '.join(names)}.")
    return Edit.objects.create(
        campaign=campaign, version=campaign.version, by=by, at=now, page=page
    )
