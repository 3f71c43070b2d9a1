"""Uploaded pictures: only real ones, re-encoded, with nothing of the camera left in them."""

import secrets
from io import BytesIO
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
# Wide enough for the largest place a page shows a picture, on a dense screen.
WIDEST = (1800, 1800)


def reencode(upload: "UploadedFile[Any]") -> ContentFile[bytes]:
    """Return the picture as a fresh WebP under a random name: no EXIF, upright, at most 1800 px.

    Raises ValidationError for anything but a JPEG, PNG or WebP of bearable size.
    """
    if upload.size is None or upload.size > MAX_BYTES:
        raise ValidationError(
            "The picture is larger than 8 MB. Save a smaller copy and try again."
        )
    try:
        with Image.open(upload, formats=["JPEG", "PNG", "WEBP"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValidationError("The picture has more than 40 megapixels. Make it smaller.")
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail(WIDEST)
            fresh = BytesIO()
            # A new canvas, so that no metadata travels along.
            clean = Image.new("RGB", upright.size, "white")
            rgba = upright.convert("RGBA")
            clean.paste(rgba, mask=rgba)
            clean.save(fresh, "WEBP", quality=82, method=5)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ValidationError("This isn't a JPEG, PNG or WebP picture we can read.") from error
    return ContentFile(fresh.getvalue(), name=f"{secrets.token_urlsafe(12)}.webp")
