"""A stand-in, the real SDK pointed at it, a browser without patience and a receiver with moods."""

import contextlib
import dataclasses
import http.client
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from alliance.local.standin import StandIn

SECRET = "whsec_test"
Json = dict[str, Any]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(webhook_secret=SECRET) as running:
        yield running


def sdk(standin: StandIn, **options: Any) -> stripe.StripeClient:
    """Return the SDK as the site uses it; retries only where a test asks for them."""
    usual: Json = {"api_key": "sk_test_standin_1", "max_network_retries": 0}
    return stripe.StripeClient(base_addresses={"api": standin.base_url}, **usual | options)


@pytest.fixture
def connect() -> Callable[..., stripe.StripeClient]:
    return sdk


@pytest.fixture
def client(standin: StandIn) -> stripe.StripeClient:
    return sdk(standin)


@pytest.fixture
def gift() -> Callable[..., Json]:
    """Return what the site sends to open a session; keywords replace parameters."""

    def parameters(amount: int = 2500, **changes: Any) -> Json:
        price = {
            "currency": "gbp",
            "unit_amount": amount,
            "product_data": {"name": "Mend <the> roof"},
        }
        return {
            "mode": "payment",
            "submit_type": "donate",
            "client_reference_id": "donation-1",
            "metadata": {"donation": "donation-1"},
            "customer_creation": "if_required",
            "adaptive_pricing": {"enabled": False},
            "expires_at": int(time.time()) + 3600,
            "locale": "en-GB",
            "success_url": "http://127.0.0.1:8000/g/1/?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/c/roof/",
            "line_items": [{"quantity": 1, "price_data": price}],
            "payment_intent_data": {"metadata": {"donation": "donation-1"}},
        } | changes

    return parameters


@pytest.fixture
def open_session(
    client: stripe.StripeClient, gift: Callable[..., Json]
) -> Callable[..., stripe.checkout.Session]:
    return lambda **changes: client.v1.checkout.sessions.create(gift(**changes))  # type: ignore[arg-type]  # a dict is what travels


@pytest.fixture
def plan(gift: Callable[..., Json]) -> Callable[..., Json]:
    """Return what the site sends to open a session for a monthly plan."""

    def parameters(amount: int = 500, **changes: Any) -> Json:
        price = {
            "currency": "gbp",
            "unit_amount": amount,
            "product_data": {"name": "Mend the roof"},
            "recurring": {"interval": "month"},
        }
        once = gift(line_items=[{"quantity": 1, "price_data": price}])
        del once["customer_creation"], once["payment_intent_data"]
        wishes = {"description": "Roof, monthly", "metadata": {"donation": "donation-1"}}
        return (
            once
            | {"mode": "subscription", "customer_email": "ada@example.org"}
            | {"subscription_data": wishes}
            | changes
        )

    return parameters


@pytest.fixture
def start(
    client: stripe.StripeClient, standin: StandIn, plan: Callable[..., Json]
) -> Callable[..., stripe.Subscription]:
    """Return a function that begins a monthly plan, paid by a method, and returns it."""

    def begin(method: str = "4242424242424242", **changes: Any) -> stripe.Subscription:
        session = client.v1.checkout.sessions.create(plan(**changes))  # type: ignore[arg-type]
        standin.pay(session.id, method=method)
        paid = client.v1.checkout.sessions.retrieve(session.id)
        return client.v1.subscriptions.retrieve(str(paid.subscription))

    return begin


@dataclasses.dataclass
class Page:
    status: int
    text: str
    headers: dict[str, str]


@pytest.fixture
def browse() -> Callable[..., Page]:
    """Return a browser that does not follow redirects; with form fields it posts them."""

    def visit(url: str, form: dict[str, str] | None = None, **headers: str) -> Page:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
        with contextlib.closing(connection):
            if form is None:
                connection.request("GET", address.path or "/", headers=headers)
            else:
                usual = {"Content-Type": "application/x-www-form-urlencoded"}
                connection.request("POST", address.path, urlencode(form), usual | headers)
            answer = connection.getresponse()
            return Page(answer.status, answer.read().decode(), dict(answer.getheaders()))

    return visit


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook endpoint that answers with `moods` in turn, then always 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Ear)
        self.url = f"http://127.0.0.1:{self.server_port}/stripe/webhook/"
        self.moods: list[int] = []
        self.heard: list[tuple[bytes, str, int]] = []

    def types(self) -> list[str]:
        """Return the types of the events accepted, in order; a wrong signature raises."""
        return [
            stripe.Webhook.construct_event(body, signature, SECRET).type
            for body, signature, status in self.heard
            if status == 200
        ]


class _Ear(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.moods.pop(0) if self.server.moods else 200
        self.server.heard.append((body, self.headers["Stripe-Signature"], status))
        self.send_response(status)
        self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver(standin: StandIn) -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        standin.webhook_url = server.url
        yield server
        standin.webhook_url = None
        server.shutdown()
        thread.join()
