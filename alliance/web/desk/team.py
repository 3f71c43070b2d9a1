"""The team of a campaign: who is in it, who is asked, and what each may do."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alliance.accounts.models import User
from alliance.core.http import private
from alliance.web.desk.access import DeskRequest, desk
from alliance.web.desk.people_forms import InviteForm, RoleForm
from alliance.web.mails import DUTIES
from campaigns import people
from campaigns.models import Campaign, Can, Invitation, Membership, Role

# The order of a team's list.
RANK = list(Role)


@require_safe
@desk(Can.LOOK)
def team(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Show who helps to run a campaign."""
    return _page(request, campaign)


@require_POST
@desk(Can.OWN, asks_again=True)
def invite(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Ask somebody to help, by mail."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, campaign, form=form, status=422)
    said = form.cleaned_data
    try:
        people.invite(campaign=campaign, by=request.user, now=timezone.now(), **said)
    except people.Refused as refusal:
        form.add_error("email", str(refusal))
        return _page(request, campaign, form=form, status=422)
    messages.success(request, f"An invitation is on its way to {said['email']}.")
    return _to_team(campaign)


@require_POST
@desk(Can.OWN, asks_again=True)
def withdraw(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Let an invitation be good for nothing any more."""
    invitation = get_object_or_404(Invitation, pk=pk, campaign=campaign)
    try:
        people.withdraw(invitation, by=request.user, now=timezone.now())
    except people.Refused as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
    else:
        messages.success(request, "The invitation is withdrawn: its link has stopped working.")
    return _to_team(campaign)


@require_POST
@desk(Can.OWN, asks_again=True)
def change_role(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Let one of the team do more, or less."""
    membership = get_object_or_404(Membership, pk=pk, campaign=campaign)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles. Nothing was changed.")
        return _to_team(campaign)
    try:
        people.change_role(membership, by=request.user, **form.cleaned_data)
    except people.Refused as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
    else:
        messages.success(request, "Changed. They are told by mail, and have to sign in again.")
    return _to_team(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.OWN, asks_again=True)
def remove(request: DeskRequest, campaign: Campaign, pk: int) -> HttpResponse:
    """Take somebody out of the team, once that was confirmed."""
    membership = get_object_or_404(
        Membership.objects.select_related("user"), pk=pk, campaign=campaign
    )
    return _part(request, campaign, membership)


@require_http_methods(["GET", "HEAD", "POST"])
@desk(Can.LOOK, asks_again=True)
def leave(request: DeskRequest, campaign: Campaign) -> HttpResponse:
    """Leave the team, once that was confirmed."""
    return _part(request, campaign, request.membership)


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show what somebody is asked to, and let them accept."""
    found = people.invitation_of(token)
    now = timezone.now()
    user = request.user if isinstance(request.user, User) else None
    try:
        if found and user and request.method == "POST":
            people.accept(found, by=user, now=now)
            return _welcome(request, found)
        if found and user:
            people.check(found, by=user, now=now)
        elif found:
            people.check_open(found, now=now)
    except people.NotTheirs:
        return _invitation_page(request, found, token=token, is_theirs=False, status=403)
    except people.Over as refusal:
        return _invitation_page(request, found, token=token, refusal=str(refusal), status=410)
    if found is None:
        return _invitation_page(request, None, token=token, status=404)
    status = 403 if request.method == "POST" else 200
    return _invitation_page(request, found, token=token, status=status)


def _welcome(request: HttpRequest, accepted: Invitation) -> HttpResponse:
    messages.success(request, f"Welcome to the team of {accepted.campaign.name}.")
    address = reverse("desk:overview", args=[accepted.campaign.slug])
    return HttpResponseRedirect(address, status=303)


def _invitation_page(
    request: HttpRequest,
    found: Invitation | None,
    *,
    token: str,
    is_theirs: bool = True,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "invitation": found,
        "token": token,
        "is_theirs": is_theirs,
        "refusal": refusal,
        "duty": found and DUTIES[Role(found.role)],
    }
    page = render(request, "desk/team_invitation.html", context, status=status)
    return private(page, has_form=True)


def _part(request: DeskRequest, campaign: Campaign, membership: Membership) -> HttpResponse:
    """Ask whether it is meant, and end somebody's part in the campaign."""
    is_own = membership.user_id == request.user.pk
    if request.method != "POST":
        context = {"campaign": campaign, "member": membership, "is_own": is_own}
        return render(request, "desk/team_remove.html", context)
    try:
        people.remove(membership, by=request.user)
    except people.Refused as refusal:
        messages.error(request, f"{refusal} Nothing was changed.")
        return _to_team(campaign)
    if is_own:
        messages.success(request, f"You have left the team of {campaign.name}.")
        return HttpResponseRedirect(reverse("desk:campaigns"), status=303)
    messages.success(request, "They are out of the team, signed out, and told by mail.")
    return _to_team(campaign)


def _page(
    request: DeskRequest, campaign: Campaign, *, form: InviteForm | None = None, status: int = 200
) -> HttpResponse:
    """Show the team. Addresses and what is still open are for owners alone."""
    members = campaign.memberships.select_related("user")
    context = {
        "campaign": campaign,
        "members": sorted(members, key=lambda m: (RANK.index(Role(m.role)), m.since)),
        "roles": [(role, role.label, DUTIES[role]) for role in Role],
        "form": form or InviteForm(),
    }
    if request.membership.may(Can.OWN):
        asked = Invitation.objects.filter(
            campaign=campaign, accepted_at__isnull=True, withdrawn_at__isnull=True
        )
        context |= {"invitations": asked.order_by("-pk"), "now": timezone.now()}
    return render(request, "desk/team.html", context, status=status)


def _to_team(campaign: Campaign) -> HttpResponse:
    return HttpResponseRedirect(reverse("desk:team", args=[campaign.slug]), status=303)
