"""What a campaign's page said before: who changed what, and going back to it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from alliance.web.desk.access import DeskRequest, desk
from campaigns import queries, services
from campaigns.models import Campaign, Can, Edit

A_PAGE = 30


@require_safe
@desk(Can.WRITE)
def history(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """List every edit: who, when, and which parts of the page."""
    edits = Edit.objects.filter(campaign=campaign).select_related("by").order_by("-version")
    page = Paginator(edits, A_PAGE).get_page(request.GET.get("page"))
    # The one before the last on the page is needed to say what the last one changed.
    shown: list[Edit] = list(page.object_list)
    # The one before the last on the page is needed to say what the last one changed.
    before = edits.filter(version__lt=shown[-1].version).first() if shown else None
    rows = [
        (edit, _parts(was, edit)) for edit, was in zip(shown, [*shown[1:], before], strict=False)
    ]
    return render(request, "desk/history.html", {"campaign": campaign, "rows": rows, "page": page})


@require_safe
@desk(Can.WRITE)
def version(request: DeskRequest, campaign: Campaign, number: int) -> HttpResponse:
    """Show what one edit changed, and what is different on the page of today."""
    edits = Edit.objects.filter(campaign=campaign).select_related("by")
    edit = get_object_or_404(edits, version=number)
    before = edits.filter(version__lt=number).order_by("-version").first()
    today = queries.page_of(campaign)
    currency = campaign.currency
    context = {
        "campaign": campaign,
        "edit": edit,
        "is_first": before is None,
        "differences": queries.differences(
            before.page if before else {}, edit.page, currency=currency
        ),
        "since": queries.differences(today, edit.page, currency=currency),
    }
    return render(request, "desk/version.html", context)


@require_POST
@desk(Can.WRITE)
def restore(request: DeskRequest, campaign: Campaign, number: int) -> HttpResponse:
    """Let the page say again what it said in one of its versions."""
    edit = get_object_or_404(Edit, campaign=campaign, version=number)
    seen = request.POST.get("version", "")
    here = reverse("desk:version", args=[campaign.slug, number])
    try:
        restored = services.restore(
            campaign=campaign,
            by=request.user,
            edit=edit,
            version=int(seen) if seen.isdecimal() and len(seen) < 10 else -1,  # noqa: PLR2004 (no version has more digits)
        )
    except services.Stale:
        messages.error(
            request,
            "Somebody saved the page while you were looking, so nothing was changed. Below is "
            "what would be different now.",
        )
        return HttpResponseRedirect(here, status=303)
    except services.Incomplete as refusal:
        lacking = ", ".join(one.words for one in refusal.missing)
        messages.error(
            request,
            f"Nothing was changed: the page can be seen, and this version lacks {lacking}.",
        )
        return HttpResponseRedirect(here, status=303)
    said = f"The page says again what it said in version {number}." if restored else "It says so."
    messages.success(request, said)
    return HttpResponseRedirect(reverse("desk:history", args=[campaign.slug]), status=303)


def _parts(was: Edit | None, edit: Edit) -> list[str]:
    """Name the parts of the page that an edit changed."""
    if was is None:
        return []
    return [
        label
        for name, label in queries.LABELS.items()
        if was.page.get(name) != edit.page.get(name)
    ]
