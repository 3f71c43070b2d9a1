"""How allauth fits in here: its mails leave by the outbox, its secrets are sealed."""

import html
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from alliance.accounts.models import User
from alliance.core import sealing
from alliance.web.account import mails, says


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    error_messages = DefaultAccountAdapter.error_messages | says.ERRORS

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Owe the mail: a slow mail server holds up nobody who signs in."""
        mails.post(template_prefix, to=email, context=context)

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Say it in our words, where it is worth saying."""
        said = message or says.MESSAGES.get(message_template or "", "")
        if said:
            told = said if message else said.format_map(message_context or {})
            messages.add_message(request, level, html.unescape(str(told)), extra_tags=extra_tags)

    def set_password(self, user: User, password: str) -> None:
        """Write the password alone: whatever else has changed meanwhile stays changed."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def is_safe_url(self, url: str) -> bool:
        """Lead nobody anywhere but to a path of this site."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_password_change_redirect_url(self, _request: HttpRequest) -> str:
        return "/account/"

    def _get_login_attempts_cache_key(self, _request: HttpRequest, **credentials: Any) -> str:
        # allauth's own has the Host header in it, whose port anybody may make up.
        return str(credentials.get("email", "")).lower()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc] # the same
    error_messages = DefaultMFAAdapter.error_messages | says.MFA_ERRORS

    def encrypt(self, text: str) -> str:
        return sealing.seal("mfa", text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal("mfa", encrypted_text)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 (allauth's name)
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def _get_site_name(self) -> str:
        return settings.PLATFORM_NAME


def display(user: User) -> str:
    """Return what somebody is called by their own browser, in its list of passkeys."""
    return user.name or user.email
