"""The table of who may use which view, held against the site by real requests."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from alliance.local.standin import StandIn
from tests import factories
from tests.web import access_table as table
from tests.web.access_world import World, make_world

# Kept by every answer, whatever it says: sessions, and what limits count.
NOT_COMPARED = {"django_session", "core_cache", "usersessions_usersession"}


def views(patterns: list[Any], namespace: str = "") -> Iterator[str]:
    """Name every view outside Django admin."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"
        elif isinstance(pattern, URLResolver) and pattern.app_name != "admin":
            yield from views(
                pattern.url_patterns, f"{pattern.app_name}:" if pattern.app_name else ""
            )


def test_every_view_has_its_line_in_the_table() -> None:
    assert set(views(get_resolver().url_patterns)) == set(table.ACCESS)


def test_every_view_of_django_admin_has_its_line_in_the_table() -> None:
    there = {
        pattern.name
        for entry in admin.site.get_urls()
        for pattern in getattr(entry, "url_patterns", [entry])
    }
    pages = {f"{m}_{p}" for m in table.ADMIN for p in ("changelist", "add", "change", "history")}
    pages |= {f"{model}_delete" for model in table.ADMIN}

    assert there - table.UNUSED == pages | set(table.STAFF_PAGES) | set(table.ADMIN_DEEDS)


# -- asking ---------------------------------------------------------------------------------


@pytest.fixture
def world(db: None, standin: StandIn, settings: Any, tmp_path: Any) -> World:
    media = tmp_path / "campaigns"
    media.mkdir()
    (media / "there.webp").write_bytes(b"picture")
    settings.MEDIA_ROOT = str(tmp_path)
    return make_world()


class Asker:
    """One person's browser. What each request does is undone: the next finds all as it was."""

    def __init__(self, world: World, person: str, *, with_factor: bool = True) -> None:
        self._browser = Client(raise_request_exception=False)
        if person != table.ANONYMOUS:
            factories.sign_in(self._browser, world.people[person], with_factor=with_factor)
        self._cookies = self._browser.cookies.output(header="", sep=";")
        # The tables that the last request wrote to.
        self.changed: list[str] = []

    @contextmanager
    def ask(self, method: str, address: str, data: Any = None) -> Iterator[HttpResponse]:
        """Send one request and look at the answer, and at what it did, before it is undone."""
        self._browser.cookies = SimpleCookie(self._cookies)
        send = self._browser.get if method == "GET" else self._browser.post
        with transaction.atomic():
            before = written()
            response = send(address, data)
            # An export is written as it is read.
            content_of(response)
            self.changed = sorted(written() - before)
            yield response  # type: ignore[misc] # the test client's answer is one
            transaction.set_rollback(True)


