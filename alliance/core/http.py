"""What holds of every answer: its headers, its limits, and plain words when all is down."""

import logging
import re
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)

# Nothing on the site uses any of these; a hijacked page shall not either.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "interest-cohort")
)

# Where pictures are sent: 8 MB, and the form around them.
UPLOAD = 10 * 1024 * 1024
TAKES_PICTURES = re.compile(r"/admin/|/organise/[\w-]+/page/pictures/")

Handler = Callable[[HttpRequest], HttpResponse]


def security_headers(get_response: Handler) -> Handler:
    """Add what Django's own middleware has no setting for."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return handle


def body_limit(get_response: Handler) -> Handler:
    """Refuse bodies larger than any form of ours before a byte of them is kept."""

    def handle(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        takes_pictures = TAKES_PICTURES.match(request.path)
        limit = UPLOAD if takes_pictures else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if not length.isdecimal() or int(length) > limit:
            return HttpResponse("Too large.", status=413, content_type="text/plain")
        return get_response(request)

    return handle


class Unavailable:
    """Say plainly that the database is away, and when to come back, instead of breaking."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.error("no database for %s: %s", request.path, exception)
        page = render(request, "503.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
        page["Retry-After"] = "30"
        return page


def private(response: HttpResponse, *, has_form: bool = False) -> HttpResponse:
    """Keep a page that a link alone opens out of caches, search engines and referrers."""
    response["Cache-Control"] = "private, no-store"
    # Without any referrer browsers send a form as from nowhere, and it would be refused.
    response["Referrer-Policy"] = "same-origin" if has_form else "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
