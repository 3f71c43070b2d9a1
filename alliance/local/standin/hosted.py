"""The hosted payment page of a Checkout Session, and its 3-D Secure step."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from alliance.local.standin import checkout, methods, render
from alliance.local.standin.account import StripeError
from alliance.local.standin.api import Answer, Request
from alliance.local.standin.schemas import Json

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn


def answer(standin: "StandIn", request: Request, session_id: str, *, is_3ds: bool) -> Answer:
    """Answer a browser on the page of one session."""
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
    if not is_3ds and method not in checkout.numbers(session):
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
    rhythm = " a month" if session["mode"] == "subscription" else ""
    facts = {
        "title": checkout.title(standin.account, session),
        "amount": render.money(session["amount_total"], session["currency"]) + rhythm,
        # Shown after a failed 3-D Secure step, too, whose own address would take it for an answer.
        "action": f"/c/pay/{session['id']}",
        "verb": "Donate" if session["submit_type"] == "donate" else "Pay",
        "cancel_url": session["cancel_url"] or "",
        "email": session["customer_email"] or form.get("email") or details.get("email") or "",
        "is_email_fixed": bool(session["customer_email"]),
        "name": form.get("name") or details.get("name") or "Test Donor",
        "methods": [shown for shown in methods.ALL if shown.number in checkout.numbers(session)],
        "method": form.get("method") or methods.PAYS,
        "error": error,
    }
    template = "authenticate.html" if is_3ds else "pay.html"
    return render.page(template, facts, leads_to=session["success_url"])


def _gone(session: Json | None) -> Answer:
    if session and session["status"] == "complete":
        link = {"link": _success_url(session), "link_text": "Continue"}
        text = "You need not pay again."
        return render.message("This payment is already made", status=410, text=text, **link)
    link = {}
    if session and session["cancel_url"]:
        link = {"link": session["cancel_url"], "link_text": "Back to the site"}
    heading = "This payment page is no longer available"
    text = "Nothing was taken. Go back to the site you came from and start again."
    return render.message(heading, status=410, text=text, **link)


def _success_url(session: Json) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", str(session["id"]))
