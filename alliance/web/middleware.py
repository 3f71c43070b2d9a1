"""What holds of everybody who is signed in: how long that lasts, and what proof it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import logout
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from alliance.accounts.models import User
from alliance.core.http import private
from campaigns.models import Membership

Handler = Callable[[HttpRequest], HttpResponse]

# Where people with duties work. Nobody gets there by a password alone.
GUARDED = ("/admin/", "/organise/")
ACCOUNT = "/account/"
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
# Where the way in leads once the second factor is there.
GOING_TO = "going_to"
_SINCE, _SEEN = "signed_in_at", "seen_at"
_MINUTE = 60


@dataclass(frozen=True)
class Limits:
    """How long a session may lie idle, and how long it may last whatever happens."""

    idle: timedelta
    absolute: timedelta


STAFF = Limits(idle=timedelta(minutes=30), absolute=timedelta(hours=8))
ORGANISER = Limits(idle=timedelta(hours=2), absolute=timedelta(hours=24))
SUPPORTER = Limits(idle=timedelta(days=14), absolute=timedelta(days=30))


def limits_of(user: User) -> Limits:
    """Return how long somebody stays signed in: the more they may do, the shorter."""
    if user.is_staff:
        return STAFF
    return ORGANISER if Membership.objects.filter(user=user).exists() else SUPPORTER


def session_limits(get_response: Handler) -> Handler:
    """End sessions that are too old, or lay idle for too long."""

    def handle(request: HttpRequest) -> HttpResponse:
        now = timezone.now().timestamp()
        user = _signed_in(request)
        if user:
            session, limits = request.session, limits_of(user)
            is_old = now - session.get(_SINCE, now) > limits.absolute.total_seconds()
            if is_old or now - session.get(_SEEN, now) > limits.idle.total_seconds():
                logout(request)
        response = get_response(request)
        # A page or picture that is anybody's leaves no cookie in anybody's cache. And pictures
        # come many at a time: none of them shall write over what a page has just remembered.
        if "public" not in response.get("Cache-Control", "") and _signed_in(request):
            request.session.setdefault(_SINCE, now)
            if now - request.session.get(_SEEN, 0) > _MINUTE:
                request.session[_SEEN] = now
        return response

    return handle


def second_factor(get_response: Handler) -> Handler:
    """Let nobody with duties to where they do them without a second factor."""

    def handle(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(GUARDED):
            user = _signed_in(request)
            if user and _has_duties(user):
                if not has_second_factor(request):
                    return _ask_for_factor(request, user)
                if GOING_TO in request.session:
                    del request.session[GOING_TO]
        return get_response(request)

    return handle


def account_pages(get_response: Handler) -> Handler:
    """Keep the pages of accounts out of caches and search engines, and to their methods."""

    def handle(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(ACCOUNT):
            return get_response(request)
        if request.method in {"GET", "HEAD", "POST"}:
            return private(get_response(request), has_form=True)
        return HttpResponseNotAllowed(["GET", "POST"])

    return handle


def has_second_factor(request: HttpRequest) -> bool:
    """Say whether this very session was proven by more than a password or a mailed code.

    Whoever has taken their last factor away since has none.
    """
    assert isinstance(request.user, User)  # noqa: S101 (asked of people who are signed in; for mypy)
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" for record in records) and is_mfa_enabled(
        request.user, FACTORS
    )


def _signed_in(request: HttpRequest) -> User | None:
    """Return who is signed in. Without its cookie no session is read: pages stay public."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    return request.user if isinstance(request.user, User) else None


def _has_duties(user: User) -> bool:
    return user.is_staff or Membership.objects.filter(user=user).exists()


def _ask_for_factor(request: HttpRequest, user: User) -> HttpResponse:
    going_to = request.get_full_path() if request.method == "GET" else request.path
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    if kinds.isdisjoint(FACTORS):
        request.session[GOING_TO] = going_to
        return HttpResponseRedirect(reverse("mfa_index"))
    name = "mfa_reauthenticate"
    if Authenticator.Type.TOTP not in kinds:
        name = "mfa_reauthenticate_webauthn"
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': going_to})}")
