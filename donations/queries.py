"""Figures about giving, each from a handful of rows however many gifts there are."""

import re
from dataclasses import dataclass

from django.db.models import Q, Sum

from alliance.core.money import Money
from campaigns.models import Campaign, Link
from donations.models import Donation, TotalSlot

# The quilt has a hundred patches: one patch is one per cent of the target.
PATCHES = 100
SHOWN = 12
_CODE = re.compile(r"[A-Za-z0-9_-]{1,30}", re.ASCII)


@dataclass(frozen=True)
class Progress:
    """How far a campaign has come.

    Raised: gifts less refunds and lost disputes, before card fees.
    """

    raised: Money
    target: Money
    donors: int
    # What the card company kept of it: negative, as in the ledger.
    fees: Money
    # What is next once the target is met.
    stretch: Money | None = None

    @property
    def is_met(self) -> bool:
        return self.raised.minor >= self.target.minor

    @property
    def stretch_percent(self) -> int:
        """Whole per cent of the stretch target, rounded down."""
        return self.raised.minor * 100 // self.stretch.minor if self.stretch else 0

    @property
    def net(self) -> Money:
        """What is left after card fees, as far as Stripe's ledger has been read."""
        return Money(self.raised.minor + self.fees.minor, self.raised.currency)

    @property
    def percent(self) -> int:
        """Whole per cent reached, rounded down: 100 means the target is truly met."""
        return self.raised.minor * 100 // self.target.minor

    @property
    def to_go(self) -> Money:
        return Money(max(self.target.minor - self.raised.minor, 0), self.target.currency)

    @property
    def patches(self) -> int:
        """Whole patches sewn in, 0 to 100."""
        return min(self.percent, PATCHES)

    @property
    def part(self) -> int:
        """Per cent of the next patch that is filled, 0 to 99."""
        if self.patches == PATCHES:
            return 0
        return self.raised.minor * PATCHES * 100 // self.target.minor % 100

    @property
    def per_patch(self) -> Money:
        return Money(-(-self.target.minor // PATCHES), self.target.currency)


def supporters_of(campaign: Campaign) -> list[dict[str, object]]:
    """Return the latest donors who asked to be named, the amount beside those who want it.

    Whose gift went back is not named.
    """
    named = campaign.donations.to_be_shown().with_state().filter(Q(net_minor__gt=0))
    return [
        {
            "name": gift.name,
            # What was paid and is still there, whatever the form said in the end.
            "amount": Money(gift.net_minor or 0, gift.currency)
            if gift.display == Donation.Display.NAME_AND_AMOUNT
            else None,
        }
        for gift in named[:SHOWN]
    ]


def link_of(slug: str, code: str) -> Link | None:
    """Return a campaign's own link of this code; anything else is none, and no error."""
    if not _CODE.fullmatch(code):
        return None
    return Link.objects.filter(campaign__slug=slug, code=code).first()


def progress_of(campaign: Campaign) -> Progress:
    """Return the campaign's progress, from its sixteen slots."""
    return progress_of_all([campaign])[campaign.pk]


def progress_of_all(campaigns: list[Campaign]) -> dict[int, Progress]:
    """Return the progress of each campaign by its key, in one query."""
    sums = {
        row["campaign"]: row
        for row in TotalSlot.objects.filter(campaign__in=campaigns)
        .values("campaign")
        .annotate(raised=Sum("raised_minor"), people=Sum("donors"), kept=Sum("fees_minor"))
    }
    nothing = {"raised": 0, "people": 0, "kept": 0}
    return {
        campaign.pk: Progress(
            raised=Money(sums.get(campaign.pk, nothing)["raised"], campaign.currency),
            target=campaign.target,
            donors=sums.get(campaign.pk, nothing)["people"],
            fees=Money(sums.get(campaign.pk, nothing)["kept"], campaign.currency),
            stretch=campaign.stretch,
        )
        for campaign in campaigns
    }
