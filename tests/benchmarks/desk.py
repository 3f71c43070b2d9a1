"""How fast organisers see how a campaign of a million gifts stands, and find their way in it."""

from collections.abc import Iterator
from statistics import quantiles
from time import perf_counter

from django.test import Client

from campaigns.models import Campaign
from tests import factories
from tests.benchmarks.measure import Result, interleave
from tests.benchmarks.site import Site


def desk(site: Site) -> Iterator[Result]:
    """Open the desk's pages of a large campaign beside those of a small one, in turn."""
    large, small = site.number(1_000_000), site.number(1_000)
    sides = [_pages(site.campaign(number)) for number in (large, small)]
    for name in sides[0]:
        ours, other = (side[name] for side in sides)
        for seconds in (ours, other):
            seconds()
        figures = interleave(ours, other, rounds=site.number(60))
        yield Result(
            name=f"desk-{name}",
            ours=_p95(figures[0]),
            other=_p95(figures[1]),
            other_is=f"p95 of the same page with {small:,} gifts instead of {large:,}",
            unit="s",
        )


class _Page:
    """A page of the desk; called, it is opened, and tells how long that took."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address

    def __call__(self) -> float:
        began = perf_counter()
        assert self._client.get(self._address).status_code == 200
        return perf_counter() - began


def _pages(campaign: Campaign) -> dict[str, _Page]:
    client = Client(SERVER_NAME="127.0.0.1")
    factories.sign_in(client, factories.make_member(campaign))
    gift = campaign.donations.select_related("contact").latest("pk")
    desk = f"/organise/{campaign.slug}/"
    addresses = {
        "overview": "",
        "links": "links/",
        "gifts": "gifts/",
        "gifts-last-page": "gifts/?page=40",
        "gifts-monthly": "gifts/?show=monthly",
        "gifts-by-link": "gifts/?show=link:poster",
        # None of these are there: found out without looking at every gift.
        "gifts-refunded": "gifts/?show=refunded",
        "gifts-thanked": "gifts/?show=thanked",
        "gifts-unthanked": "gifts/?show=unthanked",
        "gifts-named": "gifts/?show=named",
        "search-name": f"gifts/?q={gift.name.split()[0]}",
        "search-address": f"gifts/?q={gift.contact.email}",
        "search-reference": f"gifts/?q={gift.reference}",
        "gift": f"gifts/{gift.reference}/",
        "donors": "gifts/donors/",
    }
    return {name: _Page(client, f"{desk}{path}") for name, path in addresses.items()}


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20, method="inclusive")[-1]
