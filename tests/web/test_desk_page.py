"""The page's own desk: writing, previewing, two at one time, history."""

import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alliance.accounts.models import User
from campaigns import services
from campaigns.models import Campaign, Edit, Endorsement, Goal, Membership, Role
from tests import factories
from tests.web.writing import base, columns, form_of

# What somebody might add to a form, in the hope that it is taken.
MORE = {
    "is_staff": "on",
    "is_superuser": "on",
    "role": "owner",
    "id": "1",
    "pk": "1",
    "campaign": "999",
    "campaign_id": "999",
    "slug": "stolen",
    "name": "Stolen",
    "state": "ended",
    "closed_reason": "Stolen",
    "launched_on": "2001-01-01",
    "currency": "jpy",
    "is_demo": "on",
    "preview_key": "stolen",
    "verified_at": "2016-01-01",
    "verified_by": "1",
    "position": "77",
    "picture": "campaigns/stolen.webp",
    "presets": "1,2",
    "by": "1",
}


def test_words_are_written_in_pounds_and_stand_on_the_page_at_once(
    client: Client, campaign: Campaign, editor: User
) -> None:
    form = form_of(client, base(campaign))
    assert (form["target_minor"], form["preset_0"], form["stretch_minor"]) == ("1000", "5", "")
    page = client.get(campaign.get_absolute_url()).content.decode()

    saved = client.post(
        base(campaign),
        {
            **form,
            "title": "Another headline",
            "story": "## New\n\nIt *works*.",
            "target_minor": "£2,500.50",
            "stretch_minor": "5000",
            "preset_0": "50",
            "preset_1": "7.50",
            "preset_2": "7.50",
            "preset_3": "",
            "fees": "**None** of ours.",
        },
        follow=True,
    )

    assert "Saved." in saved.content.decode()
    campaign.refresh_from_db()
    assert (campaign.target_minor, campaign.stretch_minor) == (250_050, 500_000)
    assert campaign.presets == [750, 5000]
    shown = client.get(campaign.get_absolute_url()).content.decode()
    assert shown != page
    for words in ("Another headline", "<h2>New</h2>", "<strong>None</strong> of ours.", "£7.50"):
        assert words in shown
    again = client.post(base(campaign), form_of(client, base(campaign)), follow=True)
    assert "Nothing was different" in again.content.decode()
    assert Edit.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"target_minor": ""}, "target_minor", "Enter the target."),
        ({"target_minor": "lots"}, "target_minor", "Enter an amount in figures"),
        ({"target_minor": "0"}, "target_minor", "more than nothing"),
        ({"target_minor": "9" * 19}, "target_minor", "At most £1,000,000,000"),
        ({"stretch_minor": "1000"}, "stretch_minor", "must be more than the target"),
        ({"preset_0": "0.10"}, "preset_0", "smallest gift"),
        (dict.fromkeys(("preset_0", "preset_1", "preset_2", "preset_3"), ""), "preset_0", "one"),
        ({"lede": "x" * 301}, "lede", "300"),
        ({"story": "x" * 40_001}, "story", "40000"),
        ({"story": ""}, "story", "The page can be seen, so it needs the story."),
        ({"fees": " \u202e"}, "fees", "The page can be seen"),
        ({"version": "x"}, "version", "whole number"),
    ],
)
def test_what_cannot_be_taken_is_said_in_words_and_kept_in_the_form(
    client: Client,
    campaign: Campaign,
    editor: User,
    change: dict[str, str],
    field: str,
    words: str,
) -> None:
    before = columns(campaign)
    form = form_of(client, base(campaign)) | {"title": "What I was writing"} | change

    answer = client.post(base(campaign), form)

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert 'value="What I was writing"' in answer.content.decode()
    assert columns(campaign) == before
    assert not Edit.objects.exists()


def test_a_draft_may_be_saved_half_written(
    client: Client, campaign: Campaign, editor: User
) -> None:
    Campaign.objects.update(state="draft", launched_on=None)

    blank = dict.fromkeys(("title", "lede", "story", "recipient", "fees", "imprint"), "")
    blank |= {f"preset_{at}": "" for at in range(4)}
    answer = client.post(base(campaign), form_of(client, base(campaign)) | blank)

    assert answer.status_code == 303
    assert columns(campaign)["story"] == ""
    assert (
        "8 things are missing before you can publish"
        in client.get(base(campaign)).content.decode()
    )


