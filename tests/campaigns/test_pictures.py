"""Uploaded pictures, and what comes in their place."""

import random
import struct
import time
import zlib
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


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    """A PNG that says it is that large, and carries what it is told to."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), *more, body, chunk(b"IEND", b"")]
    )


def moving(frames: int) -> bytes:
    made = BytesIO()
    pictures_ = [Image.new("RGB", (40, 20), (n % 256, 0, 0)) for n in range(frames)]
    pictures_[0].save(made, "WEBP", save_all=True, append_images=pictures_[1:])
    return made.getvalue()


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
        png(30_000, 30_000),
        png(2_000_000_000, 2),
        png(0, 0),
        png(40, 20, chunk(b"zTXt", b"c\0\0" + zlib.compress(b"x" * 80_000_000))),
        picture("PNG", (1, 4000)),
        picture("JPEG", (4000, 10)),
        picture("PNG")[:-40],
        b"\xff\xd8\xff\xe0" + b"\0" * 4000,
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 4000,
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        b"%PDF-1.4 " + picture("JPEG"),
        picture("TIFF"),
        picture("ICO"),
    ],
    ids=[
        *("empty", "stub", "svg", "html", "cut off", "gif", "bmp", "too heavy"),
        *("too many pixels", "bomb", "as wide as a lie", "of no size", "text bomb", "a thread"),
        *("a ribbon", "cut off at its end", "JPEG by its head alone", "WebP by its head alone"),
        *("script behind a head", "PDF", "tiff", "ico"),
    ],
)
def test_what_is_no_bearable_picture_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(ValidationError) as refused:
        pictures.reencode(upload(content))

    assert "picture" in str(refused.value)


def test_whatever_else_a_file_is_stays_behind() -> None:
    payload = b"<script>alert(1)</script>PK\x03\x04<?php phpinfo(); ?>"
    comment = b"\xff\xfe" + struct.pack(">H", len(payload) + 2) + payload
    plain = picture("JPEG")
    for content in (
        plain + payload,
        plain[:2] + comment + plain[2:],
        picture("PNG") + payload,
        png_with_text(payload),
    ):
        fresh = pictures.reencode(upload(content)).read()
        assert fresh[:4] == b"RIFF"
        for part in (b"script", b"PK\x03\x04", b"php"):
            assert part not in fresh


def png_with_text(payload: bytes) -> bytes:
    plain = picture("PNG")
    # After the header's chunk, where readers look for it.
    return plain[:33] + chunk(b"tEXt", b"Comment\0" + payload) + plain[33:]


def test_of_a_picture_that_moves_the_first_is_taken() -> None:
    with Image.open(pictures.reencode(upload(moving(50)))) as made:
        assert getattr(made, "n_frames", 1) == 1


def test_files_broken_at_random_are_refused_or_made_anew_and_never_break_us() -> None:
    chance = random.Random(7)  # noqa: S311 (repeats)
    outcomes = set()
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = bytearray(picture(kind, (60, 40)))
        for _ in range(120):
            broken = bytearray(whole)
            for _ in range(chance.randrange(1, 8)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            try:
                pictures.reencode(upload(bytes(broken)))
                outcomes.add("made")
            except ValidationError:
                outcomes.add("refused")
    assert outcomes == {"made", "refused"}


def test_a_held_picture_is_good_for_its_own_campaign_and_for_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = pictures.hold("campaigns/a.webp", 7)

    assert pictures.held(token, 7) == "campaigns/a.webp"
    for wrong in (token[:-1], "", "campaigns/a.webp", f"{token}x"):
        assert pictures.held(wrong, 7) == ""
    assert pictures.held(token, 8) == ""
    tomorrow = time.time() + 25 * 60 * 60
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    assert pictures.held(token, 7) == ""


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
