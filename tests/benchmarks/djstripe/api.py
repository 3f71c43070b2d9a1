"""All of Stripe's API that dj-stripe asks for, as quick as it can be: objects by their id.

The site's own stand-in would be slower, knows only what was made by it, and refuses the key.
"""

import json
import socketserver
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Self

Json = dict[str, Any]

# What dj-stripe would ask for next. Left out, so that it has nothing more to copy.
NOTHING_MORE = {"customer": None, "payment_method": None}


class Api(socketserver.ThreadingTCPServer):
    """Answers on loopback, from threads of the process that waits for dj-stripe."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, objects: Iterable[Json]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {told["id"]: _answer(told | NOTHING_MORE) for told in objects}
        self.address = f"http://127.0.0.1:{self.server_address[1]!r}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Api

    def handle(self) -> None:
        """Answer GET /v1/…/<id> after GET, until the connection is closed."""
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass  # headers
            name = line.split()[1].decode().partition("?")[0].rpartition("/")[2]
            self.wfile.write(self.server.answers.get(name) or _unknown(name))


def _unknown(name: str) -> bytes:
    error = {"type": "invalid_request_error", "code": "resource_missing", "message": name}
    return _answer({"error": error}, HTTPStatus.NOT_FOUND)


def _answer(told: Json, status: HTTPStatus = HTTPStatus.OK) -> bytes:
    body = json.dumps(told).encode()
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
