"""What follows when allauth says that something happened to an account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.account.signals import email_added, email_confirmed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest

from alliance.accounts.models import User

FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
# Here somebody proves an address without having shown that they know the account's password.
_WITHOUT_PASSWORD = {"account_confirm_login_code", "account_confirm_password_reset_code"}


@receiver(authenticator_added)
def prove_session(
    request: HttpRequest, user: User, authenticator: Authenticator, **_more: Any
) -> None:
    """Take the making of a second factor as its first use: nobody types two codes in a row."""
    if authenticator.type in FACTORS:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


@receiver(email_confirmed)
def forget_strangers_password(
    request: HttpRequest, email_address: EmailAddress, **_more: Any
) -> None:
    """Void a password that was set before anybody had proven that the address is theirs.

    A stranger may have made the account under somebody's address, and wait for them to confirm it.
    """
    user = email_address.user
    name = request.resolver_match.url_name if request.resolver_match else None
    others = EmailAddress.objects.filter(user=user, verified=True).exclude(pk=email_address.pk)
    if name in _WITHOUT_PASSWORD and user.has_usable_password() and not others.exists():
        user.set_unusable_password()
        user.save(update_fields=["password"])
        said = "The password that was set before you confirmed your address no longer works."
        messages.info(request, f"{said} Choose one, or go on signing in by code or passkey.")


@receiver(email_added)
def tell_of_address(user: User, email_address: EmailAddress, **_more: Any) -> None:
    """Tell the main address that another one may be used to sign in."""
    if not email_address.primary:
        context = {"added_email": email_address.email}
        get_adapter().send_notification_mail("account/email/email_added", user, context)
