"""The supervisor: what it starts is started again, and never outlives it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alliance.local import processes
from alliance.local.processes import ROOT, NotReadyError, Program, Supervisor

FAMILY = """
import os, pathlib, subprocess, sys, time
if "stubborn" in sys.argv: import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "60"])
pathlib.Path(sys.argv[1]).write_text(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""
PARENT = """
import pathlib, sys
from tests.local.test_processes import family
from alliance.local.processes import Supervisor
with Supervisor(pathlib.Path(sys.argv[1])) as supervisor:
    supervisor.start(family(pathlib.Path(sys.argv[1])))
    supervisor.wait_ready("family")
    print("ready", flush=True)
    supervisor.watch()
"""


def family(folder: Path, *words: str) -> Program:
    note = folder / "family"
    return Program(
        name="family",
        argv=[sys.executable, "-c", FAMILY, note, *words],
        is_ready=lambda: note.exists() and " " in note.read_text(),
    )


def members(folder: Path) -> list[int]:
    return [int(number) for number in (folder / "family").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a container's first process may be slow to reap


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > give_up_at:
            return False
        os.sched_yield()
    return True


@pytest.mark.parametrize("words", [(), ("stubborn",)])
def test_stopping_ends_a_program_and_its_children_even_if_it_will_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 1.0)
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(family(tmp_path, *words))
        supervisor.wait_ready("family")
        before = [is_alive(pid) for pid in members(tmp_path)]
        began = time.monotonic()

    assert before == [True, True]
    assert time.monotonic() - began < 2
    assert within(2, lambda: not any(map(is_alive, members(tmp_path))))


def test_what_ends_unexpectedly_is_announced_and_started_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def revived() -> bool:
        supervisor.revive()
        note = tmp_path / "family"
        return note.exists() and " " in note.read_text() and members(tmp_path)[0] != first[0]

    with Supervisor(tmp_path) as supervisor:
        supervisor.start(family(tmp_path))
        supervisor.wait_ready("family")
        first = members(tmp_path)
        (tmp_path / "family").unlink()

        os.kill(first[0], signal.SIGKILL)
        is_back = within(10, revived)

    assert is_back
    assert not is_alive(first[1])
    assert "family ended unexpectedly (exit code -9); starting it again in 1 s" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_outlives_a_supervisor_however_it_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    set_up = "from alliance.local import processes; processes.interrupt_on_signals()"
    with subprocess.Popen(
        [sys.executable, "-c", f"{set_up}\n{PARENT}", tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"

        parent.send_signal(number)

    program, child = members(tmp_path)
    assert within(5, lambda: not is_alive(program))
    # After kill -9 nobody is left to look after grandchildren: programs look after their own.
    if number == signal.SIGKILL:
        os.kill(child, signal.SIGKILL)
    assert within(5, lambda: not is_alive(child))


def test_a_program_that_ends_before_it_is_ready_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "broken.log").write_text("x" * (processes.LOG_LIMIT + 1))
    broken = Program(name="broken", argv=["sh", "-c", "echo no colour"], is_ready=lambda: False)

    with Supervisor(tmp_path) as supervisor:
        supervisor.start(broken)
        with pytest.raises(NotReadyError, match=r"(?s)ended before it was ready.*no colour"):
            supervisor.wait_ready("broken")

    assert (tmp_path / "broken.log.1").stat().st_size == processes.LOG_LIMIT + 1
    assert (tmp_path / "broken.log").read_text() == "no colour\n"
