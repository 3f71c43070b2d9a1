"""A campaign's gifts and donors as its own people find them: nobody else's, by indexes alone."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from alliance.contacts.models import Consent, normalise
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import figures
from donations.models import (
    READABLE,
    Dispute,
    Donation,
    DonationQuerySet,
    Donor,
    Kind,
    LedgerEntry,
    Thanks,
)
from donations.models.ledger import WENT_BACK

PER_PAGE = 50
# Nobody turns more pages than this; a search or the export finds what is further down.
PAGES = 40
# Of what is found from its own end, such as refunds, no more is looked at.
FURTHEST = PER_PAGE * PAGES
# A name that more people have than this wants another word beside it.
NAMESAKES = 200
BY_LINK = "link:"

_REFERENCE = re.compile(rf"(?=.*\d)[{READABLE}]{{10}}")
_BY_NAME = """
SELECT id FROM donations_donation
WHERE campaign_id = %s AND to_tsvector('simple'::regconfig, name) @@ to_tsquery('simple', %s)
LIMIT %s
"""

# What of the gifts is shown, and in which words it is asked for.
SHOWS = {
    "": "All gifts",
    "once": "Given once",
    "monthly": "Given every month",
    "named": "Donor wants to be named",
    "private": "Donor’s name is private",
    "offline": "Not by card",
    "waiting": "Being confirmed",
    "refunded": "Refunded, in part or whole",
    "disputed": "Disputed by a bank",
    "thanked": "Thanked in your words",
    "unthanked": "Not thanked yet",
}


@dataclass(frozen=True)
class Page:
    """Some rows of a list; whether there are newer and older ones, and whether they are shown."""

    rows: Sequence[Donation]
    number: int
    has_more: bool

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def previous(self) -> int:
        """Return the number of the page before, 0 for none."""
        return self.number - 1

    @property
    def is_end(self) -> bool:
        """Whether there are more, which nobody turns pages to."""
        return self.has_more and self.number == PAGES

    @property
    def older(self) -> int:
        """Return the number of the next page, 0 for none."""
        return self.number + 1 if self.has_more and self.number < PAGES else 0


def gifts_of(
    campaign: Campaign, *, show: str = "", text: str = "", is_whole: bool = False
) -> DonationQuerySet:
    """Return the campaign's gifts that are asked for, the newest first.

    `is_whole`: all of them, however long that takes; else as far as anybody turns pages.
    """
    found = campaign.donations.that_came().order_by("-pk")
    if text.strip():
        found = found.filter(pk__in=_named(campaign, text.strip()))
    return _shown(found, campaign, show, is_whole=is_whole)


def words_of(show: str) -> str:
    """Say in words which gifts are shown."""
    if show.startswith(BY_LINK):
        return f"came by {show}"
    return SHOWS.get(show, SHOWS[""]).lower()


def page_of(found: DonationQuerySet, number: int) -> Page:
    """Return a page of gifts with all that a list shows, by two queries."""
    number = min(max(number, 1), PAGES)
    start = (number - 1) * PER_PAGE
    # First which, then what of them: nothing is worked out for rows that are passed over.
    keys = list(found.values_list("pk", flat=True)[start : start + PER_PAGE + 1])
    rows = whole(keys[:PER_PAGE])
    return Page(rows=rows, number=number, has_more=len(keys) > PER_PAGE)


def whole(keys: Iterable[int]) -> list[Donation]:
    """Return gifts with how they stand, their donors, links and thanks, the newest first."""
    return list(
        Donation.objects.with_state()
        .filter(pk__in=list(keys))
        .select_related("contact", "link", "thanks")
        .order_by("-pk")
    )


def find(campaign: Campaign, reference: str) -> Donation:
    """Return one of the campaign's gifts. Raises Donation.DoesNotExist."""
    return (
        campaign.donations.that_came()
        .with_state()
        .select_related("campaign", "contact", "link", "thanks__by")
        .get(reference=reference)
    )


@dataclass(frozen=True)
class Giver:
    """Somebody who gave to a campaign: the name they last gave by, and what is there of it."""

    donor: Donor
    name: str
    given: Money
    number: int


def donors_of(campaign: Campaign, number: int) -> tuple[list[Giver], bool]:
    """Return a page of a campaign's donors, who gave most first, and whether there are more."""
    number = min(max(number, 1), PAGES)
    start = (number - 1) * PER_PAGE
    donors = list(
        campaign.donors.select_related("contact").order_by("-given_minor", "-pk")[
            start : start + PER_PAGE + 1
        ]
    )
    has_more = len(donors) > PER_PAGE and number < PAGES
    return givers(campaign, donors[:PER_PAGE]), has_more


