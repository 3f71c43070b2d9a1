"""Finding gifts by what people have at hand, each by an index, however many gifts there are."""

import re

from django.db.models.expressions import RawSQL

from alliance.contacts.models import normalise
from donations.models import READABLE, Kind

HELP = (
    "An e-mail address or its beginning, a reference, words of a name, or one of Stripe’s ids "
    "(payment intent, charge, invoice, refund, dispute, subscription, customer)."
)

_STRIPES_ID = re.compile(r"[a-z]{2,6}_\w+|offline-[\w-]+")
# With a figure in it it is nobody's name; one in twenty has none, and is looked for among names.
_REFERENCE = re.compile(rf"(?=.*\d)[{READABLE}]{{10}}")
# Each of these finds by an index of its own; %(text)s is exact.
_BY_STRIPES_ID = f"""
SELECT id FROM donations_donation WHERE session_id = %s
UNION SELECT donation_id FROM donations_payment WHERE stripe_id = %s
UNION SELECT donation_id FROM donations_plan WHERE subscription_id = %s
UNION SELECT donation_id FROM donations_plan WHERE customer_id = %s
UNION SELECT donation_id FROM donations_missedpayment
    JOIN donations_plan plan ON plan.id = plan_id WHERE invoice_id = %s
UNION SELECT donation_id FROM donations_payment WHERE id IN (
    SELECT payment_id FROM donations_invoiceintent WHERE payment_intent = %s
    UNION ALL SELECT payment_id FROM donations_refundrequest WHERE refund_id = %s
    UNION ALL SELECT payment_id FROM donations_dispute WHERE stripe_id = %s
    UNION ALL SELECT payment_id FROM donations_ledgerentry
        WHERE kind IN ({", ".join(f"'{kind}'" for kind in Kind)}) AND stripe_id = %s
    UNION ALL SELECT payment.id FROM donations_balanceentry
        JOIN donations_payment payment ON payment.stripe_id = payment_intent WHERE source = %s
    UNION ALL SELECT payment_id FROM donations_balanceentry
        JOIN donations_invoiceintent USING (payment_intent) WHERE source = %s)
"""  # noqa: S608 (the kinds are our own words)
_BY_ADDRESS = """
SELECT donation.id FROM donations_donation donation
    JOIN contacts_contact contact ON contact.id = contact_id WHERE email_key LIKE %s
"""
_BY_REFERENCE = "SELECT id FROM donations_donation WHERE reference = %s"
_BY_NAME = """
SELECT id FROM donations_donation
WHERE to_tsvector('simple'::regconfig, name) @@ to_tsquery('simple', %s)
"""


def gifts(text: str) -> RawSQL:
    """Return a subquery of the keys of the gifts that a text names."""
    text = text.strip()
    if _STRIPES_ID.fullmatch(text):
        return RawSQL(_BY_STRIPES_ID, [text] * _BY_STRIPES_ID.count("%s"))  # noqa: S611 (parameters)
    if "@" in text:
        return RawSQL(_BY_ADDRESS, [_beginning(text)])  # noqa: S611 (parameters)
    reference = re.sub(r"[\s-]", "", text).upper()
    if _REFERENCE.fullmatch(reference):
        return RawSQL(_BY_REFERENCE, [reference])  # noqa: S611 (parameters)
    found = [(_BY_REFERENCE, reference)]
    if " " not in text:
        found.append((_BY_ADDRESS, _beginning(text)))
    if words := re.findall(r"[^\W_]+", text):
        found.append(
            (_BY_NAME, " & ".join(word if len(word) == 1 else f"{word}:*" for word in words))
        )
    return RawSQL(" UNION ".join(sql for sql, _ in found), [value for _, value in found])  # noqa: S611 (parameters)


def _beginning(address: str) -> str:
    try:
        key = normalise(address).casefold()
    except ValueError:
        key = address.casefold()
    return re.sub(r"([\\%_])", r"\\\1", key) + "%"
