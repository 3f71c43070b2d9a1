"""Somebody asks to start a campaign, and staff say yes or no, once."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, count

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from alliance.accounts import audit
from alliance.accounts.models import User
from campaigns import telling
from campaigns.models import RESERVED_SLUGS, Application, Campaign, Membership, Role

# Room for a number behind it.
SLUG_LENGTH = 44


class Waiting(Exception):
    """They have asked already, and wait for an answer."""


class Decided(Exception):
    """Somebody else was quicker; what they decided stands."""


def apply(*, application: Application, by: User) -> Application:
    """Hand in what somebody wrote. Raises Waiting where an earlier one is undecided."""
    application.by = by
    application.state = Application.State.WAITING
    try:
        with transaction.atomic():
            application.save(force_insert=True)
            telling.tell("applied", application=application)
    except IntegrityError as error:
        if not waiting_of(by):
            raise
        raise Waiting from error
    return application


def waiting_of(user: User) -> Application | None:
    """Return what somebody asked for that nobody has decided about yet."""
    return user.applications.filter(state=Application.State.WAITING).first()


@transaction.atomic
def approve(application: Application, *, by: User, now: datetime) -> Campaign:
    """Let them start: a draft of their own, to write and to show. Raises Decided."""
    application = _take_turn(application)
    campaign = _draft(application)
    Membership.objects.create(campaign=campaign, user=application.by, role=Role.OWNER)
    application.campaign = campaign
    _decide(application, Application.State.APPROVED, by=by, now=now)
    audit.note(by, [campaign], f"Made for {application}.", is_new=True)
    telling.tell("approved", application=application)
    return campaign


@transaction.atomic
def decline(application: Application, *, reason: str, by: User, now: datetime) -> None:
    """Say no, and why. Raises Decided."""
    application = _take_turn(application)
    application.reason = reason
    _decide(application, Application.State.DECLINED, by=by, now=now)
    telling.tell("declined", application=application)


def _take_turn(application: Application) -> Application:
    """Wait for whoever decides about it just now. Raises Decided."""
    locked = Application.objects.select_for_update(of=("self",)).select_related("by")
    application = locked.get(pk=application.pk)
    if application.state != Application.State.WAITING:
        raise Decided
    return application


def _decide(
    application: Application, state: Application.State, *, by: User, now: datetime
) -> None:
    before = application.state
    application.state, application.decided_at, application.decided_by = state, now, by
    application.save()
    audit.note(by, [application], "Decided about it.", changes={"state": (before, state.value)})


def _draft(application: Application) -> Campaign:
    """Begin a campaign with what they said, under an address that nobody has."""
    for slug in _slugs(application.name):
        try:
            with transaction.atomic():
                return Campaign.objects.create(
                    slug=slug,
                    name=application.name,
                    title=application.name,
                    story=application.purpose,
                    recipient=application.recipient,
                    target_minor=application.target_minor,
                )
        except IntegrityError:
            if not Campaign.objects.filter(slug=slug).exists():
                raise
    raise AssertionError("there is always another number")


def _slugs(name: str) -> Iterator[str]:
    """Propose addresses, the plain one first."""
    plain = slugify(name)[:SLUG_LENGTH].strip("-_") or "campaign"
    taken = set(RESERVED_SLUGS) | set(
        Campaign.objects.filter(slug__startswith=plain).values_list("slug", flat=True)
    )
    proposed = chain([plain], (f"{plain}-{number}" for number in count(2)))
    return (slug for slug in proposed if slug not in taken)
