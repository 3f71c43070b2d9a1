"""The second factor: asked of whoever has duties, made once, kept unreadable, and lost."""

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from alliance.accounts.models import User
from alliance.core import sealing
from alliance.local import telephone
from campaigns.models import Campaign, Membership, Role
from tests import factories
from tests.accounts import steps

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVATE, DEACTIVATE = "/account/2fa/totp/activate/", "/account/2fa/totp/deactivate/"
CODES, PROVE = "/account/2fa/recovery-codes/", "/account/reauthenticate/"


@pytest.fixture
def owner() -> User:
    """Somebody who runs a campaign, and has no second factor yet."""
    return make_owner(factories.make_campaign())


def make_owner(campaign: Campaign) -> User:
    person = steps.make_person()
    Membership.objects.create(campaign=campaign, user=person, role=Role.OWNER)
    return person


def desk_of(person: User) -> str:
    return f"/organise/{person.memberships.get().campaign.slug}/"


def add_app(client: Client) -> Any:
    """Add an authenticator app as its owner would; return the page that comes next."""
    client.post(PROVE, {"password": steps.PASSWORD})
    secret = client.get(ACTIVATE).context["form"].secret
    return client.post(ACTIVATE, {"code": telephone.code_of(secret, time.time())}, follow=True)


def test_whoever_has_duties_adds_one_and_goes_on_to_where_they_were_going(
    client: Client, owner: User
) -> None:
    going_to = f"{desk_of(owner)}?days=30"
    steps.sign_in(client, owner.email)

    asked = client.get(going_to, follow=True)
    assert asked.redirect_chain == [("/account/2fa/", 302)]
    assert "A password alone doesn’t open that door" in asked.content.decode()
    shown = add_app(client)

    assert shown.request["PATH_INFO"] == CODES
    assert f'href="{going_to}"' in shown.content.decode()
    # No second code within the same half minute: making it was the proof.
    assert client.get(going_to).status_code == 200
    assert f'href="{going_to}"' not in client.get("/account/2fa/").content.decode()


def test_a_browser_that_was_signed_in_before_gets_no_further_by_it(
    client: Client, owner: User
) -> None:
    earlier = Client()
    steps.sign_in(earlier, owner.email)
    steps.sign_in(client, owner.email)
    add_app(client)

    answer = earlier.get(desk_of(owner))
    assert answer["Location"].startswith("/account/2fa/reauthenticate/?next=")
    earlier.post(PROVE, {"password": steps.PASSWORD})
    assert earlier.get(desk_of(owner)).status_code == 302

    code = steps.app_code(owner, ahead=1)
    earlier.post(answer["Location"], {"code": code})
    assert earlier.get(desk_of(owner)).status_code == 200


def test_taking_the_last_one_away_closes_the_doors(client: Client, owner: User) -> None:
    steps.sign_in(client, owner.email)
    add_app(client)
    assert client.get(desk_of(owner)).status_code == 200

    client.post(DEACTIVATE)

    assert not Authenticator.objects.filter(user=owner).exists()
    assert client.get(desk_of(owner))["Location"] == "/account/2fa/"
    assert "removed" in steps.letters(owner.email)[-1].subject


@pytest.mark.parametrize("way", ["password", "code"])
def test_neither_password_nor_mailed_code_is_enough_where_there_is_one(
    client: Client, owner: User, way: str
) -> None:
    steps.with_app(owner)
    if way == "password":
        steps.sign_in(client, owner.email)
    else:
        steps.sign_in_by_code(client, owner.email)

    assert not steps.is_signed_in(client)
    assert client.get(desk_of(owner))["Location"].startswith("/account/login/")
    client.post("/account/2fa/authenticate/", {"code": steps.app_code(owner)})
    assert client.get(desk_of(owner)).status_code == 200


def test_a_code_of_the_app_counts_once(client: Client, owner: User) -> None:
    steps.with_app(owner)
    code = steps.app_code(owner)
    for browser in (client, Client()):
        steps.sign_in(browser, owner.email)
        browser.post("/account/2fa/authenticate/", {"code": code})

    assert steps.is_signed_in(client)
    assert not steps.is_signed_in(browser)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/user/", "/organise/", "desk"])
