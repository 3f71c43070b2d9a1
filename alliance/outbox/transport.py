"""The hand-over to a mail server, and what can be known of it afterwards."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend

from alliance.outbox.kinds import Message

PERMANENT = 500


class Deferred(Exception):
    """The mail was not taken; another try may succeed."""


class Refused(Exception):
    """The mail was not taken and never will be."""


class Unknown(Exception):
    """The link broke after the mail was on its way: nobody can tell."""


class Connection:
    """One SMTP connection, for as many mails as a batch holds."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def hand_over(self, content: bytes, *, to: str) -> None:
        """Give one mail to the server; returning means that the server took it.

        Raises Deferred, Refused or Unknown.
        """
        try:
            self._smtp.ehlo_or_helo_if_needed()
            self._smtp.rset()
            # A server that refuses the sender has something against us, not against the mail.
            _expect(self._smtp.mail(settings.DEFAULT_FROM_EMAIL), is_final=False)
            _expect(self._smtp.rcpt(to))
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise Deferred(str(error)) from error
        try:
            _expect(self._smtp.data(content))
        except smtplib.SMTPDataError as error:
            # The server said no, to DATA or to the mail: it has not taken it.
            _expect((error.smtp_code, _bytes(error.smtp_error)))
            raise Deferred(str(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unknown(str(error)) from error


@contextmanager
def connection() -> Iterator[Connection]:
    """Open a connection to the mail server of the settings. Raises Deferred if there is none."""
    backend = get_connection()
    assert isinstance(backend, EmailBackend)  # noqa: S101 (EMAIL_URL allows no other; for mypy)
    try:
        backend.open()
    except (smtplib.SMTPException, OSError) as error:
        raise Deferred(str(error)) from error
    try:
        assert backend.connection is not None  # noqa: S101 (open() made it; for mypy)
        yield Connection(backend.connection)
    finally:
        backend.close()


def _expect(reply: tuple[int, bytes], *, is_final: bool = True) -> None:
    code, text = reply
    if 200 <= code < 300:  # noqa: PLR2004 (SMTP's own range of success)
        return
    problem = f"{code} {text.decode(errors='replace')}"
    # 5.7: policy. Our own standing with the server, which can be mended.
    is_about_mail = is_final and not text.startswith(b"5.7.")
    raise Refused(problem) if code >= PERMANENT and is_about_mail else Deferred(problem)


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def as_bytes(message: Message, *, to: str, message_id: str) -> bytes:
    """Build one mail as it goes over the wire; raises ValueError where a header can't be one."""
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        from_email=f"{settings.PLATFORM_NAME} <{settings.DEFAULT_FROM_EMAIL}>",
        to=[to],
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(message.html, "text/html")
    return mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg] # Django's has it
