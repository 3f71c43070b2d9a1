"""A mailbox that keeps every mail on this machine: an SMTP server, and pages to read it."""

import argparse
import functools
import html
import json
import mailbox
import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from alliance.local import telephone

LOOPBACK = "127.0.0.1"
PAGE_LENGTH = 100
# Without it there is no telephone.
SEED = os.environ.get("ALLIANCE_DEMO_TELEPHONE", "")
STYLE = Path(__file__).with_suffix(".css")
ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]]")
HEAD = re.compile(r"<head[^>]*>|\A(?!.*<head)", re.IGNORECASE | re.DOTALL)
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}
OWN_PAGES = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
MAIL_ITSELF = (  # a mail styles itself inline, and may show pictures of the site
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data: http://127.0.0.1:* http://localhost:*; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Mail:
    """One mail as received; `to` holds the envelope's recipients, `received` is ISO 8601."""

    id: str
    to: str
    subject: str
    message_id: str
    received: str
    text: str
    html: str


class Mailbox:
    """The mails in a Maildir, in the order of their arrival."""

    def __init__(self, data: Path) -> None:
        self._maildir = mailbox.Maildir(data)
        self._new = data / "new"
        self._ids = sorted(self._maildir.keys(), key=self._arrived_at)

    def deliver(self, content: bytes, *, sender: str, recipients: Sequence[str]) -> None:
        """Keep a mail; it is on the disk when this returns."""
        envelope = f"Return-Path: <{sender}>\r\nDelivered-To: {', '.join(recipients)}\r\n"
        self._ids.append(self._maildir.add(envelope.encode() + content))

    def ids(self) -> list[str]:
        """Return every mail's id, newest first."""
        return self._ids[::-1]

    def source(self, mail_id: str) -> bytes:
        """Return a mail as it was received."""
        return (self._new / mail_id).read_bytes()

    @functools.lru_cache(maxsize=4096)  # noqa: B019 one mailbox lives as long as its process
    def read(self, mail_id: str) -> Mail:
        """Return a mail taken apart."""
        message = message_from_bytes(self.source(mail_id), policy=policy.default)
        return Mail(
            id=mail_id,
            to=str(message["Delivered-To"]),
            subject=str(message["Subject"] or ""),
            message_id=str(message["Message-ID"] or "").strip(),
            received=datetime.fromtimestamp(self._arrived_at(mail_id), UTC).isoformat(),
            text=_part(message, "plain"),
            html=_part(message, "html"),
        )

    def _arrived_at(self, mail_id: str) -> float:
        return (self._new / mail_id).stat().st_mtime


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""


class Receiver:
    """What aiosmtpd calls for each mail."""

    def __init__(self, kept: Mailbox) -> None:
        self.kept = kept

    async def handle_DATA(  # noqa: N802 aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = cast("bytes", envelope.content)
        self.kept.deliver(content, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        return "250 Kept on this machine"


def page(title: str, body: str, *, head: str = "") -> str:
    """Return a whole page around a body of HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)}</title><link rel="stylesheet" href="/mailbox.css"></head>'
        f"<body>{body}</body></html>"
    )


def when(mail: Mail) -> str:
    """Return the time of a mail's arrival, in this machine's zone, as HTML."""
    shown = datetime.fromisoformat(mail.received).astimezone().strftime("%-d %B %Y, %H:%M:%S")
    return f'<time datetime="{mail.received}">{shown}</time>'


def list_page(kept: Mailbox, start: int) -> str:
    """Return the page of the mails from number `start` on, newest first."""
    ids = kept.ids()
    rows = "".join(
        f'<li><a href="/{mail.id}/">{html.escape(mail.subject) or "(no subject)"}</a>'
        f'<p>{html.escape(mail.to)}</p><p class="quiet">{when(mail)}</p></li>'
        for mail in map(kept.read, ids[start : start + PAGE_LENGTH])
    )
    following = start + PAGE_LENGTH
    older = f'<p><a href="/?start={following}">Older mails</a></p>' if following < len(ids) else ""
    title = f"Mailbox ({len(ids)})"
    phone = ' <a href="/telephone/">The demo’s telephone</a>' if SEED else ""
    return page(
        title,
        f'<header><h1>{title}</h1><a href="/">Look again</a>{phone}</header>'
        f'<main>{codes(time.time())}<p class="quiet">Every '
        f"mail this site sends ends here. None leaves this machine.</p><ol>{rows}</ol>"
        f"{older or ('' if ids else '<p>No mail yet.</p>')}</main>",
    )


def codes(now: float) -> str:
    """Return the codes that the demo's people sign in with at this moment, as HTML."""
    rows = "".join(
        f"<div><dt>{html.escape(shown.email)}</dt><dd><strong>{shown.code}</strong> "
        f'<span class="quiet">changes in {shown.seconds} s</span></dd></div>'
        for shown in (telephone.shown(SEED, now) if SEED else ())
    )
    return f'<dl class="codes">{rows}</dl>' if rows else ""


def telephone_page(now: float) -> str:
    """Return the page of the codes; it comes anew by itself when they change."""
    left = telephone.PERIOD - int(now) % telephone.PERIOD
    return page(
        "The demo’s telephone",
        '<header><h1>The demo’s telephone</h1><a href="/">Mailbox</a></header><main>'
        f'{codes(now)}<p class="quiet">People with duties sign in with a code of their '
        "authenticator app, too. Nobody has to have one for the demo: these are the codes of its "
        "own people, made from a secret that only this demo knows. Each code opens one door, "
        "once.</p></main>",
        head=f'<meta http-equiv="refresh" content="{left}">',
    )


def mail_page(mail: Mail, source: bytes) -> str:
    """Return the page of one mail: its HTML in a frame of its own, its text, its source."""
    subject = html.escape(mail.subject) or "(no subject)"
    frame = (
        '<h2>As HTML</h2><iframe title="The mail as HTML" src="html" '
        'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
    )
    return page(
        mail.subject,
        f'<header><a href="/">Mailbox</a><h1>{subject}</h1></header><main><dl><dt>To</dt>'
        f"<dd>{html.escape(mail.to)}</dd><dt>Received</dt><dd>{when(mail)}</dd></dl>"
        f"{frame if mail.html else ''}<h2>As text</h2><pre>{with_links(mail.text)}</pre>"
        f"<details><summary>Source</summary><pre>{html.escape(source.decode(errors='replace'))}"
        "</pre></details></main>",
    )


def with_links(text: str) -> str:
    """Return plain text as HTML with its addresses made links."""
    shown, end = "", 0
    for found in ADDRESS.finditer(text):
        address = html.escape(found[0])
        link = f'<a href="{address}" target="_blank" rel="noopener">{address}</a>'
        shown, end = shown + html.escape(text[end : found.start()]) + link, found.end()
    return shown + html.escape(text[end:])


class Pages(BaseHTTPRequestHandler):
    """The mailbox over HTTP."""

    kept: Mailbox

    def do_GET(self) -> None:
        """Answer the list, the telephone, one mail, its own HTML, both for programs, the style."""
        path, _, query = self.path.partition("?")
        mail_id, _, rest = path[1:].partition("/")
        start = re.fullmatch(r"start=(\d{1,9})", query)
        if self.headers.get("Host", "").partition(":")[0] not in (LOOPBACK, "localhost"):
            self.answer("Ask for 127.0.0.1.", status=HTTPStatus.MISDIRECTED_REQUEST)
        elif path == "/":
            self.answer(list_page(self.kept, int(start[1]) if start else 0))
        elif path == "/telephone/" and SEED:
            self.answer(telephone_page(time.time()))
        elif path == "/telephone.json" and SEED:
            told = {shown.email: shown.code for shown in telephone.shown(SEED, time.time())}
            self.answer(json.dumps(told), kind="application/json")
        elif path == "/messages.json":
            mails = [asdict(self.kept.read(mail_id)) for mail_id in self.kept.ids()]
            self.answer(json.dumps(mails), kind="application/json")
        elif path == "/mailbox.css":
            self.answer(STYLE.read_text(), kind="text/css")
        elif mail_id in self.kept.ids() and rest == "":
            self.answer(mail_page(self.kept.read(mail_id), self.kept.source(mail_id)))
        elif mail_id in self.kept.ids() and rest == "html":
            body = self.kept.read(mail_id).html
            self.answer(
                HEAD.sub(r'\g<0><base target="_blank">', body, count=1), policy=MAIL_ITSELF
            )
        else:
            self.answer(page("Not here", "<h1>Not here</h1>"), status=HTTPStatus.NOT_FOUND)

    def answer(
        self,
        body: str,
        *,
        kind: str = "text/html",
        policy: str = OWN_PAGES,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> None:
        """Send one whole response."""
        content = body.encode()
        self.send_response(status)
        headers = HEADERS | {
            "Content-Security-Policy": policy,
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(content)),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: a mailbox that is looked at often would fill its log."""


def main() -> None:
    """Receive and show mails until told to stop."""
    parser = argparse.ArgumentParser(prog="alliance.local.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    kept = Mailbox(options.data)
    receiver = Controller(Receiver(kept), hostname=LOOPBACK, port=options.smtp_port)
    receiver.start()
    pages = type("BoundPages", (Pages,), {"kept": kept})
    with ThreadingHTTPServer((LOOPBACK, options.http_port), pages) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            receiver.stop()


if __name__ == "__main__":
    main()
