"""The pictures of a campaign: the one at the head of its page, and those in its story."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from alliance.web.desk.access import DeskRequest, desk
from campaigns import services
from campaigns.forms import PictureForm, StoryPictureForm
from campaigns.models import Campaign, Can


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def pictures(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show the pictures; take the one at the head of the page."""
    if request.method != "POST":
        return _pictures(request, campaign)
    form = PictureForm(request.POST, request.FILES, campaign=campaign)
    if not form.is_valid():
        return _pictures(request, campaign, form=form, status=422)
    version = form.cleaned_data["version"]
    try:
        edit = services.edit(campaign=campaign, by=request.user, page=form.page(), version=version)
    except services.Stale:
        campaign.refresh_from_db()
        return _pictures(request, campaign, form=form, is_stale=True, status=409)
    messages.success(request, "Saved." if edit else "Nothing was different, so nothing was saved.")
    return HttpResponseRedirect(request.path, status=303)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def story_picture(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Take a picture for the story."""
    if request.method != "POST":
        return _to_pictures(campaign)
    form = StoryPictureForm(request.POST, request.FILES, campaign=campaign, prefix="more")
    if not form.is_valid():
        return _pictures(request, campaign, more=form, status=422)
    said = form.cleaned_data
    try:
        services.add_picture(
            campaign=campaign,
            by=request.user,
            file=form.name,
            alt=said["alt"],
            credit=said["credit"],
        )
    except services.Full:
        form.add_error("upload", f"There are {services.MAX_PICTURES} pictures already.")
        return _pictures(request, campaign, more=form, status=422)
    messages.success(request, "Kept. Put its line into the story where you want to see it.")
    return _to_pictures(campaign)


def _to_pictures(campaign: Campaign) -> HttpResponse:
    return HttpResponseRedirect(reverse("desk:pictures", args=[campaign.slug]), status=303)


def _pictures(
    request: DeskRequest,
    campaign: Campaign,
    *,
    form: PictureForm | None = None,
    more: StoryPictureForm | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    context |= {
        "campaign": campaign,
        "form": form or PictureForm(campaign=campaign),
        "more": more or StoryPictureForm(campaign=campaign, prefix="more"),
        "pictures": campaign.pictures.all(),
    }
    return render(request, "desk/pictures.html", context, status=status)
