"""Sessions: new with each sign-in, limited, ended with a role; and where the way leads next."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from time import time
from typing import Any

import pytest
from django.test import Client

from alliance.accounts import services
from alliance.accounts.models import User
from alliance.web import middleware
from alliance.web.middleware import ORGANISER, STAFF, SUPPORTER, Limits
from campaigns.models import Campaign
from tests import factories
from tests.accounts import steps

pytestmark = pytest.mark.django_db

MAKERS: list[tuple[Callable[[Campaign], User], Limits]] = [
    (lambda _campaign: factories.make_admin(), STAFF),
    (factories.make_member, ORGANISER),
    (lambda _campaign: factories.make_user(), SUPPORTER),
]
WHO = pytest.mark.parametrize(("make", "limits"), MAKERS, ids=["staff", "organiser", "supporter"])
PRINT = "from alliance import settings as s; print(*(getattr(s, n) for n in '{}'.split()))"
ELSEWHERE = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "///elsewhere.example/",
    "/\\elsewhere.example/",
    "\\\\elsewhere.example/",
    "\\/elsewhere.example",
    "https:elsewhere.example",
    "https:/elsewhere.example",
    "http:///elsewhere.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    " //elsewhere.example/",
    "\t//elsewhere.example/",
    "/\t/elsewhere.example/",
    "\n//elsewhere.example/",
    "\x00//elsewhere.example/",
    "https://testserver@elsewhere.example/",
    "https://testserver.elsewhere.example/",
    "//elsewhere.example%2f@testserver/",
    "http://[elsewhere.example/",
]


def shift(client: Client, **ago: timedelta) -> None:
    """Move what a session remembers into the past."""
    session = client.session
    for name, by in ago.items():
        session[name] = session.get(name, time()) - by.total_seconds()
    session.save()


def visit(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_a_session_is_new_with_each_sign_in_and_carries_nothing_over(client: Client) -> None:
    person = steps.make_person()
    client.get("/account/login/")
    client.post("/account/login/code/", {"email": "stranger@example.org"})
    before = client.session.session_key
    client.get("/account/login/")
    client.post("/account/logout/")

    steps.sign_in(client, person.email)
    after = client.session.session_key

    assert before != after
    client.post("/account/logout/")
    stolen = Client()
    stolen.cookies["session"] = after or ""
    assert not visit(stolen)


@WHO
def test_a_session_that_lay_idle_is_over(
    client: Client, campaign: Campaign, make: Callable[[Campaign], User], limits: Limits
) -> None:
    factories.sign_in(client, make(campaign))
    assert visit(client)

    shift(client, seen_at=limits.idle - timedelta(seconds=5))
    assert visit(client)
    shift(client, seen_at=limits.idle + timedelta(seconds=5))
    assert not visit(client)
    assert client.session.get("_auth_user_id") is None


@WHO
def test_a_session_ends_however_busy_it_was(
    client: Client, campaign: Campaign, make: Callable[[Campaign], User], limits: Limits
) -> None:
    factories.sign_in(client, make(campaign))
    assert visit(client)

    shift(client, signed_in_at=limits.absolute - timedelta(seconds=5))
    assert visit(client)
    shift(client, signed_in_at=timedelta(seconds=10))
    assert not visit(client)


def test_the_more_somebody_may_do_the_sooner_it_is_over() -> None:
    assert STAFF.idle < ORGANISER.idle < SUPPORTER.idle
    assert STAFF.absolute < ORGANISER.absolute < SUPPORTER.absolute


def test_being_seen_is_written_down_once_a_minute(client: Client) -> None:
    factories.sign_in(client, factories.make_user())
    visit(client)
    shift(client, seen_at=timedelta(minutes=2))

    visit(client)
    seen = client.session["seen_at"]
    visit(client)

    assert time() - seen < 60
    assert client.session["seen_at"] == seen


def test_all_of_somebodys_sessions_end_at_once_and_nobody_elses(client: Client) -> None:
    person, other = factories.make_user(), factories.sign_in(Client(), factories.make_user())
    browsers = [factories.sign_in(Client(), person) for _ in range(3)]
    assert all(visit(browser) for browser in browsers)

    services.end_sessions(person)

    assert not any(visit(browser) for browser in browsers)
    assert visit(other)
    # Whoever may, signs in again.
    assert visit(factories.sign_in(client, person))


def test_ended_sessions_stay_ended_when_the_person_is_saved_and_keys_change(
    client: Client, settings: Any
) -> None:
    person = factories.make_user()
    factories.sign_in(client, person)
    assert visit(client)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "z" * 60
    assert visit(client)

    services.end_sessions(person)
    person.save()

    assert not visit(client)


def test_other_browsers_are_signed_out_from_the_page_of_sessions(client: Client) -> None:
    person, other = steps.make_person(), Client(headers={"User-Agent": "Another/1.0"})
    for browser in (client, other):
        steps.sign_in(browser, person.email)

    assert "Another/1.0" in client.get("/account/sessions/").content.decode()
    client.post("/account/sessions/")

    assert visit(client)
    assert not visit(other)


def test_cookies_are_bound_to_the_host_where_there_is_tls() -> None:
    names = "SESSION_COOKIE_NAME CSRF_COOKIE_NAME SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE"
    told = subprocess.run(
        [sys.executable, "-c", PRINT.format(names)],
        env={**os.environ, "SITE_URL": "https://give.example.org"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout.split() == ["__Host-session", "__Host-csrf", "True", "True"]


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(client: Client) -> None:
    steps.sign_in(client, steps.make_person().email)

    cookie = client.cookies["session"]
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")


def test_pages_of_accounts_are_kept_nowhere(client: Client) -> None:
    for path in ("/account/login/", "/account/signup/", "/account/password/reset/"):
        answer = client.get(path)
        assert answer["Cache-Control"] == "private, no-store"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        for method in ("PUT", "PATCH", "DELETE", "TRACE"):
            assert client.generic(method, path).status_code == 405


@pytest.mark.parametrize("address", ELSEWHERE)
def test_nobody_is_led_elsewhere(address: str) -> None:
    person = steps.make_person()
    browser = Client()
    answers = [
        browser.post(
            "/account/login/",
            {"login": person.email, "password": steps.PASSWORD, "next": address},
        ),
        browser.get("/account/login/", {"next": address}),
        browser.get("/account/signup/", {"next": address}),
        browser.post("/account/reauthenticate/", {"password": steps.PASSWORD, "next": address}),
        browser.post("/account/logout/", {"next": address}),
    ]
    sign_up = Client()
    sign_up.post(
        "/account/signup/",
        {"email": "new@example.org", "password1": steps.PASSWORD, "next": address},
    )
    answers.append(
        sign_up.post(
            "/account/confirm-email/",
            {"code": steps.code_for("new@example.org"), "next": address},
        )
    )
    by_code = Client()
    by_code.post("/account/login/code/", {"email": person.email, "next": address})
    answers.append(
        by_code.post(
            "/account/login/code/confirm/",
            {"code": steps.code_for(person.email), "next": address},
        )
    )

    for answer in answers:
        assert answer.status_code == 302
        assert answer["Location"] in {"/me/", "/account/login/"}


def test_a_way_on_within_the_site_is_gone(client: Client) -> None:
    person = steps.make_person()
    answer = client.post(
        "/account/login/?next=/account/email/",
        {"login": person.email, "password": steps.PASSWORD, "next": "/account/email/"},
    )

    assert answer["Location"] == "/account/email/"


@pytest.mark.parametrize("address", ELSEWHERE)
def test_where_somebody_was_going_is_on_this_site_or_nowhere(client: Client, address: str) -> None:
    factories.sign_in(client, factories.make_user())
    session = client.session
    session[middleware.GOING_TO] = address
    session.save()

    page = client.get("/account/2fa/").content.decode()

    assert "elsewhere" not in page
    assert "alert(1)" not in page
    assert "Go on to where" not in page


def test_it_is_kept_from_the_address_that_was_asked_for(client: Client) -> None:
    factories.sign_in(client, factories.make_admin(), with_factor=False)

    client.get("/admin/campaigns/campaign/?q=//elsewhere.example")
    kept = client.session[middleware.GOING_TO]
    client.post("/admin/campaigns/campaign/?q=secret")

    assert kept == "/admin/campaigns/campaign/?q=//elsewhere.example"
    assert client.session[middleware.GOING_TO] == "/admin/campaigns/campaign/"


def test_what_is_anybodys_to_keep_writes_nothing_into_a_session(
    client: Client, campaign: Campaign
) -> None:
    factories.sign_in(client, factories.make_user())
    visit(client)
    shift(client, seen_at=timedelta(minutes=5))
    seen = client.session["seen_at"]

    for address in (campaign.get_absolute_url(), f"/art/hero-{campaign.slug}.svg"):
        response = client.get(address)
        assert "public" in response["Cache-Control"]
        assert response.cookies == {}
    assert client.session["seen_at"] == seen

    visit(client)
    assert client.session["seen_at"] > seen
