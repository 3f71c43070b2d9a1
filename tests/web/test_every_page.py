"""What holds of every page: who may see it, which headers it carries, what it leaves out."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from alliance.core import jobs, patchwork
from alliance.core.models import Heartbeat
from alliance.local.standin import StandIn
from alliance.web import queries
from campaigns.models import Campaign
from donations import guard, links
from tests import factories

# Every address outside Django admin: who may use it, by which methods. A view that is not here
# fails the suite.
EVERYBODY, LINK_HOLDERS, STRIPE = "everybody", "whoever has the link", "who signs as Stripe"
WRITERS, OWNERS = "owners and editors of the campaign", "owners of the campaign"
TEAM, MONEY = "the campaign's team", "owners of the campaign and its finance"
NOBODY, SIGNED_IN = "nobody", "whoever is signed in"
ACCESS = {
    "web:home": (EVERYBODY, {"GET"}),
    "web:campaign": (EVERYBODY, {"GET"}),
    "web:privacy": (EVERYBODY, {"GET"}),
    "web:art": (EVERYBODY, {"GET"}),
    "web:media": (EVERYBODY, {"GET"}),
    "web:healthz": (EVERYBODY, {"GET"}),
    "web:readyz": (EVERYBODY, {"GET"}),
    "donations:give": (EVERYBODY, {"GET", "POST"}),
    "donations:gift": (LINK_HOLDERS, {"GET"}),
    "donations:gift_state": (LINK_HOLDERS, {"GET"}),
    "donations:confirm": (LINK_HOLDERS, {"GET", "POST"}),
    "donations:receipt": (LINK_HOLDERS, {"GET"}),
    "me:home": (EVERYBODY, {"GET", "POST"}),
    "me:name": (SIGNED_IN, {"GET", "POST"}),
    "me:mail": (SIGNED_IN, {"GET"}),
    "me:change_mail": (SIGNED_IN, {"POST"}),
    "me:stop_mail": (SIGNED_IN, {"POST"}),
    "me:data": (SIGNED_IN, {"GET"}),
    "me:download": (SIGNED_IN, {"GET"}),
    "me:delete": (SIGNED_IN, {"GET", "POST"}),
    "me:deleted": (EVERYBODY, {"GET"}),
    "donations:manage": (LINK_HOLDERS, {"GET"}),
    "donations:change_amount": (LINK_HOLDERS, {"POST"}),
    "donations:pause": (LINK_HOLDERS, {"POST"}),
    "donations:resume": (LINK_HOLDERS, {"POST"}),
    "donations:card": (LINK_HOLDERS, {"POST"}),
    "donations:cancel": (LINK_HOLDERS, {"GET", "POST"}),
    "donations:webhook": (STRIPE, {"POST"}),
    "no_shortcut": (NOBODY, {"GET"}),
    "web:draft": (LINK_HOLDERS, {"GET"}),
    "desk:overview": (TEAM, {"GET"}),
    "desk:gifts": (MONEY, {"GET"}),
    "desk:donors": (MONEY, {"GET"}),
    "desk:donor": (MONEY, {"GET"}),
    "desk:gift": (MONEY, {"GET"}),
    "desk:thank": (MONEY, {"GET", "POST"}),
    "desk:refund": (MONEY, {"GET", "POST"}),
    "desk:offline": (MONEY, {"GET", "POST"}),
    "desk:export": (MONEY, {"GET", "POST"}),
    "desk:links": (TEAM, {"GET"}),
    "desk:make_link": (WRITERS, {"POST"}),
    "desk:qr": (TEAM, {"GET"}),
    "desk:page": (WRITERS, {"GET", "POST"}),
    "desk:preview": (WRITERS, {"GET", "POST"}),
    "desk:pictures": (WRITERS, {"GET", "POST"}),
    "desk:story_picture": (WRITERS, {"GET", "POST"}),
    "desk:goals": (WRITERS, {"GET", "POST"}),
    "desk:goal": (WRITERS, {"GET", "POST"}),
    "desk:move_goal": (WRITERS, {"POST"}),
    "desk:delete_goal": (WRITERS, {"GET", "POST"}),
    "desk:endorsements": (WRITERS, {"GET", "POST"}),
    "desk:endorsement": (WRITERS, {"GET", "POST"}),
    "desk:delete_endorsement": (WRITERS, {"GET", "POST"}),
    "desk:history": (WRITERS, {"GET"}),
    "desk:version": (WRITERS, {"GET"}),
    "desk:restore": (WRITERS, {"POST"}),
    "desk:state": (WRITERS, {"GET"}),
    "desk:new_key": (WRITERS, {"POST"}),
    "desk:move": (OWNERS, {"GET", "POST"}),
}
# Voids of HTML: they never close.
VOID = {"meta", "link", "img", "br", "hr", "input"}


def views(patterns: list[Any], namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from views(pattern.url_patterns, f"{pattern.app_name}:")
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"


def test_every_view_has_its_line_in_the_table() -> None:
    assert set(views(get_resolver().url_patterns)) == set(ACCESS)


@pytest.fixture
def addresses(campaign: Campaign, standin: StandIn) -> dict[str, str]:
    donation = factories.start_donation(campaign)
    gift = donation.get_absolute_url()
    plan = factories.make_plan(campaign)
    manage = f"/m/{links.token_for(plan)}/"
    desk = f"/organise/{campaign.slug}/"
    return {
        "web:home": "/",
        "web:campaign": campaign.get_absolute_url(),
        "web:privacy": "/privacy/",
        "web:art": f"/art/hero-{campaign.slug}.svg",
        "web:media": "/media/campaigns/nothing.webp",
        "web:healthz": "/healthz",
        "web:readyz": "/readyz",
        "donations:give": f"/c/{campaign.slug}/give/",
        "donations:gift": gift,
        "donations:gift_state": f"{gift}state/",
        "donations:confirm": guard.link_to(donation).removeprefix(settings.SITE_URL),
        "donations:receipt": f"{plan.donation.get_absolute_url()}receipt/1/",
        "me:home": "/me/",
        "me:name": f"/me/gifts/{donation.public_id}/name/",
        "me:mail": "/me/mail/",
        "me:change_mail": "/me/mail/change/",
        "me:stop_mail": "/me/mail/stop/",
        "me:data": "/me/data/",
        "me:download": "/me/data/all.json",
        "me:delete": "/me/delete/",
        "me:deleted": "/me/deleted/",
        "donations:manage": manage,
        "donations:change_amount": f"{manage}amount/",
        "donations:pause": f"{manage}pause/",
        "donations:resume": f"{manage}resume/",
        "donations:card": f"{manage}card/",
        "donations:cancel": f"{manage}cancel/",
        "donations:webhook": "/stripe/webhook/",
        "no_shortcut": "/admin/r/1/1/",
        "web:draft": f"/c/{campaign.slug}/preview/{campaign.preview_key}/",
        "desk:overview": desk,
        "desk:gifts": f"{desk}gifts/",
        "desk:donors": f"{desk}gifts/donors/",
        "desk:donor": f"{desk}gifts/donors/1/",
        "desk:gift": f"{desk}gifts/{donation.reference}/",
        "desk:thank": f"{desk}gifts/{donation.reference}/thank/",
        "desk:refund": f"{desk}gifts/{donation.reference}/refund/1/",
        "desk:offline": f"{desk}gifts/offline/",
        "desk:export": f"{desk}gifts/export/",
        "desk:links": f"{desk}links/",
        "desk:make_link": f"{desk}links/make/",
        "desk:qr": f"{desk}links/poster/qr.svg",
        "desk:page": f"{desk}page/",
        "desk:preview": f"{desk}page/preview/",
        "desk:pictures": f"{desk}page/pictures/",
        "desk:story_picture": f"{desk}page/pictures/story/",
        "desk:goals": f"{desk}page/goals/",
        "desk:goal": f"{desk}page/goals/1/",
        "desk:move_goal": f"{desk}page/goals/1/move/",
        "desk:delete_goal": f"{desk}page/goals/1/delete/",
        "desk:endorsements": f"{desk}page/endorsements/",
        "desk:endorsement": f"{desk}page/endorsements/1/",
        "desk:delete_endorsement": f"{desk}page/endorsements/1/delete/",
        "desk:history": f"{desk}page/history/",
        "desk:version": f"{desk}page/history/1/",
        "desk:restore": f"{desk}page/history/1/restore/",
        "desk:state": f"{desk}page/state/",
        "desk:new_key": f"{desk}page/state/key/",
        "desk:move": f"{desk}page/state/publish/",
    }


def test_each_takes_its_own_methods_and_no_other(
    client: Client, addresses: dict[str, str]
) -> None:
    for name, (_, methods) in ACCESS.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            status = client.generic(method, addresses[name]).status_code
            assert (status == 405) == (method not in methods), (name, method, status)


def test_every_answer_carries_the_headers_that_guard_it(
    client: Client, addresses: dict[str, str]
) -> None:
    for address in [*addresses.values(), "/nothing/", "/admin/", "/admin/login/"]:
        response = client.get(address)
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy.replace(f"form-action 'self' {standin_of(policy)}", "")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in response["Permissions-Policy"]
        assert response["Referrer-Policy"] in {
            "strict-origin-when-cross-origin",
            # Under "no-referrer" a browser sends no form that we would take.
            "same-origin",
            "no-referrer",
        }


def standin_of(policy: str) -> str:
    found = re.search(r"form-action 'self' (\S+)", policy)
    return found[1].rstrip(";") if found else "-"


class Strict(HTMLParser):
    """Fail on what browsers forgive: tags left open or crossed, ids given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "action"} or (name == "src" and value):
                self.links.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(name)
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"


