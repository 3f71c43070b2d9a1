"""What a campaign will do with the money, and which updates show that it did."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.web.desk.access import DeskRequest, desk
from campaigns import services
from campaigns.forms import GoalForm
from campaigns.models import Campaign, Can, Goal
from updates.models import Update

PLACES = {"up": -1, "down": 1}


class ProvenGoalForm(GoalForm):
    """A goal with the updates that show how far it is."""

    proofs = forms.ModelMultipleChoiceField(
        Update.objects.none(),
        label="Updates that show it",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, campaign=campaign, **kwargs)
        proofs = self.fields["proofs"]
        assert isinstance(proofs, forms.ModelMultipleChoiceField)  # noqa: S101 (declared above; for mypy)
        proofs.queryset = campaign.updates.published(timezone.now())
        if self.instance.pk:
            proofs.initial = [update.pk for update in self.instance.proofs.all()]


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def goals(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """List the goals, or add one at their end."""
    if request.method != "POST":
        return _goals(request, campaign, GoalForm(campaign=campaign))
    form = GoalForm(request.POST, campaign=campaign)
    if not form.is_valid():
        return _goals(request, campaign, form, status=422)
    try:
        services.save_goal(
            campaign=campaign,
            by=request.user,
            goal=None,
            fields=form.goal(),
            version=form.cleaned_data["version"],
        )
    except services.Full:
        form.add_error(None, f"There are {services.MAX_GOALS} goals already.")
        return _goals(request, campaign, form, status=422)
    messages.success(request, "Added.")
    return _to_goals(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def goal(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Change one of the goals."""
    found = get_object_or_404(Goal, pk=pk, campaign=campaign)
    if request.method != "POST":
        return _goal(request, campaign, found, ProvenGoalForm(campaign=campaign, instance=found))
    form = ProvenGoalForm(request.POST, campaign=campaign, instance=found)
    if not form.is_valid():
        return _goal(request, campaign, found, form, status=422)
    try:
        _save(campaign, found, form, by=request.user)
    except services.Stale:
        campaign.refresh_from_db()
        saved = Goal.objects.select_related("campaign").get(pk=pk)
        data = request.POST.copy()
        data["version"] = str(campaign.version)
        fresh = ProvenGoalForm(data, campaign=campaign, instance=found)
        fresh.is_valid()
        return _goal(request, campaign, found, fresh, status=409, saved=saved)
    messages.success(request, "Saved.")
    return _to_goals(campaign)


@require_POST
@desk(Can.WRITE)
def move_goal(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Let a goal stand one place further up or down."""
    found = get_object_or_404(Goal, pk=pk, campaign=campaign)
    places = PLACES.get(request.POST.get("to", ""), 0)
    if places:
        services.move_goal(campaign=campaign, by=request.user, goal=found, by_places=places)
    return _to_goals(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def delete_goal(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Take a goal off the page, once that was confirmed."""
    found = get_object_or_404(Goal, pk=pk, campaign=campaign)
    if request.method != "POST":
        context = {
            "campaign": campaign,
            "what": found.title,
            "back": reverse("desk:goals", args=[campaign.slug]),
            "is_kept": True,
        }
        return render(request, "desk/delete.html", context)
    try:
        services.delete_goal(campaign=campaign, by=request.user, goal=found)
    except services.Incomplete:
        messages.error(
            request, "Nothing was deleted: the page can be seen, so it needs at least one goal."
        )
    else:
        messages.success(request, "Deleted. It can be brought back from the history.")
    return _to_goals(campaign)


@transaction.atomic
def _save(campaign: Campaign, goal: Goal, form: ProvenGoalForm, *, by: User) -> None:
    said = form.cleaned_data
    saved = services.save_goal(
        campaign=campaign, by=by, goal=goal, fields=form.goal(), version=said["version"]
    )
    before = set(saved.proofs.published(timezone.now()))
    chosen = set(said["proofs"])
    if before != chosen:
        saved.proofs.remove(*(before - chosen))
        saved.proofs.add(*(chosen - before))
        audit.note(by, [campaign], f"Named {len(chosen)} updates that show goal {saved.pk}.")


def _to_goals(campaign: Campaign) -> HttpResponse:
    return HttpResponseRedirect(reverse("desk:goals", args=[campaign.slug]), status=303)


def _goals(
    request: DeskRequest, campaign: Campaign, form: GoalForm, *, status: int = 200
) -> HttpResponse:
    theirs = campaign.goals.select_related("campaign").prefetch_related("proofs")
    context = {"campaign": campaign, "goals": list(theirs), "form": form}
    return render(request, "desk/goals.html", context, status=status)


def _goal(
    request: DeskRequest,
    campaign: Campaign,
    goal: Goal,
    form: ProvenGoalForm,
    *,
    status: int = 200,
    saved: Goal | None = None,
) -> HttpResponse:
    context = {"campaign": campaign, "goal": goal, "form": form, "saved": saved}
    return render(request, "desk/goal.html", context, status=status)
