"""HTTP on loopback: the API under /v1/, commands under /_standin/, pages for everything else."""

import http.server
import json
import sqlite3
import sys
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alliance.local.standin import commands, pages
from alliance.local.standin.api import Answer, Request

if TYPE_CHECKING:
    from alliance.local.standin.standin import StandIn

LONGEST_BODY = 1_000_000


class Server(http.server.ThreadingHTTPServer):
    """The listening socket; nobody but this machine reaches it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, standin: "StandIn") -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.standin = standin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless somebody hung up on us, or we close while they wait."""
        if not isinstance(sys.exception(), ConnectionError | sqlite3.ProgrammingError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: two would wait 40 ms for the receiver's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def _serve(self) -> None:
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        length = int(self.headers.get("Content-Length") or 0)
        if length > LONGEST_BODY:
            self.close_connection = True
            self._send(Answer(413, "", {}))
            return
        body = self.rfile.read(length).decode(errors="replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, body if self.command == "POST" else query, headers)
        try:
            answer = _answer(self.server.standin, request)
        except Exception as error:  # noqa: BLE001  whatever broke, the caller must hear of it
            traceback.print_exc()
            told = {"error": {"type": "api_error", "message": f"The stand-in broke: {error}"}}
            answer = Answer(500, json.dumps(told), {"Stripe-Should-Retry": "false"})
        if answer is None:
            self.close_connection = True
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        standard = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in (standard | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815  the names are the standard library's

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Date each answer by the stand-in's own time, as it dates its events."""
        return super().date_time_string(timestamp or self.server.standin.account.store.now())

    def log_message(self, *_: object) -> None:
        """Say nothing: the front page tells what happened."""


def _answer(standin: "StandIn", request: Request) -> Answer | None:
    if request.path.startswith("/v1/"):
        return standin.api.answer(request)
    if request.method == "POST" and request.headers.get("sec-fetch-site") == "cross-site":
        # A page somewhere on the web must not press buttons here through somebody's browser.
        return Answer(403, "", {})
    if request.path.startswith("/_standin/"):
        return commands.answer(standin, request)
    return pages.answer(standin, request)
