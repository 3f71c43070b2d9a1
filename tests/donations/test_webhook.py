"""The address where Stripe reports, and everybody else may try."""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.test import Client
from django.utils import timezone

from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import inbox
from donations.models import LedgerEntry, StripeEvent
from tests import factories
from tests.conftest import post_event


def event(**fields: Any) -> str:
    defaults = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.expired",
        "created": int(timezone.now().timestamp()),
        "livemode": False,
        "data": {"object": {"id": "cs_1", "object": "checkout.session"}},
    }
    return json.dumps({**defaults, **fields})


def signed(body: str | bytes, *, secret: str | None = None, age: int = 0) -> str:
    text = body.decode() if isinstance(body, bytes) else body
    at = int(timezone.now().timestamp()) - age
    header: str = stripe.WebhookSignature.generate_signature_header(
        text, secret or factories.webhook_secret(), at
    )
    return header


def test_a_signed_event_is_kept_once_and_always_answered_200(client: Client, db: None) -> None:
    body = event()

    answers = [post_event(client, body, signed(body)) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert [kept.pk for kept in StripeEvent.objects.all()] == ["evt_1"]


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (event(), None),
        (event(), ""),
        (event(), "v1"),
        (event(), "t=x,v1=aa"),
        (event(), "t=1,v1=\xe9"),
        (b"\xff\xfe{}", "t=1,v1=aa"),
        ("", "t=1,v1=aa"),
    ],
)
def test_who_cannot_sign_leaves_no_trace(
    client: Client, db: None, body: str, signature: str | None
) -> None:
    assert post_event(client, body, signature) == 400

    assert not StripeEvent.objects.exists()


def test_forged_changed_and_old_events_are_refused(client: Client, db: None) -> None:
    body = event()
    forged = signed(body, secret="whsec_of_somebody_else")
    changed = body.replace("evt_1", "evt_2")

    assert post_event(client, body, forged) == 400
    assert post_event(client, changed, signed(body)) == 400
    assert post_event(client, body, signed(body, age=301)) == 400

    assert not StripeEvent.objects.exists()


def test_both_secrets_are_good_while_one_is_being_replaced(
    client: Client, db: None, settings: Any
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    first, second = event(id="evt_a"), event(id="evt_b")

    assert post_event(client, first, signed(first, secret="whsec_new")) == 200
    assert post_event(client, second, signed(second, secret="whsec_old")) == 200


@pytest.mark.parametrize(
    "body",
    ["", "{", "[1]", "null", '{"object": "v2.core.event"}', '{"object": "event"}', event(data=1)],
)
def test_what_is_signed_but_no_event_is_refused(client: Client, db: None, body: str) -> None:
    assert post_event(client, body, signed(body)) == 400

    assert not StripeEvent.objects.exists()


def test_an_oversized_body_is_refused_before_it_is_read(client: Client, db: None) -> None:
    body = event(padding="x" * 600_000)

    assert post_event(client, body, signed(body)) == 413

    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("length", ["600000", "-1", "many"])
def test_no_address_keeps_a_body_that_is_too_large(
    client: Client, campaign: Campaign, length: str
) -> None:
    for address in ("/stripe/webhook/", f"/c/{campaign.slug}/give/", "/"):
        assert client.generic("POST", address, CONTENT_LENGTH=length).status_code == 413


def test_only_post_is_answered(client: Client) -> None:
    assert client.get("/stripe/webhook/").status_code == 405


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"type": "charge.updated"}, StripeEvent.State.UNHANDLED),
        ({"type": "something.stripe.invents.tomorrow"}, StripeEvent.State.UNHANDLED),
        ({"livemode": True}, StripeEvent.State.IGNORED),
    ],
)
def test_events_of_no_concern_are_kept_and_left_alone(
    client: Client, db: None, fields: dict[str, Any], state: str
) -> None:
    body = event(**fields)

    assert post_event(client, body, signed(body)) == 200
    inbox.adopt(now=timezone.now())

    assert StripeEvent.objects.get().state == state


def test_events_that_an_earlier_version_did_not_know_are_taken_up(
    client: Client, campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    (told,) = standin.events("payment_intent.succeeded")
    with monkeypatch.context() as earlier:
        earlier.delitem(inbox.READERS, "payment_intent.succeeded")
        assert post_event(client, *standin.signed(told)) == 200
        inbox.process_due(now=timezone.now())
    assert not LedgerEntry.objects.exists()

    assert inbox.adopt(now=timezone.now()) == 1
    inbox.process_due(now=timezone.now())

    assert LedgerEntry.objects.count() == 1


def test_events_of_another_shop_on_the_account_are_ignored(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    theirs = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount_received": 900,
        "currency": "gbp",
        "metadata": {},
    }
    body = event(type="payment_intent.succeeded", data={"object": theirs})

    post_event(client, body, signed(body))
    inbox.process_due(now=timezone.now())

    assert StripeEvent.objects.get().state == StripeEvent.State.IGNORED
    assert not LedgerEntry.objects.exists()


def test_an_event_with_a_nul_in_its_words_is_kept(client: Client, db: None) -> None:
    body = event(data={"object": {"id": "cs_1", "description": "a\x00b"}})

    assert post_event(client, body, signed(body)) == 200

    kept = json.loads(StripeEvent.objects.get().payload)["data"]["object"]
    assert kept["description"] == "a\x00b"


def test_what_stripe_tells_of_people_is_not_kept(client: Client, db: None) -> None:
    told = {
        "id": "cs_1",
        "customer_email": "gail@example.org",
        "customer_details": {"email": "gail@example.org", "phone": "+44 1"},
        "charges": [{"billing_details": {"name": "Gail"}, "card": {"last4": "4242"}}],
        "evidence": {"customer_purchase_ip": "192.0.2.1"},
        "evidence_details": {"due_by": 1},
        "cancellation_details": {"comment": "I am moving", "reason": "payment_failed"},
        "amount_total": 2500,
    }
    body = event(data={"object": told})

    assert post_event(client, body, signed(body)) == 200

    assert json.loads(StripeEvent.objects.get().payload)["data"]["object"] == {
        "id": "cs_1",
        "charges": [{"card": {}}],
        "evidence_details": {"due_by": 1},
        "cancellation_details": {"reason": "payment_failed"},
        "amount_total": 2500,
    }


def test_the_readme_names_the_events_that_are_understood() -> None:
    told = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    listed = told.split("and no others:")[1].split("```")[1].split()

    assert sorted(listed) == sorted(inbox.READERS)
