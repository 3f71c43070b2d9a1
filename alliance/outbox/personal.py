"""What the outbox holds about people, and what becomes of it when they are erased."""

from datetime import datetime

from alliance.core import personal
from alliance.core.personal import Fate, Person, Table
from alliance.outbox.models import Letter, Mail, State
from alliance.outbox.services import ERASED


def _stop(person: Person, _now: datetime) -> None:
    """Send nothing more, and forget what a mail server said: it may have quoted the address."""
    theirs = Mail.objects.filter(contact__in=person.contacts)
    theirs.exclude(error="").update(error="")
    theirs.filter(state__in=[State.QUEUED, State.CLAIMED]).update(
        state=State.FAILED, error=ERASED, lease_until=None
    )


personal.register(
    Table(
        name="mails",
        title="Mails to you",
        # What a letter says is sealed, and whom it is for: it is gone once it was sent, or
        # within the hour.
        models=(Mail, Letter),
        columns=("kind", "state", "queued_at", "sent_at", "what_the_mail_server_said"),
        rows=lambda person: (
            Mail.objects.filter(contact__in=person.contacts)
            .order_by("pk")
            .values_list("kind", "state", "created_at", "sent_at", "error")
        ),
        fate=Fate(
            goes="What has not been sent yet: it will not be",
            stays="Which mails went out and when, without your address or their words",
            why="it shows that every payment had its receipt",
            until="as long as the books",
        ),
        erase=_stop,
    ),
)
