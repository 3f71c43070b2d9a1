"""What a donor may keep about each payment: its number within the gift, and what went back."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch
from django.urls import reverse

from alliance.core.money import Money
from donations.models import GIVEN, Dispute, Donation, Kind, LedgerEntry, Payment


@dataclass(frozen=True)
class Receipt:
    """A payment as its donor sees it. `moves`: what went back, or came again, oldest first."""

    donation: Donation
    payment: Payment
    number: int
    moves: tuple[LedgerEntry, ...]
    is_disputed: bool

    @property
    def reference(self) -> str:
        """What to name on the telephone; of a monthly gift each payment has its own."""
        reference = self.donation.reference
        return f"{reference}-{self.number}" if self.donation.is_monthly else reference

    @property
    def left(self) -> Money:
        """What is still there, before card fees."""
        moved = sum(entry.amount_minor for entry in self.moves)
        return Money(self.payment.amount_minor + moved, self.payment.currency)

    def get_absolute_url(self) -> str:
        return reverse("donations:receipt", args=[self.donation.public_id, self.number])


def receipts_of(donation: Donation) -> list[Receipt]:
    """Return a gift's payments in the order they came to be known, which never changes."""
    return receipts_of_all([donation])[donation.pk]


def receipts_of_all(donations: Iterable[Donation]) -> dict[int, list[Receipt]]:
    """Return the receipts of each gift by its key, in three queries."""
    by_key = {donation.pk: donation for donation in donations}
    found: dict[int, list[Receipt]] = {pk: [] for pk in by_key}
    moves = LedgerEntry.objects.exclude(kind__in=[Kind.FEE, *GIVEN]).order_by("entered_at", "pk")
    disputes = Dispute.objects.filter(status__in=Dispute.OPEN)
    payments = Payment.objects.filter(donation__in=by_key).order_by("pk")
    for payment in payments.prefetch_related(
        Prefetch("entries", moves), Prefetch("disputes", disputes)
    ):
        theirs = found[payment.donation_id]
        theirs.append(
            Receipt(
                donation=by_key[payment.donation_id],
                payment=payment,
                number=len(theirs) + 1,
                moves=tuple(payment.entries.all()),
                is_disputed=bool(payment.disputes.all()),
            )
        )
    return found


def receipt_of(payment: Payment) -> Receipt:
    """Return the receipt of one payment."""
    return next(r for r in receipts_of(payment.donation) if r.payment.pk == payment.pk)
