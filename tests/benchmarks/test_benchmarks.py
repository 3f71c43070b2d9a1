"""The benchmarks at tiny size: that they run and say what they found, never how fast."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import repeat

import pytest

from alliance.local.processes import ROOT
from tests.benchmarks import load
from tests.benchmarks.__main__ import MODULES

FIELDS = {"name", "ours", "other", "other_is", "ratio", "unit"}


def benchmark(*argv: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "tests.benchmarks", *argv]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    return done.returncode, done.stdout, done.stderr


def test_every_benchmark_finds_two_figures_and_their_ratio() -> None:
    code, out, err = benchmark("--json", "--scale", "0.001")

    assert code == 0, err
    results = [json.loads(line) for line in out.splitlines()]
    for result in results:
        assert set(result) == FIELDS
        assert result["ours"] > 0
        assert result["ratio"] == pytest.approx(result["ours"] / result["other"])
    names = [result["name"] for result in results]
    assert [name for name in MODULES if not any(n.startswith(name) for n in names)] == []


def test_an_unknown_name_is_answered_in_one_sentence() -> None:
    code, out, err = benchmark("settle", "speed")

    assert (code, out) == (2, "")
    assert err.startswith("There is no benchmark 'speed'; there are campaign-page, ")
    assert len(err.splitlines()) == 1


class Server(http.server.ThreadingHTTPServer):
    """Answers 200 at /, 404 at /lost, and nothing at /slow before the gate opens."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gate = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up: these do, when their time is over."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.gate.wait(0.4)
        self.send_response(404 if self.path == "/lost" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.gate.set()
        server.shutdown()
        thread.join()


def test_an_answer_that_is_not_as_expected_is_no_figure(server: Server) -> None:
    good = load.rate(server.server_port, repeat(load.get("/")), seconds=0.1)

    with pytest.raises(load.WrongAnswerError, match="Not 200"):
        load.rate(server.server_port, repeat(load.get("/lost")), seconds=0.1)

    assert good > 0


def test_what_waits_behind_a_slow_answer_counts_as_slow_too(server: Server) -> None:
    slow = load.Stream(repeat(load.get("/slow")), connections=1, interval=0.05)
    quick = load.Stream(repeat(load.get("/")), connections=1, interval=0.05)

    load.run(server.server_port, slow, quick, seconds=0.29)

    assert (slow.answered, quick.answered) == (0, 6)
    assert len(slow.latencies) == 6
    assert slow.latencies[0] > 0.29
    assert slow.latencies[1] == pytest.approx(0.24, abs=0.01)