def written() -> Counter[str]:
    """Return how many rows of each table this transaction has written so far, undone or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
        )
        return Counter({name: n for name, n in cursor.fetchall() if name not in NOT_COMPARED})


def answer_of(response: HttpResponse) -> str:
    to = response.headers.get("Location", "")
    if response.status_code == 302:
        if to == "/account/2fa/":
            return table.FACTOR
        for start, answer in (
            ("/admin/login/?next=", table.DOOR),
            ("/account/login/?next=", table.SIGN_IN),
            ("/account/2fa/reauthenticate/", table.FACTOR),
            ("/account/reauthenticate/", table.AGAIN),
        ):
            if to.startswith(start):
                return answer
    if response.status_code in {400, 403, 404}:
        return str(response.status_code)
    return "a failure" if response.status_code in {405, 500} else table.OK


def content_of(response: Any) -> str:
    if not hasattr(response, "body"):
        # A stream is read once.
        response.body = b"".join(response)
    return str(response.body.decode(errors="replace"))


def forbidden_to(world: World, person: str, who: str) -> list[str]:
    """Return what somebody must not read in any answer."""
    ours, other = world.ours, world.other
    if person == table.STRANGER:
        return [] if who == table.LINK_HOLDERS else [*ours.secrets, *ours.addresses]
    hidden = [*other.secrets, *other.addresses]
    if person != table.OWNER:
        hidden += ours.addresses
    if person not in {table.OWNER, table.FINANCE} and who != table.LINK_HOLDERS:
        may_see = world.ours.secrets[5:] if person in table.TEAM else []
        hidden += [secret for secret in ours.secrets if secret not in may_see]
    own = world.people[person].email if person in world.people else ""
    return [secret for secret in hidden if secret != own]


def assert_right(
    asker: Asker,
    told: Iterable[tuple[str, str, str, str]],
    secrets: Callable[[str], list[str]],
) -> None:
    """Ask for views (name, method, address, what is to be answered) and compare."""
    wrong: list[tuple[str, ...]] = []
    for name, method, address, expected in told:
        with asker.ask(method, address, POSTED.get(name)) as response:
            said = answer_of(response)
            if not is_as_told(name, said, expected, response):
                wrong.append((name, method, f"{said} instead of {expected}"))
            text = content_of(response)
            wrong += [(name, method, f"shows {s}") for s in secrets(name) if s in text]
            if expected not in {table.OK, table.ELSEWHERE}:
                wrong += [(name, method, f"changed {t}") for t in asker.changed]
    assert not wrong, "\n".join(map(" ".join, wrong))


# Without these there is nothing to answer about.
POSTED = {"donations_board_bring_in": {"id": "txn_1"}}


def is_as_told(name: str, said: str, expected: str, response: HttpResponse) -> bool:
    if expected == table.ELSEWHERE:
        return response.status_code in {302, 404}
    if name.startswith(("account_", "mfa_")) and expected == table.OK:
        # Allauth's pages are where one is asked who one is, and lead to each other.
        return said in {table.OK, table.FACTOR, table.AGAIN}
    return said == expected


@pytest.mark.parametrize("person", table.PEOPLE)
def test_each_may_what_the_table_says_and_reads_nothing_else(world: World, person: str) -> None:
    told = [
        (name, method, world.addresses[name], table.answer_to(person, name, method))
        for name, (_, methods) in table.ACCESS.items()
        for method in methods
    ]

    def secrets(name: str) -> list[str]:
        return forbidden_to(world, person, table.ACCESS[name][0])

    assert_right(Asker(world, person), told, secrets)


@pytest.mark.parametrize("person", table.PEOPLE)
def test_django_admin_is_for_staff_each_with_their_permissions(world: World, person: str) -> None:
    answers = table.admin_answers()
    told = [(n, method, world.admin[n], who[person]) for (n, method), who in answers.items()]
    may = {name for name, _, _, answer in told if answer == table.OK}

    def secrets(name: str) -> list[str]:
        return [] if name in may else [*world.ours.secrets, *world.other.secrets]

    assert_right(Asker(world, person), told, secrets)


@pytest.mark.parametrize("person", table.DUTIES)
def test_without_a_second_factor_every_desk_and_admin_page_leads_to_it(
    world: World, person: str
) -> None:
    told = [
        (name, method, world.addresses[name], table.FACTOR)
        for name, (_, methods) in table.ACCESS.items()
        for method in methods
        if name.startswith("desk:") or name == "no_shortcut"
    ]
    told += [(n, method, world.admin[n], table.FACTOR) for n, method in table.admin_answers()]

    def secrets(_name: str) -> list[str]:
        return [*world.ours.secrets, *world.other.secrets]

    kinds = ["none yet", "not in this session"] if person in {table.OWNER, table.STAFF} else [""]
    for kind in kinds:
        if kind == "not in this session":
            TOTP.activate(world.people[person], generate_totp_secret())
        assert_right(Asker(world, person, with_factor=False), told, secrets)


def test_what_is_dangerous_asks_who_it_is_again(world: World) -> None:
    owner = world.people[table.OWNER]
    asker = Asker(world, table.OWNER)
    session = asker._browser.session
    (record,) = session["account_authentication_methods"]
    session["account_authentication_methods"] = [{**record, "at": record["at"] - 600}]
    session.save()
    assert owner.memberships.exists()

    for name, (_, methods) in table.ACCESS.items():
        if not name.startswith(("desk:", "me:")):
            continue
        for method in methods:
            with asker.ask(method, world.addresses[name]) as response:
                to = response.headers.get("Location", "")
                is_asked = response.status_code == 302 and "reauthenticate" in to
                assert is_asked == (name in table.ASKS_AGAIN), (name, method)
                if is_asked:
                    assert asker.changed == [], name


def test_rows_of_another_campaign_are_not_there_under_ones_own_address(world: World) -> None:
    """The owner of the other campaign asks for the first one's rows at their own desk."""
    asker = Asker(world, table.STRANGER)
    ours, other = world.ours.campaign.slug, world.other.campaign.slug
    rows = [
        "desk:gift",
        "desk:donor",
        "desk:thank",
        "desk:refund",
        "desk:goal",
        "desk:move_goal",
        "desk:delete_goal",
        "desk:endorsement",
        "desk:delete_endorsement",
        "desk:withdraw",
        "desk:member_role",
        "desk:member_remove",
    ]
    for name in rows:
        address = world.addresses[name].replace(ours, other)
        for method in table.ACCESS[name][1]:
            data = {"role": "viewer", "to": "up", "send": "yes", "words": "w"}
            with asker.ask(method, address, data) as response:
                assert response.status_code == 404, (name, method)
                assert asker.changed == [], (name, method)
                text = content_of(response)
                assert not [s for s in world.ours.secrets if s in text], name
    numbered = {name for name, a in world.addresses.items() if name.startswith("desk:")} - set(
        rows
    )
    others = {"version", "restore", "move", "qr", "invitation"}
    for name in numbered - {f"desk:{rest}" for rest in others}:
        assert not any(c.isdigit() for c in world.addresses[name]), name
