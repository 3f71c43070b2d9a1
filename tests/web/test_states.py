"""Publishing, pausing, reopening, ending: what it asks, what visitors see, what a draft hides."""

from datetime import date, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign, Goal, Role, State
from donations import ending
from donations.models import Donation, Ending
from tests import factories

WAYS = {
    (State.DRAFT, "publish"),
    (State.LIVE, "pause"),
    (State.LIVE, "end"),
    (State.PAUSED, "resume"),
    (State.PAUSED, "end"),
}
REASON = "We reached what we set out for."


@pytest.fixture
def draft(db: None) -> Campaign:
    campaign = factories.make_campaign(
        state=State.DRAFT, launched_on=None, name="Secret plans", title="A secret headline"
    )
    Goal.objects.create(campaign=campaign, title="A secret goal")
    return campaign


@pytest.fixture
def owner(client: Client, draft: Campaign) -> User:
    user = factories.make_member(draft)
    factories.sign_in(client, user)
    return user


def desk(campaign: Campaign, rest: str = "") -> str:
    return f"/organise/{campaign.slug}/page/state/{rest}"


def preview(campaign: Campaign, key: str = "") -> str:
    return f"/c/{campaign.slug}/preview/{key or campaign.preview_key}/"


def state_of(campaign: Campaign) -> str:
    return Campaign.objects.values_list("state", flat=True).get(pk=campaign.pk)


def test_the_way_from_a_draft_to_the_end(client: Client, draft: Campaign, owner: User) -> None:
    page = draft.get_absolute_url()
    assert client.get(page).status_code == 404

    asked = client.get(desk(draft, "publish/")).content.decode()
    assert "Yes, publish it" in asked
    assert state_of(draft) == "draft"
    assert client.post(desk(draft, "publish/")).status_code == 303
    draft.refresh_from_db()
    assert draft.launched_on == timezone.localdate()
    assert "A secret headline" in client.get(page).content.decode()

    client.post(desk(draft, "pause/"), {"reason": "We count first."})
    shown = client.get(page).content.decode()
    assert "We count first." in shown
    assert "Not taking gifts at present" in shown
    assert client.get(f"{page}give/").status_code == 200
    assert client.post(f"{page}give/", factories.form_data(draft)).status_code == 409

    client.post(desk(draft, "resume/"))
    shown = client.get(page).content.decode()
    assert "We count first." not in shown
    assert "Add your patch" in shown

    client.post(desk(draft, "end/"), {"reason": REASON, "plans": "keep"})
    shown = client.get(page).content.decode()
    assert "This campaign has ended" in shown
    assert REASON in shown
    assert not Donation.objects.exists()
    moves = [e.get_change_message() for e in LogEntry.objects.order_by("pk")]
    assert [words.partition("state: ")[2] for words in moves] == [
        *("draft → live", "live → paused", "paused → live", "live → ended"),
    ]


def test_what_is_missing_is_listed_each_with_the_way_to_its_field(
    client: Client, draft: Campaign, owner: User
) -> None:
    Goal.objects.all().delete()
    Campaign.objects.filter(pk=draft.pk).update(story="", imprint="", drawing_will_do=False)
    base = f"/organise/{draft.slug}/page/"

    for address in (desk(draft), desk(draft, "publish/")):
        shown = client.get(address).content.decode()
        for link in (
            f"{base}#id_story",
            f"{base}#id_imprint",
            f"{base}pictures/#id_upload",
            f"{base}goals/",
        ):
            assert f'href="{link}"' in shown
            if "#" in link:
                there = client.get(link.partition("#")[0]).content.decode()
                assert f'id="{link.partition("#")[2]}"' in there
    refused = client.post(desk(draft, "publish/"), follow=True)

    assert "Something is missing. Nothing was changed." in refused.content.decode()
    assert state_of(draft) == "draft"


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (state, name)
        for state in State
        for name in ("publish", "resume", "end", "pause", "nothing")
        if (state, name) not in WAYS
    ],
)
def test_a_move_that_is_none_from_here_changes_nothing(
    client: Client, draft: Campaign, owner: User, state: State, name: str
) -> None:
    Campaign.objects.filter(pk=draft.pk).update(
        state=state, closed_reason="Why.", launched_on=date(2016, 8, 8)
    )

    answer = client.post(desk(draft, f"{name}/"), {"reason": REASON, "plans": "stop"})

    assert answer.status_code == (404 if name == "nothing" else 303)
    assert state_of(draft) == state
    assert not Ending.objects.exists()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.FINANCE, Role.VIEWER])
