"""Writing a campaign's page: every edit kept, nothing lost, nothing published half made."""

from datetime import date
from time import perf_counter
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from alliance.accounts.models import User
from campaigns import queries, services
from campaigns.models import Campaign, Edit, Goal, State
from campaigns.services import Incomplete, NoWay, Stale
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(campaign: Campaign) -> User:
    return factories.make_member(campaign)


def save(campaign: Campaign, by: User, version: int, **page: Any) -> Edit | None:
    return services.edit(campaign=campaign, by=by, page=page, version=version)


def columns(campaign: Campaign) -> dict[str, Any]:
    return dict(Campaign.objects.filter(pk=campaign.pk).values().get())


def add_goal(campaign: Campaign, by: User, title: str, **fields: Any) -> Goal:
    said = {"title": title, "detail": "", "amount_minor": None, "state": "waiting", **fields}
    return services.save_goal(campaign=campaign, by=by, goal=None, fields=said, version=0)


def test_an_edit_is_kept_with_what_was_there_before_it(campaign: Campaign, editor: User) -> None:
    edit = save(campaign, editor, 0, title="Another headline", target_minor=200_000)

    assert edit
    before, after = Edit.objects.order_by("version")
    assert (before.version, before.by, after.version, after.by) == (0, None, 1, editor)
    assert before.page["title"] == "Why you should support it"
    assert after.page == {**before.page, "title": "Another headline", "target_minor": 200_000}
    assert columns(campaign)["version"] == 1
    assert columns(campaign)["title"] == "Another headline"


def test_the_trail_names_the_parts_and_none_of_the_words(campaign: Campaign, editor: User) -> None:
    save(campaign, editor, 0, title="Gail Guest is a friend", recipient="Gail Guest, 1 Street")

    entry = LogEntry.objects.get()
    assert entry.user == editor
    assert entry.get_change_message() == (
        "Edited the page. Changed: headline, who receives the money."
    )


def test_saving_what_is_there_already_is_no_edit(campaign: Campaign, editor: User) -> None:
    assert save(campaign, editor, 0, title=campaign.title, story=campaign.story) is None

    assert not Edit.objects.exists()
    assert columns(campaign)["version"] == 0


