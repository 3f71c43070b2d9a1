"""The team: invited by mail, let in by a link, with roles that end when they are taken away."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.outbox import kinds
from alliance.outbox.models import Mail
from campaigns import people
from campaigns.models import Campaign, Invitation, Membership, Role
from tests import factories

TRICKS = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7|add:7 }}")


@pytest.fixture
def owner(campaign: Campaign) -> User:
    return factories.make_member(campaign, Role.OWNER, name="Olu Owner")


@pytest.fixture
def desk(client: Client, owner: User) -> Client:
    return factories.sign_in(client, owner)


def team(campaign: Campaign, rest: str = "") -> str:
    return f"/organise/{campaign.slug}/team/{rest}"


def letters() -> list[kinds.Message]:
    """Return what is owed by now, opened."""
    return [kinds.render(mail.kind, mail.reference) for mail in Mail.objects.order_by("pk")]


def invite(desk: Client, campaign: Campaign, email: str, role: str = "editor") -> Any:
    return desk.post(team(campaign, "invite/"), {"email": email, "role": role})


def the_link(email: str) -> str:
    """Return the address in the latest mail to somebody."""
    letter = [letter for letter in letters() if letter.to == email][-1]
    return "/organise/invitation/" + letter.text.partition("/organise/invitation/")[2].split()[0]


def test_somebody_invited_reads_what_it_is_accepts_and_is_in(
    desk: Client, campaign: Campaign, owner: User
) -> None:
    answer = invite(desk, campaign, "Ed@EXAMPLE.org")

    assert (answer.status_code, answer["Location"]) == (303, team(campaign))
    letter = letters()[0]
    assert letter.to == "Ed@example.org"
    assert campaign.name in letter.subject
    assert owner.email in letter.text
    assert "Editor" in letter.text
    link = the_link("Ed@example.org")
    ed = factories.make_user(email="ed@example.org", name="Ed")
    browser = factories.sign_in(Client(), ed, with_factor=False)

    page = browser.get(link)
    assert (page.status_code, Membership.objects.count()) == (200, 1)
    assert campaign.name in page.content.decode()
    accepted = browser.post(link)

    assert (accepted.status_code, accepted["Location"]) == (303, f"/organise/{campaign.slug}/")
    assert Membership.objects.get(user=ed).role == Role.EDITOR
    # Nobody works here without a second factor: that comes next.
    assert browser.get(accepted["Location"])["Location"] == "/account/2fa/"
    factories.sign_in(browser, ed)
    assert browser.get(accepted["Location"]).status_code == 200
    assert [letter.to for letter in letters()[1:]] == [owner.email]
    assert ed.email in letters()[-1].text


def test_accepting_twice_is_once(desk: Client, campaign: Campaign) -> None:
    invite(desk, campaign, "ed@example.org")
    link = the_link("ed@example.org")
    browser = factories.sign_in(Client(), factories.make_user(email="ed@example.org"))

    assert [browser.post(link).status_code for _ in range(2)] == [303, 303]

    assert Membership.objects.count() == 2
    assert LogEntry.objects.filter(change_message__startswith="Accepted").count() == 1


def test_whoever_is_not_signed_in_sees_what_it_is_and_how_to_go_on(
    desk: Client, campaign: Campaign
) -> None:
    invite(desk, campaign, "ed@example.org")
    link = the_link("ed@example.org")

    page = Client().get(link)
    post = Client().post(link)

    assert (page.status_code, post.status_code) == (200, 403)
    for answer in (page, post):
        text = answer.content.decode()
        assert campaign.name in text
        assert f"/account/login/?next={link.replace('/', '%2F')}" in text
        assert "ed@example.org" not in text
        assert "no-store" in answer["Cache-Control"]
    assert Membership.objects.count() == 1


def test_an_address_that_is_not_confirmed_opens_nothing(desk: Client, campaign: Campaign) -> None:
    invite(desk, campaign, "ed@example.org")
    link = the_link("ed@example.org")
    stranger = factories.make_user()
    EmailAddress.objects.create(user=stranger, email="ed@example.org", verified=False)
    browser = factories.sign_in(Client(), stranger)

    for answer in (browser.get(link), browser.post(link)):
        assert answer.status_code == 403
        text = answer.content.decode()
        assert "/account/email/" in text
        assert "ed@example.org" not in text.replace(stranger.email, "")
    assert Membership.objects.count() == 1
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("used", "has been used"),
        ("withdrawn", "was withdrawn"),
        ("expired", "has run out"),
        ("renewed", "a newer invitation"),
    ],
)
def test_a_link_that_has_ended_says_so(
    desk: Client, campaign: Campaign, end: str, words: str
) -> None:
    invite(desk, campaign, "ed@example.org")
    link = the_link("ed@example.org")
    now = timezone.now()
    asked = Invitation.objects.all()
    if end == "used":
        asked.update(accepted_at=now)
    elif end == "withdrawn":
        desk.post(team(campaign, f"asked/{asked.get().pk}/withdraw/"))
    elif end == "expired":
        asked.update(expires_at=now)
    else:
        invite(desk, campaign, "ed@example.org")
    browser = factories.sign_in(Client(), factories.make_user(email="ed@example.org"))

    for answer in (browser.get(link), browser.post(link), Client().get(link)):
        assert answer.status_code == 410
        assert words in answer.content.decode()
    assert Membership.objects.count() == 1


@pytest.mark.parametrize("token", ["1", "1.x", "x", "2.{sign}", "%00", "1" * 400])
def test_a_forged_link_opens_nothing(desk: Client, campaign: Campaign, token: str) -> None:
    invite(desk, campaign, "ed@example.org")
    sign = people.token_for(Invitation.objects.get()).partition(".")[2]

    answer = desk.get(f"/organise/invitation/{token.format(sign=sign)}/")

    assert answer.status_code == 404
    assert campaign.name not in answer.content.decode()


def test_inviting_again_renews_and_the_old_link_says_so(desk: Client, campaign: Campaign) -> None:
    invite(desk, campaign, "ed@example.org", "viewer")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))

    answer = invite(desk, campaign, "ED@example.org", "finance")

    assert answer.status_code == 303
    live = Invitation.objects.open(timezone.now()).get()
    assert (live.role, live.expires_at > timezone.now() + timedelta(days=13)) == ("finance", True)


@pytest.mark.parametrize("limit", ["open", "campaign", "one", "person"])
def test_the_form_is_no_way_to_write_to_strangers(
    desk: Client, campaign: Campaign, owner: User, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    names = {
        "open": "MOST_OPEN",
        "campaign": "A_DAY_OF_A_CAMPAIGN",
        "one": "A_DAY_TO_ONE",
        "person": "A_DAY_BY_ONE",
    }
    monkeypatch.setattr(people, names[limit], 3)
    if limit == "person":
        other = factories.make_campaign()
        Membership.objects.create(campaign=other, user=owner, role=Role.OWNER)
        for n in range(3):
            invite(desk, other, f"{n}@example.org")
    for n in range(0 if limit == "person" else 3):
        invite(desk, campaign, "ed@example.org" if limit == "one" else f"{n}@example.org")
    before = (Mail.objects.count(), Invitation.objects.count())
    assert before == (3, 3)

    answer = invite(desk, campaign, "ed@example.org")

    assert answer.status_code == 422
    assert "Nobody was invited" in answer.content.decode()
    assert (Mail.objects.count(), Invitation.objects.count()) == before


@pytest.mark.parametrize(
    "email", ["", "x", "a@b", "é@example.org", "a@b.org, c@d.org", "a@b.org\nBcc: c@d.org"]
)
def test_what_is_no_address_is_not_invited(desk: Client, campaign: Campaign, email: str) -> None:
    assert invite(desk, campaign, email).status_code == 422
    assert not Invitation.objects.exists()
    assert not Mail.objects.exists()


def test_who_is_in_the_team_is_not_invited_again(desk: Client, campaign: Campaign) -> None:
    ed = factories.make_member(campaign, Role.VIEWER)

    answer = invite(desk, campaign, ed.email.upper(), "owner")

    assert answer.status_code == 422
    assert "in the team already" in answer.content.decode()
    assert not Mail.objects.exists()


def test_a_role_that_is_changed_ends_sessions_tells_everybody_and_is_written_down(
    desk: Client, campaign: Campaign, owner: User
) -> None:
    second = factories.make_member(campaign, Role.OWNER)
    ed = factories.make_member(campaign, Role.VIEWER, email="ed@example.org")
    browser = factories.sign_in(Client(), ed)
    assert browser.get(f"/organise/{campaign.slug}/").status_code == 200
    membership = Membership.objects.get(user=ed)

    answer = desk.post(team(campaign, f"{membership.pk}/role/"), {"role": "editor"})

    assert answer.status_code == 303
    membership.refresh_from_db()
    assert membership.role == Role.EDITOR
    assert browser.get(f"/organise/{campaign.slug}/")["Location"].startswith("/account/login/")
    told = {letter.to: letter.text for letter in letters()}
    assert set(told) == {ed.email, owner.email, second.email}
    assert all("Viewer" in text and "Editor" in text for text in told.values())
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (owner, f"membership {membership.pk}")
    assert "role: viewer → editor" in entry.change_message
    assert "example.org" not in entry.change_message


def test_who_is_taken_out_is_out_at_once(desk: Client, campaign: Campaign) -> None:
    ed = factories.make_member(campaign, Role.FINANCE)
    browser = factories.sign_in(Client(), ed)
    address = team(campaign, f"{Membership.objects.get(user=ed).pk}/remove/")

    assert desk.get(address).status_code == 200
    assert Membership.objects.filter(user=ed).exists()
    assert desk.post(address).status_code == 303

    assert not Membership.objects.filter(user=ed).exists()
    assert browser.get(f"/organise/{campaign.slug}/")["Location"].startswith("/account/login/")
    assert "role: finance → none" in LogEntry.objects.get().change_message
    ed.refresh_from_db()
    factories.sign_in(browser, ed)
    assert browser.get(f"/organise/{campaign.slug}/").status_code == 404


def test_the_last_owner_stays(desk: Client, campaign: Campaign, owner: User) -> None:
    own = Membership.objects.get(user=owner)
    factories.make_member(campaign, Role.OWNER, is_active=False)

    for address, data in (
        (team(campaign, f"{own.pk}/role/"), {"role": "viewer"}),
        (team(campaign, f"{own.pk}/remove/"), {}),
        (team(campaign, "leave/"), {}),
    ):
        answer = desk.post(address, data, follow=True)
        assert "A campaign needs an owner" in answer.content.decode()
    own.refresh_from_db()
    assert own.role == Role.OWNER
    assert not Mail.objects.exists()
    assert not LogEntry.objects.exists()


def test_anybody_may_leave_and_what_an_owner_asked_for_goes_with_them(
    campaign: Campaign, owner: User, desk: Client
) -> None:
    second = factories.make_member(campaign, Role.OWNER)
    theirs = factories.sign_in(Client(), second)
    invite(theirs, campaign, "friend@example.org", "owner")
    invite(desk, campaign, "ed@example.org")

    assert theirs.post(team(campaign, "leave/")).status_code == 303

    assert [m.user for m in Membership.objects.all()] == [owner]
    left = Invitation.objects.open(timezone.now())
    assert [invitation.email for invitation in left] == ["ed@example.org"]


def test_who_is_no_owner_sees_names_and_no_addresses(client: Client, campaign: Campaign) -> None:
    owner = factories.make_member(campaign, Role.OWNER, name="Olu Owner")
    viewer = factories.make_member(campaign, Role.VIEWER, name="Vi Viewer")
    invite(factories.sign_in(Client(), owner), campaign, "ed@example.org")
    factories.sign_in(client, viewer)

    text = client.get(team(campaign)).content.decode()

    assert "Olu Owner" in text
    for hidden in (owner.email, "ed@example.org", "Send the invitation"):
        assert hidden not in text


def test_everything_about_the_team_asks_who_it_is_again(
    campaign: Campaign, owner: User, client: Client
) -> None:
    owner.set_password("a long pass phrase")
    owner.save()
    ed = Membership.objects.get(user=factories.make_member(campaign, Role.VIEWER))
    factories.sign_in(client, owner)
    session = client.session
    (record,) = session["account_authentication_methods"]
    session["account_authentication_methods"] = [{**record, "at": record["at"] - 600}]
    session.save()

    posts: list[tuple[str, dict[str, str]]] = [
        ("invite/", {"email": "ed@example.org", "role": "viewer"}),
        ("leave/", {}),
        (f"{ed.pk}/role/", {"role": "owner"}),
        (f"{ed.pk}/remove/", {}),
    ]
    for rest, data in posts:
        answer = client.post(team(campaign, rest), data)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/reauthenticate/")
    assert Membership.objects.count() == 2
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("trick", TRICKS)
def test_a_name_does_no_harm(desk: Client, campaign: Campaign, trick: str) -> None:
    member = factories.make_member(campaign, Role.VIEWER, name=trick)
    Campaign.objects.update(name=trick[:80])
    membership = Membership.objects.get(user=member)

    pages = [team(campaign), team(campaign, f"{membership.pk}/remove/")]
    texts = [desk.get(page).content.decode() for page in pages]
    invite(desk, campaign, "ed@example.org")
    texts += [letters()[-1].html, Client().get(the_link("ed@example.org")).content.decode()]
    desk.post(team(campaign, f"{membership.pk}/role/"), {"role": "editor"})
    texts += [letter.html for letter in letters()]

    for text in texts:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "14" not in text or trick != TRICKS[2] or "{{ 7" in text
