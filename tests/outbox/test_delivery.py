"""Mail: handed over at most once, and every mail accounted for."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.contacts.services import contact_for
from alliance.outbox import kinds, services, transport
from alliance.outbox.kinds import Message
from alliance.outbox.models import Mail, State
from tests.journal import MailServer


@pytest.fixture(autouse=True)
def note(monkeypatch: pytest.MonkeyPatch) -> None:
    def render(reference: str) -> Message:
        if reference == "broken":
            raise LookupError("there is no such note")
        return Message(subject=f"Note {reference}", text="Plain words", html="<p>Words</p>")

    monkeypatch.setitem(kinds._renderers, "note", render)


def owe(*references: str) -> None:
    for reference in references:
        services.queue(
            kind="note",
            reference=reference,
            contact=contact_for(f"{reference}@example.org"),
            now=timezone.now(),
        )


def states() -> dict[str, str]:
    return dict(Mail.objects.values_list("reference", "state"))


@pytest.mark.django_db
def test_a_mail_owed_twice_is_sent_once_in_both_forms(mailbox: MailServer) -> None:
    owe("a", "a")

    services.deliver_due()
    services.deliver_due()

    (mail,) = mailbox.mails
    row = Mail.objects.get()
    assert (mail["To"], mail["Subject"]) == ("a@example.org", "Note a")
    assert mail["Message-ID"] == row.message_id
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert row.state == State.SENT
    assert row.sent_at is not None


@pytest.mark.django_db
def test_one_refused_address_and_one_broken_mail_hold_up_nobody(mailbox: MailServer) -> None:
    owe("a", "broken", "b")
    mailbox.rcpt_replies = ["550 5.1.1 no such mailbox"]

    services.deliver_due()

    assert [mail["To"] for mail in mailbox.mails] == ["b@example.org"]
    assert states() == {"a": State.FAILED, "broken": State.QUEUED, "b": State.SENT}
    assert "no such mailbox" in Mail.objects.get(reference="a").error
    assert "LookupError" in Mail.objects.get(reference="broken").error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rcpt", "data", "expected"),
    [
        (["451 4.7.1 try later"], [], State.QUEUED),
        ([], ["451 4.3.0 try later"], State.QUEUED),
        ([], ["554 5.6.0 refused"], State.FAILED),
    ],
)
def test_a_server_that_says_later_is_asked_later_and_one_that_says_never_is_believed(
    mailbox: MailServer, rcpt: list[str], data: list[str], expected: State
) -> None:
    owe("a")
    mailbox.rcpt_replies, mailbox.data_replies = rcpt, data

    services.deliver_due()
    assert states() == {"a": expected}
    services.deliver_due()
    assert mailbox.mails == []

    Mail.objects.update(next_try_at=timezone.now())
    services.deliver_due()
    assert len(mailbox.mails) == (expected == State.QUEUED)


@pytest.mark.django_db
def test_a_server_that_has_something_against_us_costs_nobody_their_mail(
    mailbox: MailServer,
) -> None:
    owe("a", "b")
    mailbox.mail_replies = ["530 5.7.0 authentication required"]
    mailbox.rcpt_replies = ["554 5.7.1 relaying denied"]

    services.deliver_due()

    assert states() == {"a": State.QUEUED, "b": State.QUEUED}


@pytest.mark.django_db
def test_what_no_server_can_be_told_holds_up_nobody(mailbox: MailServer) -> None:
    owe("a", "b")
    # Written past the form, which would have spelt it as mail servers do.
    Contact.objects.filter(email="a@example.org").update(email="a@b\u00fccher.example")

    services.deliver_due()

    assert states() == {"a": State.QUEUED, "b": State.SENT}


@pytest.mark.django_db
def test_a_long_turn_makes_way_and_leaves_nothing_claimed(
    mailbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe("a", "b", "c")
    clock = iter([0.0, 0.0, 1000.0, 1000.0])
    monkeypatch.setattr(services, "monotonic", lambda: next(clock))

    services.deliver_due()

    assert states() == {"a": State.SENT, "b": State.QUEUED, "c": State.QUEUED}


@pytest.mark.django_db
def test_a_person_may_have_lost_mails_sent_again(
    mailbox: MailServer, admin_client: Client
) -> None:
    owe("a", "b", "c")
    Mail.objects.filter(reference="a").update(state=State.FAILED)
    Mail.objects.filter(reference="b").update(state=State.UNKNOWN)
    Mail.objects.filter(reference="c").update(state=State.SENT, sent_at=timezone.now())

    admin_client.post(
        "/admin/outbox/mail/",
        {
            "action": "send_again",
            "_selected_action": list(Mail.objects.values_list("pk", flat=True)),
        },
    )
    services.deliver_due()

    assert sorted(str(mail["To"]) for mail in mailbox.mails) == ["a@example.org", "b@example.org"]


@pytest.mark.django_db
def test_a_link_that_breaks_after_the_mail_left_makes_it_unknown_and_never_sends_it_twice(
    mailbox: MailServer,
) -> None:
    owe("a", "b")
    mailbox.hang_up_after_data = 1

    services.deliver_due()
    Mail.objects.filter(state=State.QUEUED).update(next_try_at=timezone.now())
    services.deliver_due()
    services.recover_abandoned(timezone.now() + timedelta(days=1))
    services.deliver_due()

    assert states() == {"a": State.UNKNOWN, "b": State.SENT}
    assert [mail["To"] for mail in mailbox.mails] == ["a@example.org", "b@example.org"]


@pytest.mark.django_db
def test_without_a_mail_server_nothing_is_lost(mailbox: MailServer, settings: Any) -> None:
    owe("a", "b")
    settings.EMAIL_PORT = 1

    services.deliver_due()

    assert states() == {"a": State.QUEUED, "b": State.QUEUED}
    settings.EMAIL_PORT = mailbox.port
    Mail.objects.update(next_try_at=timezone.now())
    services.deliver_due()
    assert states() == {"a": State.SENT, "b": State.SENT}


@pytest.mark.django_db
def test_after_days_of_trying_we_give_up_and_say_so(mailbox: MailServer) -> None:
    owe("a")
    Mail.objects.update(attempts=services.MAX_ATTEMPTS - 1)
    mailbox.rcpt_replies = ["451 later"]

    services.deliver_due()

    assert states() == {"a": State.FAILED}


@pytest.mark.django_db
def test_what_a_dead_worker_held_is_found_and_never_sent_on_a_guess(mailbox: MailServer) -> None:
    owe("claimed", "handed")
    now = timezone.now()
    for reference, state in (("claimed", State.CLAIMED), ("handed", State.HANDING_OVER)):
        Mail.objects.filter(reference=reference).update(state=state, lease_until=now)

    assert services.recover_abandoned(now - timedelta(seconds=1)) == 0
    assert services.recover_abandoned(now + timedelta(seconds=1)) == 2
    services.deliver_due()

    assert states() == {"claimed": State.SENT, "handed": State.UNKNOWN}
    assert [mail["To"] for mail in mailbox.mails] == ["claimed@example.org"]


@pytest.mark.django_db
def test_a_slow_worker_whose_mail_another_has_taken_up_sends_nothing(mailbox: MailServer) -> None:
    owe("a")
    (mail,) = services._claim(timezone.now())
    services.recover_abandoned(timezone.now() + timedelta(hours=1))
    services.deliver_due()

    with transport.connection() as connection:
        services._deliver(mail, connection)

    assert len(mailbox.mails) == 1
    assert states() == {"a": State.SENT}
