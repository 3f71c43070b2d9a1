"""Erasing somebody who signs in: all rooms together, or not at all."""

import logging
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.template.loader import render_to_string

from alliance.accounts.models import User
from alliance.contacts.personal import person_of
from alliance.core import personal
from alliance.outbox import services as outbox
from alliance.outbox.kinds import Message

logger = logging.getLogger(__name__)

# Long enough for a mail server that is away for a weekend.
GOODBYE_LIFE = timedelta(days=4)

_signer = signing.TimestampSigner(salt="me.delete")
A_DAY = timedelta(days=1)


def delete(user: User, *, now: datetime) -> None:
    """Erase somebody, once, and owe them a letter that says so. Raises personal.NotNow.

    What Stripe has to do comes first: no transaction waits for it, and should anything be in
    the way afterwards, it can be asked again.
    """
    personal.prepare(person_of(user))
    with transaction.atomic():
        # A second click waits here, and finds that there is nobody any more.
        addresses = list(
            EmailAddress.objects.select_for_update().filter(user=user).order_by("-primary", "pk")
        )
        if is_gone(user.pk):
            return
        personal.erase(person_of(user), now=now)
        confirmed = [address.email for address in addresses if address.verified]
        if confirmed:
            outbox.post(to=confirmed[0], message=_goodbye(), now=now, life=GOODBYE_LIFE)
    logger.info("%s was erased", user)


def is_gone(pk: int) -> bool:
    """Say whether somebody has been erased."""
    return not User.objects.filter(pk=pk, is_active=True).exists()


def mark_for(user: User) -> str:
    """Return what the form carries: a second click is told that the first one did it."""
    return _signer.sign(str(user.pk))


def marked(mark: str) -> int | None:
    """Return whom a form was made for; None where it was not made here."""
    try:
        return int(_signer.unsign(mark, max_age=A_DAY))
    except signing.BadSignature:
        return None


def _goodbye() -> Message:
    subject = f"You have been deleted from {settings.PLATFORM_NAME}"
    context = {
        "subject": subject,
        "platform_name": settings.PLATFORM_NAME,
        "contact_email": settings.CONTACT_EMAIL,
        "site_url": settings.SITE_URL,
    }
    return Message(
        subject=subject,
        text=render_to_string("emails/erased.txt", context, using="text"),
        html=render_to_string("emails/erased.html", context, using="django"),
    )
