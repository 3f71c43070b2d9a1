"""What the people who run campaigns, or would like to, have told; and what becomes of it."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet
from django.db.models.functions import Lower

from alliance.accounts.models import User
from alliance.core import personal
from alliance.core.personal import Fate, NotNow, Person, Row, Table
from campaigns import people
from campaigns.models import Application, Edit, Invitation, Membership

# Reserved for what is no address: no mail to it can ever arrive anywhere.
NOWHERE = "erased.invalid"


def _memberships(person: Person) -> QuerySet[Membership]:
    return Membership.objects.filter(user=person.user).order_by("pk")


def _refuse_last_owner(person: Person) -> None:
    theirs = people.campaigns_only_owned_by(User.objects.get(pk=person.user))
    if theirs:
        names = " and ".join(campaign.name for campaign in theirs)
        raise NotNow(
            f"You are the only owner of {names}. A campaign needs one: make somebody else an "
            "owner at the organiser’s desk first, then come back."
        )


def _leave(person: Person, _now: datetime) -> None:
    user = User.objects.get(pk=person.user)
    for membership in _memberships(person).select_related("campaign", "user"):
        try:
            people.remove(membership, by=user)
        except people.Refused as refused:
            raise NotNow(str(refused)) from refused


def _invitations(person: Person) -> QuerySet[Invitation]:
    """Find what was sent to them, whatever the spelling; it was typed by somebody else."""
    spelt = Invitation.objects.annotate(address=Lower("email"))
    return spelt.filter(address__in=person.addresses).order_by("pk")


def _forget_address(person: Person, now: datetime) -> None:
    theirs = _invitations(person)
    open_ones = theirs.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    open_ones.update(withdrawn_at=now)
    theirs.update(email=f"erased-{person.user}@{NOWHERE}")


def _applications(person: Person) -> Iterator[Row]:
    theirs = Application.objects.filter(by=person.user).order_by("pk")
    yield from theirs.values_list(
        "created_at", "name", "purpose", "people", "recipient", "links", "state", "reason"
    )


def _forget_applications(person: Person, _now: datetime) -> None:
    theirs = Application.objects.filter(by=person.user)
    theirs.exclude(state=Application.State.APPROVED).delete()
    theirs.update(people="", links="", recipient="", reason="")


def _work(person: Person) -> Iterator[Row]:
    """Tell what they did that stands under their number elsewhere than in the audit trail."""
    edits = Edit.objects.filter(by=person.user).order_by("pk")
    for campaign, version, at in edits.values_list("campaign__name", "version", "at").iterator():
        yield at, campaign, f"edit {version} of the page"
    invited = Invitation.objects.filter(by=person.user).order_by("pk")
    for campaign, role, at in invited.values_list("campaign__name", "role", "created_at"):
        yield at, campaign, f"invited somebody as {role}"
    decided = Application.objects.filter(decided_by=person.user).order_by("pk")
    for name, state, decided_at in decided.values_list("name", "state", "decided_at"):
        yield decided_at, name, f"application {state}"


personal.register(
    Table(
        name="campaigns_you_help_run",
        title="Campaigns you help to run",
        models=(Membership,),
        columns=("campaign", "role", "since"),
        rows=lambda person: _memberships(person).values_list("campaign__name", "role", "since"),
        fate=Fate(goes="You leave their teams"),
        refuse=_refuse_last_owner,
        erase=_leave,
    ),
    Table(
        name="invitations",
        title="Invitations sent to you",
        models=(Invitation,),
        columns=("campaign", "role", "sent_at", "accepted_at", "withdrawn_at"),
        rows=lambda person: _invitations(person).values_list(
            "campaign__name", "role", "created_at", "accepted_at", "withdrawn_at"
        ),
        fate=Fate(
            goes="Your address in them; open ones are withdrawn",
            stays="That somebody was invited, when, and as what",
            why="a campaign’s owners must be able to show whom they let in",
            until="as long as the campaign is on this site",
        ),
        erase=_forget_address,
    ),
    Table(
        name="applications",
        title="Campaigns you asked to start",
        models=(Application,),
        columns=(
            *("asked_at", "name", "purpose", "who_you_are", "who_receives", "links"),
            *("state", "answer"),
        ),
        rows=_applications,
        fate=Fate(
            goes="All of them but those that became a campaign; of these, what you said of "
            "yourself",
            stays="What an approved campaign was to be",
            why="staff must be able to show why it is here",
            until="as long as the campaign is on this site",
        ),
        erase=_forget_applications,
    ),
    Table(
        name="work_for_campaigns",
        title="What you wrote and decided for campaigns",
        models=(Edit,),
        columns=("at", "about", "what"),
        rows=_work,
        fate=Fate(
            stays="The pages as you left them, under your number and without your name",
            why="the history of a public page is part of its honesty",
            until="as long as the campaign is on this site",
        ),
        erase=lambda _person, _now: None,
    ),
)
