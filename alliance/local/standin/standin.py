"""The stand-in as one object: a running server, and the same things for a test to call."""

import threading
from collections.abc import Iterable
from typing import Any, Self

from alliance.local.standin import (
    balance,
    billing,
    checkout,
    clock,
    disputes,
    invoices,
    methods,
    payments,
    refunds,
)
from alliance.local.standin.account import Account
from alliance.local.standin.api import Api
from alliance.local.standin.faults import Faults
from alliance.local.standin.methods import Refusal
from alliance.local.standin.schemas import Json
from alliance.local.standin.server import Server
from alliance.local.standin.store import Store
from alliance.local.standin.webhooks import Webhooks


class StandIn:
    """A running stand-in: `with StandIn() as standin: StripeClient(…, standin.base_url)`.

    Faults may be set at any time through `faults`, the webhook's address through `webhook_url`;
    events that are made while there is no address are never sent, only listed.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        data: str = ":memory:",
        webhook_url: str | None = None,
        webhook_secret: str = "whsec_standin",  # noqa: S107  signs nothing of worth
        retry_seconds: float = 0.05,
        seed: int = 1,
    ) -> None:
        """Take up the state in `data`; retries wait `retry_seconds`, then twice as long."""
        self.faults: Faults = Faults(seed)
        self._store = Store(data)
        self._webhooks = Webhooks(
            self._store, self.faults, secret=webhook_secret, retry_seconds=retry_seconds
        )
        self._webhooks.url = webhook_url
        self.account = Account(self._store, self._webhooks, self.faults)
        self.api = Api(self.account, self.faults)
        self._server = Server(port, self)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self.account.base_url = self.base_url
        with self._store.transaction():
            # Pages opened in an earlier run were at another address perhaps.
            checkout.move(self.account)
            invoices.move(self.account)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self._webhooks.start(lambda: clock.catch_up(self.account))
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._webhooks.stop()
        self._store.close()

    @property
    def webhook_url(self) -> str | None:
        return self._webhooks.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self._webhooks.url = url

    def objects(self, kind: str, **fields: Any) -> list[Json]:
        """Return objects of a kind, oldest first, whose fields have the values."""
        return self._store.find(kind, fields=fields)[::-1]

    def events(self, kind: str | None = None) -> list[Json]:
        """Return events, oldest first; `kind` is a type or a pattern as `charge.*`."""
        return self.objects("event", type=kind) if kind else self.objects("event")

    def get(self, kind: str, identifier: str) -> Json:
        """Return one object. Raises StripeError where there is none."""
        return self.account.get(kind, identifier)

    def pay(
        self,
        session_id: str,
        *,
        method: str = methods.PAYS,
        email: str = "donor@example.org",
        name: str = "Test Donor",
    ) -> Json:
        """Press Pay on a session's page and return the payment intent."""
        return payments.pay(self.account, session_id, method=method, email=email, name=name)

    def authenticate(self, session_id: str, *, succeeded: bool) -> Json:
        """Answer the 3-D Secure question and return the payment intent."""
        return payments.authenticate(self.account, session_id, succeeded=succeeded)

    def settle(self, session_id: str, *, succeeded: bool) -> Json:
        """Let the bank answer for a delayed payment and return the session."""
        return payments.settle(self.account, session_id, succeeded=succeeded)

    def refund(self, **request: Any) -> Json:
        """Refund a payment as from Stripe's own dashboard."""
        return refunds.create(self.account, request)

    def settle_refund(self, refund: str) -> Json:
        """Let a pending refund succeed."""
        return refunds.settle(self.account, refund)

    def fail_refund(self, refund: str) -> Json:
        """Let a refund fail, pending or succeeded; what was booked for it comes back."""
        return refunds.fail(self.account, refund)

    def cancel_refund(self, refund: str) -> Json:
        """Take a pending refund back."""
        return refunds.cancel(self.account, refund)

    def dispute(self, payment: str, amount: int | None = None, *, inquiry: bool = False) -> Json:
        """Dispute a payment intent or a charge, all that is left of it or an `amount`."""
        return disputes.open_dispute(self.account, payment, amount=amount, is_inquiry=inquiry)

    def update_dispute(self, dispute: str, *, status: str = "under_review") -> Json:
        """Move a dispute on; an inquiry that moves to `needs_response` takes the money."""
        return disputes.update(self.account, dispute, status=status)

    def close_dispute(self, dispute: str, outcome: str) -> Json:
        """End a dispute, `won` or `lost`; an inquiry just closes."""
        return disputes.close(self.account, dispute, outcome=outcome)

    def payout(self, currency: str | None = None) -> Json:
        """Pay all that is in the balance to the bank, and return the payout."""
        return balance.pay_out(self.account, currency)

    def pay_invoice(self, invoice: str, *, method: str = methods.PAYS) -> Json:
        """Pay an invoice on its page, 3-D Secure included; its status tells whether it worked."""
        billing.pay_on_page(self.account, invoice, method)
        return self.get("invoice", invoice)

    def change_card(self, owner: str, *, method: str = methods.PAYS) -> Refusal | None:
        """Give a customer, or a subscription's customer, another card for all their plans.

        Returns why the bank refused, None where the card is theirs now.
        """
        return billing.change_card(self.account, owner, method)

    def advance(self, seconds: int) -> None:
        """Move the stand-in's clock forward; what falls due on the way happens at its moment.

        Plans renew, invoices that were not paid are tried again, pauses and sessions end.
        """
        clock.advance(self.account, seconds)

    def resend(self, events: Iterable[str]) -> None:
        """Send events once more, delivered or not."""
        for event in events:
            self._webhooks.resend(self.get("event", event)["id"])

    def signed(self, event: Json) -> tuple[bytes, str]:
        """Return an event as a webhook's body and its `Stripe-Signature` header."""
        return self._webhooks.signed(event)

    def requests(self, start: str = "") -> list[str]:
        """Return the latest API requests that begin so, as `GET /v1/events`, oldest first."""
        return [request for request in list(self.api.requests) if request.startswith(start)]

    def log(self) -> list[Json]:
        """Return every attempt to deliver, oldest first; status 0 is no answer at all."""
        names = ("event", "type", "attempt", "status", "at")
        return [dict(zip(names, row, strict=True)) for row in self._store.attempts()]

    def drain(self, timeout: float = 10.0) -> None:
        """Wait until every webhook is delivered or given up. Raises TimeoutError (seconds)."""
        self._webhooks.drain(timeout)
