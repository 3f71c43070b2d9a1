"""Writes about people who sign in."""

from allauth.usersessions.models import UserSession

from alliance.accounts.models import User


def end_sessions(user: User) -> None:
    """Sign somebody out wherever they are signed in."""
    for session in UserSession.objects.filter(user=user):
        session.end()
