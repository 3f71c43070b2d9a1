"""Lists of the API: filters, pages, and the one expansion that the site asks for."""

from alliance.local.standin import contract, subscriptions
from alliance.local.standin.account import Account, StripeError
from alliance.local.standin.schemas import Json

LONGEST = 100
USUAL = 10
# Where a filter's value is found, if not in a field of its name.
PATHS = {("invoice", "subscription"): "parent.subscription_details.subscription"}
NOTED = {("balance_transaction", "payout")}
UNFILTERED = {"customer_details"}
EXPANSIONS = {"balance_transaction": ["data.source"]}


def read(account: Account, kind: str, path: str, parameters: Json) -> Json:
    """Return one page of a list, newest first."""
    wanted = dict(parameters)
    after, before = wanted.pop("starting_after", None), wanted.pop("ending_before", None)
    limit = wanted.pop("limit", USUAL)
    is_expanded = bool(wanted.pop("expand", None))
    if not 1 <= limit <= LONGEST:
        raise StripeError(f"Invalid integer: limit must be 1 to {LONGEST}", param="limit")
    for cursor, param in ((after, "starting_after"), (before, "ending_before")):
        if cursor is not None:
            account.get(kind, cursor, param)
    noted = {name: wanted.pop(name) for name in list(wanted) if (kind, name) in NOTED}
    found = account.store.find(
        kind,
        fields=_fields(kind, wanted),
        noted=noted,
        before=before,
        after=after,
        limit=limit + 1,
    )
    page = found[-limit:] if before else found[:limit]
    if is_expanded:
        page = [_with_source(account, entry) for entry in page]
    return {"object": "list", "url": path, "data": page, "has_more": len(found) > limit}


def _fields(kind: str, wanted: Json) -> Json:
    """Turn a request's filters into what the store looks for."""
    fields: Json = {}
    for name, value in wanted.items():
        if (kind, name) == ("event", "types"):
            fields["type"] = value
        elif (kind, name) == ("event", "delivery_success"):
            fields["pending_webhooks"] = 0 if value else {"gt": 0}
        elif (kind, name) == ("invoice_payment", "payment"):
            fields |= {f"payment.{part}": inner for part, inner in value.items()}
        elif (kind, name, value) == ("subscription", "status", "all"):
            continue
        elif (kind, name) in PATHS or name in contract.object_fields(kind) - UNFILTERED:
            fields[PATHS.get((kind, name), name)] = value
        else:
            raise StripeError(f"The stand-in does not filter by `{name}` yet.", param=name)
    if kind == "subscription" and "status" not in wanted:
        # Stripe leaves out what has ended unless it is asked for.
        fields["status"] = list(subscriptions.RUNNING)
    return fields


def _with_source(account: Account, entry: Json) -> Json:
    return contract.expanded(entry, "source", account.store.get_any(entry["source"]))
