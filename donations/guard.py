"""Keeps card testers from trying out stolen cards here: it asks for a proof, and never blocks.

What it remembers is forgotten after a day; of addresses, cookies and cards it knows hashes alone.
"""

import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from uuid import UUID
from zlib import crc32

import altcha
from django.conf import settings
from django.core import signing
from django.core.cache import caches
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.urls import reverse

from alliance.contacts.models import Contact
from alliance.core import hashing
from donations.models import Attempt, Decline, Donation, Payment, SpentProof

logger = logging.getLogger(__name__)

MEMORY = timedelta(days=1)
# Nobody reads the form, fills it and sends it in less.
HASTE = timedelta(seconds=2)


@dataclass(frozen=True)
class Budget:
    """How many unpaid attempts within some time are nobody's concern."""

    attempts: int
    within: timedelta


# Behind one range of addresses may be a household, an office, a festival: a few people who are
# at Stripe's page at one time. Whoever pays gives their share back and vouches for one more, so
# that a crowd of honest people is soon on its way again.
NETWORK = Budget(10, timedelta(minutes=10))
# One person may change their mind, try a second card, give to three campaigns.
CONTACT = VISITOR = Budget(5, timedelta(hours=1))
# The latest attempts of a network tell enough.
LOOKED_AT = 500

# Out of a hundred honest cards a handful are declined; out of a tester's nearly all. Few
# donations are too few to tell, and a donor who paid in the end was never a tester.
ALARM_WINDOW = timedelta(hours=1)
ALARM_FROM = 10
ALARM_PER_CENT = 40
# For how long a process goes by what it saw last.
ALARM_LIFE = timedelta(seconds=2)
# In a rush the latest thousand declines stand for the hour.
LATEST = 1000
# One card declined for so many donations in an hour is being hawked around.
CARD_BUDGET = 5

# The work asked for: 1600 to 3200 key derivations of 1000 rounds. A phone needs a second or
# two, and this server a third of a millisecond to ask.
ALGORITHM = "PBKDF2/SHA-256"
ROUNDS = 1000
KEYS = 1600
# Who has used up the budget several times over works so many times as hard, up to this.
HARDEST = 8
PROOF_LIFE = timedelta(minutes=10)

# Mails that lead on: in an hour to one address, from one network, and in all, so that nobody
# bombs a mailbox, or the world's, or fills the database. An attempt by mail has its mark where
# the others have their visitor.
LETTER = "letter"
LETTER_WINDOW = timedelta(hours=1)
LETTERS_TO_ONE = 3
LETTERS_FROM_NETWORK = 20
LETTERS_IN_ALL = 500
LETTER_LIFE = timedelta(hours=24)

# A full stop, since some mail programs end a link at a colon.
_signer = signing.TimestampSigner(salt="donations.confirm", sep=".")


class ProofWanted(Exception):
    """Too much looks like a card tester to go on without a proof; `effort` 1 is the usual one."""

    def __init__(self, effort: int) -> None:
        super().__init__(f"a proof of effort {effort}")
        self.effort = effort


class TooManyLetters(Exception):
    """No more mails that lead on for now: to this address, from this network, or in all."""


@dataclass(frozen=True)
class Visit:
    """Who sends a form, by hashes (empty: nothing is known), and what speaks for them or against.

    `proof` is what the page's script found; `is_confirmed`: they came by a link in a mail.
    """

    network: str = ""
    visitor: str = ""
    is_hasty: bool = False
    proof: str = ""
    is_confirmed: bool = False


@dataclass(frozen=True)
class Alarm:
    """Whether everybody is asked for a proof, and the cards that are being hawked around."""

    is_on: bool
    cards: tuple[str, ...]


def visit_of(
    request: HttpRequest, *, is_hasty: bool = False, proof: str = "", is_confirmed: bool = False
) -> Visit:
    """Return who asks, as far as it may be remembered."""
    cookie = request.COOKIES.get(settings.CSRF_COOKIE_NAME)
    return Visit(
        network=_network_of(request),
        visitor=hashing.keyed("visitor", cookie) if cookie else "",
        is_hasty=is_hasty,
        proof=proof,
        is_confirmed=is_confirmed,
    )


def check(visit: Visit, *, email: str, form: UUID, now: datetime) -> None:
    """Raise ProofWanted of whom looks like a card tester. Writes nothing."""
    if visit.is_confirmed:
        return
    seal = _seal_of(visit.proof, form)
    if seal and not SpentProof.objects.filter(challenge=seal).exists():
        return
    effort = _effort(visit, email=email, now=now)
    if effort:
        raise ProofWanted(effort)


