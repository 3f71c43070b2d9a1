"""The page that leads to everything of somebody's account."""

from typing import cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from alliance.accounts.models import User
from campaigns.models import Membership


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Show what an account holds, with the way to change each of it."""
    user = cast(User, request.user)
    kinds = list(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    context = {
        "addresses": EmailAddress.objects.filter(user=user).order_by("-primary", "email"),
        "has_app": Authenticator.Type.TOTP in kinds,
        "passkeys": kinds.count(Authenticator.Type.WEBAUTHN),
        "sessions": len(UserSession.objects.purge_and_list(user)),
        "has_duties": user.is_staff or Membership.objects.filter(user=user).exists(),
    }
    return render(request, "account/home.html", context)
