"""Stripe's HTTP API: routes, keys, idempotency and lists."""

import collections
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from alliance.local.standin import (
    billing,
    checkout,
    contract,
    lists,
    portal,
    refunds,
    subscriptions,
)
from alliance.local.standin.account import Account, CardError, StripeError
from alliance.local.standin.faults import Faults
from alliance.local.standin.schemas import Json

Change = Callable[[Account, str, Json], Json]

# Path below /v1/, kind of object, and what its parameters are called in the SDK.
RESOURCES = {
    "balance_transactions": ("balance_transaction", "BalanceTransaction"),
    "billing_portal/sessions": ("billing_portal.session", "billing_portal.Session"),
    "charges": ("charge", "Charge"),
    "checkout/sessions": ("checkout.session", "checkout.Session"),
    "customers": ("customer", "Customer"),
    "disputes": ("dispute", "Dispute"),
    "events": ("event", "Event"),
    "invoice_payments": ("invoice_payment", "InvoicePayment"),
    "invoices": ("invoice", "Invoice"),
    "payment_intents": ("payment_intent", "PaymentIntent"),
    "payment_methods": ("payment_method", "PaymentMethod"),
    "payouts": ("payout", "Payout"),
    "products": ("product", "Product"),
    "refunds": ("refund", "Refund"),
    "subscriptions": ("subscription", "Subscription"),
}
DEEP = {"billing_portal", "checkout"}
UNREADABLE = {"billing_portal/sessions"}
CREATE: dict[str, Callable[[Account, Json], Json]] = {
    "billing_portal/sessions": portal.create,
    "checkout/sessions": checkout.create,
    "products": Account.create_product,
    "refunds": refunds.create,
}
UPDATE: dict[str, Change] = {"subscriptions": subscriptions.update}
DELETE: dict[str, tuple[str, Change]] = {"subscriptions": ("Cancel", subscriptions.cancel)}
ACTIONS: dict[tuple[str, str], Change] = {
    ("checkout/sessions", "expire"): lambda account, session, _: checkout.expire(account, session),
    ("invoices", "pay"): billing.pay_by_api,
    ("refunds", "cancel"): lambda account, refund, _: refunds.cancel(account, refund),
}
GARBLED = "<html><title>Please wait</title>"
KEY_START = "sk_test_standin_"
REMEMBERED = 10_000


class Request(NamedTuple):
    """One request as it came; `parameters` is the query of a GET, the body of a POST."""

    method: str
    path: str
    parameters: str
    headers: dict[str, str]


class Answer(NamedTuple):
    """What to answer; header names are Stripe's."""

    status: int
    body: str
    headers: dict[str, str]


