from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn, contract

KINDS = [
    *("balance_transaction", "billing_portal.session", "charge", "checkout.session", "customer"),
    *("dispute", "invoice", "invoice_payment", "payment_intent", "payment_method", "payout"),
    *("price", "product", "refund", "subscription"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_drifts_from_the_sdk_s_types_is_stopped(kind: str) -> None:
    made = contract.skeleton(kind)

    contract.check_object(made)

    for drifted in (made | {"colour": "red"}, made | {"id": 7}, made | {"created": None}):
        with pytest.raises(contract.DriftError, match=kind):
            contract.check_object(drifted)


def test_an_event_is_held_to_its_type_and_to_the_object_it_carries() -> None:
    event = contract.skeleton("event") | {"type": "charge.succeeded"}
    event["data"] = {"object": contract.skeleton("charge")}

    contract.check_object(event)

    with pytest.raises(contract.DriftError, match="event"):
        contract.check_object(event | {"type": "charge.imagined"})
    with pytest.raises(contract.DriftError, match="charge"):
        contract.check_object(event | {"data": {"object": event["data"]["object"] | {"paid": 1}}})


def test_drift_inside_a_request_is_an_error_that_names_itself(
    client: stripe.StripeClient,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(contract, "skeleton", lambda _: {"object": "product", "colour": "red"})

    with pytest.raises(stripe.APIError, match="product"):
        client.v1.products.create({"name": "Roof"})

    assert "DriftError" in capsys.readouterr().err
    assert standin.objects("product") == []


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("limit=7&delivery_success=false", {"limit": 7, "delivery_success": False}),
        ("types[1]=b&types[0]=a", {"types": ["a", "b"]}),
        ("created=5", {"created": 5}),
        ("created[gte]=5", {"created": {"gte": 5}}),
    ],
)
def test_form_text_gets_the_types_that_the_sdk_names(form: str, values: Any) -> None:
    assert contract.read_request("EventListParams", form) == values


@pytest.mark.parametrize(
    "form", ["=1", "x=1", "limit=", "limit=5.5", "types=a", "created[x]=5", "limit=1&limit[a]=2"]
)
def test_forms_that_mean_nothing_are_refused(form: str) -> None:
    with pytest.raises(contract.RequestRefusedError):
        contract.read_request("EventListParams", form)


def test_a_shape_that_is_not_for_sale_never_breaks_the_server(
    standin: StandIn, browse: Callable[..., Any]
) -> None:
    key = {"Authorization": "Bearer sk_test_standin_1"}
    odd = {"line_items[0][price_data]": "x", "metadata[a][b]": "1", "mode": "payment"}

    answer = browse(f"{standin.base_url}/v1/checkout/sessions", odd, **key)

    assert answer.status == 400
    assert standin.objects("checkout.session") == []
