"""Users in Django admin: power is given by superusers, and ways to sign in by nobody."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from alliance.accounts import audit
from alliance.accounts.models import User
from tests import factories
from tests.accounts import steps

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"
POWER = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}


@pytest.fixture
def boss(client: Client) -> User:
    boss = factories.make_admin()
    factories.sign_in(client, boss)
    return boss


def make_staff(*permissions: str) -> User:
    staff = steps.make_person(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return staff


def change(client: Client, user: User, **fields: str) -> Any:
    return client.post(f"{USERS}{user.pk}/change/", {"name": user.name, **fields})


def act(client: Client, action: str, *users: User) -> Any:
    return client.post(
        USERS, {"action": action, "_selected_action": [user.pk for user in users]}, follow=True
    )


def test_no_secret_and_no_session_is_on_show(client: Client, boss: User) -> None:
    person = steps.with_app(steps.make_person())

    for model in (EmailAddress, Authenticator, UserSession):
        assert not admin.site.is_registered(model)
    page = client.get(f"{USERS}{person.pk}/change/").content.decode()
    assert f"{person.email} (confirmed)" in page
    assert "TOTP Authenticator" in page
    assert person.password not in page
    assert Authenticator.objects.get(user=person).data["secret"] not in page
    assert 'name="email"' not in page
    assert client.get(f"{USERS}{person.pk}/password/").status_code == 302
    assert client.post(f"{USERS}{person.pk}/password/", {"password1": "x"}).status_code == 302
    person.refresh_from_db()
    assert person.check_password(steps.PASSWORD)


def test_who_is_added_signs_in_by_a_mailed_code_and_is_asked_for_a_factor(
    client: Client, boss: User
) -> None:
    client.post(f"{USERS}add/", {"email": "Nina.New@example.org", "name": "", "is_staff": "on"})
    nina, browser = User.objects.get(email="nina.new@example.org"), Client()
    assert not nina.has_usable_password()

    steps.sign_in_by_code(browser, nina.email)

    assert steps.is_signed_in(browser)
    assert steps.addresses(nina).get().verified
    assert browser.get("/admin/")["Location"] == "/account/2fa/"
    again = client.post(f"{USERS}add/", {"email": "NINA.new@example.org", "name": ""})
    assert again.status_code == 200
    assert User.objects.filter(email__iexact="nina.new@example.org").count() == 1


@pytest.mark.parametrize("taken", ["is_active", "is_staff", "is_superuser"])
def test_who_may_do_less_is_signed_out_at_once(client: Client, boss: User, taken: str) -> None:
    person, browser = factories.make_admin(), Client()
    factories.sign_in(browser, person)
    assert browser.get("/admin/").status_code == 200

    change(client, person, **{name: "on" for name in POWER if name != taken})

    person.refresh_from_db()
    assert not getattr(person, taken)
    assert browser.get("/admin/").status_code == 302
    assert not steps.is_signed_in(browser)


def test_a_new_name_signs_nobody_out(client: Client, boss: User) -> None:
    person, browser = factories.make_admin(), Client()
    factories.sign_in(browser, person)

    change(client, person, **{**POWER, "name": "Another"})

    assert browser.get("/admin/").status_code == 200


def test_staff_give_nobody_power_least_of_all_themselves(client: Client) -> None:
    staff = make_staff("change_user", "view_user", "add_user")
    person = steps.with_app(steps.make_person())
    factories.sign_in(client, staff)

    change(client, staff, name="Mallory", **POWER)
    change(client, person, **POWER)
    client.post(f"{USERS}add/", {"email": "friend@example.org", "name": "", **POWER})
    act(client, "remove_factors", person)

    assert not User.objects.filter(is_superuser=True).exists()
    assert not User.objects.filter(is_staff=True).exclude(pk=staff.pk).exists()
    assert Authenticator.objects.filter(user=person).exists()
    staff.refresh_from_db()
    assert staff.name == "Mallory"


def test_somebody_is_signed_out_everywhere_and_the_trail_says_by_whom(
    client: Client, boss: User
) -> None:
    person, browser = steps.make_person(), Client()
    steps.sign_in(browser, person.email)
    assert steps.is_signed_in(browser)

    act(client, "end_sessions", person)

    assert not steps.is_signed_in(browser)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (boss, str(person.pk))
    assert entry.change_message == "Signed out everywhere."


def test_a_lost_factor_is_removed_told_and_written_down(client: Client, boss: User) -> None:
    person, without = steps.with_app(steps.make_person(is_staff=True)), steps.make_person()
    browser = factories.sign_in(Client(), person)

    act(client, "remove_factors", person, without)

    assert not Authenticator.objects.filter(user=person).exists()
    assert not steps.is_signed_in(browser)
    assert "second factor was removed" in steps.letters(person.email)[0].subject
    assert steps.letters(without.email) == []
    entry = LogEntry.objects.get()
    assert entry.object_id == str(person.pk)
    assert person.email not in entry.change_message + entry.object_repr


def test_who_stands_in_the_trail_stays(client: Client, boss: User) -> None:
    busy, idle = factories.make_admin(), factories.make_admin()
    audit.note(busy, [factories.make_campaign()], "Did something.")

    assert client.post(f"{USERS}{busy.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=busy.pk).exists()
    client.post(f"{USERS}{idle.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=idle.pk).exists()
    assert "delete_selected" not in client.get(USERS).content.decode()


def test_staff_change_their_own_password_where_everybody_does(client: Client, boss: User) -> None:
    for answer in (
        client.get("/admin/password_change/"),
        client.post(
            "/admin/password_change/",
            {
                "old_password": "a long pass phrase",
                "new_password1": "quite another phrase",
                "new_password2": "quite another phrase",
            },
        ),
    ):
        assert answer["Location"] == "/account/password/change/"
    boss.refresh_from_db()
    assert boss.check_password("a long pass phrase")
    assert Client().get("/admin/password_change/")["Location"].startswith("/admin/login/")
