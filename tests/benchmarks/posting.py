"""Signed webhooks posted in process, one after another: ours and the peer's alike, by this file.

It knows the standard library alone, because the peer runs it in an environment of its own.
"""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

GOOD = "200 "


class Signed(NamedTuple):
    """A webhook as Stripe sends it: the `Stripe-Signature` and the body, which is one line."""

    signature: str
    body: str

    def as_line(self) -> str:
        """Return both as one line."""
        return f"{self.signature} {self.body}\n"


def read_lines(lines: Iterable[str]) -> Iterator[Signed]:
    """Give back what was written as lines."""
    for line in lines:
        signature, body = line.rstrip("\n").split(" ", 1)
        yield Signed(signature, body)


def post(application: WSGIApplication, path: str, webhooks: Iterable[Signed]) -> list[float]:
    """Post webhooks to an application and return how long each took (s).

    Calls it as a web server does, with nothing between. Raises AssertionError at the first
    answer that is not 200.
    """
    return [_seconds(application, _environ(path, webhook)) for webhook in webhooks]


def _seconds(application: WSGIApplication, environ: dict[str, Any]) -> float:
    told: list[str] = []

    def start_response(status: str, _headers: object, _error: object = None) -> Callable[..., Any]:
        told.append(status)
        return told.append

    began = perf_counter()
    answer = application(environ, start_response)
    content = b"".join(answer)
    close = getattr(answer, "close", None)
    if close:
        close()  # where Django ends a request
    took = perf_counter() - began
    assert told[0].startswith(GOOD), (told, content[:400])
    return took


def _environ(path: str, webhook: Signed) -> dict[str, Any]:
    body = webhook.body.encode()
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_STRIPE_SIGNATURE": webhook.signature,
        "CONTENT_TYPE": "application/json; charset=utf-8",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
