"""Pages that span several rooms: home, the campaign's page, health, errors."""

from hashlib import sha256
from http import HTTPStatus

from celery import current_app
from csp.decorators import csp_replace
from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from django.views.static import serve
from kombu.exceptions import OperationalError

from alliance.core import jobs, patchwork
from alliance.core.http import private
from alliance.core.models import Heartbeat
from alliance.web import queries
from campaigns.models import Campaign, State
from donations import queries as giving

# Rendered pages live this long, for what changes by the clock alone: a meeting begins, an
# update's hour comes. Whatever changes in the database changes the key, at once.
PAGE_LIFE = 60
A_YEAR = "public, max-age=31536000, immutable"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the campaigns."""
    return render(request, "web/home.html", {"cards": queries.cards()})


@require_safe
def campaign(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Show a campaign's page, from the cache for as long as nothing on it has changed."""
    fingerprint = queries.fingerprint(slug)
    if fingerprint is None:
        raise Http404
    # Of the links there are, each has its own page in the cache; of made-up ones none.
    link = giving.link_of(slug, request.GET.get("ref", ""))
    ref = link.code if link else ""
    key = f"campaign:{ref}:{sha256(fingerprint.encode()).hexdigest()}"
    page = caches["pages"].get(key)
    if page is None:
        context = queries.campaign_page(slug, now=timezone.now()) | {"ref": ref}
        html = render_to_string("web/campaign.html", context, request).encode()
        etag = f'"{sha256(html).hexdigest()}"'
        page = etag, html
        caches["pages"].set(key, page, PAGE_LIFE)
    etag, html = page
    response = get_conditional_response(request, etag, None, HttpResponse(html))
    assert response is not None  # noqa: S101 (it is given one to fall back on; for mypy)
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"
    return response


@require_safe
def draft(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Show a draft to whoever was given its address; once in public, lead to the page itself."""
    found = Campaign.objects.filter(slug=slug).first()
    if found is None or not constant_time_compare(key, found.preview_key):
        raise Http404
    if found.state != State.DRAFT:
        return private(HttpResponseRedirect(found.get_absolute_url()))
    context = queries.page_of(found, now=timezone.now()) | {"preview": "draft"}
    return private(render(request, "web/campaign.html", context))


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Say what is kept, why, and for how long."""
    return render(request, "web/privacy.html")


@require_safe
@csp_replace({"default-src": ["'none'"], "style-src": [patchwork.STYLE_SOURCE]})  # type: ignore[arg-type] # typed for views without arguments
def art(_request: HttpRequest, name: str) -> HttpResponse:
    """Draw a piece of patchwork; the same name is the same drawing for ever."""
    drawing = patchwork.draw(name)
    if drawing is None:
        raise Http404
    response = HttpResponse(drawing, content_type="image/svg+xml")
    response["Cache-Control"] = A_YEAR
    return response


@require_safe
@csp_replace({"default-src": ["'none'"], "sandbox": []})  # type: ignore[arg-type] # the same
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve an uploaded picture; it was re-encoded by us, under a name that is never reused."""
    response = serve(request, path, document_root=settings.MEDIA_ROOT)
    response["Cache-Control"] = A_YEAR
    return response


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say whether the database answers, the broker does, when each job last ran, which is late.

    503 without the database. A lost broker or a late job delays, so it is told but fails nothing.
    """
    try:
        beats = {beat.job: beat.beat_at.isoformat() for beat in Heartbeat.objects.order_by("job")}
        late = jobs.late(now=timezone.now())
    except DatabaseError:
        return JsonResponse({"database": False}, status=HTTPStatus.SERVICE_UNAVAILABLE)
    return JsonResponse({"database": True, "broker": _has_broker(), "jobs": beats, "late": late})


@require_safe
def no_shortcut(_request: HttpRequest, rest: str) -> HttpResponse:
    """Close Django admin's way from a row to its own page: a gift's is its donor's alone."""
    raise Http404(rest)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """Say what to do about a form that came without its cookie."""
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def _has_broker() -> bool:
    try:
        with current_app.connection_for_write() as link:
            link.ensure_connection(max_retries=1, timeout=1)
    except (OperationalError, OSError):
        return False
    return True