def parsed(html: str) -> Strict:
    parser = Strict()
    parser.feed(html)
    assert parser.open == []
    return parser


def test_every_page_is_sound_html_without_inline_code_and_its_links_lead_somewhere(
    client: Client, addresses: dict[str, str]
) -> None:
    pages = [
        "web:home",
        "web:campaign",
        "web:privacy",
        "donations:give",
        "donations:gift",
        "donations:confirm",
        "donations:receipt",
        "me:home",
        "me:deleted",
        "donations:manage",
        "donations:cancel",
    ]
    for name in pages:
        html = client.get(addresses[name]).content.decode()
        page = parsed(html)
        assert page.inline == [], name
        assert len(page.ids) == len(set(page.ids)), name
        assert html.count("<h1") == html.count("<main") == 1, name
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.ids, (name, link)
            elif link.startswith("/") and not link.startswith("/static/"):
                # A form's own address may take no more than its form.
                assert client.get(link).status_code in {200, 405}, (name, link)
    invalid = client.post(addresses["donations:give"], {})
    assert parsed(invalid.content.decode()).inline == []


def test_an_unknown_address_says_so_in_the_sites_own_look(client: Client, db: None) -> None:
    response = client.get("/nothing/here/")

    assert response.status_code == 404
    assert parsed(response.content.decode()).inline == []
    assert "<h1" in response.content.decode()


