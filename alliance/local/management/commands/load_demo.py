"""Load the demonstration: `manage.py load_demo`; loaded twice it is there once."""

import os
import random
from datetime import date
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import is_mfa_enabled
from django.core.management.base import BaseCommand
from django.db import transaction

from alliance.accounts.models import User
from alliance.contacts.models import Contact
from alliance.local import environment, populate, telephone
from campaigns.models import Campaign, Goal, Membership, Role, State
from events.models import Event, Speaker

SLUG = "progressive-alliance"
# Made up: enough to fill most of the quilt, and to leave a visitor something to add to.
DONORS = 486
RAISED_MINOR = 14_320_00

STORY = """\
Most people want much the same things from politics: a vote that counts, a planet to live on,
a fair share of what we make together. They want them in different parties, in movements, and
in no party at all, and so they end up standing against each other.

The Progressive Alliance starts from a plain idea: **what these people share is larger than
what divides them**. It is an appeal for an alliance across parties, people and movements.
Nobody has to leave the party they are in.

## How it began

On 5 July 2016 Compass held a public meeting to ask what such an alliance could look like. More
than a thousand people took part. Politicians of four parties took part, beside a journalist
and a campaigner for the city, and people went home to hold meetings of their own, from Liverpool
to Frome and Brighton.

## What your gift is for

A meeting needs a hall, a microphone and somebody to open the door. An alliance needs many of
them. Your gift pays for the next ones, and for what local groups need to run theirs.

No amount is too big, and none is too small.
"""

FEES = """\
The card company's charge is taken from each gift, and nothing else. The bar shows what people
gave, before that charge.
"""

REFUNDS = """\
Gave by mistake, or too much? Write to us and name the reference on your receipt.
"""

TERMS = """\
**Not Gift Aid.** This is a political campaign and not a charity, so Gift Aid does not apply.

**Who may give.** UK law limits who may fund political campaigns. Checks may be made, and the law
may require details of larger gifts to be published.
"""

GOALS = [
    (
        "Hold five high-profile meetings across the country",
        "Large public meetings where people of different parties share one stage.",
    ),
    (
        "Support many more community events",
        "Toolkits and help for everybody who wants to hold a meeting where they live.",
    ),
    (
        "Win agreement among more politicians, parties and movements",
        "A growing number of them, saying in public that they will work together.",
    ),
]

SPEAKERS = [
    ("Caroline Lucas MP", "Green Party"),
    ("Clive Lewis MP", "Labour Party"),
    ("Tommy Sheppard MP", "Scottish National Party"),
    ("Vince Cable", "Liberal Democrats"),
    ("John Harris", "journalist"),
    ("Amina Gichinga", "Take Back the City"),
]


class Command(BaseCommand):
    help = (
        "Loads the Progressive Alliance's campaign with demo figures, and the people of the demo."
    )

    @transaction.atomic
    def handle(self, *_args: Any, **_options: Any) -> None:
        self._make_person(environment.ADMIN, name="Demo admin", is_staff=True, is_superuser=True)
        organiser = self._make_person(environment.ORGANISER, name="Olga Organiser")
        self._make_person(environment.SUPPORTER, name="Sam Supporter")
        campaign, is_new = Campaign.objects.get_or_create(
            slug=SLUG,
            defaults={
                "name": "Progressive Alliance",
                "title": "Why you should support the Progressive Alliance",
                "lede": (
                    "An appeal for an alliance across parties, people and movements: "
                    "many colours, one cloth."
                ),
                "story": STORY.strip(),
                "picture_alt": (
                    "A rosette pieced from many patches of cloth in green, red, gold, orange, "
                    "purple and teal, with a ballot cross at its centre."
                ),
                "picture_credit": "Drawing: made by this site’s own software. Not a photograph.",
                "state": State.LIVE,
                "launched_on": date(2016, 8, 8),
                "target_minor": 20_000_00,
                "recipient": (
                    "Progressive Alliance (demonstration). Before a real launch the organiser "
                    "names the account holder here."
                ),
                "drawing_will_do": True,
                "fees": FEES.strip(),
                "refunds": REFUNDS.strip(),
                "terms": TERMS.strip(),
                "imprint": (
                    "Promoted by [name] on behalf of [organisation], both at [postal address]. "
                    "To be supplied by the organiser before a real launch."
                ),
                "is_demo": True,
            },
        )
        if is_new:
            self._add_goals(campaign)
            self._add_meetings(campaign)
            populate.add_links(campaign)
            populate.add_gifts(campaign, count=DONORS, amounts=_amounts())
            self._give_to_supporter(campaign)
        Membership.objects.get_or_create(
            campaign=campaign, user=organiser, defaults={"role": Role.OWNER}
        )

    def _make_person(self, email: str, **fields: Any) -> User:
        person, _ = User.objects.update_or_create(email=email, defaults=fields)
        person.set_password(os.environ["ALLIANCE_DEMO_PASSWORD"])
        person.save()
        EmailAddress.objects.get_or_create(
            user=person, email=email, defaults={"verified": True, "primary": True}
        )
        if email in environment.WITH_TELEPHONE and not is_mfa_enabled(person):
            secret = telephone.secret_of(os.environ["ALLIANCE_DEMO_TELEPHONE"], email)
            TOTP.activate(person, secret)
        return person

    def _give_to_supporter(self, campaign: Campaign) -> None:
        """Let one of the made-up donors be the supporter, so that a gift is there to be found."""
        if not Contact.objects.filter(email_key=environment.SUPPORTER).exists():
            donor = Contact.objects.filter(campaigns_given_to__campaign=campaign).latest("pk")
            donor.email = donor.email_key = environment.SUPPORTER
            donor.save()

    def _add_goals(self, campaign: Campaign) -> None:
        for position, (title, detail) in enumerate(GOALS):
            Goal.objects.create(campaign=campaign, position=position, title=title, detail=detail)

    def _add_meetings(self, campaign: Campaign) -> None:
        meeting = Event.objects.create(
            campaign=campaign,
            title="Public meeting held by Compass",
            summary=(
                "More than a thousand people took part, and asked what an alliance across "
                "parties, people and movements could look like."
            ),
            when_text="5 July 2016",
        )
        for position, (name, role) in enumerate(SPEAKERS):
            Speaker.objects.create(event=meeting, position=position, name=name, role=role)
        for position, town in enumerate(["Liverpool", "Frome", "Brighton"], start=1):
            Event.objects.create(
                campaign=campaign,
                parent=meeting,
                title=town,
                town=town,
                summary="A follow-up meeting, held by people where they live.",
                when_text="After 5 July 2016",
                position=position,
            )


def _amounts() -> list[int]:
    """Return an amount for each donor, the same each time, that sum to the demo's total."""
    rng = random.Random(2016)  # noqa: S311 (nothing secret)
    usual = [300, 500, 1000, 1500, 2000, 2500, 5000, 10_000]
    amounts = rng.choices(usual, weights=[2, 6, 9, 3, 6, 8, 4, 1], k=DONORS)
    for i in range(DONORS):
        # Bring the sum to the total in small steps, one gift after the other.
        step = max(-amounts[i] + usual[0], min(2000, RAISED_MINOR - sum(amounts)))
        amounts[i] += step
    return amounts