def givers(campaign: Campaign, donors: Sequence[Donor]) -> list[Giver]:
    """Return donors with their names and how often they gave, to this campaign alone."""
    theirs = campaign.donations.that_came().filter(
        contact__in=[donor.contact_id for donor in donors]
    )
    names = dict(
        theirs.order_by("contact", "-pk").distinct("contact").values_list("contact", "name")
    )
    counts = dict(
        theirs.order_by().values("contact").annotate(n=Count("pk")).values_list("contact", "n")
    )
    return [
        Giver(
            donor=donor,
            name=names.get(donor.contact_id, ""),
            given=Money(donor.given_minor, campaign.currency),
            number=counts.get(donor.contact_id, 0),
        )
        for donor in donors
    ]


def consent_of(campaign: Campaign, contact_id: int) -> Consent | None:
    """Return somebody's latest word about this campaign's mail; None where they said nothing."""
    words = Consent.objects.filter(campaign=campaign, contact=contact_id)
    return words.order_by(F("withdrawn_at").desc(nulls_first=True), "-given_at").first()


def given_by(campaign: Campaign, contact_id: int) -> Money:
    """Return what is there of all that somebody gave to this campaign."""
    given = campaign.donors.filter(contact=contact_id).aggregate(sum=Sum("given_minor"))
    return Money(given["sum"] or 0, campaign.currency)


def has_agreed(campaign: Campaign, contact_id: int) -> bool:
    """Say whether somebody wants this campaign's mail."""
    return Consent.objects.live().filter(campaign=campaign, contact=contact_id).exists()


def _shown(
    found: DonationQuerySet, campaign: Campaign, show: str, *, is_whole: bool
) -> DonationQuerySet:
    if show.startswith(BY_LINK):
        link = campaign.links.filter(code=show.removeprefix(BY_LINK)).first()
        return found.filter(link=link) if link else found.none()

    def among(*keys: QuerySet[Any, Any]) -> DonationQuerySet:
        # Few among a million: looked for from their own end, which is quick for sure.
        wanted = Q(pk__in=[])
        for some in keys:
            wanted |= Q(pk__in=some.order_by() if is_whole else list(some[:FURTHEST]))
        return found.filter(wanted)

    filters: dict[str, Callable[[], DonationQuerySet]] = {
        "once": lambda: found.filter(frequency=Donation.Frequency.ONCE),
        "monthly": lambda: found.filter(frequency=Donation.Frequency.MONTHLY),
        "named": lambda: found.exclude(display=Donation.Display.PRIVATE),
        "private": lambda: found.filter(display=Donation.Display.PRIVATE),
        "offline": lambda: found.exclude(method=Donation.Method.STRIPE),
        "waiting": lambda: among(campaign.donations.awaited().values_list("pk", flat=True)),
        "refunded": lambda: among(_refunds(campaign), _asked_back(campaign)),
        "disputed": lambda: among(_disputes(campaign)),
        "thanked": lambda: among(_thanks(campaign)),
        "unthanked": lambda: found.filter(~Exists(Thanks.objects.filter(donation=OuterRef("pk")))),
    }
    return filters[show]() if show in filters else found


def _refunds(campaign: Campaign) -> QuerySet[Any, Any]:
    # The first condition is the index's, word for word.
    entries = LedgerEntry.objects.filter(campaign=campaign, kind__in=WENT_BACK)
    refunds = entries.filter(kind__in=[Kind.REFUND, Kind.REFUND_FAILED])
    return refunds.order_by("-pk").values_list("payment__donation", flat=True)


def _asked_back(campaign: Campaign) -> QuerySet[Any, Any]:
    return figures.open_refunds(campaign).values_list("payment__donation", flat=True)


def _disputes(campaign: Campaign) -> QuerySet[Any, Any]:
    disputes = Dispute.objects.filter(payment__donation__campaign=campaign)
    return disputes.order_by("-pk").values_list("payment__donation", flat=True)


def _thanks(campaign: Campaign) -> QuerySet[Any, Any]:
    thanks = Thanks.objects.filter(donation__campaign=campaign)
    return thanks.order_by("-pk").values_list("donation", flat=True)


def _named(campaign: Campaign, text: str) -> list[int]:
    """Return the keys of the campaign's gifts that a text names: an address, reference or name."""
    if "@" in text:
        try:
            key = normalise(text).casefold()
        except ValueError:
            return []
        named = campaign.donations.filter(contact__email_key=key).order_by("-pk")
        return list(named.values_list("pk", flat=True)[:FURTHEST])
    reference = re.sub(r"[\s-]", "", text).upper()
    named = campaign.donations.filter(reference=reference[:10])
    if _REFERENCE.fullmatch(reference):
        return list(named.values_list("pk", flat=True))
    words = re.findall(r"[^\W_]+", text)
    if not words:
        return []
    query = " & ".join(word if len(word) == 1 else f"{word}:*" for word in words)
    found = [*named.values_list("pk", flat=True)]
    return [
        *found,
        *Donation.objects.filter(
            pk__in=RawSQL(_BY_NAME, [campaign.pk, query, NAMESAKES])  # noqa: S611 (parameters)
        ).values_list("pk", flat=True),
    ]
