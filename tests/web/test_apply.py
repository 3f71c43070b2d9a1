"""Somebody asks to start a campaign; one of us says yes or no, once; both are told."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from alliance.accounts.models import User
from alliance.outbox import kinds
from alliance.outbox.models import Mail
from campaigns import applications
from campaigns.models import Application, Campaign, Membership, Role, State
from tests import factories

SAID = {
    "name": "  Votes for \t All ",
    "purpose": "A vote that **counts**.",
    "people": "Six of us, in Leeds.",
    "recipient": "Votes for All, an association",
    "target": "£5,000",
    "links": "https://votes.example",
}
TRICKS = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)")


@pytest.fixture
def una(db: None) -> User:
    return factories.make_user(email="una@example.org", name="Una")


@pytest.fixture
def browser(client: Client, una: User) -> Client:
    return factories.sign_in(client, una, with_factor=False)


@pytest.fixture
def ada(db: None) -> Client:
    return factories.sign_in(Client(), factories.make_admin())


def apply(browser: Client, **fields: str) -> Any:
    return browser.post("/organise/apply/", {**SAID, **fields})


def letters() -> list[kinds.Message]:
    return [kinds.render(mail.kind, mail.reference) for mail in Mail.objects.order_by("pk")]


def deed(application: Application, name: str) -> str:
    return f"/admin/campaigns/application/{application.pk}/do/{name}/"


def test_somebody_asks_is_approved_and_finds_a_draft_of_their_own(
    browser: Client, una: User, ada: Client
) -> None:
    assert "Start a campaign of your own" in browser.get("/organise/").content.decode()
    assert browser.get("/organise/apply/").status_code == 200
    answer = apply(browser)

    assert (answer.status_code, answer["Location"]) == (303, "/organise/apply/")
    application = Application.objects.get()
    assert (application.name, application.target_minor) == ("Votes for All", 500_000)
    assert application.by == una
    assert "Six of us, in Leeds." in browser.get("/organise/apply/").content.decode()
    assert "waits for us" in browser.get("/organise/").content.decode()
    queue = ada.get("/admin/campaigns/application/?state=waiting").content.decode()
    assert "Votes for All" in queue
    assert (
        deed(application, "approve")
        in ada.get(f"/admin/campaigns/application/{application.pk}/change/").content.decode()
    )

    # Asked whether it is meant, by a page that changes nothing.
    assert ada.get(deed(application, "approve")).status_code == 200
    assert ada.post(deed(application, "approve")).status_code == 200
    assert not Campaign.objects.exists()
    assert ada.post(deed(application, "approve"), {"sure": "yes"}).status_code == 303

    campaign = Campaign.objects.get()
    assert (campaign.slug, campaign.name) == ("votes-for-all", "Votes for All")
    assert (campaign.state, campaign.target_minor) == (State.DRAFT, 500_000)
    assert campaign.recipient == SAID["recipient"]
    membership = Membership.objects.get()
    assert (membership.user, membership.role) == (una, Role.OWNER)
    application.refresh_from_db()
    assert (application.state, application.campaign) == ("approved", campaign)
    received, approved = letters()
    assert {received.to, approved.to} == {una.email}
    assert "/organise/votes-for-all/" in approved.text
    assert "second factor" in approved.text
    assert browser.get("/organise/")["Location"] == "/account/2fa/"
    factories.sign_in(browser, una)
    assert "Votes for All" in browser.get("/organise/").content.decode()
    entries = {(e.object_repr, e.change_message) for e in LogEntry.objects.all()}
    assert (f"application {application.pk}", "Decided about it. state: waiting → approved") in (
        entries
    )


def test_no_is_said_with_its_reason_and_they_may_ask_again(
    browser: Client, una: User, ada: Client
) -> None:
    apply(browser)
    application = Application.objects.get()

    assert ada.post(deed(application, "decline"), {"reason": "", "sure": "yes"}).status_code == 422
    read_over = ada.post(deed(application, "decline"), {"reason": "Say who gets the money."})
    assert read_over.status_code == 200
    assert "Say who gets the money." in read_over.content.decode()
    application.refresh_from_db()
    assert application.state == "waiting"
    said = {"reason": "Say who gets the money.", "sure": "yes"}
    assert ada.post(deed(application, "decline"), said).status_code == 303

    application.refresh_from_db()
    assert (application.state, application.reason) == ("declined", said["reason"])
    assert said["reason"] in letters()[-1].text
    assert said["reason"] in browser.get("/organise/").content.decode()
    assert not Campaign.objects.exists()
    assert said["reason"] not in str(LogEntry.objects.values_list("change_message", flat=True))
    assert apply(browser).status_code == 303
    assert Application.objects.count() == 2


def test_who_waits_for_an_answer_asks_no_second_time(browser: Client) -> None:
    apply(browser)

    answer = apply(browser, name="Another")

    assert answer.status_code == 409
    assert "Nothing was sent" in answer.content.decode()
    assert Application.objects.get().name == "Votes for All"
    assert Mail.objects.count() == 1


def test_what_was_decided_stays_decided(browser: Client, ada: Client) -> None:
    apply(browser)
    application = Application.objects.get()
    ada.post(deed(application, "approve"), {"sure": "yes"})

    late = ada.post(deed(application, "decline"), {"reason": "no", "sure": "yes"}, follow=True)

    assert "decided already" in late.content.decode()
    application.refresh_from_db()
    assert (application.state, application.reason) == ("approved", "")
    assert Mail.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Apply", "apply-2"),
        ("Invitation", "invitation-2"),
        ("Campaign 1", "campaign-1-2"),
        ("民主", "campaign"),
        ("-_-", "campaign"),
        ("x" * 80, "x" * 44),
        ("Ünïted «left»", "united-left"),
    ],
)
def test_an_address_is_made_of_the_name(una: User, name: str, slug: str) -> None:
    factories.make_campaign(slug="campaign-1")
    application = Application(name=name, purpose="p", people="w", recipient="r")
    applications.apply(application=application, by=una)

    campaign = applications.approve(
        application, by=factories.make_admin(), now=application.created_at
    )

    assert campaign.slug == slug


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "x" * 81},
        {"name": "\u202e"},
        {"purpose": ""},
        {"purpose": "x" * 2001},
        {"people": ""},
        {"recipient": ""},
        {"target": ""},
        {"target": "0"},
        {"target": "-5"},
        {"target": "1e5"},
        {"target": "99999999999"},
    ],
)
def test_what_can_not_be_taken_is_said_and_not_sent(
    browser: Client, wrong: dict[str, str]
) -> None:
    answer = apply(browser, **wrong)

    assert answer.status_code == 422
    assert "Nothing has been sent." in answer.content.decode()
    assert not Application.objects.exists()
    assert not Mail.objects.exists()


def test_without_a_confirmed_address_there_is_no_form(client: Client, db: None) -> None:
    user = User.objects.create_user("nobody@example.org")
    factories.sign_in(client, user)

    assert "/account/email/" in client.get("/organise/apply/").content.decode()
    assert apply(client).status_code == 409
    assert not Application.objects.exists()


@pytest.mark.parametrize("missing", ["view", "change"])
def test_staff_decide_with_both_permissions_and_not_with_one(
    browser: Client, missing: str
) -> None:
    apply(browser)
    application = Application.objects.get()
    one = {"view": "change", "change": "view"}[missing]
    staff = factories.make_admin(is_superuser=False)
    factories.permit(staff, f"{one}_application")
    theirs = factories.sign_in(Client(), staff)

    for name in ("approve", "decline"):
        data = {"sure": "yes", "reason": "no"}
        assert theirs.post(deed(application, name), data).status_code == 403
    application.refresh_from_db()
    assert application.state == "waiting"
    assert Mail.objects.count() == 1


@pytest.mark.parametrize("trick", TRICKS)
def test_what_somebody_writes_does_no_harm_anywhere(
    browser: Client, ada: Client, una: User, trick: str
) -> None:
    apply(browser, **{field: trick for field in SAID if field != "target"})
    application = Application.objects.get()
    base = f"/admin/campaigns/application/{application.pk}"
    pages = [browser.get("/organise/"), browser.get("/organise/apply/")]
    pages += [
        ada.get("/admin/campaigns/application/"),
        ada.get(f"{base}/change/"),
        ada.get("/admin/"),
    ]
    pages += [ada.get(deed(application, name)) for name in ("approve", "decline")]
    pages.append(ada.post(deed(application, "decline"), {"reason": trick}))
    ada.post(deed(application, "decline"), {"reason": trick, "sure": "yes"})
    pages.append(browser.get("/organise/"))
    apply(browser, **{field: trick for field in SAID if field != "target"})
    ada.post(deed(Application.objects.latest("pk"), "approve"), {"sure": "yes"})
    factories.sign_in(browser, una)
    pages += [browser.get("/organise/"), browser.get(f"/organise/{Campaign.objects.get().slug}/")]
    pages += [ada.get("/admin/admin/logentry/"), ada.get("/admin/campaigns/membership/")]

    texts = [page.content.decode() for page in pages] + [letter.html for letter in letters()]
    assert [page.status_code for page in pages] == [200] * len(pages)
    for text in texts:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert 'href="javascript:' not in text
    for letter in letters():
        assert "\n" not in letter.subject
