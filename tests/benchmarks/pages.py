"""How fast the campaign's page is, from the cache and without, and with a million gifts."""

import http.client
from collections.abc import Iterator
from itertools import repeat
from statistics import median
from time import perf_counter

from django.core.cache import caches
from django.test import Client

from campaigns.models import Campaign
from tests.benchmarks import load
from tests.benchmarks.measure import Result, interleave
from tests.benchmarks.site import Site

PAGE = "/c/progressive-alliance/"
SMALLEST = load.get("/healthz")
SMALLEST_IS = "the smallest view, /healthz, by the same web server"


def campaign_page(site: Site) -> Iterator[Result]:
    """Serve the demo's page from the cache."""
    yield _against_smallest(site, "campaign-page", load.get(PAGE), status=200)


def campaign_page_304(site: Site) -> Iterator[Result]:
    """Tell those who have the page that it is still the same."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    connection.request("GET", PAGE)
    etag = connection.getresponse().headers["ETag"]
    connection.close()
    asking = load.get(PAGE, If_None_Match=etag)
    yield _against_smallest(site, "campaign-page-304", asking, status=304)


def campaign_page_1m(site: Site) -> Iterator[Result]:
    """Render the page anew, as after each gift, of a campaign with a million gifts."""
    large, small = site.number(1_000_000), site.number(1_000)
    campaigns = site.campaign(large), site.campaign(small)
    client = Client(SERVER_NAME="127.0.0.1")

    def seconds(campaign: Campaign) -> float:
        caches["pages"].clear()
        began = perf_counter()
        assert client.get(campaign.get_absolute_url()).status_code == 200
        return perf_counter() - began

    for campaign in campaigns:
        seconds(campaign)
    ours, other = interleave(
        lambda: seconds(campaigns[0]), lambda: seconds(campaigns[1]), rounds=site.number(200)
    )
    yield Result(
        name="campaign-page-1m",
        ours=median(ours),
        other=median(other),
        other_is=f"the same uncached page with {small:,} gifts instead of {large:,}",
        unit="s",
    )


def _against_smallest(site: Site, name: str, request: bytes, *, status: int) -> Result:
    seconds = site.seconds(3)
    site.warm_up(request, status=status)
    ours, other = interleave(
        lambda: load.rate(site.port, repeat(request), seconds=seconds, status=status),
        lambda: load.rate(site.port, repeat(SMALLEST), seconds=seconds),
        rounds=site.rounds,
    )
    return Result(
        name=name, ours=max(ours), other=max(other), other_is=SMALLEST_IS, unit="requests/s"
    )
