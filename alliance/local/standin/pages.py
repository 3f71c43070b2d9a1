"""Pages for people: the hosted payment page, and the stand-in's own front page."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from django.template import Context, Engine

from alliance.local.standin import checkout, faults, payments
from alliance.local.standin.account import StripeError
from alliance.local.standin.api import Answer, Request
from alliance.local.standin.schemas import Json

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn

HERE = Path(__file__).parent
FILES = {"/standin.css": "text/css; charset=utf-8", "/standin.svg": "image/svg+xml"}
METHODS = [
    (payments.PAYS, "4242 4242 4242 4242", "A card that pays"),
    (payments.DECLINES, "4000 0000 0000 0002", "A card that is declined"),
    (payments.ASKS_3DS, "4000 0027 6000 3184", "A card that asks for 3-D Secure"),
    (payments.DISPUTED_LATER, "4000 0000 0000 0259", "A card that pays, to be disputed later"),
    (payments.SETTLES_LATER, "DE89 3704 0044 0532 0130 00", "A bank account that settles later"),
]
SYMBOLS = {"eur": "€", "gbp": "£", "usd": "$"}
ROWS = 30
ENGINE = Engine(dirs=[str(HERE / "templates")])


def answer(standin: "StandIn", request: Request) -> Answer:
    """Answer a browser."""
    match request.method, request.path.split("/")[1:]:
        case "GET", [""]:
            return _page("front.html", _front(standin))
        case "GET", [_] if request.path in FILES:
            text = (HERE / request.path[1:]).read_text()
            return Answer(200, text, {"Content-Type": FILES[request.path]})
        case "GET" | "POST", ["c", "pay", session_id, *step] if step in ([], ["3ds"]):
            return _hosted(standin, request, session_id, is_3ds=bool(step))
    return _page("message.html", {"heading": "There is nothing here"}, status=404)


def refusal(reason: str) -> Answer:
    """Tell somebody that a form could not be done, and why."""
    facts = {"heading": "That did not work", "text": reason, "link": "/", "link_text": "Back"}
    return _page("message.html", facts, status=400)


def money(amount: int, currency: str) -> str:
    """Return minor units as people write them: £25.00."""
    figure = str(amount) if currency == "jpy" else f"{amount // 100}.{amount % 100:02}"
    return SYMBOLS.get(currency, f"{currency.upper()} ") + figure


def _hosted(standin: "StandIn", request: Request, session_id: str, *, is_3ds: bool) -> Answer:
    try:
        session = standin.get("checkout.session", session_id)
    except StripeError:
        return _gone(None)
    if session["status"] == "expired":
        return _gone(session)
    if request.method == "POST":
        return _press(standin, session, dict(parse_qsl(request.parameters)), is_3ds=is_3ds)
    return (
        _gone(session)
        if session["status"] == "complete"
        else _ask(standin, session, is_3ds=is_3ds)
    )


def _press(standin: "StandIn", session: Json, form: Json, *, is_3ds: bool) -> Answer:
    """Do what the button on a page asks for, and go where that leads."""
    email, method = session["customer_email"] or form.get("email", ""), form.get("method", "")
    if not is_3ds and "@" not in email:
        return _ask(standin, session, form, error="Write your email address.")
    if not is_3ds and method not in payments.METHODS:
        return _ask(standin, session, form, error="Choose how to pay.")
    try:
        if is_3ds:
            succeeded = form.get("answer") == "complete"
            intent = standin.authenticate(session["id"], succeeded=succeeded)
        else:
            name = form.get("name", "")
            intent = standin.pay(session["id"], method=method, email=email, name=name)
    except StripeError:
        # It expired in the very moment between the look and the press.
        return _gone(None)
    if intent["status"] in ("succeeded", "processing"):
        return Answer(303, "", {"Location": _success_url(session)})
    if intent["status"] == "requires_action":
        return Answer(303, "", {"Location": f"/c/pay/{session['id']}/3ds"})
    return _ask(standin, session, form, error=intent["last_payment_error"]["message"])


def _ask(
    standin: "StandIn",
    session: Json,
    form: Json | None = None,
    *,
    is_3ds: bool = False,
    error: str = "",
) -> Answer:
    """Show the page that takes a payment, or the one that asks whether it is really you."""
    details = session["customer_details"] or {}
    form = form or {}
    facts = {
        "title": checkout.title(standin.account, session),
        "amount": money(session["amount_total"], session["currency"]),
        # Shown after a failed 3-D Secure step, too, whose own address would take it for an answer.
        "action": f"/c/pay/{session['id']}",
        "verb": "Donate" if session["submit_type"] == "donate" else "Pay",
        "cancel_url": session["cancel_url"] or "",
        "email": session["customer_email"] or form.get("email") or details.get("email") or "",
        "is_email_fixed": bool(session["customer_email"]),
        "name": form.get("name") or details.get("name") or "Test Donor",
        "methods": METHODS,
        "method": form.get("method") or payments.PAYS,
        "error": error,
    }
    site = urlsplit(session["success_url"])
    # Browsers hold form-action against the redirect that answers the form, too.
    form_action = f"'self' {site.scheme}://{site.netloc}"
    template = "authenticate.html" if is_3ds else "pay.html"
    return _page(template, facts, form_action=form_action)


def _gone(session: Json | None) -> Answer:
    facts = {
        "heading": "This payment page is no longer available",
        "text": "Nothing was taken. Go back to the site you came from and start again.",
    }
    if session and session["status"] == "complete":
        facts = {
            "heading": "This payment is already made",
            "text": "You need not pay again.",
            "link": _success_url(session),
            "link_text": "Continue",
        }
    elif session and session["cancel_url"]:
        facts |= {"link": session["cancel_url"], "link_text": "Back to the site"}
    return _page("message.html", facts, status=410)


def _success_url(session: Json) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", str(session["id"]))


def _front(standin: "StandIn") -> dict[str, Any]:
    store = standin.account.store
    queued = store.queued()
    return {
        "now": _when(store.now()),
        "webhook_url": standin.webhook_url or "",
        "payments": [
            {
                "id": session["id"],
                "amount": money(session["amount_total"], session["currency"]),
                "title": checkout.title(standin.account, session),
                "email": (session["customer_details"] or {}).get("email") or "nobody yet",
                "at": _when(session["created"]),
                "state": _payment_state(standin, session),
                "url": session["url"],
                "waits": _payment_state(standin, session) == WAITS,
            }
            for session in store.find("checkout.session", limit=ROWS)
        ],
        "events": [
            {
                "id": event["id"],
                "type": event["type"],
                "at": _when(event["created"]),
                "state": _delivery_state(event["id"] in queued, store.attempts(event["id"])),
            }
            for event in store.find("event", limit=ROWS)
        ],
        "faults": [
            {
                "name": name,
                "words": name.replace("_", " "),
                "meaning": faults.NAMES[name],
                "is_set": bool(fault["next"] or fault["probability"]),
                # As text, so that no template filter needs Django's settings.
                **{key: str(value) for key, value in fault.items()},
            }
            for name, fault in standin.faults.settings().items()
        ],
    }


WAITS = "waits for the bank"


def _payment_state(standin: "StandIn", session: Json) -> str:
    if session["status"] != "complete":
        return str(session["status"])
    if session["payment_status"] == "paid":
        return "paid"
    intent = standin.get("payment_intent", session["payment_intent"])
    return WAITS if intent["status"] == "processing" else "returned by the bank"


def _delivery_state(is_queued: bool, attempts: list[tuple[Any, ...]]) -> str:
    statuses = [int(attempt[3]) for attempt in attempts]
    last = f"last answer {statuses[-1] or 'none'}" if statuses else ""
    if is_queued:
        return f"waiting; {len(statuses)} sent, {last}" if statuses else "waiting"
    if not statuses:
        return "never sent"
    if any(status // 100 == 2 for status in statuses):  # noqa: PLR2004  the class of success
        return f"delivered; {len(statuses)} sent, {last}"
    return f"given up; {len(statuses)} sent, {last}"


def _when(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%d %b %Y, %H:%M:%S")


def _page(
    template: str, facts: dict[str, Any], *, status: int = 200, form_action: str = "'self'"
) -> Answer:
    policy = {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "form-action": form_action,
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(f"{key} {value}" for key, value in policy.items()),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Answer(status, ENGINE.get_template(template).render(Context(facts)), headers)
