"""Writing one page by several at one time: the second is told, and nothing is lost."""

import pytest
from django.test import Client

from campaigns import services
from campaigns.models import Campaign, Edit, Goal, Role
from tests import factories
from tests.races.test_giving import again, at_once

__all__ = ["again"]
pytestmark = pytest.mark.django_db(transaction=True)


def form_of(client: Client, campaign: Campaign) -> dict[str, str]:
    form = client.get(f"/organise/{campaign.slug}/page/").context["form"]
    return {f.html_name: "" if f.value() is None else str(f.value()) for f in form}


def test_of_many_who_save_from_one_version_one_is_first_and_the_others_are_told(
    again: None,
) -> None:
    campaign = factories.make_campaign()
    clients = [
        factories.sign_in(Client(), factories.make_member(campaign, Role.EDITOR, name=f"Ed {n}"))
        for n in range(4)
    ]
    forms = [form_of(client, campaign) for client in clients]
    for n, form in enumerate(forms):
        form["story"] = f"The story as number {n} tells it."

    def save(n: int) -> tuple[int, str]:
        answer = clients[n].post(f"/organise/{campaign.slug}/page/", forms[n])
        return answer.status_code, answer.content.decode()

    answers = at_once(*[lambda n=n: save(n) for n in range(4)])

    statuses = [status for status, _ in answers]
    assert sorted(statuses) == [303, 409, 409, 409]
    winner = statuses.index(303)
    campaign.refresh_from_db()
    assert campaign.story == f"The story as number {winner} tells it."
    assert campaign.version == 1
    assert Edit.objects.count() == 2
    for n, (status, page) in enumerate(answers):
        if status == 409:
            assert f"The story as number {n} tells it." in page
            assert f"Ed {winner}" in page
            assert "Nothing of yours is lost" in page


def test_those_who_write_different_parts_all_get_theirs_in(again: None) -> None:
    campaign = factories.make_campaign()
    owner = factories.make_member(campaign)
    parts = {"title": "A title", "story": "A story", "imprint": "An imprint", "fees": "None"}

    outcomes = at_once(
        *[
            lambda name=name, words=words: services.edit(
                campaign=campaign, by=owner, page={name: words}, version=0
            )
            for name, words in parts.items()
        ],
        *[
            lambda n=n: services.save_goal(
                campaign=campaign, by=owner, goal=None, fields={"title": f"Goal {n}"}, version=0
            )
            for n in range(3)
        ],
    )

    assert [one for one in outcomes if isinstance(one, Exception)] == []
    campaign.refresh_from_db()
    assert {name: getattr(campaign, name) for name in parts} == parts
    assert sorted(Goal.objects.values_list("position", flat=True)) == [0, 1, 2]
    versions = list(Edit.objects.order_by("version").values_list("version", flat=True))
    assert versions == list(range(8))
    assert campaign.version == 7


def test_two_who_publish_at_once_publish_once(again: None) -> None:
    campaign = factories.make_campaign(state="draft", launched_on=None)
    Goal.objects.create(campaign=campaign, title="A goal")
    owner = factories.sign_in(Client(), factories.make_member(campaign))
    address = f"/organise/{campaign.slug}/page/state/publish/"

    answers = at_once(*[lambda: owner.post(address).status_code] * 3)

    assert answers == [303] * 3
    campaign.refresh_from_db()
    assert campaign.state == "live"


def test_who_ends_and_who_reopens_at_once_leave_one_outcome(again: None) -> None:
    campaign = factories.make_campaign(state="paused", closed_reason="A pause.")
    Goal.objects.create(campaign=campaign, title="A goal")
    owner = factories.make_member(campaign)

    outcomes = at_once(
        lambda: services.move(campaign=campaign, to="live", by=owner),  # type: ignore[arg-type]
        lambda: services.move(campaign=campaign, to="ended", by=owner, reason="Done."),  # type: ignore[arg-type]
    )

    campaign.refresh_from_db()
    refused = [one for one in outcomes if isinstance(one, services.NoWay)]
    assert campaign.state == "ended"
    assert campaign.closed_reason == "Done."
    # Reopened and then ended, or ended and then too late to reopen.
    assert len(refused) <= 1
