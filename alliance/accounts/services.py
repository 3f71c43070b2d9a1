"""What is done to somebody's way of signing in, by one of us or because of what they may do."""

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import F

from alliance.accounts import audit
from alliance.accounts.models import User


def end_sessions(user: User) -> None:
    """Sign somebody out everywhere, from the moment this is committed.

    To be called, in the same transaction, wherever a role is given less power or taken away.
    """
    User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)
    user.refresh_from_db(fields=["sessions_ended"])


@transaction.atomic
def sign_out(*, by: User, user: User) -> None:
    """Sign somebody out everywhere because one of us found it right."""
    end_sessions(user)
    audit.note(by, [user], "Signed out everywhere.")


@transaction.atomic
def remove_factors(*, by: User, user: User) -> int:
    """Take away the second factors of somebody who lost theirs, tell them so, and count them.

    They are signed out everywhere, and choose a new one when they come back to their work.
    """
    removed: int = Authenticator.objects.filter(user=user).delete()[0]
    if removed:
        end_sessions(user)
        audit.note(by, [user], "Removed a lost second factor.")
        get_adapter().send_notification_mail("account/email/factors_removed", user)
    return removed


@transaction.atomic
def invite(user: User) -> None:
    """Let somebody whom one of us added sign in: by a code, sent to the address.

    Typing that code is what confirms the address.
    """
    user.set_unusable_password()
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
