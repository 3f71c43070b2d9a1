"""Who helps to run a campaign: invitations, roles, and leaving; an owner is always left."""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from alliance.accounts import audit
from alliance.accounts import services as accounts
from alliance.accounts.models import User
from alliance.core import addresses
from campaigns import telling
from campaigns.models import Campaign, Can, Invitation, Membership, Role

INVITATION_LIFE = timedelta(days=14)
# So that the form can't be used to write to strangers: open at one time, and sent in a day.
MOST_OPEN = 20
A_DAY = timedelta(days=1)
A_DAY_OF_A_CAMPAIGN = 30
A_DAY_BY_ONE = 50
A_DAY_TO_ONE = 3

# What staff need in Django admin to look after the people of any campaign.
MAY_INVITE = "campaigns.add_invitation"
MAY_CHANGE = "campaigns.change_membership"

# A full stop, since some mail programs end a link at a colon.
_signer = signing.Signer(salt="campaigns.invitation", sep=".")


class Refused(Exception):
    """It was not done; the message says why, to the person who asked."""


class Over(Refused):
    """The invitation was used, was withdrawn, or has run out."""


class NotTheirs(Refused):
    """The invitation went to an address that is not, as far as is known, this person's."""


def token_for(invitation: Invitation) -> str:
    """Return what the link in the mail ends in."""
    return _signer.sign(str(invitation.pk))


def invitation_of(token: str) -> Invitation | None:
    """Return the invitation that a link was made for; None where it was not made here."""
    try:
        pk = _signer.unsign(token)
    except signing.BadSignature:
        return None
    return Invitation.objects.select_related("campaign").filter(pk=pk).first()


def owners_of(campaign: Campaign) -> QuerySet[User]:
    """Return who owns a campaign and can still sign in."""
    return User.objects.filter(
        memberships__campaign=campaign, memberships__role=Role.OWNER, is_active=True
    ).order_by("pk")


def campaigns_only_owned_by(user: User) -> list[Campaign]:
    """Return the campaigns that would be left without an owner if this person went."""
    owned = Campaign.objects.filter(memberships__user=user, memberships__role=Role.OWNER)
    return [c for c in owned if not owners_of(c).exclude(pk=user.pk).exists()]


@transaction.atomic
def invite(*, campaign: Campaign, email: str, role: Role, by: User, now: datetime) -> Invitation:
    """Ask somebody by mail to help; asking again makes a fresh link. Raises Refused."""
    _take_turn(campaign, by, MAY_INVITE)
    theirs = EmailAddress.objects.filter(user__memberships__campaign=campaign, verified=True)
    if any(addresses.is_same(email, known) for known in theirs.values_list("email", flat=True)):
        raise Refused("They are in the team already. Change what they may do in the list.")
    asked = Invitation.objects.filter(campaign=campaign)
    earlier = asked.filter(email__iexact=email)
    _keep_within_limits(asked, earlier, by, now)
    earlier.filter(accepted_at__isnull=True, withdrawn_at__isnull=True).update(withdrawn_at=now)
    invitation = Invitation.objects.create(
        campaign=campaign, email=email, role=role, by=by, expires_at=now + INVITATION_LIFE
    )
    audit.note(by, [invitation], f"Invited somebody as {role}.", is_new=True)
    telling.tell("invited", invitation=invitation)
    return invitation


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Let an invitation be good for nothing any more. Raises Refused where it was accepted."""
    _take_turn(invitation.campaign, by, MAY_INVITE)
    asked = Invitation.objects.filter(pk=invitation.pk)
    if asked.filter(accepted_at__isnull=False).exists():
        raise Refused("They have accepted. Take them out of the team instead.")
    if asked.filter(withdrawn_at__isnull=True).update(withdrawn_at=now):
        audit.note(by, [invitation], "Withdrew it.")


@transaction.atomic
def accept(invitation: Invitation, *, by: User, now: datetime) -> Membership:
    """Let somebody into the team; twice is once. Raises Over, NotTheirs.

    Who is in it already stays what they are: an invitation takes nothing away.
    """
    _lock(invitation.campaign_id)
    invitation = Invitation.objects.select_related("campaign").get(pk=invitation.pk)
    campaign = invitation.campaign
    check(invitation, by=by, now=now)
    membership, is_new = Membership.objects.get_or_create(
        campaign=campaign, user=by, defaults={"role": invitation.role}
    )
    if invitation.accepted_at is None:
        invitation.accepted_at = now
        invitation.save(update_fields=["accepted_at"])
    if is_new:
        audit.note(
            by,
            [membership],
            "Accepted an invitation.",
            changes={"role": ("none", membership.role)},
        )
        telling.tell("joined", membership=membership, by=invitation.by)
    return membership


def check(invitation: Invitation, *, by: User, now: datetime) -> None:
    """Raise Over or NotTheirs where somebody can't accept an invitation."""
    if not any(
        addresses.is_same(invitation.email, email)
        for email in EmailAddress.objects.filter(user=by, verified=True).values_list(
            "email", flat=True
        )
    ):
        raise NotTheirs("This invitation went to an address that is not confirmed as yours.")
    is_in = Membership.objects.filter(campaign_id=invitation.campaign_id, user=by).exists()
    if not (is_in and invitation.accepted_at):
        check_open(invitation, now=now)


