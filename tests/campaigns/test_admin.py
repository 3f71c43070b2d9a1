"""A campaign in Django admin: by the same ways as at its desk."""

from typing import Any

from django.test import Client

from campaigns.models import Campaign, Edit, Goal
from tests import factories
from tests.web.writing import columns


def admin_form(admin: Client, campaign: Campaign) -> dict[str, Any]:
    form = admin.get(f"/admin/campaigns/campaign/{campaign.pk}/change/").context["adminform"].form
    data = {f.html_name: f.value() for f in form if f.value() not in (None, "")}
    goals = list(campaign.goals.all())
    data |= {"goals-TOTAL_FORMS": str(len(goals)), "goals-INITIAL_FORMS": str(len(goals))}
    for n, goal in enumerate(goals):
        for name in ("title", "detail", "state", "position"):
            data[f"goals-{n}-{name}"] = str(getattr(goal, name))
        data |= {f"goals-{n}-id": str(goal.pk), f"goals-{n}-campaign": str(campaign.pk)}
    return {name: value for name, value in data.items() if value is not False}


def test_what_staff_change_in_django_admin_is_in_the_history_too(campaign: Campaign) -> None:
    goal = Goal.objects.create(campaign=campaign, title="A goal")
    staff = factories.make_admin(name="Ada Admin")
    admin = factories.sign_in(Client(), staff)
    address = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    form = admin_form(admin, campaign)
    assert (form["target_minor"], form["presets"]) == ("1000", "5, 10, 25, 50")

    saved = admin.post(
        address,
        {
            **form,
            "title": "Staff's\u202e headline",
            "target_minor": "2,000",
            "presets": "10, 20.50",
            "goals-0-title": "Another goal",
            "goals-0-amount_minor": "12.50",
        },
    )

    assert saved.status_code == 302, saved.context["adminform"].form.errors
    campaign.refresh_from_db()
    goal.refresh_from_db()
    assert (campaign.title, campaign.target_minor) == ("Staff's headline", 200_000)
    assert campaign.presets == [1000, 2050]
    assert (goal.title, goal.amount_minor) == ("Another goal", 1250)
    edit = Edit.objects.latest("version")
    assert (edit.version, edit.by) == (1, staff)
    assert edit.page["title"] == "Staff's headline"
    assert edit.page["goals"][0]["title"] == "Another goal"
    # From what they opened before the edit nothing is saved.
    stale = admin.post(address, {**form, "target_minor": "9", "presets": "5", "title": "Old"})
    assert stale.status_code == 200
    assert "Somebody has saved this page" in stale.content.decode()
    assert columns(campaign)["title"] == "Staff&#x27;s headline".replace("&#x27;", "'")
    assert Edit.objects.count() == 2


def test_staff_pause_and_reopen_but_do_not_end_or_publish_half_a_page(campaign: Campaign) -> None:
    admin = factories.sign_in(Client(), factories.make_admin())
    address = f"/admin/campaigns/campaign/{campaign.pk}/change/"

    def post(**change: str) -> Any:
        form = admin_form(admin, campaign)
        return admin.post(address, {**form, "target_minor": "1000", "presets": "5", **change})

    assert post(state="ended", closed_reason="x").status_code == 200
    assert post(state="paused").status_code == 200
    assert columns(campaign)["state"] == "live"
    assert post(state="paused", closed_reason="We look into it.").status_code == 302
    assert columns(campaign)["state"] == "paused"
    # Without a goal it was in public before; reopened it is not.
    assert post(state="live").status_code == 200
    assert columns(campaign)["state"] == "paused"
    Goal.objects.create(campaign=campaign, title="A goal")
    assert post(state="live").status_code == 302
    assert columns(campaign)["state"] == "live"
    answer = post(**{"goals-0-DELETE": "on"})
    assert answer.status_code == 303
    assert campaign.goals.count() == 1


def test_a_new_campaign_in_django_admin_is_a_draft(db: None) -> None:
    admin = factories.sign_in(Client(), factories.make_admin())

    answer = admin.post(
        "/admin/campaigns/campaign/add/",
        {
            "name": "New",
            "slug": "new",
            "title": "New",
            "currency": "gbp",
            "target_minor": "500",
            "presets": "5, 10",
            "state": "live",
            "goals-TOTAL_FORMS": "0",
            "goals-INITIAL_FORMS": "0",
        },
    )

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.target_minor) == ("draft", 50_000)
