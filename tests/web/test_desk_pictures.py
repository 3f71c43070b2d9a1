"""Pictures at the desk: made anew, with their words, kept while these are written."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from alliance.accounts.models import User
from campaigns.models import Campaign, Edit, Membership, Role
from tests import factories
from tests.web.writing import JPEG, base, columns, upload


def test_a_picture_is_made_anew_needs_its_words_and_is_kept_while_they_are_written(
    client: Client, campaign: Campaign, editor: User, media: Path
) -> None:
    address = f"{base(campaign)}pictures/"
    said = {"version": "0", "alt": "", "credit": "Photograph: A. Person"}

    halfway = client.post(address, {**said, "upload": upload()})

    assert halfway.status_code == 422
    assert "Your file was good, and is kept" in halfway.content.decode()
    assert columns(campaign)["picture"] == ""
    held = re.findall(r'name="held" value="([^"]+)"', halfway.content.decode())[0]
    saved = client.post(address, {**said, "alt": "A full hall", "held": held})
    assert saved.status_code == 303

    campaign.refresh_from_db()
    assert re.fullmatch(r"campaigns/[\w-]{16}\.webp", str(campaign.picture))
    assert campaign.drawing_will_do is False
    shown = client.get(campaign.get_absolute_url()).content.decode()
    assert f'src="{campaign.picture.url}" alt="A full hall"' in shown
    assert "Photograph: A. Person" in shown
    assert Edit.objects.latest("version").page["picture"] == campaign.picture.name
    # Back to the drawing, and back again from the history: the file is still there.
    client.post(address, {**said, "version": "1", "alt": "x", "drawing_will_do": "on"})
    assert columns(campaign)["picture"] == ""
    client.post(f"{base(campaign)}history/1/restore/", {"version": "2"})
    assert columns(campaign)["picture"] == campaign.picture.name
    assert (media / str(campaign.picture)).exists()
    with closing(client.get(campaign.picture.url)) as served:
        assert served.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"upload": SimpleUploadedFile("a.jpg", b"<svg onload=alert(1)>", JPEG)},
        {"upload": SimpleUploadedFile("a.php", b"<?php phpinfo();", JPEG)},
        {},
        {"upload": upload(), "drawing_will_do": "on"},
        {"upload": upload(), "credit": ""},
        {"held": "campaigns/stolen.webp"},
        {"held": "WyJjYW1wYWlnbnMveCIsMV0:1:forged"},
    ],
    ids=["svg", "php", "nothing", "both", "no credit", "bare name", "forged"],
)
def test_what_is_no_picture_with_its_words_is_refused(
    client: Client, campaign: Campaign, editor: User, change: dict[str, Any]
) -> None:
    before = columns(campaign)
    said = {"version": "0", "alt": "A hall", "credit": "Photograph: A", **change}

    answer = client.post(f"{base(campaign)}pictures/", said)

    assert answer.status_code == 422
    assert columns(campaign) == before
    assert not Edit.objects.exists()


def test_a_picture_that_another_campaigns_form_holds_is_not_taken(
    client: Client, campaign: Campaign, editor: User
) -> None:
    other = factories.make_campaign()
    factories.sign_in(client, editor)
    Membership.objects.create(campaign=other, user=editor, role=Role.EDITOR)
    halfway = client.post(
        f"{base(other)}pictures/", {"version": "0", "alt": "", "credit": "", "upload": upload()}
    )
    held = halfway.context["form"].holds

    answer = client.post(
        f"{base(campaign)}pictures/", {"version": "0", "alt": "a", "credit": "c", "held": held}
    )

    assert answer.status_code == 422
    assert columns(campaign)["picture"] == ""


def test_a_story_shows_the_campaigns_own_pictures_with_their_credit(
    client: Client, campaign: Campaign, editor: User
) -> None:
    address = f"{base(campaign)}pictures/story/"
    said = {"more-alt": "People in a hall", "more-credit": "Photograph: B"}
    assert client.post(address, {"more-upload": upload()}).status_code == 422
    assert not campaign.pictures.exists()

    client.post(address, {**said, "more-upload": upload("PNG")})

    picture = campaign.pictures.get()
    listed = client.get(f"{base(campaign)}pictures/").content.decode()
    assert f"![]({picture.file.url})" in listed
    theirs = factories.make_campaign(story=f"One.\n\n![]({picture.file.url})")
    campaign.story = f"One.\n\n![]({picture.file.url})"
    campaign.save()
    shown = client.get(campaign.get_absolute_url()).content.decode()
    assert f'<figure><img src="{picture.file.url}" alt="People in a hall" loading="lazy">' in shown
    assert "<figcaption>Photograph: B</figcaption>" in shown
    assert picture.file.url not in client.get(theirs.get_absolute_url()).content.decode()


def test_only_where_pictures_are_sent_may_a_form_be_large(
    client: Client, campaign: Campaign, editor: User
) -> None:
    for path, status in [
        (f"{base(campaign)}pictures/", 422),
        (f"{base(campaign)}pictures/story/", 422),
        (base(campaign), 413),
        (f"{base(campaign)}preview/", 413),
        (f"{base(campaign)}goals/", 413),
        (f"/organise/{campaign.slug}/x/page/pictures/", 413),
    ]:
        big = SimpleUploadedFile("a.jpg", b"x" * (2 * 1024 * 1024), JPEG)
        answer = client.post(path, {"version": "0", "upload": big, "more-upload": big})
        assert answer.status_code == status, path
    huge = client.generic("POST", f"{base(campaign)}pictures/", CONTENT_LENGTH=str(11 * 1024**2))
    assert huge.status_code == 413
