"""A small supervisor: named programs that live and die with this process."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Self

ROOT = Path(__file__).resolve().parents[2]
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOG_LIMIT = 5_000_000  # bytes; a longer log is put aside when its program starts
STOP_SECONDS = 10.0
LEAST_GRACE = 0.5  # seconds kept back for each program that is still to be stopped
LONGEST_PAUSE = 30.0  # seconds before another try of a program that keeps failing
HEALTHY_SECONDS = 60.0  # a program that ran this long starts its failures from nought
POLL_SECONDS = 0.02


class NotReadyError(Exception):
    """A program ended, or stayed silent, before it was ready."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is run, how it is known to be ready and how it is asked to stop.

    `run_as` goes before the command to change its user; `prepare` is called before every start.
    """

    name: str
    argv: Sequence[str | Path]
    is_ready: Callable[[], bool] = lambda: True
    prepare: Callable[[], None] = lambda: None
    run_as: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass
class Child:
    """One program that was started, and how often in a row it ended by itself."""

    program: Program
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int = 0
    restart_at: float | None = None

    def has_ended(self) -> bool:
        # Not reaped yet, so the number of its process group cannot be given to a stranger.
        if self.process.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def signal_group(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def bury(self) -> int:
        """Kill what is left of the group, and return the exit code of the program itself."""
        self.signal_group(signal.SIGKILL)
        return self.process.wait()


def tied(argv: Sequence[str | Path], stop_signal: signal.Signals) -> list[str]:
    """Return the command that runs `argv` and is signalled when the thread that starts it ends."""
    # A program rather than preexec_fn, which may deadlock once this process has threads.
    return ["setpriv", f"--pdeathsig={stop_signal.name[3:]}", "--", *map(str, argv)]


def interrupt_on_signals() -> None:
    """Make SIGTERM and a closed terminal end this process as Ctrl-C does."""
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)


class Supervisor:
    """Start programs in order, keep them running, stop them in reverse order.

    Used from the main thread: the kernel ends a program with the thread that started it.
    """

    def __init__(self, logs: Path, *, pass_fds: Sequence[int] = ()) -> None:
        """Keep logs in a folder; files in `pass_fds` stay open until every program has ended."""
        self.logs = logs
        self.pass_fds = pass_fds
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self, program: Program) -> None:
        """Start a program without waiting for it."""
        self.children[program.name] = Child(program, self._spawn(program), time.monotonic())

    def wait_ready(self, *names: str, seconds: float = 60) -> None:
        """Wait until the named programs are ready.

        Raises NotReadyError, with the end of the log, for one that ended or ran out of time.
        """
        give_up_at = time.monotonic() + seconds
        for name in names:
            child = self.children[name]
            while not child.program.is_ready():
                if child.has_ended() or time.monotonic() > give_up_at:
                    why = "ended" if child.has_ended() else f"said nothing for {seconds:.0f} s"
                    raise NotReadyError(f"{name} {why} before it was ready.\n{self._tail(name)}")
                time.sleep(POLL_SECONDS)

    def watch(self) -> NoReturn:
        """Start again whatever ends, until a signal interrupts."""
        while True:
            self.revive()
            time.sleep(POLL_SECONDS * 10)

    def revive(self) -> None:
        """Start again, after a pause that grows with repetition, what ended by itself."""
        now = time.monotonic()
        for child in self.children.values():
            if child.restart_at is not None:
                if now >= child.restart_at:
                    child.restart_at, child.started_at = None, now
                    child.process = self._spawn(child.program)
            elif child.has_ended():
                code = child.bury()
                is_first = now - child.started_at > HEALTHY_SECONDS
                child.failures = 1 if is_first else child.failures + 1
                pause = min(2.0 ** (child.failures - 1), LONGEST_PAUSE)
                child.restart_at = now + pause
                log = self._log(child.program.name)
                print(
                    f"{child.program.name} ended unexpectedly (exit code {code}); "
                    f"starting it again in {pause:.0f} s. Log: {log}",
                    flush=True,
                )

    def stop(self) -> None:
        """Stop everything within STOP_SECONDS, the last started first, with all descendants."""
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
        give_up_at = time.monotonic() + STOP_SECONDS
        while self.children:
            _, child = self.children.popitem()
            patience = give_up_at - LEAST_GRACE * (len(self.children) + 1)
            if child.process.returncode is None:
                child.process.send_signal(child.program.stop_signal)
            while not child.has_ended() and time.monotonic() < patience:
                time.sleep(POLL_SECONDS)
            child.bury()
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def _spawn(self, program: Program) -> subprocess.Popen[bytes]:
        program.prepare()
        log = self._log(program.name)
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            return subprocess.Popen(
                [*program.run_as, *tied(program.argv, program.stop_signal)],
                env=program.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=self.pass_fds,
            )

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-12:]
        return "\n".join([f"The end of {self._log(name)}:", *lines])
