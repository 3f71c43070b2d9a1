"""The billing portal: a short-lived page where somebody changes the card or ends a plan."""

from alliance.local.standin.account import Account, StripeError, refuse_unknown
from alliance.local.standin.schemas import Json

FLOW = "payment_method_update"


def create(account: Account, request: Json) -> Json:
    """Open the portal for a customer; `flow_data` narrows it to changing the card."""
    refuse_unknown(request, {"customer", "flow_data", "locale", "return_url"})
    flow = request.get("flow_data")
    refuse_unknown(flow or {}, {"type", "after_completion"})
    if flow and flow["type"] != FLOW:
        raise StripeError(f"The stand-in does {FLOW} only.", param="flow_data[type]")
    customer = account.get("customer", request.get("customer", ""), "customer")
    after = (flow or {}).get("after_completion", {"type": "portal_homepage"})
    if after["type"] == "redirect" and "redirect" not in after:
        raise StripeError("Say where to go.", param="flow_data[after_completion][redirect]")
    session = account.new(
        "billing_portal.session",
        configuration="bpc_standin",
        customer=customer["id"],
        flow=flow and {"type": FLOW, "after_completion": after},
        locale=request.get("locale"),
        return_url=request.get("return_url"),
    )
    account.change(session, url=f"{account.base_url}/p/session/{session['id']}")
    account.emit("billing_portal.session.created", session)
    return session


def afterwards(session: Json) -> str | None:
    """Return where to go once the card is changed, None to stay on the page."""
    if not session["flow"]:
        return None
    redirect = session["flow"]["after_completion"].get("redirect")
    return str(redirect["return_url"]) if redirect else session["return_url"]
