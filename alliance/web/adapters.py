"""How allauth fits in here: its mails leave by the outbox, its secrets are sealed."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from alliance.core import sealing
from alliance.outbox import services as outbox
from alliance.outbox.kinds import Message


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth ships no types
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Owe the mail: a slow mail server holds up nobody who signs in."""
        mail = self.render_mail(template_prefix, email, self._full(context))
        html = ""
        if isinstance(mail, EmailMultiAlternatives) and mail.alternatives:
            html = str(mail.alternatives[0][0])
        message = Message(subject=mail.subject, text=str(mail.body), html=html)
        outbox.post(to=email, message=message, now=timezone.now())

    def format_email_subject(self, subject: str) -> str:
        return f"{settings.PLATFORM_NAME}: {subject}"

    def _full(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            **given,
            "request": context.request,
            "email": given.get("email"),
            "platform_name": settings.PLATFORM_NAME,
            "contact_email": settings.CONTACT_EMAIL,
            "site_url": settings.SITE_URL,
        }


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc] # the same
    def encrypt(self, text: str) -> str:
        return sealing.seal("mfa", text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal("mfa", encrypted_text)

    def _get_site_name(self) -> str:
        return settings.PLATFORM_NAME
