"""What card testers do and what givers do, for the tests of the guard."""

import json
from collections.abc import Iterable
from itertools import count
from typing import Any

import altcha
from django.core.cache import caches
from django.test import Client, RequestFactory
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import facts, gateway, guard, settling
from donations.models import Attempt, Donation, SessionRank, SpentProof
from tests import factories

HOME = "203.0.113.7"
numbers = count(1)


def made_up_session(order: gateway.Order) -> facts.Session:
    """Answer as Stripe would, where asking it would only take time."""
    return facts.Session(
        id=f"cs_{order.public_id}_{order.attempt}",
        url=f"https://pay.example/{order.public_id}/{order.attempt}",
        rank=SessionRank.OPEN,
        is_paid=False,
        amount=order.amount,
        paid_as=None,
        public_id=order.public_id,
        attempt=order.attempt,
    )


def solve(challenge: str) -> str:
    """Do what the page's script does."""
    asked = altcha.Challenge.from_dict(json.loads(challenge))
    found = altcha.solve_challenge(asked)
    assert found
    return altcha.Payload(asked, found).to_base64()


def give(
    campaign: Campaign, *, address: str = HOME, client: Client | None = None, **fields: str
) -> Any:
    fields.setdefault("email", f"giver-{next(numbers)}@example.org")
    data = factories.form_data(campaign, **fields)
    return (client or Client()).post(f"/c/{campaign.slug}/give/", data, REMOTE_ADDR=address)


def send(campaign: Campaign, data: dict[str, str], **more: str) -> Any:
    return Client().post(f"/c/{campaign.slug}/give/", {**data, **more}, REMOTE_ADDR=HOME)


def use_up(campaign: Campaign) -> None:
    """Let the network at home have as many unpaid attempts as are nobody's concern."""
    while Attempt.objects.count() < guard.NETWORK.attempts:
        give(campaign)


def home() -> str:
    """Return what is remembered of the network at home."""
    return guard.visit_of(RequestFactory().get("/", REMOTE_ADDR=HOME)).network


def pay(donations: Iterable[Donation]) -> None:
    for donation in donations:
        factories.tell(facts.Paid(donation.public_id, f"pi_{donation.pk}", donation.amount))


def decline(donation: Donation, card: str = "") -> None:
    fact = facts.Decline(donation.public_id, card or f"card-{donation.pk}")
    told = settling.Told(fact, timezone.now(), f"evt_{next(numbers)}")
    assert settling.record_decline(told, fact)
    caches["pages"].delete("guard.alarm")


def rows() -> list[int]:
    """Count everything that giving may write."""
    kept = [Donation, Contact, Attempt, Mail, SpentProof]
    return [model.objects.count() for model in kept]  # type: ignore[attr-defined]