def check_open(invitation: Invitation, *, now: datetime) -> None:
    """Raise Over where nobody can accept an invitation any more."""
    if invitation.accepted_at:
        raise Over("This invitation has been used.")
    if invitation.withdrawn_at:
        newer = Invitation.objects.open(now).filter(
            campaign_id=invitation.campaign_id, email__iexact=invitation.email
        )
        raise Over(
            "There is a newer invitation: use the link in the latest mail."
            if newer.exists()
            else "This invitation was withdrawn."
        )
    if invitation.expires_at <= now:
        raise Over("This invitation has run out: it was good for 14 days.")


@transaction.atomic
def change_role(membership: Membership, *, role: Role, by: User) -> None:
    """Let one of a campaign's people do more, or less, from now on. Raises Refused."""
    membership = _member(membership, by)
    before = Role(membership.role)
    if role == before:
        return
    if before == Role.OWNER:
        _keep_an_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _after(membership, by=by, before=before, after=role)


@transaction.atomic
def remove(membership: Membership, *, by: User) -> None:
    """Take somebody out of a campaign's team, or let them leave. Raises Refused."""
    membership = _member(membership, by, may_be_own=True)
    before = Role(membership.role)
    if before == Role.OWNER:
        _keep_an_owner(membership)
    Membership.objects.filter(pk=membership.pk).delete()
    _after(membership, by=by, before=before, after=None)


def _after(membership: Membership, *, by: User, before: Role, after: Role | None) -> None:
    """Do what follows when somebody may do less or something else than before."""
    user, campaign = membership.user, membership.campaign
    what = "Changed a role." if after else "Left." if user == by else "Took somebody out."
    audit.note(
        by,
        [membership],
        f"{what} {user} at campaign {campaign.pk}.",
        changes={"role": (before.value, after.value if after else "none")},
    )
    if before == Role.OWNER:
        # What they asked for as an owner ends with that.
        Invitation.objects.open(timezone.now()).filter(campaign=campaign, by=user).update(
            withdrawn_at=timezone.now()
        )
    accounts.end_sessions(user)
    telling.tell("role_changed", membership=membership, by=by, before=before, after=after)


def _take_turn(campaign: Campaign, by: User, permission: str) -> None:
    """Wait for others who change this team, and look again whether this person may.

    They might have been taken out of it a moment ago. Raises Refused.
    """
    _lock(campaign.pk)
    own = Membership.objects.filter(campaign=campaign, user=by).first()
    if own and own.may(Can.OWN):
        return
    if not (by.is_staff and by.has_perm(permission)):
        raise Refused("Only an owner may do this, and you are none any more.")


def _member(membership: Membership, by: User, *, may_be_own: bool = False) -> Membership:
    """Return a membership as it stands once others are done with the team. Raises Refused."""
    if may_be_own and membership.user_id == by.pk:
        _lock(membership.campaign_id)
    else:
        _take_turn(membership.campaign, by, MAY_CHANGE)
    try:
        return Membership.objects.select_related("campaign", "user").get(pk=membership.pk)
    except Membership.DoesNotExist:
        raise Refused("They are not in the team any more.") from None


def _keep_an_owner(membership: Membership) -> None:
    if not owners_of(membership.campaign).exclude(pk=membership.user_id).exists():
        raise Refused("A campaign needs an owner: make somebody else one first.")


def _keep_within_limits(
    asked: QuerySet[Invitation], earlier: QuerySet[Invitation], by: User, now: datetime
) -> None:
    waiting = asked.filter(accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=now)
    if waiting.exclude(pk__in=earlier).count() >= MOST_OPEN:
        raise Refused(
            f"{MOST_OPEN} invitations wait for an answer. Withdraw one before you send another."
        )
    lately = {"created_at__gt": now - A_DAY}
    if (
        earlier.filter(**lately).count() >= A_DAY_TO_ONE
        or asked.filter(**lately).count() >= A_DAY_OF_A_CAMPAIGN
        or Invitation.objects.filter(by=by, **lately).count() >= A_DAY_BY_ONE
    ):
        raise Refused("That is enough invitations for one day. Try again tomorrow.")


def _lock(campaign_id: int) -> None:
    """Change a team one at a time. Gifts, which only point at the campaign, are not held up."""
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
