"""What an account holds about its owner, and what becomes of it when they are erased."""

from collections.abc import Iterator
from datetime import datetime

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session

from alliance.accounts import services
from alliance.accounts.models import User
from alliance.core import personal
from alliance.core.personal import Fate, NotNow, Person, Row, Table

# Reserved for what is no address: no mail to it can ever arrive anywhere.
NOWHERE = "erased.invalid"


def _account(person: Person) -> Iterator[Row]:
    for user in User.objects.filter(pk=person.user):
        groups = ", ".join(user.groups.values_list("name", flat=True))
        yield user.email, user.name, user.joined_at, user.last_login, user.is_staff, groups


def _refuse_staff(person: Person) -> None:
    if User.objects.filter(pk=person.user, is_staff=True).exists():
        raise NotNow(
            "You look after this site, so this page can’t delete your account. Ask another "
            "admin to take your duties from you first."
        )


def _leave_a_husk(person: Person, _now: datetime) -> None:
    """Keep the number that the audit trail and others point at, and nothing of a person."""
    user = User.objects.select_for_update(no_key=True).get(pk=person.user)
    user.email, user.name = f"erased-{user.pk}@{NOWHERE}", ""
    user.is_active = user.is_superuser = False
    user.last_login = None
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()


def _factors(person: Person) -> Iterator[Row]:
    """Tell that there is a second factor and which kind; never what it is made of."""
    for factor in Authenticator.objects.filter(user=person.user).order_by("pk"):
        is_key = factor.type == Authenticator.Type.WEBAUTHN
        name = str(factor) if is_key else ""
        yield factor.get_type_display(), name, factor.created_at, factor.last_used_at


def _trail(person: Person) -> Iterator[Row]:
    for entry in LogEntry.objects.filter(user=person.user).order_by("pk").iterator():
        yield entry.action_time, entry.object_repr, entry.get_change_message()


def _end_sessions(person: Person, _now: datetime) -> None:
    theirs = UserSession.objects.filter(user=person.user)
    Session.objects.filter(session_key__in=theirs.values("session_key")).delete()
    theirs.delete()
    services.end_sessions(User.objects.get(pk=person.user))


personal.register(
    Table(
        name="account",
        title="Your account",
        models=(User,),
        columns=("email", "name", "joined_at", "last_signed_in_at", "is_staff", "groups"),
        rows=_account,
        fate=Fate(
            goes="Your name, address and password",
            stays="A number where you were, that nobody can sign in as",
            why="other records point at it",
            until="for good: it says nothing of you",
        ),
        erase=_leave_a_husk,
        refuse=_refuse_staff,
    ),
    Table(
        name="addresses",
        title="Addresses of your account",
        models=(EmailAddress, EmailConfirmation),
        columns=("email", "is_verified", "is_primary"),
        rows=lambda person: (
            EmailAddress.objects.filter(user=person.user)
            .order_by("pk")
            .values_list("email", "verified", "primary")
        ),
        fate=Fate(goes="All of them"),
        erase=lambda person, _now: EmailAddress.objects.filter(user=person.user).delete(),
    ),
    Table(
        name="second_factors",
        title="Second factors and passkeys",
        models=(Authenticator,),
        columns=("kind", "name", "added_at", "last_used_at"),
        rows=_factors,
        fate=Fate(goes="All of them"),
        erase=lambda person, _now: Authenticator.objects.filter(user=person.user).delete(),
    ),
    Table(
        name="sessions",
        title="Where you are signed in",
        models=(UserSession, Session),
        columns=("began_at", "last_seen_at", "network_address", "browser"),
        rows=lambda person: (
            UserSession.objects.filter(user=person.user)
            .order_by("pk")
            .values_list("created_at", "last_seen_at", "ip", "user_agent")
        ),
        fate=Fate(goes="All of it: you are signed out everywhere"),
        erase=_end_sessions,
    ),
    Table(
        name="audit_trail",
        title="What you did with duties",
        models=(LogEntry,),
        columns=("at", "about", "what"),
        rows=lambda person: (
            LogEntry.objects.filter(user=person.user)
            .order_by("pk")
            .values_list("action_time", "object_repr", "change_message")
        ),
        fate=Fate(
            stays="What you did for a campaign, under your number and without your name",
            why="whoever looks after money or people’s data must be able to show who did what",
            until="for good: nothing can be taken out of the trail",
        ),
        erase=lambda _person, _now: None,
    ),
)
