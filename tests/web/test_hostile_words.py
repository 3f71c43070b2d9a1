"""Words that mean harm, through every field of a campaign's page, wherever these are shown."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from alliance.accounts.models import User
from alliance.core import text
from campaigns.models import Campaign, Edit, Endorsement, Goal
from campaigns.queries import WORDS
from tests import factories, hostile
from tests.web.writing import base, form_of

TEXTS = [name for name in WORDS if name not in {"target_minor", "stretch_minor", "presets"}]


def harmless(
    client: Client,
    address: str,
    data: dict[str, Any] | None = None,
    *,
    of_old: set[str] | None = None,
) -> None:
    """`of_old`: what Django admin's own pages carry, whatever is in them."""
    answer = client.get(address) if data is None else client.post(address, data)
    html = answer.content.decode()
    assert answer.status_code in {200, 409, 422}, address
    assert set(hostile.harm_in(html)) - (of_old or set()) == set(), address


@pytest.mark.parametrize("at", range(0, len(hostile.CORPUS), 20))
def test_what_the_desk_takes_in_does_no_harm_anywhere(
    client: Client, campaign: Campaign, editor: User, at: int
) -> None:
    """Some of the corpus at a time, all of them in each text that may be long."""
    some = hostile.CORPUS[at : at + 20]
    everything = "\n\n".join(some)
    page = base(campaign)
    form = form_of(client, page)
    goal_form = form_of(client, f"{page}goals/")
    admin = factories.sign_in(Client(), factories.make_admin())
    of_old: set[str] = set()
    for path in ("", f"{campaign.pk}/change/"):
        clean = admin.get(f"/admin/campaigns/campaign/{path}").content.decode()
        of_old |= set(hostile.harm_in(clean))

    long = {name: everything for name in TEXTS if name not in {"title", "lede"}}
    preview = {**form, **long, "title": some[0][:120], "lede": everything[:300]}
    harmless(client, f"{page}preview/", preview)
    for words in some:
        said = {**form, **long, "title": words[:120], "lede": words}
        assert client.post(page, said).status_code == 303
        goal = {**goal_form, "title": words[:120], "detail": words}
        assert client.post(f"{page}goals/", goal).status_code == 303
        endorsement = {
            "name": words[:100],
            "role": words[:120],
            "affiliation": words[:120],
            "said_on": "2016-07-05",
            "source_url": "https://example.org/a?b=<c>\"'",
        }
        answer = client.post(f"{page}endorsements/", endorsement)
        assert answer.status_code in {303, 422}
        form["version"] = str(int(form["version"]) + 2)
    Endorsement.objects.update(verified_by=editor, verified_at=campaign.changed_at)
    campaign.refresh_from_db()
    campaign.name = campaign.closed_reason = text.one_line(some[-1])[:80]
    campaign.picture_alt = campaign.picture_credit = campaign.name
    campaign.save()

    goal_row, one = Goal.objects.first(), Endorsement.objects.first()
    assert goal_row
    stale = {**form, **long, "title": "x", "version": "0"}
    addresses = [
        campaign.get_absolute_url(),
        "/",
        f"{campaign.get_absolute_url()}give/",
        page,
        f"{page}preview/",
        f"{page}pictures/",
        f"{page}goals/",
        f"{page}goals/{goal_row.pk}/",
        f"{page}goals/{goal_row.pk}/delete/",
        f"{page}endorsements/",
        f"{page}history/",
        *(f"{page}history/{edit.version}/" for edit in Edit.objects.all()[:4]),
        f"{page}state/",
        f"/organise/{campaign.slug}/",
    ]
    for address in addresses:
        harmless(client, address)
    harmless(client, page, stale)
    for address in (
        "/admin/campaigns/campaign/",
        f"/admin/campaigns/campaign/{campaign.pk}/change/",
        "/admin/campaigns/endorsement/",
        "/admin/campaigns/edit/",
    ):
        harmless(admin, address, of_old=of_old)
    if one:
        harmless(client, f"{page}endorsements/{one.pk}/")
        listing = "/admin/campaigns/endorsement/"
        chosen = {"action": "verify", "_selected_action": [one.pk]}
        harmless(admin, listing, chosen, of_old=of_old)
    shown = client.get(campaign.get_absolute_url()).content.decode()
    assert not set(shown) & hostile.INVISIBLE


def test_what_came_in_by_another_way_does_no_harm_either(client: Client, db: None) -> None:
    """Even where the rows themselves are hostile: each place guards itself."""
    everything = "\n\n".join(words.replace("\x00", "") for words in hostile.CORPUS)
    campaign = factories.make_campaign(
        **{name: everything for name in TEXTS if name not in {"title", "lede"}},
        title=everything[:120],
        lede=everything[:300],
        picture_alt=everything[:250],
        picture_credit=everything[:150],
    )
    Goal.objects.create(campaign=campaign, title=everything[:120], detail=everything[:400])
    factories.make_endorsement(
        campaign,
        name=everything[:100],
        role=everything[100:220],
        affiliation=everything[220:340],
        said_on=date(2016, 7, 5),
        verified_by=factories.make_admin(),
    )
    factories.make_update(campaign, title=everything[:120], body=everything)
    owner = factories.sign_in(Client(), factories.make_member(campaign))

    harmless(client, campaign.get_absolute_url())
    for path in ("", "preview/", "goals/", "endorsements/", "pictures/", "state/"):
        harmless(owner, base(campaign) + path)
