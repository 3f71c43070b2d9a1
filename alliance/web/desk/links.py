"""The desk's page about links: made here, printed as QR codes, and what each brought."""

from io import BytesIO

import qrcode
import qrcode.image.svg
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from alliance.accounts import audit
from alliance.web.desk.access import DeskRequest, desk
from alliance.web.desk.money_forms import LinkForm
from campaigns.models import Campaign, Can, Link
from donations import figures

# More than anybody can keep apart; without a limit somebody's mistake would make the page long.
MOST = 200


@require_safe
@desk(Can.LOOK)
def links(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show the campaign's links and what came by each."""
    return _page(request, campaign, LinkForm(campaign=campaign))


@require_POST
@desk(Can.WRITE)
def make(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Make a link."""
    form = LinkForm(request.POST, campaign=campaign)
    if form.is_valid() and campaign.links.count() >= MOST:
        form.add_error(None, f"There are {MOST} links, which is as many as there may be.")
    if not form.is_valid():
        return _page(request, campaign, form, status=422)
    link, is_new = Link.objects.get_or_create(
        campaign=campaign,
        code=form.cleaned_data["code"],
        defaults={"label": form.cleaned_data["label"]},
    )
    if is_new:
        audit.note(request.user, [link], f"Made the link {link.code}.", is_new=True)
        messages.success(request, f"The link {link.code} is ready.")
    address = reverse("desk:links", args=[campaign.slug])
    return HttpResponseRedirect(f"{address}#link-{link.code}", status=303)


@require_safe
@desk(Can.LOOK)
def qr(request: DeskRequest, campaign: Campaign, code: str, kind: str) -> HttpResponse:
    """Draw a link's address as a QR code, as SVG to be printed at any size, or as PNG."""
    link = get_object_or_404(campaign.links, code=code)
    drawn = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=20)
    drawn.add_data(address_of(campaign, link))
    factory = qrcode.image.svg.SvgPathFillImage if kind == "svg" else None
    image = BytesIO()
    drawn.make_image(image_factory=factory).save(image)
    response = HttpResponse(
        image.getvalue(), content_type="image/svg+xml" if kind == "svg" else "image/png"
    )
    if "download" in request.GET:
        name = f"{campaign.slug}-{link.code}.{kind}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def address_of(campaign: Campaign, link: Link) -> str:
    """Return the address that people are given."""
    return f"{settings.SITE_URL}{campaign.get_absolute_url()}?ref={link.code}"


def _page(
    request: DeskRequest, campaign: Campaign, form: LinkForm, *, status: int = 200
) -> HttpResponse:
    sources = figures.sources_of(campaign)
    context = {
        "campaign": campaign,
        "form": form,
        "sources": [
            (source, address_of(campaign, source.link)) for source in sources if source.link
        ],
        "without": sources[-1],
    }
    return render(request, "desk/links.html", context, status=status)