def test_a_crash_says_so_and_shows_nothing_of_itself(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> None:
        raise RuntimeError("the reason")

    monkeypatch.setattr(queries, "cards", crash)

    response = Client(raise_request_exception=False).get("/")

    assert response.status_code == 500
    assert "the reason" not in response.content.decode()
    assert "<h1" in response.content.decode()


def test_without_its_database_the_site_says_so_and_when_to_come_back(
    client: Client, db: None
) -> None:
    def gone(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(gone):
        answers = [client.get(path) for path in ("/", "/c/any/", "/c/any/give/")]
        ready = client.get("/readyz")

    for answer in answers:
        assert answer.status_code == 503
        assert answer["Retry-After"] == "30"
        assert parsed(answer.content.decode()).inline == []
        assert "connection refused" not in answer.content.decode()
    assert (ready.status_code, ready.json()) == (503, {"database": False})


@pytest.mark.parametrize(
    "name",
    ["nothing", "hero-", "quilt-101-0", "quilt-1-100", "strip-999999999", "../x", "hero-%00"],
)
def test_drawings_that_are_none_are_not_drawn(client: Client, name: str) -> None:
    assert client.get(f"/art/{name}.svg").status_code == 404


def test_a_drawing_is_kept_for_ever_and_styled_by_its_own_hash(client: Client) -> None:
    response = client.get("/art/strip-11.svg")

    assert response["Content-Type"] == "image/svg+xml"
    assert "immutable" in response["Cache-Control"]
    assert patchwork.STYLE_SOURCE in response["Content-Security-Policy"]


def test_media_serves_what_is_there_and_nothing_above_it(
    client: Client, db: None, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "media" / "campaigns").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path / "media" / "campaigns" / "a.webp").write_bytes(b"picture")
    settings.MEDIA_ROOT = str(tmp_path / "media")

    with closing(client.get("/media/campaigns/a.webp")) as good:
        assert b"".join(good.streaming_content) == b"picture"  # type: ignore[attr-defined]
        assert "sandbox" in good["Content-Security-Policy"]
    for path in (
        "campaigns/" + "a" * 300 + ".webp",
        "campaigns/../../secret.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "",
    ):
        assert client.get(f"/media/{path}").status_code in {400, 404}


def test_readyz_tells_of_database_broker_and_jobs_and_names_no_secret(
    client: Client, db: None
) -> None:
    told = client.get("/readyz").json()

    late = told.pop("late")
    assert told == {"database": True, "broker": True, "jobs": {}}
    # None ever ran, and the hourly one need not have yet.
    assert "reconcile" not in late
    assert "reconcile" in jobs.late(now=timezone.now() + timedelta(hours=3))


def test_readyz_names_the_jobs_that_are_late_and_answers_all_the_same(
    client: Client, db: None
) -> None:
    ages = {"reconcile": 121, "pull_events": 13, "sweep_refunds": 5, "check_books": 47 * 60}
    for job, minutes in ages.items():
        beat_at = timezone.now() - timedelta(minutes=minutes)
        Heartbeat.objects.create(job=job, beat_at=beat_at)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert set(response.json()["late"]) & set(ages) == {"pull_events", "sweep_refunds"}
    assert set(response.json()["jobs"]) == set(ages)
