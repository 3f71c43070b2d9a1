"""What the tests of the page's desk share: its addresses, its forms, a picture."""

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from campaigns.models import Campaign

JPEG = "image/jpeg"


def base(campaign: Campaign) -> str:
    return f"/organise/{campaign.slug}/page/"


def form_of(client: Client, address: str, name: str = "form") -> dict[str, str]:
    form = client.get(address).context[name]
    return {f.html_name: "" if f.value() is None else str(f.value()) for f in form}


def columns(campaign: Campaign) -> dict[str, Any]:
    return dict(Campaign.objects.filter(pk=campaign.pk).values().get())


def upload(kind: str = "JPEG", size: tuple[int, int] = (80, 60)) -> SimpleUploadedFile:
    made = BytesIO()
    Image.new("RGB", size, "red").save(made, kind)
    return SimpleUploadedFile("Holiday of Gail.jpg", made.getvalue(), JPEG)
