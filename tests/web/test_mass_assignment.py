"""Whatever is posted beside what a form asks for changes nothing: roles, owners, states, keys."""

from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.db.models import Model
from django.test import Client

from alliance.accounts.models import User
from alliance.local.standin import StandIn
from campaigns.forms import PageForm
from campaigns.models import (
    Application,
    Campaign,
    Endorsement,
    Goal,
    Invitation,
    Link,
    Membership,
)
from donations.models import Donation
from tests import factories
from tests.web import access_table as table
from tests.web.access_world import World, make_world
from tests.web.test_access import Asker

# Columns that no form of ours lets anybody choose, and what a new row has to have there.
GUARDED: dict[type[Model], list[str]] = {
    User: ["is_staff", "is_superuser", "is_active", "password"],
    EmailAddress: ["user_id", "verified", "primary"],
    Membership: ["campaign_id", "user_id", "role"],
    Invitation: ["campaign_id", "by_id", "accepted_at", "withdrawn_at"],
    Application: ["by_id", "state", "decided_by_id", "campaign_id"],
    Campaign: ["slug", "state", "launched_on", "currency", "is_demo", "preview_key"],
    Endorsement: ["campaign_id", "verified_at", "verified_by_id"],
    Goal: ["campaign_id"],
    Link: ["campaign_id", "code"],
    Donation: ["campaign_id", "contact_id", "public_id", "reference", "session_id"],
}
# What each of these is there to change.
MAY: dict[str, set[type[Model]]] = {
    "desk:invitation": {Invitation},
    "desk:withdraw": {Invitation},
    "desk:leave": {Membership},
    "desk:member_role": {Membership},
    "desk:member_remove": {Membership},
    "desk:move": {Campaign},
    "desk:end": {Campaign},
    "desk:new_key": {Campaign},
    "desk:endorsement": {Endorsement},
    "desk:delete_endorsement": {Endorsement},
    "desk:delete_goal": {Goal},
    "me:delete": {User, EmailAddress, Donation, Invitation},
    "account_change_password": {User},
    "account_set_password": {User},
}
# Needs a Stripe that knows the plan, a flow under way, or a key: what they would take is tested
# where they are at home. They are sent the same, and have to change as little.
MAY_FAIL = {
    "donations:pause",
    "donations:resume",
    "donations:card",
    "donations:cancel",
    "donations:change_amount",
    "donations:webhook",
    "desk:restore",
    "desk:pictures",
    "desk:story_picture",
}
STOLEN = 999_999


def hostile(world: World) -> dict[str, str]:
    """Return what an attacker adds to any form."""
    admin = world.people[table.SUPERUSER].pk
    other = world.other.campaign.pk
    names = {
        **dict.fromkeys(["id", "pk", "version_id", "object_id"], STOLEN),
        **dict.fromkeys(["user", "user_id", "by", "by_id", "owner", "invited_by"], admin),
        **dict.fromkeys(["verified_by", "decided_by", "verified_by_id", "decided_by_id"], admin),
        **dict.fromkeys(["campaign", "campaign_id", "slug"], other),
        **dict.fromkeys(["is_staff", "is_superuser", "is_demo", "verified", "primary"], "on"),
        **dict.fromkeys(["groups", "user_permissions", "permissions"], 1),
        **dict.fromkeys(["verified_at", "accepted_at", "decided_at", "launched_on"], "2020-01-01"),
        **dict.fromkeys(["contact", "contact_id"], world.other.pk("contact")),
        "role": "owner",
        "state": "approved",
        "status": "active",
        "is_active": "",
        "preview_key": "x" * 22,
        "currency": "usd",
        "public_id": "x" * 22,
        "reference": "STOLEN2345",
        "expires_at": "2099-01-01",
        "password": "a password of theirs",
    }
    return {name: str(value) for name, value in names.items()}


