"""What the front page tells: payments, plans, refunds, disputes, events and faults."""

from typing import TYPE_CHECKING, Any

from alliance.local.standin import checkout, disputes, faults, payments, plan_pages, render
from alliance.local.standin.invoices import PAYABLE
from alliance.local.standin.schemas import Json

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn

ROWS = 30
WAITS = "waits for the bank"


def facts(standin: "StandIn") -> dict[str, Any]:
    """Return everything that the page shows."""
    store = standin.account.store
    queued = store.queued()
    return {
        "now": render.when(store.now()),
        "webhook_url": standin.webhook_url or "",
        "sessions": [_session(standin, found) for found in _latest(standin, "checkout.session")],
        "charges": [_charge(standin, found) for found in _latest(standin, "charge")],
        "plans": [_plan(standin, found) for found in _latest(standin, "subscription")],
        "refunds": [_refund(found) for found in _latest(standin, "refund")],
        "disputes": [_dispute(found) for found in _latest(standin, "dispute")],
        "payouts": [_shared(found) for found in _latest(standin, "payout")],
        "events": [
            {
                "id": event["id"],
                "type": event["type"],
                "at": render.when(event["created"]),
                "state": _delivery_state(event["id"] in queued, store.attempts(event["id"])),
            }
            for event in _latest(standin, "event")
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


def _latest(standin: "StandIn", kind: str) -> list[Json]:
    return standin.account.store.find(kind, limit=ROWS)


def _shared(value: Json) -> Json:
    """Return what is told of everything that has an amount."""
    return {
        "id": value["id"],
        "amount": render.money(value["amount"], value["currency"]),
        "at": render.when(value["created"]),
        "state": value["status"].removeprefix("warning_").replace("_", " "),
    }


def _session(standin: "StandIn", session: Json) -> Json:
    state = _session_state(standin, session)
    rhythm = " a month" if session["mode"] == "subscription" else ""
    return {
        "id": session["id"],
        "amount": render.money(session["amount_total"], session["currency"]) + rhythm,
        "title": checkout.title(standin.account, session),
        "email": (session["customer_details"] or {}).get("email") or "nobody yet",
        "at": render.when(session["created"]),
        "state": state,
        "url": session["url"],
        "waits": state == WAITS,
    }


def _session_state(standin: "StandIn", session: Json) -> str:
    if session["status"] != "complete":
        return str(session["status"])
    if session["payment_status"] == "paid":
        return "paid"
    intent = payments.intent_of(standin.account, session)
    return WAITS if intent["status"] == "processing" else "returned by the bank"


def _charge(standin: "StandIn", charge: Json) -> Json:
    told = _shared(charge)
    refunded = charge["amount_refunded"]
    if refunded:
        told["state"] = f"{render.money(refunded, charge['currency'])} refunded"
    of_it = disputes.of(standin.account, charge)
    if of_it:
        word = "inquiry" if of_it[0]["status"].startswith("warning_") else "disputed"
        told["state"] += f", {word}: {_shared(of_it[0])['state']}"
    has_money = charge["status"] == "succeeded" and refunded < charge["amount"]
    is_disputed = any(dispute["status"] in disputes.OPEN for dispute in of_it)
    return told | {
        "email": charge["billing_details"]["email"] or "",
        "about": charge["description"] or "Single gift",
        "may_refund": has_money and not disputes.forbid_refunds(standin.account, charge),
        "may_dispute": has_money and not is_disputed,
    }


def _plan(standin: "StandIn", plan: Json) -> Json:
    invoice = standin.get("invoice", plan["latest_invoice"])
    owed = invoice["hosted_invoice_url"] if invoice["status"] in PAYABLE else ""
    return plan_pages.plan_facts(standin, plan) | {"owed": owed}


def _refund(refund: Json) -> Json:
    status = refund["status"]
    return _shared(refund) | {
        "is_pending": status == "pending",
        "may_fail": status in ("pending", "succeeded"),
    }


def _dispute(dispute: Json) -> Json:
    status = dispute["status"]
    return _shared(dispute) | {
        "is_inquiry": status.startswith("warning_"),
        "may_close": status in disputes.OPEN,
        "may_review": status == "needs_response",
    }


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
