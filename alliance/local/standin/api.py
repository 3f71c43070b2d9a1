"""Stripe's HTTP API: routes, keys, idempotency and lists."""

import collections
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from alliance.local.standin import checkout, contract, payments
from alliance.local.standin.account import Account, StripeError
from alliance.local.standin.faults import Faults
from alliance.local.standin.schemas import Json

# Path below /v1/, kind of object, and what its parameters are called in the SDK.
RESOURCES = {
    "balance_transactions": ("balance_transaction", "BalanceTransaction"),
    "charges": ("charge", "Charge"),
    "checkout/sessions": ("checkout.session", "checkout.Session"),
    "customers": ("customer", "Customer"),
    "events": ("event", "Event"),
    "payment_intents": ("payment_intent", "PaymentIntent"),
    "products": ("product", "Product"),
    "refunds": ("refund", "Refund"),
}
CREATE: dict[str, Callable[[Account, Json], Json]] = {
    "checkout/sessions": checkout.create,
    "products": Account.create_product,
    "refunds": payments.refund,
}
KEY_START = "sk_test_standin_"
LONGEST_PAGE = 100
PAGE = 10
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
                    status, body = 200, json.dumps(work())
            except StripeError as error:
                status, body = error.status, json.dumps(error.body)
            if key:
                self._account.store.save_answer(key, fingerprint, status, body)
        return Answer(status, body, _advice(status))

    def _work(self, request: Request) -> Callable[[], Any]:
        """Return what a request asks for; what the contract refuses is not begun at all."""
        path = request.path.removeprefix("/v1/").split("/")
        depth = 2 if path[0] == "checkout" else 1
        name, rest = "/".join(path[:depth]), [unquote(step) for step in path[depth:]]
        if name not in RESOURCES or not request.path.startswith("/v1/"):
            raise _unknown(request)
        kind, types = RESOURCES[name]
        match request.method, rest:
            case "GET", []:
                parameters = _read(f"{types}ListParams", request)
                return lambda: self._list(kind, request.path, parameters)
            case "GET", [identifier]:
                _read(f"{types}RetrieveParams", request)
                return lambda: self._account.get(kind, identifier)
            case "POST", [] if name in CREATE:
                parameters = _read(f"{types}CreateParams", request)
                return lambda: CREATE[name](self._account, parameters)
            case "POST", [identifier, "expire"] if kind == "checkout.session":
                _read(f"{types}ExpireParams", request)
                return lambda: checkout.expire(self._account, identifier)
        raise _unknown(request)

    def _list(self, kind: str, path: str, parameters: Json) -> Json:
        fields = dict(parameters)
        after, before = fields.pop("starting_after", None), fields.pop("ending_before", None)
        limit = fields.pop("limit", PAGE)
        if not 1 <= limit <= LONGEST_PAGE:
            raise StripeError(f"Invalid integer: limit must be 1 to {LONGEST_PAGE}", param="limit")
        for cursor, param in ((after, "starting_after"), (before, "ending_before")):
            if cursor is not None:
                self._account.get(kind, cursor, param)
        if "types" in fields:
            fields["type"] = fields.pop("types")
        if "delivery_success" in fields:
            is_delivered = fields.pop("delivery_success")
            fields["pending_webhooks"] = 0 if is_delivered else {"gt": 0}
        for field in fields.keys() - (contract.object_fields(kind) - {"customer_details"}):
            raise StripeError(f"The stand-in does not filter by `{field}` yet.", param=field)
        found = self._account.store.find(
            kind, fields=fields, before=before, after=after, limit=limit + 1
        )
        page = found[-limit:] if before else found[:limit]
        return {"object": "list", "url": path, "data": page, "has_more": len(found) > limit}


def _break() -> None:
    raise StripeError("An unknown error occurred", status=500, kind="api_error")


def _check_key(authorization: str) -> None:
    key = authorization.removeprefix("Bearer ")
    is_live = "_live_" in key
    if is_live or not key.startswith(KEY_START):
        reason = "a live key must never come here" if is_live else f"keys start with {KEY_START}"
        raise StripeError(f"Invalid API Key provided: {reason}.", status=401)


def _read(name: str, request: Request) -> Json:
    try:
        parameters = contract.read_request(name, request.parameters)
    except contract.RequestRefusedError as error:
        raise StripeError(f"Not in the contract: {error}", code="parameter_invalid") from None
    if "expand" in parameters:
        raise StripeError("The stand-in does not do `expand` yet.", param="expand")
    return parameters


def _advice(status: int) -> dict[str, str]:
    # A saved 500 would only be replayed, so Stripe tells its clients not to ask again.
    advice = {"Stripe-Should-Retry": "false"} if status >= 500 else {}  # noqa: PLR2004  the class
    return advice | {"Request-Id": f"req_{secrets.token_hex(7)}"}


def _unknown(request: Request) -> StripeError:
    message = f"Unrecognized request URL ({request.method}: {request.path}) at the stand-in."
    return StripeError(message, status=404)