def test_only_owners_decide(draft: Campaign, role: Role) -> None:
    client = factories.sign_in(Client(), factories.make_member(draft, role))

    for name in ("publish", "pause", "resume", "end"):
        answer = client.post(desk(draft, f"{name}/"), {"reason": REASON, "plans": "stop"})
        assert answer.status_code == 403
    assert state_of(draft) == "draft"
    shown = client.get(desk(draft))
    assert shown.status_code == (200 if role == Role.EDITOR else 403)
    assert "Publish" not in shown.content.decode()


def test_without_a_reason_or_a_word_on_monthly_gifts_nothing_ends(
    client: Client, draft: Campaign, owner: User
) -> None:
    client.post(desk(draft, "publish/"))

    for said in (
        {},
        {"reason": REASON},
        {"plans": "stop"},
        {"reason": "\u202e ", "plans": "stop"},
        {"reason": REASON, "plans": "other"},
    ):
        answer = client.post(desk(draft, "end/"), said)
        assert answer.status_code == 422
        assert "Something to put right" in answer.content.decode()
    assert state_of(draft) == "live"
    assert not Ending.objects.exists()


def test_the_desk_tells_how_far_the_stopping_has_come(
    client: Client, draft: Campaign, owner: User
) -> None:
    client.post(desk(draft, "publish/"))
    draft.refresh_from_db()
    plans = [factories.make_plan(draft, email=f"{n}@example.org") for n in range(3)]
    assert "3 at present" in client.get(desk(draft, "end/")).content.decode()

    client.post(desk(draft, "end/"), {"reason": REASON, "plans": "stop"})
    assert (
        "<strong>3 of 3</strong> monthly gifts still to stop"
        in client.get(desk(draft)).content.decode()
    )

    plans[0].status = "canceled"
    plans[0].save()
    assert "<strong>2 of 3</strong>" in client.get(desk(draft)).content.decode()
    for plan in plans:
        plan.status = "canceled"
        plan.save()
    assert "<strong>All 3</strong>" in client.get(desk(draft)).content.decode()
    assert ending.Progress(3, 0, 0) == ending.progress(draft)
    assert not Mail.objects.filter(kind="campaign_ended").exists()


def test_a_draft_is_nowhere_but_at_its_own_address(
    client: Client, draft: Campaign, standin: StandIn
) -> None:
    factories.make_update(draft, title="Secret news")
    page = draft.get_absolute_url()

    for address in ("/", page, f"{page}give/", f"{page}updates/", f"{page}updates/feed/"):
        answer = client.get(address)
        assert b"ecret" not in answer.content, address
        assert answer.status_code == (200 if address == "/" else 404)
    assert client.post(f"{page}give/", factories.form_data(draft)).status_code == 404
    assert not Donation.objects.exists()

    answer = client.get(preview(draft))

    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "A secret headline" in shown
    assert "This is a draft." in shown
    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert not answer.cookies
    # Nothing on it can be used to give.
    assert '<button class="btn" type="submit" disabled>' in shown
    assert 'class="givebar"' not in shown
    assert f'class="btn" href="{page}give/' not in shown


