"""The first pages of the desk: whose campaigns these are, and how one of them stands."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from alliance.accounts.models import User
from alliance.core.http import private
from alliance.web.desk.access import DeskRequest, desk
from campaigns.models import Campaign, Can, Membership


@require_safe
@login_required
def campaigns(request: HttpRequest) -> HttpResponse:
    """List the campaigns that somebody helps to run."""
    user = cast(User, request.user)
    theirs = Membership.objects.filter(user=user).select_related("campaign")
    return private(render(request, "desk/campaigns.html", {"memberships": theirs}))


@require_safe
@desk(Can.LOOK)
def overview(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show how a campaign stands."""
    return render(request, "desk/overview.html", {"campaign": campaign})
