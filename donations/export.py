"""A campaign's gifts as a CSV file, of any length, read in chunks: no transaction waits for it."""

import csv
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q, Sum
from django.utils import timezone

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.contacts.models import Consent
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import desk
from donations.models import GIVEN, Donation, Kind, LedgerEntry, State

CHUNK = 1000
# Excel takes a file for UTF-8 by this mark alone; other programs pass over it.
MARK = "\ufeff"
# What a spreadsheet takes for a formula, as a cell’s first character; full-width ones, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")

# Each column, and what stands in it: the page on which one exports says so, too.
COLUMNS = {
    "reference": "names the gift, as on its receipt",
    "given_at": "when the form was sent, London time",
    "name": "as the donor wrote it; empty once they were erased",
    "email": "empty once they were erased",
    "amount": "what was to be given; of a monthly gift, each month",
    "currency": "of all amounts in the row",
    "frequency": "once or monthly",
    "method": "stripe, cash, cheque or bank",
    "state": "such as paid, partly_refunded, disputed",
    "came": "what reached the campaign, all months together",
    "went_back": "refunds and lost disputes, less what came again",
    "left": "came less went_back, before card fees",
    "link": "the code of the link it came by",
    "named": "private, name or name_and_amount: what may be shown in public",
    "may_be_mailed": "yes where the donor wants the campaign’s mail today",
    "thanked_at": "when you thanked in your own words, London time",
}


class _Echo:
    """What the csv module writes to: it hands back each row."""

    def write(self, row: str) -> str:
        return row


def export(campaign: Campaign, *, show: str, by: User) -> Iterator[str]:
    """Yield the file, a chunk of rows at a time; the trail keeps who, which gifts, how many.

    It is written down before the first row leaves, and again when the last one has.
    """
    what = desk.words_of(show)
    audit.note(by, [campaign], f"Began to export gifts ({what}).")
    return _written(campaign, show=show, by=by, what=what)


def _written(campaign: Campaign, *, show: str, by: User, what: str) -> Iterator[str]:
    writer = csv.writer(_Echo())
    sent, is_whole = 0, False
    try:
        yield MARK + str(writer.writerow(COLUMNS))
        for rows in _chunks(campaign, show):
            # On its way is as good as taken.
            sent += len(rows)
            yield "".join(str(writer.writerow(map(safe, row))) for row in rows)
        is_whole = True
    finally:
        # Whoever gives up half-way has half of them.
        outcome = "" if is_whole else "; it broke off"
        audit.note(by, [campaign], f"Exported {sent:,} gifts ({what}){outcome}.")


def _chunks(campaign: Campaign, show: str) -> Iterator[list[tuple[str, ...]]]:
    found = desk.gifts_of(campaign, show=show, is_whole=True)
    # Each chunk is found and read anew, from where the one before it ended.
    keys = list(found.values_list("pk", flat=True)[:CHUNK])
    while keys:
        yield list(_rows(campaign, keys))
        keys = list(found.filter(pk__lt=keys[-1]).values_list("pk", flat=True)[:CHUNK])


def _rows(campaign: Campaign, keys: list[int]) -> Iterator[tuple[str, ...]]:
    gifts = desk.whole(keys)
    agreed = set(
        Consent.objects.live()
        .filter(campaign=campaign, contact__in={gift.contact_id for gift in gifts})
        .values_list("contact", flat=True)
    )
    sums = {
        row["payment__donation"]: row
        for row in LedgerEntry.objects.filter(payment__donation__in=keys)
        .exclude(kind=Kind.FEE)
        .order_by()
        .values("payment__donation")
        .annotate(
            came=Sum("amount_minor", filter=Q(kind__in=GIVEN), default=0),
            net=Sum("amount_minor", default=0),
        )
    }
    nothing = {"came": 0, "net": 0}
    for gift in gifts:
        moved = sums.get(gift.pk, nothing)
        yield _row(gift, came=moved["came"], net=moved["net"], may_mail=gift.contact_id in agreed)


def _row(gift: Donation, *, came: int, net: int, may_mail: bool) -> tuple[str, ...]:
    def money(minor: int) -> str:
        return Money(minor, gift.currency).bare

    thanks = getattr(gift, "thanks", None)
    return (
        gift.reference,
        _local(gift.said_at),
        gift.name,
        gift.contact.email or "",
        money(gift.amount_minor),
        gift.currency.upper(),
        gift.frequency,
        gift.method,
        State(gift.state).value,
        money(came),
        money(came - net),
        money(net),
        gift.link.code if gift.link else "",
        gift.display,
        "yes" if may_mail and gift.contact.email else "no",
        _local(thanks.at) if thanks else "",
    )


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe makes it plain text."""
    return f"'{cell}" if cell.lstrip(" \u00a0").startswith(_FORMULA) else cell


def _local(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
