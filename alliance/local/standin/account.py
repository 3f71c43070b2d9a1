"""One Stripe account: its objects, its errors, and the events that follow a change."""

import secrets
from typing import Any

from alliance.local.standin import contract
from alliance.local.standin.faults import Faults
from alliance.local.standin.schemas import Json
from alliance.local.standin.store import Store
from alliance.local.standin.webhooks import Webhooks

PREFIXES = {
    "balance_transaction": "txn_",
    "billing_portal.session": "bps_",
    "charge": "ch_",
    "checkout.session": "cs_test_",
    "customer": "cus_",
    "dispute": "du_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "payout": "po_",
    "price": "price_",
    "product": "prod_",
    "refund": "re_",
    "subscription": "sub_",
}
PRODUCT_PARAMETERS = {"id", "name", "description", "metadata"}


class StripeError(Exception):
    """An answer that refuses, in Stripe's shape."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        **details: str | None,
    ) -> None:
        """Keep the HTTP status and body; `details` are Stripe's `code` and `param`."""
        super().__init__(message)
        self.status = status
        error = {"type": kind, "message": message, **details}
        self.body: Json = {"error": {key: value for key, value in error.items() if value}}


class CardError(StripeError):
    """A bank's refusal: an answer that refuses, though what happened before it stays."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, status=402, kind="card_error", code=code)


def refuse_unknown(request: Json, known: set[str]) -> None:
    """Refuse what Stripe takes and the stand-in would have to ignore in silence."""
    for name in request.keys() - known:
        raise StripeError(f"The stand-in does not do `{name}` yet.", param=name)


class Account:
    """Objects that are checked against the contract whenever they change or leave."""

    def __init__(self, store: Store, webhooks: Webhooks, faults: Faults) -> None:
        self.base_url = ""
        self.faults = faults
        self.store = store
        self.webhooks = webhooks

    def get(self, kind: str, identifier: str, param: str = "id") -> Json:
        """Return an object. Raises StripeError (404) where there is none."""
        try:
            return self.store.get(identifier, kind)
        except LookupError:
            message = f"No such {kind.replace('.', ' ')}: '{identifier}'"
            code = "resource_missing"
            raise StripeError(message, status=404, code=code, param=param) from None

    def new(self, kind: str, request: Json | None = None, **fields: Any) -> Json:
        """Make and save an object; `request` is kept with it and never shown."""
        usual = {"created": self.store.now(), "livemode": False, "metadata": {}}
        usual = {key: usual[key] for key in usual.keys() & contract.object_fields(kind)}
        identity = {"id": PREFIXES[kind] + secrets.token_hex(12)}
        made = contract.skeleton(kind) | identity | usual | fields
        self.store.put(contract.check_object(made), request)
        return made

    def change(self, value: Json, **fields: Any) -> None:
        """Change an object, here and in the store."""
        value.update(fields)
        self.store.put(contract.check_object(value))

    def emit(self, kind: str, value: Json, **previous: Any) -> None:
        """Record an event about an object and send it; `previous` are the values before."""
        about: Json = {"object": value}
        if previous:
            about["previous_attributes"] = previous
        event = self.new(
            "event",
            api_version=contract.API_VERSION,
            data=about,
            pending_webhooks=int(self.webhooks.url is not None),
            request={"id": None, "idempotency_key": None},
            type=kind,
        )
        self.webhooks.announce(event)

    def create_product(self, request: Json) -> Json:
        """Make a product, under the caller's own id where one is given."""
        refuse_unknown(request, PRODUCT_PARAMETERS)
        if self.store.find("product", fields={"id": request.get("id", "")}):
            code = "resource_already_exists"
            raise StripeError("Product already exists.", code=code, param="id")
        updated = self.store.now()
        product = self.new("product", **request, active=True, type="service", updated=updated)
        self.emit("product.created", product)
        return product