def test_staff_and_organisers_see_and_change_nothing_without(
    client: Client, owner: User, path: str, method: str
) -> None:
    boss = steps.make_person(is_staff=True, is_superuser=True)
    before = User.objects.count()
    for person in (owner, boss):
        steps.sign_in(client, person.email)
        answer = getattr(client, method)(desk_of(owner) if path == "desk" else path)
        staff_only = person == owner and path.startswith("/admin/")
        assert answer.status_code == 302, (person, staff_only)
        client.logout()

    assert User.objects.count() == before


def test_a_supporter_is_not_asked(client: Client) -> None:
    person = steps.make_person()
    steps.sign_in(client, person.email)

    assert client.get("/organise/").status_code == 200
    assert client.get("/me/").status_code == 200


def test_secrets_are_unreadable_in_the_database_and_outlive_a_new_key(
    client: Client, owner: User, settings: Any
) -> None:
    steps.sign_in(client, owner.email)
    codes = add_app(client).context["unused_codes"]
    app, recovery = Authenticator.objects.filter(user=owner).order_by("type").reverse()
    secret = sealing.unseal("mfa", app.data["secret"])
    kept = json.dumps([app.data, recovery.data])

    assert secret not in kept
    assert sealing.unseal("mfa", recovery.data["seed"]) not in kept
    assert not any(code in kept for code in codes)

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "y" * 60
    browser = Client()
    steps.sign_in(browser, owner.email)
    browser.post("/account/2fa/authenticate/", {"code": codes[0]})
    assert steps.is_signed_in(browser)

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(sealing.Broken):
        sealing.unseal("mfa", app.data["secret"])


def test_recovery_codes_are_shown_once_and_each_opens_once(client: Client, owner: User) -> None:
    steps.sign_in(client, owner.email)
    shown = add_app(client)
    codes = shown.context["unused_codes"]
    page = shown.content.decode()

    assert len(set(codes)) == 10
    assert all(f"<code>{code}</code>" in page for code in codes)
    assert f"data:text/plain;charset=utf-8,{codes[0]}%0A" in page
    again = client.get(CODES).content.decode()
    assert not any(code in again for code in codes)
    assert client.get(f"{CODES}download/").status_code == 403

    for browser, is_let_in in ((Client(), True), (Client(), False)):
        steps.sign_in(browser, owner.email)
        browser.post("/account/2fa/authenticate/", {"code": codes[0]})
        assert steps.is_signed_in(browser) == is_let_in

    client.post(f"{CODES}generate/")
    assert "new recovery codes" in steps.letters(owner.email)[-1].subject
    browser = Client()
    steps.sign_in(browser, owner.email)
    browser.post("/account/2fa/authenticate/", {"code": codes[1]})
    assert not steps.is_signed_in(browser)


def test_adding_one_takes_the_password_once_more(client: Client, owner: User) -> None:
    steps.sign_in(client, owner.email)

    for path in (ACTIVATE, "/account/2fa/webauthn/add/", f"{CODES}generate/"):
        for answer in (client.get(path), client.post(path, {"code": "000000"})):
            assert answer["Location"].startswith(PROVE)
    assert not Authenticator.objects.exists()


def test_what_is_no_passkey_is_none(client: Client, owner: User) -> None:
    steps.sign_in(client, owner.email)
    client.post(PROVE, {"password": steps.PASSWORD})

    for credential in ("", "{}", "[]", '"x"', '{"id": "a", "response": {}}', "null"):
        answer = client.post("/account/2fa/webauthn/add/", {"credential": credential})
        assert answer.status_code == 200
        assert answer.context["form"].errors
        login = Client().post("/account/2fa/webauthn/login/", {"credential": credential})
        assert login["Location"] == "/account/login/"
    assert not Authenticator.objects.exists()


def test_the_passkeys_of_others_are_nobodys_business(client: Client, owner: User) -> None:
    theirs = Authenticator.objects.create(
        user=steps.make_person(), type="webauthn", data={"name": "Theirs", "credential": {}}
    )
    steps.sign_in(client, owner.email)
    client.post(PROVE, {"password": steps.PASSWORD})

    for deed in ("edit", "remove"):
        path = f"/account/2fa/webauthn/keys/{theirs.pk}/{deed}/"
        assert client.get(path).status_code == 404
        assert client.post(path, {"name": "Mine"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.data["name"] == "Theirs"
