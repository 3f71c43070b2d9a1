"""Mails about campaigns' people: letters to organisers, to whom they ask, and to who applies."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from alliance.accounts.models import User
from alliance.outbox import services as outbox
from alliance.outbox.kinds import Message
from campaigns import people
from campaigns.models import Application, Invitation, Membership, Role

# News is still news after a weekend without a mail server.
NEWS_LIFE = timedelta(days=4)

# What each may do at the desk, in a few words.
DUTIES = {
    Role.OWNER: "do everything, and decide who helps",
    Role.EDITOR: "write the page and its updates, and make links",
    Role.FINANCE: "see who gave, and look after their gifts",
    Role.VIEWER: "look at figures, and at the page before it is public",
}


def invited(*, invitation: Invitation) -> None:
    """Ask somebody to help run a campaign."""
    campaign = invitation.campaign
    _post(
        invitation.email,
        "invitation",
        f"Will you help run {campaign.name}?",
        {
            "campaign": campaign,
            "role": invitation.get_role_display(),
            "duty": DUTIES[Role(invitation.role)],
            "by": invitation.by,
            "expires_at": invitation.expires_at,
            "link": _url("desk:invitation", people.token_for(invitation)),
        },
        life=people.INVITATION_LIFE,
    )


def joined(*, membership: Membership, by: User) -> None:
    """Tell the owners that somebody accepted."""
    for owner in people.owners_of(membership.campaign).exclude(pk=membership.user_id):
        _post(
            owner.email,
            "team_joined",
            f"Somebody joined the team of {membership.campaign.name}",
            {
                "campaign": membership.campaign,
                "member": membership.user,
                "role": membership.get_role_display(),
                "by": by,
                "link": _url("desk:team", membership.campaign.slug),
            },
        )


def role_changed(*, membership: Membership, by: User, before: Role, after: Role | None) -> None:
    """Tell whose part it is, and the owners, what changed, and who did it."""
    campaign, member = membership.campaign, membership.user
    context = {
        "campaign": campaign,
        "member": member,
        "by": by,
        "before": before.label,
        "after": after and after.label,
        "duty": after and DUTIES[after],
    }
    owners = people.owners_of(campaign).exclude(pk=member.pk)
    _post(
        member.email,
        "role_changed",
        f"Your part in {campaign.name} has changed",
        {**context, "link": _url("desk:campaigns")},
    )
    for owner in owners:
        _post(
            owner.email,
            "team_changed",
            f"The team of {campaign.name} has changed",
            {**context, "link": _url("desk:team", campaign.slug)},
        )


def applied(*, application: Application) -> None:
    """Confirm that an application is here."""
    _about(application, "application_received", "We have your application")


def approved(*, application: Application) -> None:
    """Say yes, where to go, and what will be asked there."""
    assert application.campaign is not None  # noqa: S101 (the database keeps it so; for mypy)
    _about(
        application,
        "application_approved",
        f"Yes: you can start {application.name}",
        campaign=application.campaign,
        link=_url("desk:overview", application.campaign.slug),
    )


def declined(*, application: Application) -> None:
    """Say no, and why."""
    _about(application, "application_declined", f"About your application: {application.name}")


TELLERS: dict[str, Callable[..., None]] = {
    "invited": invited,
    "joined": joined,
    "role_changed": role_changed,
    "applied": applied,
    "approved": approved,
    "declined": declined,
}


def _about(application: Application, kind: str, subject: str, **context: object) -> None:
    about = {"application": application, "link": _url("desk:campaigns"), **context}
    _post(application.by.email, kind, subject, about)


def _url(name: str, *args: str) -> str:
    return settings.SITE_URL + reverse(name, args=args)


def _post(
    to: str, kind: str, subject: str, about: Mapping[str, object], *, life: timedelta = NEWS_LIFE
) -> None:
    context = {
        **about,
        "subject": subject,
        "platform_name": settings.PLATFORM_NAME,
        "contact_email": settings.CONTACT_EMAIL,
        "site_url": settings.SITE_URL,
    }
    message = Message(
        subject=subject,
        text=render_to_string(f"emails/{kind}.txt", context, using="text"),
        html=render_to_string(f"emails/{kind}.html", context, using="django"),
    )
    outbox.post(to=to, message=message, now=timezone.now(), life=life)
