import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a starter of the program on one data file; it kills what is left running."""
    with contextlib.ExitStack() as stack:

        def start(port: int, webhook_url: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "alliance.local.standin", "--port", str(port)]
            command += ["--data", str(tmp_path / "standin.sqlite3"), "--fast-retries"]
            command += ["--webhook-url", webhook_url, "--webhook-secret", "whsec_test"]
            started = stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(started.kill)
            assert started.stdout
            assert str(port) in started.stdout.readline()
            return started

        yield start


def test_after_kill_9_everything_is_there_and_the_queue_goes_on(
    program: Callable[..., Any],
    receiver: Any,
    browse: Callable[..., Any],
    gift: Callable[..., Any],
) -> None:
    port = free_port()
    first = program(port, "http://127.0.0.1:1/")
    base = f"http://127.0.0.1:{port}"
    client = stripe.StripeClient("sk_test_standin_1", base_addresses={"api": base})
    wanted = gift()
    keyed: Any = {"idempotency_key": "d:1:s:1"}
    session = client.v1.checkout.sessions.create(wanted, keyed)
    left_open = client.v1.checkout.sessions.create(gift())
    form = {"email": "a@b.org", "name": "A", "method": "4242424242424242"}
    paid = browse(session.url, form)

    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    program(port, receiver.url)
    deadline = time.monotonic() + 20
    while len(receiver.types()) < 5 and time.monotonic() < deadline:
        browse(base)

    assert paid.status == 303
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert client.v1.checkout.sessions.create(wanted, keyed).id == session.id
    assert browse(left_open.url).status == 200
    assert "checkout.session.completed" in receiver.types()
    assert len(receiver.types()) == 5


def test_sigterm_ends_the_program_cleanly(program: Callable[..., Any]) -> None:
    running = program(free_port(), "http://127.0.0.1:1/")

    running.terminate()

    assert running.wait(10) == 0


def test_open_pages_follow_the_stand_in_to_another_port(
    tmp_path: Path, browse: Callable[..., Any], gift: Callable[..., Any], connect: Any
) -> None:
    data = str(tmp_path / "standin.sqlite3")
    with StandIn(data=data) as first:
        session = connect(first).v1.checkout.sessions.create(gift()).id

    with StandIn(data=data) as second:
        url = connect(second).v1.checkout.sessions.retrieve(session).url

        assert url.startswith(second.base_url)
        assert browse(url).status == 200


def test_a_session_that_ran_out_while_nobody_ran_expires_at_the_next_start(
    tmp_path: Path, gift: Callable[..., Any], connect: Any
) -> None:
    data = str(tmp_path / "standin.sqlite3")
    with StandIn(data=data) as first:
        session = connect(first).v1.checkout.sessions.create(gift()).id
        first.account.store.advance(3601)

    with StandIn(data=data) as second:
        deadline = time.monotonic() + 5
        while not second.events("checkout.session.expired") and time.monotonic() < deadline:
            connect(second).v1.checkout.sessions.retrieve(session)

        assert connect(second).v1.checkout.sessions.retrieve(session).status == "expired"
