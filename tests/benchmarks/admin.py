"""How fast staff find their way among a million gifts in Django admin."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter

from django.test import Client

from tests import factories
from tests.benchmarks.measure import Result, interleave
from tests.benchmarks.site import Site

CAMPAIGNS = "/admin/campaigns/campaign/"
GIFTS = "/admin/donations/donation/"


def admin_list(site: Site) -> Iterator[Result]:
    """Show lists, find gifts, and compare the ledgers, beside a list of a handful of rows."""
    many = site.campaign(site.number(1_000_000))
    gift = many.donations.select_related("contact").latest("pk")
    payment = gift.payments.get()
    client = Client(SERVER_NAME="127.0.0.1")
    factories.sign_in(client, factories.make_admin())
    pages = {
        "gifts": GIFTS,
        "ledger": "/admin/donations/ledgerentry/",
        "by-reference": f"{GIFTS}?q={gift.reference}",
        "by-address": f"{GIFTS}?q={gift.contact.email}",
        "by-stripe-id": f"{GIFTS}?q={payment.stripe_id}",
        "gift": f"{GIFTS}{gift.pk}/change/",
    }

    def seconds(page: str) -> float:
        began = perf_counter()
        assert client.get(page).status_code == 200
        return perf_counter() - began

    for name, page in pages.items():
        seconds(page)
        seconds(CAMPAIGNS)
        ours, other = interleave(
            lambda page=page: seconds(page),  # type: ignore[misc] # mypy can't infer a default
            lambda: seconds(CAMPAIGNS),
            rounds=site.number(20),
        )
        yield Result(
            name=f"admin-list-{name}",
            ours=median(ours),
            other=median(other),
            other_is="the list of campaigns, a handful of rows",
            unit="s",
        )