def valid(world: World) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return, for each view that takes a form, who sends it and what it asks for."""
    campaign = world.ours.campaign
    supporter = world.people[table.SUPPORTER].email
    goal = {"title": "A goal", "version": campaign.version, "state": "waiting"}
    endorser = {
        "name": "Somebody New",
        "affiliation": "A party",
        "said_on": "2020-01-02",
        "source_url": "https://x.example/said",
    }
    offline = {
        "amount": "5",
        "method": "cash",
        "received_on": "2020-01-02",
        "name": "Olive Offline",
        "email": "olive@example.org",
        "display": "private",
        "nonce": uuid4(),
    }
    application = {
        "name": "Another",
        "purpose": "p",
        "people": "w",
        "recipient": "r",
        "target": "100",
    }
    form = PageForm(campaign=campaign)
    page = {field.html_name: field.value() for field in form if field.value() is not None}
    desk: dict[str, dict[str, Any]] = {
        "desk:offline": offline,
        "desk:export": {},
        "desk:thank": {"words": "Thank you.", "send": "yes"},
        "desk:refund": {"amount": "1", "reason": "duplicate", "note": "n"},
        "desk:make_link": {"label": "A wall", "code": "wall"},
        "desk:page": {**page, "title": "A title"},
        "desk:preview": {"title": "A title"},
        "desk:pictures": {"version": campaign.version},
        "desk:story_picture": {},
        "desk:goals": goal,
        "desk:goal": goal,
        "desk:move_goal": {"to": "up"},
        "desk:delete_goal": {},
        "desk:endorsements": endorser,
        "desk:endorsement": endorser,
        "desk:delete_endorsement": {},
        "desk:restore": {},
        "desk:new_key": {},
        "desk:move": {"reason": "A rest."},
        "desk:end": {"reason": "It is done.", "plans": "keep"},
        "desk:invite": {"email": "new@example.org", "role": "viewer"},
        "desk:withdraw": {},
        "desk:member_role": {"role": "editor"},
        "desk:member_remove": {},
    }
    anybody: dict[str, dict[str, Any]] = {
        "donations:give": factories.form_data(campaign),
        "donations:confirm": {},
        **{f"donations:{name}": {} for name in ("pause", "resume", "card", "cancel", "webhook")},
        "donations:change_amount": {"amount": "30"},
        "me:home": {"email": "gail@example.org"},
    }
    theirs: dict[str, dict[str, Any]] = {
        "me:name": {"display": "private"},
        "me:change_mail": {"address": supporter, "campaign": "", "wish": "withdraw"},
        "me:stop_mail": {},
        "me:delete": {"sure": "on"},
        "desk:apply": application,
        "desk:invitation": {},
    }
    return {
        **{name: (table.OWNER, data) for name, data in desk.items()},
        **{name: (table.ANONYMOUS, data) for name, data in anybody.items()},
        **{name: (table.SUPPORTER, data) for name, data in theirs.items()},
        "desk:leave": (table.VIEWER, {}),
    }


@pytest.fixture
def world(db: None, standin: StandIn) -> World:
    return make_world()


def rows() -> dict[tuple[type[Model], Any], dict[str, Any]]:
    """Return the guarded columns of every row."""
    return {
        (model, row["pk"]): row
        for model, columns in GUARDED.items()
        for row in model._default_manager.values("pk", *columns)
    }


def test_every_form_of_ours_is_sent_more_than_it_asks_for(world: World) -> None:
    posts = {
        name for name, (_, methods) in table.ACCESS.items() if "POST" in methods and ":" in name
    }

    assert posts == set(valid(world))


def test_what_no_form_asks_for_changes_nothing(world: World) -> None:
    before = rows()
    evil = hostile(world)
    askers: dict[str, Asker] = {}
    for name, (person, asked) in valid(world).items():
        asker = askers.setdefault(person, Asker(world, person))
        with asker.ask("POST", world.addresses[name], {**evil, **asked}) as response:
            assert response.status_code in {200, 303} or name in MAY_FAIL, (name, response)
            after = rows()
            for key, row in before.items():
                model, _ = key
                if model in MAY.get(name, set()):
                    continue
                assert after.get(key) == row, (name, key)
            for key, row in after.items():
                if key not in before:
                    check_new(world, name, key[0], row, world.people.get(person))


def check_new(
    world: World, name: str, model: type[Model], row: dict[str, Any], actor: User | None
) -> None:
    """Hold a row that a form made to what nobody chooses."""
    said = (name, model, row)
    assert row["pk"] != STOLEN, said
    assert row.get("campaign_id") in {None, world.ours.campaign.pk}, said
    for column in ("by_id", "user_id"):
        assert column not in row or (actor and row[column] == actor.pk), said
    for column in ("verified_at", "verified_by_id", "accepted_at", "decided_by_id"):
        assert row.get(column) is None, said
    assert row.get("state", "waiting") == "waiting", said
    assert row.get("role", "viewer") == "viewer", said
    assert not row.get("is_staff"), said
    assert not row.get("verified"), said
    for text in ("STOLEN2345", "x" * 22):
        assert text not in row.values(), said


SIGN_UP = {"email": "new@example.org", "password1": "a long pass phrase"}


def test_signing_up_makes_a_supporter_and_nothing_more(world: World) -> None:
    before = rows()

    Client().post("/account/signup/", {**hostile(world), **SIGN_UP})

    after = rows()
    assert {key: after[key] for key in before} == before
    made = [row for key, row in after.items() if key not in before and key[0] is User]
    assert len(made) == 1
    assert (made[0]["is_staff"], made[0]["is_superuser"]) == (False, False)
    assert not EmailAddress.objects.filter(email=SIGN_UP["email"], verified=True).exists()
    assert not Membership.objects.filter(user=made[0]["pk"]).exists()


def test_an_address_added_to_an_account_is_nobodys_until_confirmed(world: World) -> None:
    before = rows()
    asker = Asker(world, table.SUPPORTER)
    for action in ("action_add", "action_primary", "action_remove", "action_send"):
        data = {**hostile(world), "email": world.people[table.SUPERUSER].email, action: ""}
        with asker.ask("POST", "/account/email/", data):
            after = rows()
            assert {key: after.get(key) for key in before} == before, action
            new = [row for key, row in after.items() if key not in before]
            assert not any(row.get("verified") or row.get("primary") for row in new), action


# Each leads away from here, in one browser or another; %s is our own host.
ELSEWHERE = [
    "https://evil.example/",
    "http://evil.example",
    "//evil.example/",
    "///evil.example/",
    "////evil.example",
    "/\\evil.example/",
    "\\\\evil.example/",
    "\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "\t//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "//evil.example\\@%s/",
    "https://%s@evil.example/",
    "https://%s.evil.example/",
    "https://evil.example/%s",
    "https://evil。example/",
    "//evil%%E3%%80%%82example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "/%%09/evil.example",
    "/%%5cevil.example",
    "//[::1]/",
    "//3232235777/",
    "ftp://%s/",
]
NAMES = ["next", "redirect_to", "url", "continue", "return_to", "return_url", "back", "to"]


def leads_away(address: str) -> bool:
    """Say whether a browser would leave this site."""
    clean = address.replace("\t", "").replace("\n", "").replace("\r", "").strip()
    clean = clean.strip("\x00").replace("\\", "/")
    if clean.startswith("//"):
        return True
    scheme, _, rest = clean.partition(":")
    is_address = scheme.isalpha() and "/" not in scheme and bool(rest)
    return is_address and not clean.startswith(("http://testserver/", "http://127.0.0.1"))


# A few at a time: nobody may sign in more often than that in a minute.
@pytest.mark.parametrize("start", range(0, len(ELSEWHERE), 10))
def test_no_spelling_of_another_site_is_led_to(world: World, start: int, client: Client) -> None:
    user = world.people[table.SUPPORTER]
    user.set_password("a long pass phrase")
    user.save()
    for spelling in ELSEWHERE[start : start + 10]:
        answers = follow(client, user, spelling.replace("%s", "testserver").replace("%%", "%"))
        for answer in answers:
            led_to = answer.headers.get("Location", "")
            assert not leads_away(led_to), (spelling, led_to)
        assert answers[1].status_code == 302


def follow(client: Client, user: User, spelling: str) -> list[Any]:
    """Say another site's address wherever one may say where to go on; return the answers."""
    said = dict.fromkeys(NAMES, spelling)
    sign_in = {**said, "login": user.email, "password": "a long pass phrase"}

    answers = [
        client.get("/account/login/", said),
        client.post("/account/login/", sign_in),
        client.get("/account/login/", said),
        client.post("/account/logout/", said),
        client.get("/account/signup/", said),
        client.get("/admin/login/", said),
    ]
    factories.sign_in(client, user)
    pages = ["/account/reauthenticate/", "/account/2fa/reauthenticate/", "/account/email/"]
    pages += ["/account/login/", "/account/signup/", "/account/2fa/", "/organise/", "/me/"]
    answers += [client.get(page, said) for page in pages]
    answers.append(
        client.post("/account/reauthenticate/", {**said, "password": "a long pass phrase"})
    )
    answers.append(client.post("/account/logout/", said))
    return answers


def test_the_check_of_redirects_would_see_one() -> None:
    for spelling in ("//evil.example", "/\\evil.example", "https://evil.example/", "\t//e.x"):
        assert leads_away(spelling)
    for own in ("/me/", "/account/login/?next=//evil.example", "", "?x=1"):
        assert not leads_away(own)
