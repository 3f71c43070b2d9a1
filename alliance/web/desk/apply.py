"""The desk's first pages: one's campaigns, and how to start a new one."""

from typing import cast

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from alliance.accounts.models import User
from alliance.core.http import private
from alliance.web.desk.people_forms import ApplicationForm
from campaigns import applications
from campaigns.models import Application, Membership

WAITING = "You have applied already: we’ll answer that first. Nothing was sent."


@require_safe
@login_required
def campaigns(request: HttpRequest) -> HttpResponse:
    """List the campaigns that somebody helps to run, and what became of their application."""
    user = cast(User, request.user)
    theirs = Membership.objects.filter(user=user).select_related("campaign")
    latest = user.applications.order_by("-pk").first()
    context = {
        "memberships": theirs.order_by("campaign__name"),
        "application": latest,
        "may_apply": latest is None or latest.state != Application.State.WAITING,
    }
    return private(render(request, "desk/campaigns.html", context), has_form=True)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def apply(request: HttpRequest) -> HttpResponse:
    """Ask to start a campaign; while that waits for an answer, show what was asked."""
    user = cast(User, request.user)
    waiting = applications.waiting_of(user)
    has_address = EmailAddress.objects.filter(user=user, verified=True).exists()
    is_sent = request.method == "POST"
    if waiting or not has_address:
        if is_sent and waiting:
            messages.error(request, WAITING)
        context = {"application": waiting}
        status = 409 if is_sent else 200
        page = render(request, "desk/apply_state.html", context, status=status)
        return private(page, has_form=True)
    form = ApplicationForm(request.POST if is_sent else None)
    if not form.is_valid():
        page = render(request, "desk/apply.html", {"form": form}, status=422 if is_sent else 200)
        return private(page, has_form=True)
    try:
        applications.apply(application=form.save(), by=user)
    except applications.Waiting:
        messages.error(request, WAITING)
    else:
        messages.success(request, "Sent. You’ll have our answer by mail.")
    return HttpResponseRedirect(reverse("desk:apply"), status=303)
