"""Pages as answers: templates, headers, and how figures are written."""

import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.template import Context, Engine

from alliance.local.standin.api import Answer

HERE = Path(__file__).parent
SYMBOLS = {"eur": "€", "gbp": "£", "usd": "$"}
ENGINE = Engine(dirs=[str(HERE / "templates")])


def page(
    template: str, facts: dict[str, Any], *, status: int = 200, leads_to: str | None = None
) -> Answer:
    """Return a rendered page; `leads_to` is an address where its forms may lead at last."""
    site = urlsplit(leads_to or "")
    # Browsers hold form-action against the redirect that answers the form, too.
    form_action = f"'self' {site.scheme}://{site.netloc}" if site.netloc else "'self'"
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


def message(heading: str, *, status: int = 200, **facts: str) -> Answer:
    """Return a page that only says something: `text`, and a `link` with its `link_text`."""
    return page("message.html", {"heading": heading, **facts}, status=status)


def money(amount: int, currency: str) -> str:
    """Return minor units as people write them: £25.00."""
    figure = str(amount) if currency == "jpy" else f"{amount // 100}.{amount % 100:02}"
    return SYMBOLS.get(currency, f"{currency.upper()} ") + figure


def when(seconds: int) -> str:
    """Return a moment as people write it, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%d %b %Y, %H:%M:%S")