@transaction.atomic
def admit(visit: Visit, donation: Donation, *, now: datetime) -> None:
    """Write down that somebody goes on to Stripe, and use up their proof. Raises ProofWanted.

    Asked again, one at a time: of a hundred who come in one moment no more get on than would
    one after another. Clicks on the same button are one attempt.
    """
    email = donation.contact.email or ""
    _take_turn(visit.network, visit.visitor, email)
    if donation.attempts.count() >= donation.attempt:
        return
    if not visit.is_confirmed and not _spend(visit.proof, donation.form_nonce, now):
        effort = _effort(visit, email=email, now=now)
        if effort:
            raise ProofWanted(effort)
    _remember(visit, donation, visit.visitor, now)


def allow_letter(visit: Visit, *, email: str, now: datetime) -> None:
    """Raise TooManyLetters where one more mail would be too much. Call in a transaction."""
    _take_turn(LETTER)
    letters = Attempt.objects.filter(visitor=LETTER, at__gt=now - LETTER_WINDOW)
    limits = [
        (letters.filter(contact__email_key=email.casefold()), LETTERS_TO_ONE),
        (letters, LETTERS_IN_ALL),
    ]
    if visit.network:
        limits.append((letters.filter(network=visit.network), LETTERS_FROM_NETWORK))
    if any(sent[:limit].count() >= limit for sent, limit in limits):
        raise TooManyLetters


def remember_letter(visit: Visit, donation: Donation, *, now: datetime) -> None:
    """Count a mail that leads on."""
    _remember(visit, donation, LETTER, now)


def new_challenge(form: UUID, *, effort: int, now: datetime) -> dict[str, Any]:
    """Return the work to do before this form, and no other, may go on: once, and soon."""
    most = 2 * KEYS * effort
    challenge = altcha.create_challenge(
        ALGORITHM,
        ROUNDS,
        # Known beforehand, so that the work is never much more than the page foretells.
        counter=most // 2 + secrets.randbelow(most // 2),
        expires_at=now + PROOF_LIFE,
        data={"form": str(form), "most": most},
        hmac_secret=hashing.keyed("challenge", ""),
        hmac_key_secret=hashing.keyed("answer", ""),
    )
    return challenge.to_dict()


def link_to(donation: Donation) -> str:
    """Return the address, good for a day, by which a mail leads on to paying this."""
    token = _signer.sign(donation.public_id).removeprefix(f"{donation.public_id}.")
    return settings.SITE_URL + reverse("donations:confirm", args=[donation.public_id, token])


def is_link(public_id: str, token: str) -> bool:
    """Say whether this is what a mail said, and not long ago."""
    try:
        _signer.unsign(f"{public_id}.{token}", max_age=LETTER_LIFE)
    except signing.BadSignature:
        return False
    return True


def alarm(*, now: datetime) -> Alarm:
    """Say how things stand, by a look that is two seconds old at most; shout when it is bad."""
    known: Alarm | None = caches["pages"].get("guard.alarm")
    if known is None:
        known = _look(now)
        caches["pages"].set("guard.alarm", known, ALARM_LIFE.total_seconds())
    return known


def forget(*, now: datetime) -> None:
    """Forget what a day has passed over."""
    for rows in (Attempt.objects, Decline.objects, SpentProof.objects):
        rows.filter(at__lt=now - MEMORY).delete()


def _network_of(request: HttpRequest) -> str:
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY:
        # The rightmost is whom our own proxy saw. The others are what that one claims.
        forwarded = request.headers.get("X-Forwarded-For", "")
        address = forwarded.rpartition(",")[2].strip() or address
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        # This machine, or a proxy that is not believed: it tells nobody from anybody else.
        return ""
    # What one household or one rented server is given, at least.
    network = ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False)  # noqa: PLR2004 (of IP)
    return hashing.keyed("network", str(network))


def _effort(visit: Visit, *, email: str, now: datetime) -> int:
    """Return how hard somebody is to work: 0, where nothing speaks against them."""
    # The first doubt is enough: during an attack little is asked of the database.
    doubts = _doubts(visit, email=email, now=now)
    return min(next((doubt for doubt in doubts if doubt), 0), HARDEST)


