"""The site under measurement: its web server, its stand-in Stripe, its campaigns of any size."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, repeat
from time import perf_counter
from uuid import uuid4

from django.db import connection
from django.db.models import F
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.local import populate
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations.models import Donation
from tests.benchmarks import load
from tests.benchmarks.measure import say
from tests.factories import make_campaign

AMOUNT = 1000
# One gift in so many is by somebody who wants to be named.
NAMED = 20


@dataclass(frozen=True)
class Site:
    """What every benchmark is given; `scale` 1 is the full size, less is for a try."""

    port: int
    standin: StandIn
    scale: float
    _filled: dict[int, Campaign] = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        return max(1, round(3 * self.scale))

    def seconds(self, full: float) -> float:
        """Return how long to measure what takes `full` seconds at full size."""
        return max(0.2, full * self.scale)

    def number(self, full: int) -> int:
        """Return how many to make of what there are `full` of at full size."""
        return max(5, round(full * self.scale))

    def warm_up(self, request: bytes, *, status: int = 200) -> None:
        """Let each of the server's threads start, and open its connection to the database."""
        stream = load.Stream(repeat(request), connections=64, status=status)
        load.run(self.port, stream, seconds=self.seconds(1))

    def campaign(self, gifts: int) -> Campaign:
        """Return a campaign with so many gifts, the same one each time it is asked for."""
        if gifts not in self._filled:
            campaign = make_campaign(is_demo=True)
            began = perf_counter()
            populate.add_links(campaign)
            populate.add_gifts(campaign, count=gifts, amounts=[AMOUNT], monthly=True)
            say(f"  made {gifts:,} gifts in {perf_counter() - began:.1f} s")
            numbered = campaign.donations.annotate(turn=F("pk") % NAMED)
            numbered.filter(turn=0).update(display=Donation.Display.NAME)
            with connection.cursor() as cursor:
                # Now, rather than by autovacuum in the middle of what is measured.
                cursor.execute("VACUUM ANALYZE")
                cursor.execute("CHECKPOINT")
            self._filled[gifts] = campaign
        return self._filled[gifts]


_numbers = count()


def pledged(campaign: Campaign, number: int) -> Iterator[Donation]:
    """Make donations by as many new people, none of them paid yet."""
    now = timezone.now()
    emails = [f"bench-{next(_numbers)}@example.org" for _ in range(number)]
    contacts = Contact.objects.bulk_create([Contact(email=e, email_key=e) for e in emails])
    donations = Donation.objects.bulk_create(
        Donation(
            campaign=campaign,
            contact=contact,
            name="Gail Guest",
            amount_minor=AMOUNT,
            currency=campaign.currency,
            form_nonce=uuid4(),
            session_expires_at=now,
        )
        for contact in contacts
    )
    return iter(donations)
