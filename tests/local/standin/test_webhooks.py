import http.client
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn

PAID = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "charge.updated",
    "checkout.session.completed",
]


def command(standin: StandIn, name: str, given: Any) -> Any:
    connection = http.client.HTTPConnection(standin.base_url.removeprefix("http://"), timeout=5)
    connection.request("POST", f"/_standin/{name}", json.dumps(given))
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def test_a_webhook_is_signed_and_tried_again_until_it_is_accepted(
    standin: StandIn, receiver: Any, open_session: Callable[..., Any]
) -> None:
    receiver.moods = [500, 404, 302]

    standin.pay(open_session().id)
    standin.drain()

    assert sorted(receiver.types()) == sorted(PAID)
    assert [status for _, _, status in receiver.heard].count(200) == 5
    assert Counter(entry["status"] for entry in standin.log()) == {200: 5, 500: 1, 404: 1, 302: 1}
    body, signature, _ = receiver.heard[-1]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, "whsec_other")


def test_nobody_listening_counts_as_an_attempt_and_later_somebody_hears_all(
    client: stripe.StripeClient,
    standin: StandIn,
    receiver: Any,
    open_session: Callable[..., Any],
) -> None:
    standin.webhook_url = "http://127.0.0.1:1/"
    standin.pay(open_session().id)
    with pytest.raises(TimeoutError):
        standin.drain(0.2)
    waiting = client.v1.events.list({"delivery_success": False}).data

    standin.webhook_url = receiver.url
    standin.drain()

    assert {entry["status"] for entry in standin.log()} == {0, 200}
    assert [event.type for event in waiting] == PAID[::-1]
    assert sorted(receiver.types()) == sorted(PAID)
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_a_duplicate_is_the_same_event_twice(
    standin: StandIn, receiver: Any, open_session: Callable[..., Any]
) -> None:
    standin.faults.set("duplicate", next=1, only="checkout.session.completed")

    standin.pay(open_session().id)
    standin.drain()

    assert receiver.types() == [*PAID, "checkout.session.completed"]
    assert len({json.loads(body)["id"] for body, _, _ in receiver.heard}) == len(PAID)


def test_reordered_and_delayed_webhooks_arrive_late_and_all(
    standin: StandIn, receiver: Any, open_session: Callable[..., Any]
) -> None:
    standin.faults.set("delay", next=1, seconds=0.5, only="payment_intent.created")
    standin.faults.set("reorder", next=1, seconds=2.0, only="charge.succeeded")

    standin.pay(open_session().id)
    standin.drain()

    assert receiver.types()[:3] == PAID[2:]
    assert sorted(receiver.types()) == sorted(PAID)


def test_dropped_webhooks_are_in_the_list_of_events_and_can_be_sent_again(
    client: stripe.StripeClient,
    standin: StandIn,
    receiver: Any,
    open_session: Callable[..., Any],
) -> None:
    dropping = {"drop": {"probability": 0.5}, "duplicate": {"probability": 0.5}, "seed": 7}

    assert command(standin, "faults", dropping)[0] == 200
    for _ in range(4):
        standin.pay(open_session().id)
    standin.drain()
    heard = set(receiver.types())
    missing = client.v1.events.list({"delivery_success": False, "limit": 100}).data
    listed = [event.type for event in client.v1.events.list({"limit": 3}).auto_paging_iter()]
    command(standin, "resend", {"events": [event.id for event in missing]})
    standin.drain()

    assert heard
    assert missing
    assert sorted(listed) == sorted(PAID * 4)
    arrived = {json.loads(body)["id"] for body, _, _ in receiver.heard}
    assert arrived == {event["id"] for event in standin.events()}


def test_the_same_seed_drops_the_same_webhooks(
    standin: StandIn, receiver: Any, open_session: Callable[..., Any]
) -> None:
    stories = []

    for _ in range(2):
        receiver.heard.clear()
        standin.faults.update({"drop": {"probability": 0.5}, "seed": 3})
        for _ in range(3):
            standin.pay(open_session().id)
        standin.drain()
        stories.append(receiver.types())

    assert stories[0] == stories[1]
    assert 0 < len(stories[0]) < 15


def test_events_made_while_nobody_wants_webhooks_are_only_listed(
    client: stripe.StripeClient, standin: StandIn, open_session: Callable[..., Any]
) -> None:
    standin.pay(open_session().id)
    standin.drain()

    assert standin.log() == []
    assert len(client.v1.events.list().data) == 5


def test_commands_come_over_http_and_a_wrong_one_says_why(
    standin: StandIn, open_session: Callable[..., Any]
) -> None:
    session = open_session().id

    refused = command(standin, "faults", {"gremlins": {"next": 1}})
    missing = command(standin, "settle", {"session": session, "ok": True})
    advanced = command(standin, "clock", {"seconds": 3601})

    assert (refused[0], "gremlins" in refused[1]["error"]) == (400, True)
    assert missing[0] == 400
    assert advanced[0] == 200
    assert standin.get("checkout.session", session)["status"] == "expired"
    assert command(standin, "nothing", {})[0] == 404