def test_another_key_is_no_key_and_a_renewed_one_ends_the_old(
    client: Client, draft: Campaign, owner: User
) -> None:
    old = preview(draft)
    other = factories.make_campaign(state=State.DRAFT, launched_on=None)
    for key in (other.preview_key, "x", draft.preview_key[:-1], draft.preview_key + "x", "é"):
        assert client.get(preview(draft, key)).status_code == 404
    assert client.get(f"/c/nothing/preview/{draft.preview_key}/").status_code == 404
    assert draft.preview_key in client.get(desk(draft)).content.decode()

    assert client.post(desk(draft, "key/")).status_code == 303

    draft.refresh_from_db()
    assert client.get(old).status_code == 404
    assert client.get(preview(draft)).status_code == 200
    trail = LogEntry.objects.get()
    assert draft.preview_key not in trail.get_change_message()


def test_once_in_public_the_drafts_address_leads_to_the_page(
    client: Client, draft: Campaign, owner: User
) -> None:
    client.post(desk(draft, "publish/"))

    answer = client.get(preview(draft))

    assert (answer.status_code, answer["Location"]) == (302, draft.get_absolute_url())
    assert "preview" not in client.get(desk(draft)).content.decode().split("<main", 1)[1]
    assert client.get(preview(draft, "wrong")).status_code == 404


def test_the_stretch_target_is_shown_once_the_target_is_met(
    client: Client, campaign: Campaign
) -> None:
    campaign.stretch_minor = 200_000
    campaign.save()
    page = campaign.get_absolute_url()
    donation = factories.make_donation(campaign)
    factories.make_payment(donation, "pi_1", minor=99_999)
    assert "£2,000" not in client.get(page).content.decode()

    factories.make_payment(donation, "pi_2", minor=50_001)

    shown = client.get(page).content.decode()
    assert "Target met." in shown
    assert "Next comes £2,000: 75&nbsp;% of that is there." in shown
    assert "150&nbsp;%" in shown


def test_updates_that_prove_a_goal_are_linked_from_it(client: Client, campaign: Campaign) -> None:
    goal = Goal.objects.create(campaign=campaign, title="Hold a meeting", state="done")
    page = campaign.get_absolute_url()
    shown, waiting = (
        factories.make_update(campaign, title="It was held"),
        factories.make_update(campaign, title="To come", ago=timedelta(hours=-1)),
    )
    assert "Shown by" not in client.get(page).content.decode()

    goal.proofs.add(shown, waiting)

    html = client.get(page).content.decode()
    assert f'Shown by <a href="#update-{shown.pk}">It was held</a></p>' in html
    assert f'id="update-{shown.pk}"' in html
    assert "To come" not in html
    goal.proofs.remove(shown)
    assert "Shown by" not in client.get(page).content.decode()


def test_only_verified_endorsements_are_in_public_by_party_with_their_source(
    client: Client, campaign: Campaign
) -> None:
    page = campaign.get_absolute_url()
    admin = factories.make_admin()
    assert 'id="endorsements"' not in client.get(page).content.decode()
    waiting = factories.make_endorsement(campaign, name="Walter Waiting")
    assert "Walter" not in client.get(page).content.decode()
    for name, party in [("Ada A", "Greens"), ("Bo B", "Labour"), ("Cy C", "Greens")]:
        factories.make_endorsement(campaign, name=name, affiliation=party, verified_by=admin)

    html = client.get(page).content.decode()

    assert "3 people from 2 parties and movements" in html
    assert html.index("Greens") < html.index("Ada A") < html.index("Cy C") < html.index("Labour")
    assert 'Greens <span class="soft">2</span>' in html
    assert 'href="https://example.org/speech" rel="nofollow noopener noreferrer"' in html
    assert "5 July 2016" in html
    assert "Walter" not in html
    assert str(admin) not in html
    waiting.verified_by, waiting.verified_at = admin, timezone.now()
    waiting.save()
    assert "Walter" in client.get(page).content.decode()
    waiting.delete()
    assert "Walter" not in client.get(page).content.decode()
