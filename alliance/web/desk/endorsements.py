"""Who supports a campaign in public: written down here, shown once our staff have looked."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from alliance.web.desk.access import DeskRequest, desk
from campaigns import services
from campaigns.forms import EndorsementForm
from campaigns.models import Campaign, Can, Endorsement


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def endorsements(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """List the endorsements, or add one."""
    if request.method != "POST":
        return _list(request, campaign, EndorsementForm(campaign=campaign))
    form = EndorsementForm(request.POST, campaign=campaign)
    if not form.is_valid():
        return _list(request, campaign, form, status=422)
    services.save_endorsement(
        campaign=campaign, by=request.user, endorsement=None, fields=form.cleaned_data
    )
    messages.success(request, "Added. It is shown once our staff have read the source.")
    return _to_list(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def endorsement(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Change an endorsement; a changed one waits for our staff again."""
    found = get_object_or_404(Endorsement, pk=pk, campaign=campaign)
    is_sent = request.method == "POST"
    form = EndorsementForm(request.POST if is_sent else None, campaign=campaign, instance=found)
    if not is_sent or not form.is_valid():
        was_verified = Endorsement.objects.filter(pk=pk, verified_at__isnull=False).exists()
        context = {"campaign": campaign, "form": form, "pk": pk, "was_verified": was_verified}
        return render(request, "desk/endorsement.html", context, status=422 if is_sent else 200)
    saved = services.save_endorsement(
        campaign=campaign, by=request.user, endorsement=found, fields=form.cleaned_data
    )
    messages.success(
        request,
        "Nothing was different."
        if saved.verified_at
        else "Saved. It is shown once our staff have read the source.",
    )
    return _to_list(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.WRITE)
def delete_endorsement(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Take an endorsement off the page, once that was confirmed."""
    found = get_object_or_404(Endorsement, pk=pk, campaign=campaign)
    if request.method != "POST":
        back = reverse("desk:endorsements", args=[campaign.slug])
        context = {"campaign": campaign, "what": found.name, "back": back}
        return render(request, "desk/delete.html", context)
    services.delete_endorsement(by=request.user, endorsement=found)
    messages.success(request, "Deleted.")
    return _to_list(campaign)


def _to_list(campaign: Campaign) -> HttpResponse:
    return HttpResponseRedirect(reverse("desk:endorsements", args=[campaign.slug]), status=303)


def _list(
    request: DeskRequest, campaign: Campaign, form: EndorsementForm, *, status: int = 200
) -> HttpResponse:
    theirs = list(campaign.endorsements.all())
    context = {
        "campaign": campaign,
        "form": form,
        "endorsements": theirs,
        "waiting": sum(one.verified_at is None for one in theirs),
    }
    return render(request, "desk/endorsements.html", context, status=status)
