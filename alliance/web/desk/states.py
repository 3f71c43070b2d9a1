"""Whether a campaign is open: publishing, pausing, taking up again, ending."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from alliance.web.desk.access import DeskRequest, desk
from alliance.web.desk.page import address_of
from campaigns import queries, services
from campaigns.forms import EndingForm, ReasonForm
from campaigns.models import Campaign, Can, State
from donations import ending

# The end of each move's address: where it leads, and the word for it having been done.
MOVES = {
    "publish": (State.LIVE, "The campaign is in public, and open for gifts."),
    "pause": (State.PAUSED, "Paused. The page says why, and takes no gifts."),
    "resume": (State.LIVE, "Open for gifts again."),
    "end": (State.ENDED, "The campaign has ended. The page stays, and says why."),
}


@require_safe
@desk(Can.WRITE)
def state(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show whether the campaign is open, what it lacks, and what can be done."""
    preview = reverse("web:draft", args=[campaign.slug, campaign.preview_key])
    context = {
        "campaign": campaign,
        "moves": _moves(campaign),
        "lacking": _lacking(campaign),
        "preview_url": f"{settings.SITE_URL}{preview}" if campaign.state == State.DRAFT else "",
        "stopping": ending.progress(campaign),
    }
    return render(request, "desk/state.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.OWN)
def move(request: DeskRequest, campaign: Campaign, name: str) -> HttpResponse:
    """Publish, pause or take up again a campaign, once that was confirmed."""
    if name not in MOVES:
        raise Http404
    return _move(request, campaign, name)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.OWN, asks_again=True)
def end(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """End a campaign for good, once that was confirmed."""
    return _move(request, campaign, "end")


def _move(request: DeskRequest, campaign: Campaign, name: str) -> HttpResponse:
    to, done = MOVES[name]
    here = HttpResponseRedirect(reverse("desk:state", args=[campaign.slug]), status=303)
    if name not in _moves(campaign):
        messages.error(
            request, f"The campaign is {campaign.get_state_display()}. Nothing was changed."
        )
        return here
    form: Any = {"pause": ReasonForm, "end": EndingForm}.get(name)
    form = form(request.POST if request.method == "POST" else None) if form else None
    if request.method != "POST":
        return _confirm(request, campaign, name, form)
    if form is not None and not form.is_valid():
        return _confirm(request, campaign, name, form, status=422)
    said = form.cleaned_data if form is not None else {}
    try:
        if to == State.ENDED:
            ending.end(
                campaign,
                by=request.user,
                reason=said["reason"],
                stops_plans=said["plans"] == "stop",
                now=timezone.now(),
            )
        else:
            services.move(campaign=campaign, to=to, by=request.user, reason=said.get("reason", ""))
    except services.Incomplete:
        messages.error(request, "Something is missing. Nothing was changed.")
    except services.NoWay:
        messages.error(request, "Somebody was quicker. Nothing was changed.")
    else:
        messages.success(request, done)
    return here


def _moves(campaign: Campaign) -> list[str]:
    now = State(campaign.state)
    first = "publish" if now == State.DRAFT else "resume"
    names = {State.LIVE: first, State.PAUSED: "pause", State.ENDED: "end"}
    return [name for to, name in names.items() if to in services.MOVES[now]]


def _lacking(campaign: Campaign) -> list[tuple[queries.Missing, str]]:
    return [(one, address_of(one, campaign.slug)) for one in queries.missing(campaign)]


def _confirm(
    request: DeskRequest, campaign: Campaign, name: str, form: Any, *, status: int = 200
) -> HttpResponse:
    context = {
        "campaign": campaign,
        "name": name,
        "form": form,
        "lacking": _lacking(campaign) if name in {"publish", "resume"} else [],
        "running": ending.running(campaign).count() if name == "end" else 0,
    }
    return render(request, "desk/move.html", context, status=status)
