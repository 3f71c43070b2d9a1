import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn, api
from alliance.local.standin.account import Account, StripeError

Json = dict[str, Any]
Connect = Callable[..., stripe.StripeClient]
SESSIONS = "POST /v1/checkout/sessions"


def create(client: stripe.StripeClient, parameters: Json, key: str = "d:1:s:1") -> Any:
    return client.v1.checkout.sessions.create(parameters, {"idempotency_key": key})  # type: ignore[arg-type]


def test_the_same_key_and_parameters_get_the_first_answer_again(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    wanted = gift()

    first, again = create(client, wanted), create(client, wanted)
    other = create(client, wanted, "d:1:s:2")

    assert first.id == again.id != other.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(standin.objects("checkout.session")) == 2


def test_the_same_key_with_other_parameters_or_another_path_is_refused(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    session = create(client, gift())

    with pytest.raises(stripe.IdempotencyError) as other_parameters:
        create(client, gift(amount=2600))
    with pytest.raises(stripe.IdempotencyError):
        client.v1.checkout.sessions.expire(session.id, {}, {"idempotency_key": "d:1:s:1"})

    assert other_parameters.value.http_status == 400
    assert [s["status"] for s in standin.objects("checkout.session")] == ["open"]


def test_a_server_error_is_kept_for_its_key_and_not_for_another(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    standin.faults.set("server_error", next=1, only=SESSIONS)
    wanted = gift()

    with pytest.raises(stripe.APIError) as first:
        create(client, wanted)
    with pytest.raises(stripe.APIError) as again:
        create(client, wanted)
    create(client, wanted, "d:1:s:2")

    assert (first.value.http_status, again.value.http_status) == (500, 500)
    assert (again.value.headers or {})["Idempotent-Replayed"] == "true"
    assert len(standin.objects("checkout.session")) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "hang_up_before"])
def test_what_never_began_leaves_the_key_free(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json], fault: str
) -> None:
    standin.faults.set(fault, next=1, seconds=0)
    wanted = gift()

    with pytest.raises((stripe.RateLimitError, stripe.APIConnectionError)):
        create(client, wanted)
    before = standin.objects("checkout.session")
    create(client, wanted)

    assert before == []
    assert len(standin.objects("checkout.session")) == 1


def test_a_lost_answer_is_found_again_by_the_sdk_s_own_retry(
    standin: StandIn, connect: Connect, gift: Callable[..., Json]
) -> None:
    standin.faults.set("hang_up_after", next=1, seconds=0)

    session = create(connect(standin, max_network_retries=1), gift())

    assert [s["id"] for s in standin.objects("checkout.session")] == [session.id]
    assert standin.requests() == [SESSIONS, SESSIONS]


@pytest.mark.parametrize(("fault", "made"), [("hang_up_before", 0), ("hang_up_after", 1)])
def test_a_time_out_falls_before_or_after_the_effect(
    standin: StandIn, connect: Connect, gift: Callable[..., Json], fault: str, made: int
) -> None:
    standin.faults.set(fault, next=1, seconds=0.5)
    hasty = connect(standin, http_client=stripe.RequestsClient(timeout=0.1))

    with pytest.raises(stripe.APIConnectionError):
        create(hasty, gift())

    assert len(standin.objects("checkout.session")) == made


def test_a_key_in_use_is_refused_to_the_second_and_serves_the_first(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    standin.faults.set("stall", next=2, seconds=0.5)
    wanted, ends = gift(), []

    def ask() -> None:
        try:
            ends.append(create(client, wanted).id)
        except stripe.StripeError as error:
            told: Any = error.json_body
            ends.append((error.http_status, told["error"]["code"]))

    both = [threading.Thread(target=ask) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    (session,) = standin.objects("checkout.session")
    assert ends == [(409, "idempotency_key_in_use"), session["id"]]


def test_a_key_is_forgotten_after_a_day(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    wanted = gift(expires_at=None)
    del wanted["expires_at"]
    first = create(client, wanted)

    standin.advance(24 * 60 * 60 + 1)
    later = create(client, wanted)

    assert first.id != later.id


def test_a_refusal_half_way_is_kept_for_its_key_and_what_was_half_done_is_not(
    client: stripe.StripeClient, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_then_refuse(account: Account, request: Json) -> Json:
        account.create_product(request)
        raise StripeError("Changed my mind.")

    monkeypatch.setitem(api.CREATE, "products", make_then_refuse)

    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="Changed my mind") as refusal:
            client.v1.products.create({"name": "Roof"}, {"idempotency_key": "p:1"})
        assert (refusal.value.headers or {}).get("Idempotent-Replayed") == replayed
    assert standin.objects("product") == standin.events() == []
