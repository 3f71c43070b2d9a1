"""An HTTP load generator on loopback: keep-alive connections, one thread, every answer checked."""

import re
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from math import inf
from time import perf_counter

CHUNK = 1 << 18
TIMEOUT = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class WrongAnswerError(Exception):
    """The server answered with another status, or not at all."""


@dataclass
class Stream:
    """Requests that some connections share, and what became of them.

    With an `interval` (s) each connection has a request due that often, answered or not yet.
    Without one it sends the next request as soon as it has its answer.
    """

    requests: Iterator[bytes]
    connections: int
    status: int = 200
    interval: float = 0.0
    # Answers that came in time.
    answered: int = 0
    # Seconds from when each request was due, so that waiting for an earlier answer counts.
    latencies: list[float] = field(default_factory=list)


def get(path: str, **headers: str) -> bytes:
    """Return a GET request as it travels; underscores in header names stand for hyphens."""
    return _request("GET", path, headers)


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Return a POST request as it travels."""
    return _request("POST", path, {**headers, "Content_Length": str(len(body))}) + body


def run(port: int, *streams: Stream, seconds: float) -> None:
    """Send the streams' requests side by side for some seconds.

    Then wait for the answers under way, so that nothing of it weighs on what is measured next.
    Raises WrongAnswerError at the first answer that is not as expected.
    """
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        connections = [
            _Connection(port, stream, number)
            for stream in streams
            for number in range(stream.connections)
        ]
        for connection in connections:
            stack.enter_context(closing(connection.socket))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        now = perf_counter()
        until = now + seconds
        for connection in connections:
            connection.due += now
            connection.until = until
        while now < until or not all(c.is_idle for c in connections):
            _send_due(connections, now)
            next_due = min((c.due for c in connections if c.is_idle), default=until)
            pause = min(next_due, until) - now if now < until else TIMEOUT
            answered = selector.select(max(0.0, pause))
            if not answered and now >= until:
                raise WrongAnswerError(f"No answer within {TIMEOUT:.0f} s.")
            for key, _ in answered:
                key.data.receive()
            now = perf_counter()
        for connection in connections:
            connection.give_up()


def rate(port: int, requests: Iterator[bytes], *, seconds: float, status: int = 200) -> float:
    """Return how many requests are answered in a second, on twelve connections."""
    stream = Stream(requests, connections=12, status=status)
    run(port, stream, seconds=seconds)
    return stream.answered / seconds


class _Connection:
    """One connection with at most one request under way."""

    def __init__(self, port: int, stream: Stream, number: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = stream
        self.due = stream.interval * number / stream.connections
        self.until = inf
        self.is_idle = True
        self.received = b""

    def send(self) -> None:
        self.socket.sendall(next(self.stream.requests))
        self.is_idle, self.received = False, b""

    def receive(self) -> None:
        part = self.socket.recv(CHUNK)
        self.received += part
        if not part:
            raise WrongAnswerError(f"The server hung up after {self.received[:200]!r}.")
        head, blank, body = self.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not blank or len(body) < (int(length[1]) if length else 0):
            return
        if not head.startswith(b"HTTP/1.1 %d " % self.stream.status):
            raise WrongAnswerError(f"Not {self.stream.status}: {self.received[:400]!r}")
        now = perf_counter()
        self.stream.answered += now < self.until
        self.stream.latencies.append(now - self.due)
        self.due = self.due + self.stream.interval if self.stream.interval else now
        self.is_idle = True

    def give_up(self) -> None:
        """Count what was due and never sent by how long it has waited."""
        while self.stream.interval and self.due < self.until:
            self.stream.latencies.append(self.until - self.due)
            self.due += self.stream.interval


def _send_due(connections: Sequence[_Connection], now: float) -> None:
    for connection in connections:
        if connection.is_idle and connection.due <= now < connection.until:
            connection.send()


def _request(method: str, path: str, headers: dict[str, str]) -> bytes:
    fields = {"Host": "127.0.0.1", **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()
