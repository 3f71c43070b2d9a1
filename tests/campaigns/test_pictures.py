"""Uploaded pictures, and what comes in their place."""

from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from campaigns import pictures
from campaigns.models import Campaign
from tests import factories


def picture(kind: str, size: tuple[int, int] = (40, 20), **options: Any) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, "red").save(made, kind, **options)
    return made.getvalue()


def upload(content: bytes, name: str = "p.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/jpeg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_made_anew_under_a_name_of_ours(kind: str) -> None:
    fresh = pictures.reencode(upload(picture(kind), "../../etc/passwd.php.jpg"))

    with Image.open(fresh) as made:
        assert (made.format, made.size) == ("WEBP", (40, 20))
    assert fresh.name is not None
    assert fresh.name.endswith(".webp")
    assert "passwd" not in fresh.name


def test_nothing_of_the_camera_is_left_and_the_picture_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    exif[0x010F] = "The camera of Gail Guest"

    fresh = pictures.reencode(upload(picture("JPEG", exif=exif)))

    with Image.open(fresh) as made:
        assert made.size == (20, 40)
        assert not made.getexif()
    fresh.seek(0)
    assert b"Gail" not in fresh.read()


def test_a_large_picture_is_made_smaller() -> None:
    fresh = pictures.reencode(upload(picture("JPEG", (4000, 1000))))

    with Image.open(fresh) as made:
        assert made.size == (1800, 450)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script>",
        picture("JPEG")[:200],
        picture("GIF"),
        picture("BMP"),
        b"x" * (pictures.MAX_BYTES + 1),
        picture("PNG", (8000, 6000)),
    ],
    ids=["empty", "stub", "svg", "html", "cut off", "gif", "bmp", "too heavy", "too many pixels"],
)
def test_what_is_no_bearable_picture_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(ValidationError) as refused:
        pictures.reencode(upload(content))

    assert "picture" in str(refused.value)


def test_an_admin_uploads_a_picture_and_the_page_shows_it_with_its_credit(
    client: Client, campaign: Campaign, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    factories.sign_in(client, factories.make_admin())
    base = f"/admin/campaigns/campaign/{campaign.pk}/change/"
    form = client.get(base).context["adminform"].form
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    management = {
        "goals-TOTAL_FORMS": "0",
        "goals-INITIAL_FORMS": "0",
        "target_minor": "1000",
        "presets": "5, 10, 25, 50",
    }

    saved = client.post(
        base,
        {
            **data,
            **management,
            "picture": upload(picture("JPEG")),
            "picture_alt": "A full hall",
            "picture_credit": "Photograph: A. Person",
        },
    )

    assert saved.status_code == 302, saved.context["errors"]
    campaign.refresh_from_db()
    shown = client.get(campaign.get_absolute_url()).content.decode()
    assert f'src="{campaign.picture.url}"' in shown
    assert 'alt="A full hall"' in shown
    assert "Photograph: A. Person" in shown
    with closing(client.get(campaign.picture.url)) as served:
        assert served.status_code == 200


def test_a_closed_campaign_must_say_why(campaign: Campaign) -> None:
    campaign.state = "ended"

    with pytest.raises(ValidationError, match="Say why"):
        campaign.full_clean()
