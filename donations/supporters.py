"""What supporters see of their own giving, and how each of their gifts names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Min, Sum
from django.utils import timezone

from alliance.core.money import Money
from campaigns.models import Campaign
from donations import links, managing, queries, receipts
from donations.models import Donation, DonationQuerySet, Donor, Kind, LedgerEntry, Payment, Plan
from donations.receipts import Receipt


class TakenDown(Exception):
    """Staff took this name off the campaign's page: it is not for its donor to put it back."""


@dataclass(frozen=True)
class Share:
    """A campaign that somebody gave to, how it stands, and how much of it is theirs."""

    campaign: Campaign
    progress: queries.Progress
    given: Money


@dataclass(frozen=True)
class Summary:
    """All that somebody gave, less what went back, by campaign, the latest first."""

    shares: tuple[Share, ...]
    payments: int
    since: datetime | None

    @property
    def totals(self) -> list[Money]:
        """What is there of it, in each currency."""
        sums: dict[str, int] = {}
        for share in self.shares:
            sums[share.given.currency] = sums.get(share.given.currency, 0) + share.given.minor
        return [Money(minor, currency) for currency, minor in sums.items() if minor > 0]


@dataclass(frozen=True)
class Gift:
    """A gift as its donor sees it: how it stands, its receipts, and whether it names them."""

    donation: Donation
    receipts: Sequence[Receipt]

    @property
    def is_taken_down(self) -> bool:
        return is_taken_down(self.donation, has_come=bool(self.receipts))

    @property
    def left(self) -> Money:
        return Money(self.donation.net_minor or 0, self.donation.currency)


@dataclass(frozen=True)
class Monthly:
    """A monthly gift as its donor sees it. `page`: where it can be changed, good from now on."""

    plan: Plan
    standing: managing.Standing
    card: str
    given: Money
    page: str


def summary_of(contacts: Sequence[int]) -> Summary:
    """Return what somebody gave, in a handful of queries."""
    donors = (
        Donor.objects.filter(contact__in=contacts)
        .values("campaign")
        .annotate(given=Sum("given_minor"), first=Min("since"))
        .order_by("-first")
    )
    given = {row["campaign"]: row["given"] for row in donors}
    campaigns = Campaign.objects.in_bulk(given)
    progress = queries.progress_of_all(list(campaigns.values()))
    return Summary(
        shares=tuple(
            Share(campaigns[pk], progress[pk], Money(minor, campaigns[pk].currency))
            for pk, minor in given.items()
        ),
        payments=Payment.objects.filter(donation__contact__in=contacts).count(),
        since=min((row["first"] for row in donors), default=None),
    )


def one_off_of(contacts: Sequence[int]) -> DonationQuerySet:
    """Return somebody's gifts that were made once, the newest first."""
    return _shown(contacts).filter(frequency=Donation.Frequency.ONCE)


def with_receipts(donations: Sequence[Donation]) -> list[Gift]:
    """Add to each gift its receipts, in three queries."""
    found = receipts.receipts_of_all(donations)
    return [Gift(donation, found[donation.pk]) for donation in donations]


def monthly_of(contacts: Sequence[int]) -> list[Monthly]:
    """Return somebody's monthly gifts, those that run first, in two queries."""
    begun = Plan.objects.filter(donation__contact__in=contacts).exclude(
        status__startswith="incomplete"
    )
    plans = managing.with_standing(begun.select_related("donation__campaign").order_by("-pk"))
    sums = dict(
        LedgerEntry.objects.filter(payment__donation__in=begun.values("donation"))
        .exclude(kind=Kind.FEE)
        .values_list("payment__donation")
        .annotate(Sum("amount_minor"))
    )
    found = [
        Monthly(
            plan=plan,
            standing=managing.standing(plan),
            card=managing.card_of(plan),
            given=Money(sums.get(plan.donation_id, 0), plan.currency),
            page=links.manage_url(plan),
        )
        for plan in plans
    ]
    return sorted(found, key=lambda monthly: monthly.plan.is_over)


def find_gift(contacts: Sequence[int], public_id: str) -> Donation | None:
    """Return one of somebody's gifts; None where it is another's."""
    return _shown(contacts).filter(public_id=public_id).first()


def is_taken_down(donation: Donation, *, has_come: bool) -> bool:
    """Say whether a donor wanted to be named, and staff took the name off the page."""
    is_private = donation.display == Donation.Display.PRIVATE
    return has_come and not is_private and donation.shown_at is None


@transaction.atomic
def choose_display(donation: Donation, display: Donation.Display) -> None:
    """Name a gift's donor on the campaign's page as they want it from now on, or not at all.

    A gift that has not come names nobody before it does. Raises TakenDown.
    """
    donation = Donation.objects.select_for_update(of=("self",)).get(pk=donation.pk)
    first = donation.payments.order_by("pk").first()
    if is_taken_down(donation, has_come=first is not None):
        raise TakenDown
    donation.display = display
    if display == Donation.Display.PRIVATE:
        donation.shown_at = None
    elif donation.shown_at is None and first:
        # Where it would have stood had they said so at once: nobody gets to the top by this.
        donation.shown_at = first.paid_at
    donation.save(update_fields=["display", "shown_at"])
    Campaign.objects.filter(pk=donation.campaign_id).update(changed_at=timezone.now())


def _shown(contacts: Sequence[int]) -> DonationQuerySet:
    theirs = Donation.objects.filter(contact__in=contacts).that_came()
    return theirs.with_state().select_related("campaign").order_by("-created_at", "-pk")