class Api:
    """The API of one account."""

    def __init__(self, account: Account, faults: Faults) -> None:
        self._account = account
        self._faults = faults
        self._lock = threading.Lock()
        self._keys_in_use: set[str] = set()
        self.requests: collections.deque[str] = collections.deque(maxlen=REMEMBERED)

    def answer(self, request: Request) -> Answer | None:
        """Answer one request; None means to hang up without a word."""
        subject = f"{request.method} {request.path}"
        self.requests.append(subject)
        try:
            answer = self._admit(request, subject)
        except StripeError as error:
            answer = Answer(error.status, json.dumps(error.body), {})
        if answer and self._faults.strikes("hang_up_after", subject):
            time.sleep(self._faults.seconds("hang_up_after"))
            return None
        if answer and self._faults.strikes("garble", subject):
            return Answer(200, GARBLED, answer.headers)
        return answer

    def _admit(self, request: Request, subject: str) -> Answer | None:
        _check_key(request.headers.get("authorization", ""))
        if self._faults.strikes("rate_limit", subject):
            message = "Too many requests hit the API too quickly."
            raise StripeError(message, status=429, code="rate_limit")
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        return self._once(request, key, subject)

    def _once(self, request: Request, key: str | None, subject: str) -> Answer | None:
        """Hold an idempotency key while it is worked for, and through what stalls it."""
        with self._lock:
            if key in self._keys_in_use:
                message = "There is currently another in-progress request using this key."
                code = "idempotency_key_in_use"
                raise StripeError(message, status=409, kind="idempotency_error", code=code)
            if key:
                self._keys_in_use.add(key)
        try:
            if self._faults.strikes("stall", subject):
                time.sleep(self._faults.seconds("stall"))
            if self._faults.strikes("hang_up_before", subject):
                time.sleep(self._faults.seconds("hang_up_before"))
                return None
            return self._saved_or_made(request, key, subject)
        finally:
            with self._lock:
                self._keys_in_use.discard(key or "")

    def _saved_or_made(self, request: Request, key: str | None, subject: str) -> Answer:
        fingerprint = f"{subject}?{request.parameters}"
        saved = self._account.store.saved_answer(key) if key else None
        if saved:
            asked, status, body = saved
            if asked != fingerprint:
                raise StripeError(
                    "Keys for idempotent requests can only be used with the same parameters they"
                    f" were first used with. Try using a key other than '{key}'.",
                    kind="idempotency_error",
                )
            return Answer(status, body, {"Idempotent-Replayed": "true"} | _advice(status))
        work: Callable[[], Any] = self._work(request)
        if self._faults.strikes("server_error", subject):
            work = _break
        with self._account.store.transaction():
            try:
                with self._account.store.savepoint():
                    status, body = _do(work)
            except StripeError as error:
                status, body = error.status, json.dumps(error.body)
            if key:
                self._account.store.save_answer(key, fingerprint, status, body)
        return Answer(status, body, _advice(status))

    def _work(self, request: Request) -> Callable[[], Any]:
        """Return what a request asks for; what the contract refuses is not begun at all."""
        path = request.path.removeprefix("/v1/").split("/")
        depth = 2 if path[0] in DEEP else 1
        name, rest = "/".join(path[:depth]), [unquote(step) for step in path[depth:]]
        if name not in RESOURCES or not request.path.startswith("/v1/"):
            raise _unknown(request)
        kind, types = RESOURCES[name]
        account = self._account
        match request.method, rest:
            case "GET", [] if name not in UNREADABLE:
                parameters = _read(f"{types}ListParams", request, lists.EXPANSIONS.get(kind))
                return lambda: lists.read(account, kind, request.path, parameters)
            case "GET", [identifier] if name not in UNREADABLE:
                _read(f"{types}RetrieveParams", request)
                return lambda: account.get(kind, identifier)
            case "POST", [] if name in CREATE:
                parameters = _read(f"{types}CreateParams", request)
                return lambda: CREATE[name](account, parameters)
            case "POST", [identifier] if name in UPDATE:
                parameters = _read(f"{types}UpdateParams", request)
                return lambda: UPDATE[name](account, identifier, parameters)
            case "POST", [identifier, action] if (name, action) in ACTIONS:
                parameters = _read(f"{types}{action.capitalize()}Params", request)
                return lambda: ACTIONS[name, action](account, identifier, parameters)
            case "DELETE", [identifier] if name in DELETE:
                verb, change = DELETE[name]
                parameters = _read(f"{types}{verb}Params", request)
                return lambda: change(account, identifier, parameters)
        raise _unknown(request)


def _do(work: Callable[[], Any]) -> tuple[int, str]:
    """Work, and return the answer's status and body; a bank's refusal undoes nothing."""
    try:
        return 200, json.dumps(work())
    except CardError as error:
        return error.status, json.dumps(error.body)


def _break() -> None:
    raise StripeError("An unknown error occurred", status=500, kind="api_error")


def _check_key(authorization: str) -> None:
    key = authorization.removeprefix("Bearer ")
    is_live = "_live_" in key
    if is_live or not key.startswith(KEY_START):
        reason = "a live key must never come here" if is_live else f"keys start with {KEY_START}"
        raise StripeError(f"Invalid API Key provided: {reason}.", status=401)


def _read(name: str, request: Request, expansion: list[str] | None = None) -> Json:
    try:
        parameters = contract.read_request(name, request.parameters)
    except contract.RequestRefusedError as error:
        raise StripeError(f"Not in the contract: {error}", code="parameter_invalid") from None
    if parameters.get("expand", expansion) != expansion:
        raise StripeError(f"Of `expand` the stand-in does {expansion} here.", param="expand")
    return parameters


def _advice(status: int) -> dict[str, str]:
    # A saved 500 would only be replayed, so Stripe tells its clients not to ask again.
    advice = {"Stripe-Should-Retry": "false"} if status >= 500 else {}  # noqa: PLR2004  the class
    return advice | {"Request-Id": f"req_{secrets.token_hex(7)}"}


def _unknown(request: Request) -> StripeError:
    message = f"Unrecognized request URL ({request.method}: {request.path}) at the stand-in."
    return StripeError(message, status=404)