def _doubts(visit: Visit, *, email: str, now: datetime) -> Iterator[int]:
    if visit.network:
        yield _times_used_up(NETWORK, "network", visit.network, now)
    state = alarm(now=now)
    yield int(visit.is_hasty or state.is_on)
    if visit.visitor:
        yield _times_used_up(VISITOR, "visitor", visit.visitor, now)
    contact = Contact.objects.filter(email_key=email.casefold()).first()
    if contact:
        yield _times_used_up(CONTACT, "contact_id", contact.pk, now)
    if state.cards:
        seen = Attempt.objects.filter(
            at__gt=now - ALARM_WINDOW, donation__declines__card__in=state.cards
        )
        yield int(bool(visit.network) and seen.filter(network=visit.network).exists())
        yield int(bool(visit.visitor) and seen.filter(visitor=visit.visitor).exists())
        yield int(contact is not None and seen.filter(contact=contact).exists())


# In SQL as it is sent: during an attack, this is most of what a refusal costs.
_UNPAID = """
SELECT count(*) - 2 * count(*) FILTER (WHERE EXISTS (
    SELECT FROM donations_payment p WHERE p.donation_id = latest.donation_id))
FROM (SELECT donation_id FROM donations_attempt
      WHERE {who} = %s AND at > %s ORDER BY at DESC LIMIT %s) latest
"""


def _times_used_up(budget: Budget, column: str, value: str | int, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_UNPAID.format(who=column), [value, now - budget.within, LOOKED_AT])
        unpaid_less_paid: int = cursor.fetchone()[0]
    return max(0, unpaid_less_paid) // budget.attempts


# The latest declines: how many donations are behind them that nobody has paid since, from when
# they are, and which cards were declined again and again.
_DECLINED = """
WITH latest AS (
    SELECT donation_id, card, at FROM donations_decline
    WHERE at > %(since)s ORDER BY at DESC LIMIT %(latest)s
)
SELECT
    (SELECT count(DISTINCT donation_id) FROM latest WHERE NOT EXISTS (
        SELECT FROM donations_payment p WHERE p.donation_id = latest.donation_id)),
    CASE WHEN count(*) < %(latest)s THEN %(since)s ELSE min(at) END,
    ARRAY(SELECT card FROM latest WHERE card <> ''
          GROUP BY card HAVING count(DISTINCT donation_id) >= %(card_budget)s)
FROM latest
"""


def _look(now: datetime) -> Alarm:
    with connection.cursor() as cursor:
        cursor.execute(
            _DECLINED,
            {"since": now - ALARM_WINDOW, "latest": LATEST, "card_budget": CARD_BUDGET},
        )
        declined, since, cards = cursor.fetchone()
    # Beside what was paid rather than what was begun: pages left alone hide no tester.
    calm_from = declined * (100 - ALARM_PER_CENT) // ALARM_PER_CENT + 1
    is_on = declined >= ALARM_FROM and _paid(since, at_most=calm_from) < calm_from
    if not is_on:
        caches["pages"].delete("guard.is_told")
    elif caches["pages"].add("guard.is_told", value=True, timeout=ALARM_WINDOW.total_seconds()):
        logger.error(
            "card testers: %d donations of the last hour were declined and hardly more than "
            "that paid; everybody is asked for a proof of work",
            declined,
        )
    return Alarm(is_on=is_on, cards=tuple(cards))


def _paid(since: datetime, *, at_most: int) -> int:
    payments = Payment.objects.filter(donation=OuterRef("donation"))
    attempts = Attempt.objects.filter(Exists(payments), at__gt=since)
    return attempts.values("pk")[:at_most].count()


def _take_turn(*names: str) -> None:
    """Wait for all others of these names to be done with their transactions."""
    locks = sorted({crc32(f"guard:{name}".encode()) for name in names if name})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) key", [locks])


def _remember(visit: Visit, donation: Donation, visitor: str, now: datetime) -> None:
    Attempt.objects.create(
        donation=donation,
        contact_id=donation.contact_id,
        network=visit.network,
        visitor=visitor,
        at=now,
    )


def _spend(proof: str, form: UUID, now: datetime) -> bool:
    """Use a proof up, and return whether it was good and nobody had before."""
    seal = _seal_of(proof, form)
    if not seal:
        return False
    _, is_new = SpentProof.objects.get_or_create(challenge=seal, defaults={"at": now})
    return is_new


def _seal_of(proof: str, form: UUID) -> str:
    """Return our own signature under a challenge that was met for this form, or nothing."""
    try:
        payload = altcha.Payload.from_base64(proof)
        result = altcha.verify_solution(
            payload,
            hashing.keyed("challenge", ""),
            hmac_key_secret=hashing.keyed("answer", ""),
        )
        data = payload.challenge.parameters.data or {}
        is_ours = result.verified and data["form"] == str(form)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # What no script of ours sends.
        return ""
    return str(payload.challenge.signature) if is_ours else ""
