"""Writing a campaign's page: its words, and the real page beside them as they change."""

from typing import Any

from csp.decorators import csp_replace, csp_update
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST

from alliance.web import queries as pages
from alliance.web.desk.access import DeskRequest, desk
from campaigns import queries, services
from campaigns.forms import PageForm
from campaigns.models import Campaign, Can, Edit, State


@csp_update({"frame-src": ["'self'"]})
@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def page(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show the words of the page to be changed, or save them."""
    if request.method != "POST":
        return _editor(request, campaign, PageForm(campaign=campaign))
    if "take" in request.POST:
        return _take_theirs(request, campaign)
    form = PageForm(request.POST, campaign=campaign)
    if not form.is_valid():
        return _editor(request, campaign, form, status=422)
    try:
        edit = services.edit(
            campaign=campaign,
            by=request.user,
            page=form.page(),
            version=form.cleaned_data["version"],
        )
    except services.Stale:
        return _editor_beside_theirs(request, campaign, request.POST.copy())
    except services.Incomplete as refusal:
        for one in refusal.missing:
            form.add_error(_field_of(one), f"The page can be seen, so it needs {one.words}.")
        return _editor(request, campaign, form, status=422)
    messages.success(request, "Saved." if edit else "Nothing was different, so nothing was saved.")
    return HttpResponseRedirect(request.path, status=303)


@csp_replace({"frame-ancestors": ["'self'"]})
@xframe_options_sameorigin
@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def preview(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show the real page made from what stands in the form; nothing is saved."""
    if request.method == "POST":
        form = PageForm(request.POST, campaign=campaign)
        form.is_valid()
        for name, value in form.page().items():
            setattr(campaign, name, value)
    context = pages.page_of(campaign, now=timezone.now())
    return render(request, "web/campaign.html", context | {"preview": "desk"})


@require_POST
@desk(Can.WRITE)
def new_key(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Make a new address for the draft's preview; the old one leads nowhere from then on."""
    services.renew_preview_key(campaign=campaign, by=request.user)
    messages.success(request, "There is a new address. The one before has stopped working.")
    return HttpResponseRedirect(reverse("desk:state", args=[campaign.slug]), status=303)


def address_of(missing: queries.Missing, slug: str) -> str:
    """Return where at the desk somebody writes what a page lacks."""
    if missing.field == "goals":
        return reverse("desk:goals", args=[slug])
    if missing.field in queries.PICTURE:
        field = {"picture": "upload", "picture_alt": "alt", "picture_credit": "credit"}
        address = reverse("desk:pictures", args=[slug])
        return f"{address}#id_{field.get(missing.field, missing.field)}"
    return f"{reverse('desk:page', args=[slug])}#id_{_field_of(missing)}"


def _field_of(missing: queries.Missing) -> str:
    return "preset_0" if missing.field == "presets" else missing.field


def _take_theirs(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Put the saved words of one field into the form, in the place of somebody's own."""
    saved = PageForm(campaign=campaign)
    data = request.POST.copy()
    wanted = data.get("take", "")
    names = (
        [f"preset_{at}" for at in range(len(saved.presets))] if wanted == "presets" else [wanted]
    )
    for name in names:
        if name in saved.fields:
            data[name] = saved[name].value() or ""
    return _editor_beside_theirs(request, campaign, data)


def _editor_beside_theirs(
    request: DeskRequest, campaign: Campaign, data: QueryDict
) -> HttpResponse:
    """Show somebody's own words, and where the saved ones differ; the next save goes on top."""
    campaign.refresh_from_db()
    saved = queries.page_of(campaign)
    theirs = Edit.objects.select_related("by").filter(campaign=campaign).latest("version")
    data["version"] = str(campaign.version)
    form = PageForm(data, campaign=campaign)
    form.is_valid()
    mine = {**saved, **queries.plain(form.page())}
    differences = queries.differences(saved, mine, currency=campaign.currency)
    return _editor(request, campaign, form, status=409, theirs=theirs, differences=differences)


def _editor(
    request: HttpRequest, campaign: Campaign, form: PageForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    lacking = [(one, address_of(one, campaign.slug)) for one in queries.missing(campaign)]
    context = {
        "campaign": campaign,
        "form": form,
        "lacking": lacking,
        "is_draft": campaign.state == State.DRAFT,
        **more,
    }
    return render(request, "desk/page.html", context, status=status)
