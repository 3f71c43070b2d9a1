"""How often anything may be tried: limits that hold, and that nobody can turn on others."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from tests.accounts import steps

WRONG = "don’t belong together"
TOO_MANY = "Too many tries"


def fail(email: str, *, ip: str = "192.0.2.1", **headers: str) -> str:
    """Try a wrong password, and return the page."""
    answer = steps.sign_in(Client(), email, "wrong", REMOTE_ADDR=ip, headers=headers)
    page = str(answer.content.decode())
    assert WRONG in page or TOO_MANY in page
    return page


@pytest.mark.django_db
def test_five_wrong_passwords_close_that_door_for_that_address_and_no_other() -> None:
    attacked, other = steps.make_person(), steps.make_person()
    tries = [fail(attacked.email, ip=f"192.0.2.{n}") for n in range(6)]
    browser, neighbour = Client(REMOTE_ADDR="203.0.113.1"), Client(REMOTE_ADDR="203.0.113.2")

    assert [WRONG in page for page in tries] == [True] * 5 + [False]
    # Not even the right password, until the attacker tires; a code by e-mail opens all the same.
    assert TOO_MANY in steps.sign_in(browser, attacked.email).content.decode()
    passkey = browser.post("/account/2fa/webauthn/login/", {"credential": "{}"})
    assert (passkey.status_code, passkey["Location"]) == (302, "/account/login/")
    steps.sign_in_by_code(browser, attacked.email)
    assert steps.is_signed_in(browser)
    steps.sign_in(neighbour, other.email)
    assert steps.is_signed_in(neighbour)


@pytest.mark.django_db
def test_one_attacker_failing_on_many_addresses_stops_and_locks_nobody_else_out() -> None:
    people = [steps.make_person() for _ in range(14)]
    tries = [fail(person.email) for person in people]

    assert [WRONG in page for page in tries] == [True] * 10 + [False] * 4
    for number, person in enumerate(people):
        browser = Client(REMOTE_ADDR=f"203.0.113.{number}")
        steps.sign_in(browser, person.email)
        assert steps.is_signed_in(browser)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "header"),
    [(0, "198.51.100.{}"), (1, "198.51.100.{}, 192.0.2.9"), (1, "198.51.100.{},192.0.2.9")],
)
def test_a_made_up_forwarded_for_evades_nothing(settings: Any, proxies: int, header: str) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    said = [fail(f"{n}@example.org", **{"X-Forwarded-For": header.format(n)}) for n in range(12)]

    assert [WRONG in page for page in said] == [True] * 10 + [False] * 2


@pytest.mark.django_db
def test_a_hundred_people_behind_the_proxy_are_not_taken_for_one(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    said = [
        fail(f"{n}@example.org", ip="10.0.0.1", **{"X-Forwarded-For": f"198.51.100.{n}"})
        for n in range(100)
    ]

    assert all(WRONG in page for page in said)


def test_the_proxy_is_trusted_where_the_operator_says_so(settings: Any) -> None:
    assert int(settings.TRUST_PROXY) == settings.ALLAUTH_TRUSTED_PROXY_COUNT
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")


@pytest.mark.django_db
def test_a_made_up_port_in_the_host_header_evades_nothing() -> None:
    person = steps.make_person()
    said = [fail(person.email, ip=f"192.0.2.{n}", Host=f"testserver:{8000 + n}") for n in range(6)]

    assert WRONG not in said[-1]


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_over_workers_that_try_at_the_same_moment() -> None:
    email = steps.make_person().email

    def attempt(number: int) -> str:
        try:
            return fail(email, ip=f"192.0.2.{number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as workers:
        said = list(workers.map(attempt, range(16)))

    assert 1 <= sum(WRONG in page for page in said) <= 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ask", "confirm"),
    [
        ("/account/login/code/", "/account/login/code/confirm/"),
        ("/account/password/reset/", "/account/password/reset/confirm/"),
    ],
)
def test_three_wrong_codes_end_it_and_the_right_one_comes_too_late(
    client: Client, ask: str, confirm: str
) -> None:
    person = steps.make_person()
    client.post(ask, {"email": person.email})
    for _ in range(3):
        client.post(confirm, {"code": "BBBB-BBBB"})

    client.post(confirm, {"code": steps.code_for(person.email)})

    assert not steps.is_signed_in(client)
    assert client.get("/account/password/reset/complete/").status_code == 302


@pytest.mark.django_db
def test_a_code_that_has_run_out_opens_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, later: Callable[[float], Any]
) -> None:
    person = steps.make_person()
    client.post("/account/login/code/", {"email": person.email})
    code, at = steps.code_for(person.email), later(16).timestamp()

    monkeypatch.setattr("time.time", lambda: at)
    client.post("/account/login/code/confirm/", {"code": code})

    assert not steps.is_signed_in(client)


@pytest.mark.django_db
def test_whoever_fills_somebodys_mailbox_with_codes_is_stopped(client: Client) -> None:
    person = steps.make_person()
    for number in range(5):
        browser = Client(REMOTE_ADDR=f"192.0.2.{number}")
        browser.post("/account/login/code/", {"email": person.email})
        browser.post("/account/password/reset/", {"email": person.email})

    assert len(steps.letters(person.email)) == 6


@pytest.mark.django_db
def test_too_many_tries_are_told_what_helps(client: Client) -> None:
    answers = [
        client.post("/account/password/reset/", {"email": f"{n}@example.org"}) for n in range(21)
    ]
    page = answers[-1].content.decode()

    assert [a.status_code for a in answers] == [302] * 20 + [429]
    assert "Too many tries for now" in page
    assert "Wait five minutes" in page
    assert 'href="/account/login/"' in page
    assert len(steps.letters("20@example.org")) == 0


@pytest.mark.django_db
def test_guessing_the_codes_of_an_app_ends_too(client: Client) -> None:
    person = steps.with_app(steps.make_person())
    steps.sign_in(client, person.email)
    pages = [
        client.post("/account/2fa/authenticate/", {"code": f"{n:06}"}).content.decode()
        for n in range(6)
    ]

    assert TOO_MANY in pages[-1]
    client.post("/account/2fa/authenticate/", {"code": steps.app_code(person)})
    assert not steps.is_signed_in(client)