def test_history_can_be_added_to_and_nothing_else(campaign: Campaign, editor: User) -> None:
    save(campaign, editor, 0, title="Another headline")

    for change in (
        lambda: Edit.objects.update(page={}),
        lambda: Edit.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert Edit.objects.count() == 2


def test_the_second_of_two_is_refused_and_both_texts_are_there(
    campaign: Campaign, editor: User
) -> None:
    save(campaign, editor, 0, story="The first one's story.")
    before = columns(campaign)

    with pytest.raises(Stale) as refused:
        save(campaign, editor, 0, story="The second one's story.")

    assert refused.value.version == 1
    assert columns(campaign) == before
    assert Edit.objects.count() == 2


def test_two_who_change_different_parts_are_not_in_each_others_way(
    campaign: Campaign, editor: User
) -> None:
    save(campaign, editor, 0, story="A story.")

    save(campaign, editor, 0, picture_credit="Photograph: Zoë")
    add_goal(campaign, editor, "A goal")

    assert columns(campaign)["story"] == "A story."
    assert columns(campaign)["picture_credit"] == "Photograph: Zoë"
    assert columns(campaign)["version"] == 3


@pytest.mark.parametrize(
    "field", ["state", "slug", "preview_key", "is_demo", "currency", "name", "id"]
)
def test_what_is_no_part_of_the_page_cannot_be_edited(
    campaign: Campaign, editor: User, field: str
) -> None:
    before = columns(campaign)

    with pytest.raises(ValueError, match="no part of the page"):
        save(campaign, editor, 0, **{field: "x"})

    assert columns(campaign) == before


def test_invisible_tricks_are_left_out_wherever_words_come_in(
    campaign: Campaign, editor: User
) -> None:
    save(campaign, editor, 0, title="A\u202e head\nline\x00", story="One\r\n\r\nTwo\u2066")
    goal = add_goal(campaign, editor, "G\u202eoal", detail="a\x00\nb")

    assert columns(campaign)["title"] == "A head line"
    assert columns(campaign)["story"] == "One\n\nTwo"
    assert (goal.title, goal.detail) == ("Goal", "a\nb")


def test_a_page_in_public_keeps_what_it_must_have(campaign: Campaign, editor: User) -> None:
    before = columns(campaign)

    with pytest.raises(Incomplete) as refused:
        save(campaign, editor, 0, story="", imprint=" \u202e ")

    assert [one.field for one in refused.value.missing] == ["story", "imprint"]
    assert columns(campaign) == before
    assert not Edit.objects.exists()


def test_a_version_is_restored_with_its_goals_as_a_new_edit(
    campaign: Campaign, editor: User
) -> None:
    kept = add_goal(campaign, editor, "Kept", amount_minor=100)
    gone = add_goal(campaign, editor, "Deleted later", detail="with words")
    save(campaign, editor, 2, title="What it said then")
    then = Edit.objects.get(version=3)
    update = factories.make_update(campaign)
    update.goals.add(kept)
    services.delete_goal(campaign=campaign, by=editor, goal=gone)
    add_goal(campaign, editor, "New")
    save(campaign, editor, 5, title="What it says today")

    restored = services.restore(campaign=campaign, by=editor, edit=then, version=6)

    assert restored
    assert restored.version == 7
    assert restored.page == then.page
    assert [goal.title for goal in campaign.goals.all()] == ["Kept", "Deleted later"]
    assert columns(campaign)["title"] == "What it said then"
    # What stayed is still the same row, with what proves it.
    assert [one.pk for one in kept.proofs.all()] == [update.pk]
    assert Edit.objects.count() == 8


def test_restoring_over_what_somebody_just_saved_is_refused(
    campaign: Campaign, editor: User
) -> None:
    save(campaign, editor, 0, title="One")
    save(campaign, editor, 1, title="Two")
    before = columns(campaign)

    with pytest.raises(Stale):
        services.restore(campaign=campaign, by=editor, edit=Edit.objects.get(version=0), version=1)

    assert columns(campaign) == before


def test_goals_keep_their_order_and_change_places(campaign: Campaign, editor: User) -> None:
    first, second, third = (add_goal(campaign, editor, title) for title in "abc")

    services.move_goal(campaign=campaign, by=editor, goal=third, by_places=-1)
    services.move_goal(campaign=campaign, by=editor, goal=first, by_places=-1)

    assert [goal.title for goal in campaign.goals.all()] == ["a", "c", "b"]
    # The move that moved nothing is no edit.
    assert Edit.objects.latest("version").version == 4
    assert [goal["title"] for goal in Edit.objects.latest("version").page["goals"]] == [
        "a",
        "c",
        "b",
    ]
    assert second.pk


def test_the_same_goal_changed_by_two_is_refused_to_the_second(
    campaign: Campaign, editor: User
) -> None:
    goal = add_goal(campaign, editor, "A goal")
    other = add_goal(campaign, editor, "Another")
    fields = {"title": "Mine", "detail": "", "amount_minor": 5, "state": "done"}
    services.save_goal(campaign=campaign, by=editor, goal=goal, fields=fields, version=2)

    with pytest.raises(Stale):
        services.save_goal(
            campaign=campaign, by=editor, goal=goal, fields={"title": "Theirs"}, version=2
        )
    services.save_goal(
        campaign=campaign, by=editor, goal=other, fields={"title": "Fine"}, version=2
    )

    assert [one.title for one in campaign.goals.all()] == ["Mine", "Fine"]


def draft(**fields: Any) -> Campaign:
    blank = dict.fromkeys(("lede", "story", "recipient", "fees", "refunds", "imprint"), "")
    return factories.make_campaign(
        **{
            **blank,
            "title": "",
            "state": State.DRAFT,
            "launched_on": None,
            "drawing_will_do": False,
            "presets": [],
            **fields,
        }
    )


def test_the_gate_lists_all_that_is_missing_and_opens_once_it_is_there() -> None:
    campaign = draft()
    owner = factories.make_member(campaign)
    wanted = [one.field for one in queries.missing(campaign)]
    assert wanted == [
        *("title", "lede", "story", "picture", "presets", "goals"),
        *("recipient", "fees", "refunds", "imprint"),
    ]
    with pytest.raises(Incomplete) as refused:
        services.move(campaign=campaign, to=State.LIVE, by=owner)
    assert [one.field for one in refused.value.missing] == wanted
    assert columns(campaign)["state"] == "draft"

    page = {name: "Said." for name in wanted if name not in {"picture", "presets", "goals"}}
    save(campaign, owner, 0, **page, presets=[500], drawing_will_do=True)
    assert [one.field for one in queries.missing(Campaign.objects.get(pk=campaign.pk))] == [
        "goals"
    ]
    add_goal(campaign, owner, "A goal")

    services.move(campaign=campaign, to=State.LIVE, by=owner)

    campaign.refresh_from_db()
    assert (campaign.state, campaign.launched_on) == ("live", timezone.localdate())
    assert LogEntry.objects.first().get_change_message() == "Opened or closed. state: draft → live"  # type: ignore[union-attr]


def test_a_picture_needs_its_words_and_its_credit_before_people_see_it() -> None:
    campaign = draft(picture="campaigns/a.webp", picture_alt="", picture_credit="")

    fields = [one.field for one in queries.missing(campaign)]

    assert "picture" not in fields
    assert {"picture_alt", "picture_credit"} <= set(fields)


@pytest.mark.parametrize(
    "lack",
    [
        *({name: ""} for name in ("title", "lede", "story", "recipient", "imprint")),
        *({name: ""} for name in ("fees", "refunds")),
        {"drawing_will_do": False},
        {"picture": "campaigns/a.webp", "picture_alt": ""},
        {"picture": "campaigns/a.webp", "picture_credit": ""},
        {"launched_on": None},
        {"state": "paused"},
        {"state": "ended"},
        {"stretch_minor": 100_000},
        {"target_minor": 0},
    ],
    ids=str,
)
def test_the_database_itself_refuses_a_public_page_that_lacks_something(
    campaign: Campaign, lack: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(**lack)


@pytest.mark.parametrize("here", State)
@pytest.mark.parametrize("there", State)
def test_a_campaign_goes_only_where_there_is_a_way(here: State, there: State) -> None:
    campaign = factories.make_campaign(
        state=here,
        closed_reason="Why." if here in {State.PAUSED, State.ENDED} else "",
        launched_on=date(2016, 8, 8),
    )
    Goal.objects.create(campaign=campaign, title="A goal")
    owner = factories.make_member(campaign)
    before = columns(campaign)
    ways = {
        (State.DRAFT, State.LIVE),
        (State.LIVE, State.PAUSED),
        (State.PAUSED, State.LIVE),
        (State.LIVE, State.ENDED),
        (State.PAUSED, State.ENDED),
    }

    if (here, there) in ways:
        services.move(campaign=campaign, to=there, by=owner, reason="A reason.")
        after = columns(campaign)
        assert after["state"] == there
        assert after["closed_reason"] == ("" if there == State.LIVE else "A reason.")
        assert after["launched_on"] == date(2016, 8, 8)
    else:
        with pytest.raises(NoWay):
            services.move(campaign=campaign, to=there, by=owner, reason="A reason.")
        assert columns(campaign) == before


def test_without_a_reason_nothing_is_closed(campaign: Campaign, editor: User) -> None:
    before = columns(campaign)

    for to in (State.PAUSED, State.ENDED):
        with pytest.raises(Incomplete):
            services.move(campaign=campaign, to=to, by=editor, reason=" \u202e ")

    assert columns(campaign) == before


def endorse(campaign: Campaign, by: User, one: Any = None, **fields: Any) -> Any:
    said = {
        "name": "Edna Example",
        "role": "MP",
        "affiliation": "A Party",
        "said_on": date(2016, 7, 5),
        "source_url": "https://example.org/speech",
        **fields,
    }
    return services.save_endorsement(campaign=campaign, by=by, endorsement=one, fields=said)


def test_an_endorsement_waits_is_verified_and_waits_again_once_it_is_changed(
    campaign: Campaign, editor: User
) -> None:
    admin = factories.make_admin()
    one = endorse(campaign, editor)
    assert one.verified_at is None

    services.verify(seen={one.pk: one.changed_at}, by=admin, now=timezone.now())
    one.refresh_from_db()
    assert one.verified_by == admin
    assert endorse(campaign, editor, one).verified_by == admin

    changed = endorse(campaign, editor, one, role="Former MP")

    assert (changed.verified_at, changed.verified_by) == (None, None)
    trail = " ".join(entry.get_change_message() for entry in LogEntry.objects.all())
    assert "Verified." in trail
    assert "Changed; to be verified." in trail
    assert "Edna" not in trail + " ".join(e.object_repr for e in LogEntry.objects.all())


def test_what_changed_while_our_staff_were_reading_is_not_verified(
    campaign: Campaign, editor: User
) -> None:
    one = endorse(campaign, editor)
    seen = {one.pk: one.changed_at}
    endorse(campaign, editor, one, name="Somebody Else")

    assert services.verify(seen=seen, by=factories.make_admin(), now=timezone.now()) == []

    one.refresh_from_db()
    assert one.verified_at is None


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "ftp://example.org/x", "data:text/html,x", "//example.org"]
)
def test_a_source_is_an_address_of_the_web(campaign: Campaign, editor: User, address: str) -> None:
    with pytest.raises(ValidationError):
        endorse(campaign, editor, source_url=address)

    assert not campaign.endorsements.exists()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "New words.", [("added", "New words.")]),
        ("Old words.", "", [("removed", "Old words.")]),
        ("The same.", "The same.", [("same", "The same.")]),
        (
            "We need £100 by May.",
            "We need £200 by June.",
            [
                ("same", "We need £"),
                *(("removed", "100"), ("added", "200"), ("same", " by ")),
                *(("removed", "May"), ("added", "June"), ("same", ".")),
            ],
        ),
        (
            "One.\n\nTwo.",
            "One.\n\nAnd a half.\n\nTwo.",
            [("same", "One.\n\n"), ("added", "And a half.\n\n"), ("same", "Two.")],
        ),
    ],
)
def test_a_difference_is_told_word_by_word(
    before: str, after: str, said: list[tuple[str, str]]
) -> None:
    pieces = queries.compare(before, after)

    assert [(piece.kind, piece.text) for piece in pieces] == said


def test_both_texts_can_be_read_out_of_a_difference_however_long_they_are() -> None:
    before = "\n".join(f"Paragraph {n} with words, and more of them." for n in range(800))
    after = "\n".join(f"Paragraph {n * 7 % 800} with other words." for n in range(800))

    pieces = queries.compare(before, after)

    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after


def test_a_text_made_to_be_slow_to_compare_is_compared_at_once() -> None:
    begun = perf_counter()

    queries.compare("\n" * 39_999 + "a", "a" + "\n" * 39_999)
    queries.compare("a " * 20_000, "a b " * 10_000)

    assert perf_counter() - begun < 2
