"""Uploaded pictures: only real ones, re-encoded, with nothing of the camera left in them."""

import secrets
import threading
from io import BytesIO
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
# What WebP can hold. A strip many times longer than high is no picture for any place here.
MAX_SIDE = 16_383
MAX_RATIO = 10
# Wide enough for the largest place a page shows a picture, on a dense screen.
WIDEST = (1800, 1800)
FOLDER = "campaigns"
# Each takes up to 200 MB of memory while it is decoded: one at a time in each process.
_turn = threading.Lock()


def reencode(upload: "UploadedFile[Any]") -> ContentFile[bytes]:
    """Return the picture as a fresh WebP under a random name: no EXIF, upright, at most 1800 px.

    Raises ValidationError for anything but a JPEG, PNG or WebP of bearable size. Of one that
    moves the first picture is taken; what else the file carries stays behind.
    """
    if upload.size is None or upload.size > MAX_BYTES:
        raise ValidationError(
            "The picture is larger than 8 MB. Save a smaller copy and try again."
        )
    try:
        with _turn, Image.open(upload, formats=["JPEG", "PNG", "WEBP"]) as picture:
            _measure(*picture.size)
            # A JPEG is read at about the size it is needed in, which saves most of the memory.
            picture.draft("RGB", WIDEST)
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail(WIDEST)
            fresh = BytesIO()
            # A new canvas, so that no metadata travels along.
            clean = Image.new("RGB", upright.size, "white")
            rgba = upright.convert("RGBA")
            clean.paste(rgba, mask=rgba)
            clean.save(fresh, "WEBP", quality=82, method=5)
    except ValidationError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValidationError(_TOO_MANY) from error
    except Exception as error:  # a decoder may stumble over a hostile file in any way it likes
        raise ValidationError("This isn't a JPEG, PNG or WebP picture we can read.") from error
    return ContentFile(fresh.getvalue(), name=f"{secrets.token_urlsafe(12)}.webp")


def store(upload: "UploadedFile[Any]") -> str:
    """Keep an upload, re-encoded, and return its name in the media. Raises as `reencode`."""
    fresh = reencode(upload)
    return default_storage.save(f"{FOLDER}/{fresh.name}", fresh)


def hold(name: str, campaign: int) -> str:
    """Return what lets a form that was not right be sent again without the file."""
    return signing.dumps([name, campaign], salt=__name__)


def held(token: str, campaign: int) -> str:
    """Return the name of a picture that a form of this campaign's holds; "" where it is none."""
    try:
        name, owner = signing.loads(token, salt=__name__, max_age=24 * 60 * 60)
    except signing.BadSignature:
        return ""
    return str(name) if owner == campaign else ""


_TOO_MANY = "The picture has more than 40 megapixels. Make it smaller."


def _measure(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValidationError(_TOO_MANY)
    if max(width, height) > min(MAX_SIDE, MAX_RATIO * min(width, height)):
        raise ValidationError("The picture is too long and thin to be shown.")
