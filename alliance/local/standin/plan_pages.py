"""Hosted pages of plans: an invoice to be paid, and the portal to change a card or end a plan."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from alliance.local.standin import invoices, methods, render, subscriptions
from alliance.local.standin import portal as portals
from alliance.local.standin.account import StripeError
from alliance.local.standin.api import Answer, Request
from alliance.local.standin.schemas import Json

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn

NOT_YOU = "We could not authenticate your card."
CHOOSE = "Choose a card."


def invoice(standin: "StandIn", request: Request, invoice_id: str) -> Answer:
    """Answer a browser on the page of an invoice."""
    try:
        owed = standin.get("invoice", invoice_id)
    except StripeError:
        return render.message("There is no such invoice", status=404)
    amount = render.money(owed["amount_due"], owed["currency"])
    if owed["status"] not in invoices.PAYABLE:
        is_paid = owed["status"] == "paid"
        heading = f"{amount} is paid" if is_paid else "There is nothing to pay"
        return render.message(heading, text="Thank you. You may close this page.")
    facts = {
        "title": owed["description"] or "Your monthly plan",
        "amount": amount,
        "note": "This month could not be collected. The card that pays is used from now on, too.",
        "verb": f"Pay {amount}",
    }
    if request.method == "GET":
        return _choose(facts)
    form = dict(parse_qsl(request.parameters))
    if asked := _not_yet(facts, form):
        return asked
    paid = standin.pay_invoice(invoice_id, method=form["method"])
    if paid["status"] == "paid":
        return Answer(303, "", {"Location": request.path})
    intent = invoices.intent_of(standin.account, paid)
    return _choose(facts, form, error=intent["last_payment_error"]["message"])


def portal(standin: "StandIn", request: Request, session_id: str) -> Answer:
    """Answer a browser on the page of a portal session."""
    try:
        session = standin.get("billing_portal.session", session_id)
    except StripeError:
        return render.message("This page is no longer available", status=410)
    facts = _portal_facts(standin, session)
    if request.method == "GET":
        return _choose(facts)
    form = dict(parse_qsl(request.parameters))
    if "cancel" in form:
        _end(standin, session, form["cancel"])
        return Answer(303, "", {"Location": request.path})
    if asked := _not_yet(facts, form):
        return asked
    if refused := standin.change_card(session["customer"], method=form["method"]):
        return _choose(facts, form, error=refused.message)
    return Answer(303, "", {"Location": portals.afterwards(session) or request.path})


def plan_facts(standin: "StandIn", plan: Json) -> Json:
    """Return what people are told of a plan."""
    (item,) = plan["items"]["data"]
    card = standin.get("payment_method", plan["default_payment_method"])["card"]
    is_running = plan["status"] in subscriptions.RUNNING
    state = str(plan["status"]).replace("_", " ")
    if is_running and plan["pause_collection"]:
        state = "paused"
    if is_running and plan["cancel_at_period_end"]:
        state = "ends with this month"
    valid_until = f"{card['exp_month']:02}/{card['exp_year']}"
    return {
        "id": plan["id"],
        "amount": render.money(item["price"]["unit_amount"], plan["currency"]),
        "title": standin.get("product", item["price"]["product"])["name"],
        "card": f"{card['brand'].capitalize()} {card['last4']}, valid until {valid_until}",
        "next": render.when(item["current_period_end"]),
        "state": state,
        "is_running": is_running,
    }


def _portal_facts(standin: "StandIn", session: Json) -> Json:
    plans = subscriptions.of(standin.account, session["customer"])
    return {
        "title": "Your card for each month",
        "note": "" if plans else "No monthly plan is running.",
        "plans": [plan_facts(standin, plan) for plan in plans],
        "may_end": not session["flow"],
        "back": session["return_url"],
        "verb": "Use this card",
        "leads_to": portals.afterwards(session),
    }


def _end(standin: "StandIn", session: Json, plan_id: str) -> None:
    """End one of the customer's own plans; a second press changes nothing."""
    plans = subscriptions.of(standin.account, session["customer"])
    if not session["flow"] and plan_id in {plan["id"] for plan in plans}:
        subscriptions.cancel(standin.account, plan_id, {})


def _not_yet(facts: Json, form: dict[str, str]) -> Answer | None:
    """Return the page to show before a chosen card is used, None where it may be."""
    method = form.get("method", "")
    if method not in methods.CARD_NUMBERS:
        return _choose(facts, form, error=CHOOSE)
    if method != methods.ASKS_3DS or form.get("answer") == "complete":
        return None
    if "answer" in form:
        return _choose(facts, form, error=NOT_YOU)
    asking = facts | {"method": method}
    return render.page("authenticate.html", asking, leads_to=facts.get("leads_to"))


def _choose(facts: Json, form: dict[str, str] | None = None, *, error: str = "") -> Answer:
    method = (form or {}).get("method") or methods.PAYS
    choosing = facts | {"methods": methods.CARDS, "method": method, "error": error}
    return render.page("card.html", choosing, leads_to=facts.get("leads_to"))
