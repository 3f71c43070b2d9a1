"""Letters: sealed until they are sent, gone afterwards, and never sent too late or twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.utils import timezone

from alliance.core import sealing
from alliance.outbox import services
from alliance.outbox.kinds import Message
from alliance.outbox.models import Letter, Mail, State
from tests.journal import MailServer

pytestmark = pytest.mark.django_db

TO, CODE = "lena@example.org", "BCDF-GHJK"


def post(**more: Any) -> Mail:
    message = Message(subject="Your code", text=f"Type {CODE}", html=f"<p>Type {CODE}</p>")
    services.post(to=TO, message=message, now=timezone.now(), **more)
    return Mail.objects.latest("pk")


def rows() -> str:
    return str(serializers.serialize("json", [*Mail.objects.all(), *Letter.objects.all()]))


def test_nobody_reads_a_letter_in_the_database() -> None:
    post()

    for secret in (TO, "lena", CODE, "Type", "Your code"):
        assert secret not in rows()


def test_it_is_sent_in_both_forms_and_gone(mailbox: MailServer) -> None:
    mail = post()

    services.deliver_due()
    services.deliver_due()

    (sent,) = mailbox.mails
    assert (sent["To"], sent["Subject"]) == (TO, "Your code")
    assert all(CODE in str(part.get_content()) for part in sent.iter_parts())
    mail.refresh_from_db()
    assert mail.state == State.SENT
    assert not Letter.objects.exists()
    assert TO not in rows()


def test_one_that_comes_too_late_is_not_sent(mailbox: MailServer) -> None:
    mail = post(life=timedelta(seconds=-1))

    services.deliver_due()

    mail.refresh_from_db()
    assert mailbox.mails == []
    assert mail.state == State.FAILED
    assert TO not in mail.error + rows()
    assert not Letter.objects.exists()


def test_it_waits_for_a_mail_server_and_is_still_sealed(mailbox: MailServer) -> None:
    mailbox.mail_replies.append("451 later")
    mail = post()

    services.deliver_due()

    mail.refresh_from_db()
    assert mail.state == State.QUEUED
    assert TO not in rows()
    Mail.objects.update(next_try_at=timezone.now())
    services.deliver_due()
    assert len(mailbox.mails) == 1


def test_after_a_worker_died_in_the_hand_over_it_is_neither_sent_nor_kept(
    mailbox: MailServer,
) -> None:
    mail = post()
    Mail.objects.update(
        state=State.HANDING_OVER, lease_until=timezone.now() - timedelta(minutes=1), attempts=1
    )

    services.recover_abandoned(timezone.now())
    services.deliver_due()

    mail.refresh_from_db()
    assert mail.state == State.UNKNOWN
    assert mailbox.mails == []
    assert not Letter.objects.exists()


def test_after_a_worker_died_before_it_another_one_sends_it(mailbox: MailServer) -> None:
    post()
    Mail.objects.update(
        state=State.CLAIMED, lease_until=timezone.now() - timedelta(minutes=1), attempts=1
    )

    services.recover_abandoned(timezone.now())
    services.deliver_due()

    assert len(mailbox.mails) == 1


def test_sending_again_leaves_letters_alone(mailbox: MailServer) -> None:
    post(life=timedelta(seconds=-1))
    services.deliver_due()

    assert services.send_again(Mail.objects.all()) == 0
    services.deliver_due()
    assert mailbox.mails == []


def test_one_under_a_key_that_is_gone_holds_up_nobody(mailbox: MailServer, settings: Any) -> None:
    post()
    settings.SECRET_KEY = "y" * 60
    post()

    services.deliver_due()

    assert len(mailbox.mails) == 1
    with pytest.raises(sealing.Broken):
        services.letter(Mail.objects.earliest("pk").reference)
