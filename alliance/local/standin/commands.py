"""Commands under /_standin/: what a dashboard and a bank would do, as JSON or by a form."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from alliance.local.standin import pages
from alliance.local.standin.account import StripeError
from alliance.local.standin.api import Answer, Request
from alliance.local.standin.contract import nested
from alliance.local.standin.schemas import Json

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn

FORM = "application/x-www-form-urlencoded"


def _is(value: Any) -> bool:
    return value in (True, "true")


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def _refund(standin: "StandIn", given: Json) -> Json:
    """Refund a charge: `amount` in minor units, or `figure` as people write it; without, all."""
    request = {key: value for key, value in given.items() if key != "figure"}
    if figure := given.get("figure", "").strip():
        currency = standin.get("charge", given["charge"])["currency"]
        request["amount"] = _minor(figure, currency)
    return standin.refund(**request)


def _minor(figure: str, currency: str) -> int:
    """Return what somebody wrote, such as 12.50, in minor units. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,7})(?:\.(\d{2}))?", figure)
    if not found or (currency == "jpy" and found[2]):
        raise ValueError(f"{figure!r} is no amount: write 5 or 12.50.")
    return int(found[1]) if currency == "jpy" else int(found[1]) * 100 + int(found[2] or 0)


COMMANDS: dict[str, Callable[["StandIn", Json], Any]] = {
    "cancel_refund": lambda standin, given: standin.cancel_refund(given["refund"]),
    "change_card": lambda standin, given: standin.change_card(**given),
    "clock": lambda standin, given: standin.advance(int(given["seconds"])),
    "close_dispute": lambda standin, given: standin.close_dispute(**given),
    "dispute": lambda standin, given: standin.dispute(
        given["payment"], given.get("amount"), inquiry=_is(given.get("inquiry"))
    ),
    "fail_refund": lambda standin, given: standin.fail_refund(given["refund"]),
    "faults": lambda standin, given: standin.faults.update(given),
    "pay_invoice": lambda standin, given: standin.pay_invoice(**given),
    "payout": lambda standin, given: standin.payout(given.get("currency")),
    "refund": _refund,
    "resend": lambda standin, given: standin.resend(_list(given["events"])),
    "settle": lambda standin, given: standin.settle(given["session"], succeeded=_is(given["ok"])),
    "settle_refund": lambda standin, given: standin.settle_refund(given["refund"]),
    "update_dispute": lambda standin, given: standin.update_dispute(**given),
}


def answer(standin: "StandIn", request: Request) -> Answer:
    """Do one command, sent as JSON or by a form of the front page."""
    name = request.path.removeprefix("/_standin/")
    if (request.method, name) == ("GET", "log"):
        return Answer(200, json.dumps(standin.log()), {})
    if request.method != "POST" or name not in COMMANDS:
        return Answer(404, json.dumps({"error": "There is no such command."}), {})
    is_form = request.headers.get("content-type", "").startswith(FORM)
    try:
        given = nested(request.parameters) if is_form else json.loads(request.parameters or "{}")
        result = COMMANDS[name](standin, cast("Json", given))
    except (StripeError, LookupError, TypeError, ValueError) as error:
        if is_form:
            return pages.refusal(str(error))
        return Answer(400, json.dumps({"error": str(error)}), {})
    if is_form:
        return Answer(303, "", {"Location": "/"})
    return Answer(200, json.dumps(result), {})
