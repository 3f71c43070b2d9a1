"""Everything the database keeps about giving, by what it is about."""

from donations.models.balance import BalanceEntry
from donations.models.ending import Ending, LastPlan
from donations.models.giving import (
    READABLE,
    SETTLED,
    Donation,
    DonationQuerySet,
    SessionRank,
    State,
    new_public_id,
    new_reference,
)
from donations.models.guarding import Attempt, Decline, SpentProof
from donations.models.inbox import StripeEvent
from donations.models.ledger import (
    GIVEN,
    Dispute,
    Donor,
    InvoiceIntent,
    Kind,
    LedgerEntry,
    Payment,
    RefundRequest,
    Tally,
    Thanks,
    TotalSlot,
)
from donations.models.plans import MissedPayment, Plan, PlanChange, PlanQuerySet, PlanTally

__all__ = [
    "GIVEN",
    "READABLE",
    "SETTLED",
    "Attempt",
    "BalanceEntry",
    "Decline",
    "Dispute",
    "Donation",
    "DonationQuerySet",
    "Donor",
    "Ending",
    "InvoiceIntent",
    "Kind",
    "LastPlan",
    "LedgerEntry",
    "MissedPayment",
    "Payment",
    "Plan",
    "PlanChange",
    "PlanQuerySet",
    "PlanTally",
    "RefundRequest",
    "SessionRank",
    "SpentProof",
    "State",
    "StripeEvent",
    "Tally",
    "Thanks",
    "TotalSlot",
    "new_public_id",
    "new_reference",
]
