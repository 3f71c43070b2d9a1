"""Goals and endorsements at the desk, and what staff do about them."""

import re
from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

from alliance.accounts.models import User
from campaigns import services
from campaigns.models import Campaign, Edit, Goal
from tests import factories
from tests.web.writing import base, form_of


def test_goals_are_added_changed_moved_proven_and_deleted(
    client: Client, campaign: Campaign, editor: User
) -> None:
    address = f"{base(campaign)}goals/"
    for title, amount in [("One", "600"), ("Two", ""), ("Three", "1.50")]:
        said = {**form_of(client, address), "title": title, "amount_minor": amount}
        assert client.post(address, said).status_code == 303
    one, two, three = campaign.goals.all()
    assert (one.amount_minor, two.amount_minor, three.amount_minor) == (60_000, None, 150)
    assert client.post(address, {"version": "3", "title": ""}).status_code == 422
    assert (
        client.post(address, {"version": "3", "title": "x", "amount_minor": "-1"}).status_code
        == 422
    )
    update, foreign = (
        factories.make_update(campaign),
        factories.make_update(factories.make_campaign()),
    )

    client.post(f"{address}{three.pk}/move/", {"to": "up"})
    client.post(f"{address}{three.pk}/move/", {"to": "sideways"})
    said = form_of(client, f"{address}{one.pk}/") | {"title": "First", "state": "done"}
    proven = client.post(f"{address}{one.pk}/", {**said, "proofs": [str(update.pk)]})
    stolen = client.post(f"{address}{two.pk}/", {**said, "proofs": [str(foreign.pk)]})

    assert (proven.status_code, stolen.status_code) == (303, 422)
    assert [goal.title for goal in campaign.goals.all()] == ["First", "Three", "Two"]
    assert [u.pk for u in one.proofs.all()] == [update.pk]
    assert not two.proofs.exists()
    assert "Delete this?" in client.get(f"{address}{two.pk}/delete/").content.decode()
    assert campaign.goals.count() == 3
    for goal in (two, three, one):
        client.post(f"{address}{goal.pk}/delete/")
    # The page is in public: the last one stays.
    assert [goal.title for goal in campaign.goals.all()] == ["First"]
    assert Edit.objects.latest("version").page["goals"] == [
        {
            "id": one.pk,
            "title": "First",
            "detail": "",
            "amount_minor": 60_000,
            "state": "done",
            "position": 0,
        }
    ]


def test_a_goal_that_somebody_else_changed_meanwhile_is_not_overwritten_unseen(
    client: Client, campaign: Campaign, editor: User
) -> None:
    fields = {"title": "A goal", "detail": "", "amount_minor": None, "state": "waiting"}
    goal = services.save_goal(campaign=campaign, by=editor, goal=None, fields=fields, version=0)
    address = f"{base(campaign)}goals/{goal.pk}/"
    mine = form_of(client, address) | {"title": "As I see it", "proofs": ""}
    del mine["proofs"]
    services.save_goal(
        campaign=campaign, by=editor, goal=goal, fields={"title": "As they do"}, version=1
    )

    told = client.post(address, mine)

    assert told.status_code == 409
    assert "As they do" in told.content.decode()
    assert 'value="As I see it"' in told.content.decode()
    assert Goal.objects.get().title == "As they do"
    again = {f.html_name: str(f.value() or "") for f in told.context["form"] if f.name != "proofs"}
    assert client.post(address, again).status_code == 303
    assert Goal.objects.get().title == "As I see it"


def test_endorsements_wait_for_staff_who_verify_them_in_one_go(
    client: Client, campaign: Campaign, editor: User
) -> None:
    address = f"{base(campaign)}endorsements/"
    said = {
        "name": "Edna Example",
        "role": "MP",
        "affiliation": "Greens",
        "said_on": "2016-07-05",
        "source_url": "https://example.org/speech",
    }
    for wrong in (
        {"source_url": "javascript:alert(1)"},
        {"source_url": "ftp://example.org"},
        {"said_on": "yesterday"},
        {"name": ""},
    ):
        assert client.post(address, {**said, **wrong}).status_code == 422
    assert not campaign.endorsements.exists()
    client.post(address, said)
    assert client.post(address, said).status_code == 422
    one = campaign.endorsements.get()
    assert "waiting to be verified" in client.get(address).content.decode()
    admin = factories.sign_in(Client(), factories.make_admin())
    listing = "/admin/campaigns/endorsement/"
    chosen = {"action": "verify", "_selected_action": [str(one.pk)]}
    asked = admin.post(listing, chosen).content.decode()
    assert 'href="https://example.org/speech"' in asked
    one.refresh_from_db()
    assert one.verified_at is None

    seen = re.findall(r'name="seen" value="([^"]+)"', asked)
    admin.post(listing, {**chosen, "seen": seen})

    assert "Edna Example" in client.get(campaign.get_absolute_url()).content.decode()
    assert "verified on" in client.get(address).content.decode()
    client.post(f"{address}{one.pk}/", {**said, "role": "Minister"})
    assert "Edna" not in client.get(campaign.get_absolute_url()).content.decode()
    # What staff had seen is not what it says now.
    admin.post(listing, {**chosen, "seen": seen})
    one.refresh_from_db()
    assert (one.role, one.verified_at) == ("Minister", None)
    client.post(f"{address}{one.pk}/delete/")
    assert not campaign.endorsements.exists()


def test_staff_without_the_permission_verify_nothing(campaign: Campaign) -> None:
    one = factories.make_endorsement(campaign)
    clerk = factories.make_user(is_staff=True)
    clerk.user_permissions.add(permission("view_endorsement"))
    client = factories.sign_in(Client(), clerk)

    listing = "/admin/campaigns/endorsement/"
    seen = f"{one.pk} {one.changed_at.isoformat()}"
    client.post(listing, {"action": "verify", "_selected_action": [one.pk], "seen": [seen]})

    assert client.get(listing).status_code == 200
    one.refresh_from_db()
    assert one.verified_at is None


def permission(codename: str) -> Any:
    return Permission.objects.get(codename=codename)
