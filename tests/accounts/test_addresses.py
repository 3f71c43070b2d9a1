"""Addresses and passwords: whose they are is proven, and everybody is told what changed."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from alliance.accounts.models import User
from tests import factories
from tests.accounts import steps

pytestmark = pytest.mark.django_db

EVIL = {"Host": "testserver:666", "X-Forwarded-Host": "elsewhere.example"}


def sign_up(client: Client, email: str = "new@example.org", **more: str) -> Any:
    return client.post("/account/signup/", {"email": email, "password1": steps.PASSWORD, **more})


def test_an_account_is_made_and_opens_once_its_address_is_proven(client: Client) -> None:
    answer = sign_up(client, "New@Example.org")
    assert not steps.is_signed_in(client)

    client.post(answer["Location"], {"code": steps.code_for("new@example.org").lower()})

    assert steps.is_signed_in(client)
    (address,) = steps.addresses(User.objects.get()).all()
    assert (address.email, address.verified, address.primary) == ("new@example.org", True, True)


def test_typing_somebodys_address_gives_no_way_in(client: Client) -> None:
    sign_up(client, "victim@example.org")

    steps.sign_in(client, "victim@example.org")
    assert not steps.is_signed_in(client)
    assert not steps.addresses(User.objects.get()).get().verified


@pytest.mark.parametrize(
    ("ask", "confirm"),
    [
        ("/account/login/code/", "/account/login/code/confirm/"),
        ("/account/password/reset/", "/account/password/reset/confirm/"),
    ],
)
def test_a_strangers_password_dies_when_the_owner_confirms_the_address(
    client: Client, ask: str, confirm: str
) -> None:
    stranger = Client()
    sign_up(stranger, "victim@example.org")

    client.post(ask, {"email": "victim@example.org"})
    client.post(confirm, {"code": steps.code_for("victim@example.org")})

    user = User.objects.get()
    assert steps.addresses(user).get().verified
    assert not user.has_usable_password()
    steps.sign_in(stranger, "victim@example.org")
    assert not steps.is_signed_in(stranger)
    # The stranger's own page, still open, opens nothing either.
    stranger.post("/account/confirm-email/", {"code": "BBBB-BBBB"})
    assert not steps.is_signed_in(stranger)


def test_a_password_of_ones_own_outlives_a_sign_in_by_code(client: Client) -> None:
    person = steps.make_person()

    steps.sign_in_by_code(client, person.email)

    assert steps.is_signed_in(client)
    person.refresh_from_db()
    assert person.has_usable_password()


def test_a_reset_signs_everybody_out_and_only_the_new_password_works(client: Client) -> None:
    person, browser = steps.make_person(), Client()
    steps.sign_in(browser, person.email)
    client.post("/account/password/reset/", {"email": person.email})
    client.post("/account/password/reset/confirm/", {"code": steps.code_for(person.email)})
    page = client.get("/account/password/reset/complete/")

    short = client.post("/account/password/reset/complete/", {"password1": "short"})
    assert short.status_code == 200
    assert page.status_code == 200
    client.post("/account/password/reset/complete/", {"password1": "quite another phrase"})

    assert not steps.is_signed_in(browser)
    assert not steps.is_signed_in(client)
    steps.sign_in(client, person.email)
    assert not steps.is_signed_in(client)
    steps.sign_in(client, person.email, "quite another phrase")
    assert steps.is_signed_in(client)
    assert "password was changed" in steps.letters(person.email)[-1].subject


def test_a_changed_password_is_told_and_ends_other_sessions(client: Client) -> None:
    person, other = steps.make_person(), Client()
    for browser in (client, other):
        steps.sign_in(browser, person.email)

    wrong = client.post(
        "/account/password/change/", {"oldpassword": "wrong", "password1": "quite another phrase"}
    )
    assert wrong.status_code == 200
    client.post(
        "/account/password/change/",
        {"oldpassword": steps.PASSWORD, "password1": "quite another phrase"},
    )

    assert steps.is_signed_in(client)
    assert not steps.is_signed_in(other)
    assert [mail.subject for mail in steps.letters(person.email)] == [
        "Alliance: your password was changed"
    ]


def test_addresses_are_added_made_main_and_removed_and_the_owner_is_told_of_each(
    client: Client,
) -> None:
    person = steps.make_person(email="main@example.org")
    steps.sign_in(client, person.email)
    asked = client.post("/account/email/", {"email": "work@example.org", "action_add": "1"})
    assert asked["Location"].startswith("/account/reauthenticate/")
    client.post("/account/reauthenticate/", {"password": steps.PASSWORD})

    client.post("/account/email/", {"email": "work@example.org", "action_add": "1"})
    assert steps.addresses(person).count() == 1
    client.post("/account/confirm-email/", {"code": steps.code_for("work@example.org")})
    assert "was added" in steps.letters("main@example.org")[-1].subject
    assert "work@example.org" in steps.letters("main@example.org")[-1].text
    client.post("/account/email/", {"email": "work@example.org", "action_primary": "1"})
    assert "main address was changed" in steps.letters("main@example.org")[-1].subject
    client.post("/account/email/", {"email": "main@example.org", "action_remove": "1"})
    assert "was removed" in steps.letters("work@example.org")[-1].subject

    person.refresh_from_db()
    assert person.email == "work@example.org"
    assert [a.email for a in steps.addresses(person).all()] == ["work@example.org"]
    client.post("/account/email/", {"email": "work@example.org", "action_remove": "1"})
    assert steps.addresses(person).count() == 1


def test_mails_lead_to_this_site_whatever_host_was_asked_for() -> None:
    steps.make_person(email="known@example.org")
    for email in ("known@example.org", "unknown@example.org"):
        Client().post("/account/login/code/", {"email": email}, headers=EVIL)
        Client().post("/account/password/reset/", {"email": email}, headers=EVIL)
        Client().post(
            "/account/signup/", {"email": email, "password1": steps.PASSWORD}, headers=EVIL
        )

    written = steps.letters("known@example.org") + steps.letters("unknown@example.org")
    assert len(written) == 6
    for mail in written:
        both = mail.text + mail.html
        assert "<h1>" in mail.html
        assert "666" not in both
        assert "elsewhere" not in both
        assert both.count("http://") == both.count(settings.SITE_URL)
    assert any(f"{settings.SITE_URL}/account/signup/" in mail.html for mail in written)


MINE = {
    "is_staff": "on",
    "is_superuser": "on",
    "is_active": "on",
    "role": "owner",
    "roles": "owner",
    "groups": "1",
    "user": "1",
    "user_id": "1",
    "id": "1",
    "pk": "1",
    "campaign": "1",
    "verified": "on",
    "primary": "on",
    "sessions_ended": "7",
    "name": "Mallory",
}


def powers(email: str) -> tuple[object, ...]:
    user = User.objects.get(email=email)
    return (
        user.is_staff,
        user.is_superuser,
        user.is_active,
        user.sessions_ended,
        user.name,
        list(user.groups.all()),
        user.memberships.count(),
    )


def test_nothing_more_is_taken_from_a_form_than_it_asks_for(client: Client) -> None:
    first = factories.make_user()
    factories.make_campaign()
    nobody: tuple[object, ...] = (False, False, True, 0, "", [], 0)

    answer = sign_up(client, **MINE)
    assert not steps.addresses(User.objects.get(email="new@example.org")).get().verified
    client.post(answer["Location"], {"code": steps.code_for("new@example.org"), **MINE})
    assert powers("new@example.org") == nobody
    client.post("/account/reauthenticate/", {"password": steps.PASSWORD, **MINE})
    forms: dict[str, dict[str, str]] = {
        "/account/email/": {"email": "two@example.org", "action_add": "1"},
        "/account/password/change/": {
            "oldpassword": steps.PASSWORD,
            "password1": "quite another phrase",
        },
        "/account/sessions/": {},
        "/account/2fa/totp/activate/": {"code": "000000"},
        "/account/2fa/webauthn/add/": {"credential": "{}"},
        "/account/2fa/recovery-codes/generate/": {},
        "/account/logout/": {},
        "/account/login/": {"login": "new@example.org", "password": "quite another phrase"},
    }
    for path, data in forms.items():
        client.post(path, {**MINE, **data})
        assert powers("new@example.org") == nobody, path
    assert steps.addresses(first).count() == 1
    assert steps.is_signed_in(client)


def test_a_superuser_made_on_the_command_line_signs_in_whatever_the_case(client: Client) -> None:
    User.objects.create_superuser("Ada.Admin@Example.org", steps.PASSWORD)

    answer = steps.sign_in(client, "ADA.admin@example.org")
    client.post(answer["Location"], {"code": steps.code_for("ada.admin@example.org")})

    assert steps.is_signed_in(client)
