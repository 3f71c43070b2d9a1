"""Owing a mail, and sending what is owed: at most once, and every mail accounted for."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from time import monotonic

from django.db import transaction
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.core import jobs, sealing
from alliance.outbox import kinds, transport
from alliance.outbox.kinds import Message
from alliance.outbox.models import LETTER, Letter, Mail, MailQuerySet, State

logger = logging.getLogger(__name__)

BATCH = 20
TURN_SECONDS = 30
# Longer than a batch takes at the mail server's time-out, shorter than anybody's patience.
LEASE = timedelta(minutes=10)
FIRST_RETRY = timedelta(seconds=30)
SLOWEST_RETRY = timedelta(hours=1)
# Longer than any code is good for.
LETTER_LIFE = timedelta(hours=1)
ERASED = "Not sent: the person it was for has been erased, as they asked."
# About three days of trying.
MAX_ATTEMPTS = 80


def queue(*, kind: str, reference: str, contact: Contact, now: datetime) -> None:
    """Owe somebody a mail; owing the same one again changes nothing."""
    queue_all(kind=kind, owed=[(reference, contact.pk, now)])


def queue_all(*, kind: str, owed: Sequence[tuple[str, int, datetime]]) -> None:
    """Owe many mails of a kind: of each its reference, the contact's key, and from when on."""
    if not owed:
        return
    Mail.objects.bulk_create(
        [
            Mail(kind=kind, reference=reference, contact_id=contact_id, next_try_at=at)
            for reference, contact_id, at in owed
        ],
        ignore_conflicts=True,
    )
    jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")


@transaction.atomic
def post(*, to: str, message: Message, now: datetime, life: timedelta = LETTER_LIFE) -> None:
    """Owe a letter to an address that need not be a contact's; its words are sealed until then.

    After its `life` it is not sent any more: a code that has run out helps nobody.
    """
    words = json.dumps({**asdict(message), "to": to})
    letter = Letter.objects.create(sealed=sealing.seal(LETTER, words), expires_at=now + life)
    Mail.objects.create(kind=LETTER, reference=str(letter.pk), next_try_at=now)
    jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")


def letter(reference: str) -> Message:
    """Open a letter. Raises Refused when it is too late for it."""
    letter = Letter.objects.get(pk=reference)
    if letter.expires_at < timezone.now():
        raise transport.Refused("It came too late to be of use.")
    return Message(**json.loads(sealing.unseal(LETTER, letter.sealed)))


def deliver_due() -> None:
    """Send what is due, in batches that other workers leave alone.

    After half a minute it makes way and has itself woken again: no mail is ever cut off in
    its hand-over by a worker's time limit.
    """
    give_way_at = monotonic() + TURN_SECONDS
    while mails := _claim(timezone.now()):
        try:
            with transport.connection() as connection:
                for mail in mails:
                    if monotonic() > give_way_at:
                        break
                    _deliver(mail, connection)
        except transport.Deferred as error:
            # No mail server.
            for mail in mails:
                if mail.state == State.CLAIMED:
                    _put_back(mail, str(error))
            return
        if monotonic() > give_way_at:
            for mail in mails:
                if mail.state == State.CLAIMED:
                    _move(mail, State.QUEUED)
            jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")
            return


def recover_abandoned(now: datetime) -> int:
    """Return to the queue what a dead worker had claimed, and count it.

    What it was handing over may have left: that becomes unknown, is shown, and is not sent again.
    """
    abandoned = Mail.objects.abandoned(now)
    in_hand = abandoned.filter(state=State.HANDING_OVER)
    letters = in_hand.filter(kind=LETTER).values_list("reference", flat=True)
    Letter.objects.filter(pk__in=[int(pk) for pk in letters]).delete()
    unknown = in_hand.update(
        state=State.UNKNOWN,
        lease_until=None,
        error="The worker died while the mail server was being asked.",
    )
    queued = abandoned.filter(state=State.CLAIMED).update(state=State.QUEUED, lease_until=None)
    if unknown:
        logger.error("%d mails are unknown: a worker died in the hand-over", unknown)
    return unknown + queued


def send_again(mails: MailQuerySet) -> int:
    """Let mails leave once more that failed, or that may not have left; a person has asked.

    Letters do not: their words are gone, and would be of no use by now.
    """
    lost = mails.filter(state__in=[State.FAILED, State.UNKNOWN]).exclude(kind=LETTER)
    count = lost.update(state=State.QUEUED, attempts=0, error="", next_try_at=timezone.now())
    jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")
    return count


@transaction.atomic
def _claim(now: datetime) -> list[Mail]:
    mails = list(
        Mail.objects.due(now)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("contact")[:BATCH]
    )
    for mail in mails:
        mail.state, mail.lease_until, mail.attempts = State.CLAIMED, now + LEASE, mail.attempts + 1
    Mail.objects.bulk_update(mails, ["state", "lease_until", "attempts"])
    return mails


def _deliver(mail: Mail, connection: transport.Connection) -> None:
    try:
        if mail.contact and not mail.contact.email:
            raise transport.Refused(ERASED)  # noqa: TRY301 (one way for all that is not sent)
        message = kinds.render(mail.kind, mail.reference)
        to = (mail.contact and mail.contact.email) or message.to
        content = transport.as_bytes(message, to=to, message_id=mail.message_id)
    except transport.Refused as error:
        _move(mail, State.FAILED, error=str(error))
        return
    except Exception as error:  # one mail that can't be written must not stop the others
        logger.exception("mail %s can't be written", mail.pk)
        _put_back(mail, f"{type(error).__name__}: {error}")
        return
    # Written before the server is asked: whatever happens next, this mail is never sent twice.
    if not _move(mail, State.HANDING_OVER, lease_until=mail.lease_until):
        return
    try:
        connection.hand_over(content, to=to)
    except transport.Deferred as error:
        _put_back(mail, str(error))
    except transport.Refused as error:
        logger.error("mail %s was refused for good: %s", mail.pk, error)  # noqa: TRY400
        _move(mail, State.FAILED, error=str(error))
    except transport.Unknown as error:
        logger.exception("mail %s is unknown", mail.pk)
        _move(mail, State.UNKNOWN, error=str(error))
    else:
        _move(mail, State.SENT, sent_at=timezone.now())


def _put_back(mail: Mail, error: str) -> None:
    if mail.attempts >= MAX_ATTEMPTS:
        logger.error("mail %s is given up: %s", mail.pk, error)
        _move(mail, State.FAILED, error=error)
        return
    pause = min(FIRST_RETRY * 2 ** min(mail.attempts - 1, 10), SLOWEST_RETRY)
    _move(mail, State.QUEUED, error=error, next_try_at=timezone.now() + pause)


def _move(
    mail: Mail,
    state: State,
    *,
    error: str = "",
    lease_until: datetime | None = None,
    next_try_at: datetime | None = None,
    sent_at: datetime | None = None,
) -> bool:
    """Move a mail on if it is still as this worker left it, and say whether it was."""
    is_ours = Mail.objects.filter(pk=mail.pk, state=mail.state, attempts=mail.attempts).update(
        state=state,
        error=error[:2000],
        lease_until=lease_until,
        next_try_at=next_try_at or mail.next_try_at,
        sent_at=sent_at,
    )
    if is_ours:
        mail.state = state
        if mail.kind == LETTER and state in {State.SENT, State.FAILED, State.UNKNOWN}:
            Letter.objects.filter(pk=mail.reference).delete()
    return bool(is_ours)