def test_the_preview_is_the_real_page_of_what_stands_in_the_form(
    client: Client, campaign: Campaign, editor: User
) -> None:
    before = columns(campaign)
    form = form_of(client, base(campaign))
    form |= {"title": "Not saved yet", "story": "A *new* story.", "target_minor": "nonsense"}

    answer = client.post(f"{base(campaign)}preview/", form)

    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "Not saved yet" in shown
    assert "A <em>new</em> story." in shown
    assert "nothing has been saved" in shown
    # What can't be understood stays as it is saved.
    assert "£1,000" in shown
    assert 'type="submit" disabled>Give' in shown
    assert columns(campaign) == before
    assert "Not saved yet" not in client.get(campaign.get_absolute_url()).content.decode()
    assert "Not saved yet" not in client.get(f"{base(campaign)}preview/").content.decode()


def test_only_the_editor_may_frame_and_only_its_preview_may_be_framed(
    client: Client, campaign: Campaign, editor: User
) -> None:
    def policy(address: str) -> tuple[dict[str, str], str]:
        answer = client.get(address)
        said = [part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; ")]
        return {part[0]: part[-1] for part in said}, answer["X-Frame-Options"]

    writing, writing_frames = policy(base(campaign))
    preview, preview_frames = policy(f"{base(campaign)}preview/")
    elsewhere, elsewhere_frames = policy(campaign.get_absolute_url())

    assert (writing["frame-src"], preview["frame-ancestors"]) == ("'self'", "'self'")
    assert writing["frame-ancestors"] == elsewhere["frame-ancestors"] == "'none'"
    assert "frame-src" not in {*preview, *elsewhere}
    assert (writing_frames, preview_frames, elsewhere_frames) == ("DENY", "SAMEORIGIN", "DENY")
    assert preview["default-src"] == "'none'"
    assert preview["script-src"] == "'self'"


def test_the_second_to_save_is_told_sees_both_and_can_take_over_parts(
    client: Client, campaign: Campaign, editor: User
) -> None:
    mine = form_of(client, base(campaign)) | {
        "title": "My headline",
        "story": "It **began** with my meeting.",
    }
    other = factories.make_member(campaign, name="Olga Other")
    services.edit(
        campaign=campaign,
        by=other,
        page={"title": "Their headline", "lede": "Their opening."},
        version=0,
    )
    before = columns(campaign)

    told = client.post(base(campaign), mine)

    shown = told.content.decode()
    assert told.status_code == 409
    assert "<strong>Olga Other</strong> saved it on" in shown
    assert 'value="My headline"' in shown
    assert '<del><span class="sr">[removed: </span>Their<span class="sr">]</span></del>' in shown
    assert '<ins><span class="sr">[added: </span>My<span class="sr">]</span></ins>' in shown
    taken = set(re.findall(r'name="take" value="(\w+)"', shown))
    assert taken == {"title", "lede", "story"}
    assert columns(campaign) == before

    # Their opening lines, my story; the headline is my own.
    data = {f.html_name: str(f.value() or "") for f in told.context["form"]}
    halfway = client.post(base(campaign), {**data, "take": "lede"})
    assert "Their opening." in halfway.content.decode()
    assert columns(campaign) == before
    data = {f.html_name: str(f.value() or "") for f in halfway.context["form"]}
    assert client.post(base(campaign), data).status_code == 303

    campaign.refresh_from_db()
    assert campaign.title == "My headline"
    assert campaign.lede == "Their opening."
    assert campaign.story == "It **began** with my meeting."
    titles = [edit.page["title"] for edit in Edit.objects.order_by("version")]
    assert titles == ["Why you should support it", "Their headline", "My headline"]


def test_two_conflicts_after_another_lose_nothing_either(
    client: Client, campaign: Campaign, editor: User
) -> None:
    other = factories.make_member(campaign)
    mine = form_of(client, base(campaign)) | {"story": "Mine, at last."}
    for version, story in enumerate(["Theirs.", "Theirs again."]):
        services.edit(campaign=campaign, by=other, page={"story": story}, version=version)
        told = client.post(base(campaign), mine)
        assert told.status_code == 409
        mine = {f.html_name: str(f.value() or "") for f in told.context["form"]}
        assert mine["story"] == "Mine, at last."

    assert client.post(base(campaign), mine).status_code == 303

    assert columns(campaign)["story"] == "Mine, at last."


def test_a_field_that_is_none_cannot_be_taken_over(
    client: Client, campaign: Campaign, editor: User
) -> None:
    factories.make_member(campaign)
    services.edit(campaign=campaign, by=editor, page={"title": "Saved"}, version=0)
    form = form_of(client, base(campaign))

    for name in ("state", "version", "csrfmiddlewaretoken", "nothing", ""):
        assert client.post(base(campaign), {**form, "take": name}).status_code == 409
    assert columns(campaign)["title"] == "Saved"


def test_history_tells_who_changed_what_and_goes_back(
    client: Client, campaign: Campaign, editor: User
) -> None:
    address = f"{base(campaign)}history/"
    assert "Nothing has been changed yet" in client.get(address).content.decode()
    client.post(base(campaign), form_of(client, base(campaign)) | {"title": "Another headline"})
    client.post(
        base(campaign), form_of(client, base(campaign)) | {"story": "Short.", "fees": "Some."}
    )

    listed = client.get(address).content.decode()
    assert "Ed Editor: headline<" in listed
    assert "Ed Editor: story, fees<" in listed
    assert "As it was before the first edit" in listed
    told = client.get(f"{address}1/").content.decode()
    assert "[removed: </span>Why you should support it<" in told
    assert "[added: </span>Another headline<" in told
    # Going back to version 1 would undo what came after it, and says so.
    assert "[removed: </span>Short" in told

    back = client.post(f"{address}1/restore/", {"version": "2"}, follow=True)

    assert "what it said in version 1" in back.content.decode()
    assert columns(campaign)["story"] == "It **began** with a meeting."
    assert columns(campaign)["title"] == "Another headline"
    assert Edit.objects.count() == 4
    assert "It is what the page says today." in client.get(f"{address}1/").content.decode()
    for seen in ("2", "", "x", "²", "9" * 30):
        client.post(f"{address}0/restore/", {"version": seen})
    assert Edit.objects.count() == 4
    assert columns(campaign)["title"] == "Another headline"


def test_a_version_that_lacks_something_is_not_restored_to_a_public_page(
    client: Client, campaign: Campaign, editor: User
) -> None:
    Campaign.objects.update(state="draft")
    services.edit(campaign=campaign, by=editor, page={"story": ""}, version=0)
    services.edit(campaign=campaign, by=editor, page={"story": "A story."}, version=1)
    Campaign.objects.update(state="live")

    answer = client.post(f"{base(campaign)}history/1/restore/", {"version": "2"}, follow=True)

    assert "this version lacks the story" in answer.content.decode()
    assert columns(campaign)["story"] == "A story."


def test_history_costs_the_same_for_one_edit_and_for_three(
    client: Client, campaign: Campaign, editor: User
) -> None:
    costs = []
    client.get(f"{base(campaign)}history/")
    for version in range(3):
        other = factories.make_member(campaign, name=f"Ed {version}")
        services.edit(
            campaign=campaign, by=other, page={"title": f"Title {version}"}, version=version
        )
        with CaptureQueriesContext(connection) as context:
            client.get(f"{base(campaign)}history/")
        costs.append(len(context))
    assert costs[0] == costs[2]


def everything() -> str:
    """All that no form of the page may change."""
    return json.dumps(
        [
            list(User.objects.order_by("pk").values("pk", "is_staff", "is_superuser", "name")),
            list(Membership.objects.order_by("pk").values("user", "campaign", "role")),
            list(
                Campaign.objects.order_by("pk").values(
                    *("pk", "slug", "name", "state", "closed_reason", "launched_on", "currency"),
                    *("is_demo", "preview_key", "picture", "presets"),
                )
            ),
            list(Endorsement.objects.order_by("pk").values("pk", "campaign", "verified_at")),
            list(Goal.objects.order_by("pk").values("pk", "campaign", "position")),
        ],
        default=str,
    )


def test_what_a_form_does_not_ask_for_is_not_taken(
    client: Client, campaign: Campaign, editor: User
) -> None:
    other = factories.make_campaign()
    factories.make_endorsement(other)
    goal = Goal.objects.create(campaign=campaign, title="A goal")
    endorsement = factories.make_endorsement(campaign)
    page = base(campaign)
    told = {**form_of(client, page), "title": "Another headline"}
    goal_form = form_of(client, f"{page}goals/{goal.pk}/")
    del goal_form["proofs"]
    said_of = form_of(client, f"{page}endorsements/{endorsement.pk}/")
    more = {**MORE, "campaign": str(other.pk), "campaign_id": str(other.pk)}
    before = everything()

    # The form's own fields come last: two of its names are among the others.
    answers = [
        client.post(page, {**more, **told}),
        client.post(f"{page}goals/{goal.pk}/", {**more, **goal_form, "title": "Another goal"}),
        client.post(
            f"{page}endorsements/{endorsement.pk}/", {**more, **said_of, "name": "Another name"}
        ),
        client.post(
            f"{page}pictures/",
            {**more, "version": "2", "alt": "x", "credit": "y", "drawing_will_do": "on"},
        ),
        client.post(f"{page}state/key/x/", more),
        client.post(f"{page}preview/", {**more, **told}),
        client.post(f"{page}history/0/restore/", {**more, "version": "99"}),
        client.post(f"{page}goals/{goal.pk}/move/", {**more, "to": "up"}),
    ]

    assert [answer.status_code for answer in answers[:4]] == [303] * 4
    assert everything() == before
    assert Endorsement.objects.get(pk=endorsement.pk).name == "Another name"


def test_a_version_that_was_never_there_does_not_overwrite(
    client: Client, campaign: Campaign, editor: User
) -> None:
    services.edit(campaign=campaign, by=editor, page={"title": "Saved"}, version=0)
    form = form_of(client, base(campaign)) | {"title": "Mine"}

    for version in ("99", "2147483647", "-1", "1.5", "1e1", "9" * 30, ""):
        answer = client.post(base(campaign), {**form, "version": version})
        assert answer.status_code in {409, 422}
    assert columns(campaign)["title"] == "Saved"


def test_what_is_of_another_campaign_is_not_found(
    client: Client, campaign: Campaign, editor: User
) -> None:
    other = factories.make_campaign()
    goal = Goal.objects.create(campaign=other, title="Theirs")
    one = factories.make_endorsement(other)
    services.edit(campaign=other, by=editor, page={"title": "Theirs"}, version=0)

    for path in (
        f"goals/{goal.pk}/",
        f"goals/{goal.pk}/delete/",
        f"endorsements/{one.pk}/",
        f"endorsements/{one.pk}/delete/",
        "history/1/",
    ):
        assert client.get(base(campaign) + path).status_code == 404
        assert client.get(base(other) + path).status_code == 404
    for path in (
        f"goals/{goal.pk}/delete/",
        f"endorsements/{one.pk}/delete/",
        "history/1/restore/",
    ):
        assert client.post(base(campaign) + path, {"version": "0"}).status_code == 404
    assert client.post(f"{base(campaign)}goals/{goal.pk}/move/", {"to": "up"}).status_code == 404
    assert Goal.objects.filter(pk=goal.pk).exists()
    assert Endorsement.objects.filter(pk=one.pk).exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.FINANCE])
def test_who_does_not_write_sees_none_of_it(campaign: Campaign, role: Role) -> None:
    client = factories.sign_in(Client(), factories.make_member(campaign, role))
    before = columns(campaign)

    for path in ("", "preview/", "pictures/", "goals/", "endorsements/", "history/", "state/"):
        assert client.get(base(campaign) + path).status_code == 403
    for path in ("", "preview/", "pictures/", "pictures/story/", "goals/", "state/key/"):
        assert client.post(base(campaign) + path, {"title": "x"}).status_code == 403
    assert columns(campaign) == before
    assert "Page</a>" not in client.get(f"/organise/{campaign.slug}/").content.decode()
