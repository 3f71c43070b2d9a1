"""Postgres and the broker of a data folder, running around whatever needs them."""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Self, TextIO

from alliance.local import broker, environment, postgres, processes, sockets
from alliance.local.environment import Ports
from alliance.local.processes import ROOT, Program, Supervisor

# Where every command of manage.py finds the embedded servers, if no --data says otherwise.
DEFAULT_DATA = Path(os.environ.get("ALLIANCE_DATA", ROOT / ".data/demo"))
CLAIM = "ports.json"
LEFTOVER_SECONDS = 3.0  # programs of a killed parent need about one to shut down
ATTACH_SECONDS = 30.0
PROBLEMS = (
    broker.BrokerError,
    postgres.PostgresError,
    processes.NotReadyError,
    sockets.UnsafeError,
)


class TakenError(Exception):
    """Another command runs on the same data folder; `ports` are those it uses."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self.ports = ports


class DataFolder:
    """A data folder claimed for this process and the programs it hands the claim to."""

    def __init__(self, path: Path, *, patience: float = LEFTOVER_SECONDS) -> None:
        """Claim a folder, waiting some seconds for it. Raises TakenError."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path.resolve()
        self.claim: TextIO = (self.path / CLAIM).open("a+")
        give_up_at = time.monotonic() + patience
        while not self._is_ours():
            if time.monotonic() > give_up_at:
                with self.claim:
                    raise TakenError(self.last_ports())
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.claim.close()

    def supervisor(self) -> Supervisor:
        """Return a supervisor whose programs keep the claim until the last of them has ended."""
        return Supervisor(self.path / "logs", pass_fds=[self.claim.fileno()])

    def last_ports(self) -> Ports:
        """Return the ports used last, or free ones for a folder without history."""
        self.claim.seek(0)
        written = self.claim.read()
        return Ports(**json.loads(written)) if written else environment.choose_ports()

    def remember(self, ports: Ports) -> None:
        """Write down the ports for whoever finds the folder taken."""
        self.claim.truncate(0)
        self.claim.write(json.dumps(asdict(ports)))
        self.claim.flush()

    def empty(self) -> None:
        """Delete everything in the folder but the claim to it."""
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != CLAIM:
                path.unlink()

    def _is_ours(self) -> bool:
        try:
            fcntl.flock(self.claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Services:
    """Postgres and the broker of one data folder, and the environment that names them."""

    def __init__(
        self,
        data: Path,
        ports: Ports,
        *,
        tuning: Mapping[str, str] = postgres.KEPT,
        is_kept: bool = True,
    ) -> None:
        self.postgres = postgres.Postgres(data, tuning=tuning)
        self.broker = broker.Broker(data, is_kept=is_kept)
        self.environ = environment.contract(
            data, ports, database_url=self.postgres.url, redis_url=self.broker.url
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start both and wait until the site can use them."""
        supervisor.start(self.broker.program())
        self.postgres.initialise()
        supervisor.start(self.postgres.program())
        supervisor.wait_ready("postgres", "broker")
        self.postgres.create_database()

    def are_ready(self) -> bool:
        """Tell whether both answer already, started by somebody else."""
        return self.postgres.is_ready() and self.broker.is_ready()


def companions(data: Path, ports: Ports, environ: Mapping[str, str]) -> list[Program]:
    """Return the stand-in Stripe and the captured mailbox as programs to supervise."""
    env = {**os.environ, **environ}
    module = [sys.executable, "-m"]
    standin = [
        *(*module, "alliance.local.standin", "--port", str(ports.standin)),
        *("--data", str(data / "standin.sqlite3")),
        *("--webhook-url", f"{environment.site_url(ports)}/stripe/webhook/"),
        *("--webhook-secret", environ["STRIPE_WEBHOOK_SECRETS"]),
    ]
    mailbox = [
        *(*module, "alliance.local.mailbox", "--http-port", str(ports.mailbox)),
        *("--smtp-port", str(ports.smtp), "--data", str(data / "mailbox")),
    ]
    return [
        Program(
            name="standin", argv=standin, env=env, is_ready=lambda: sockets.answers(ports.standin)
        ),
        Program(
            name="mailbox", argv=mailbox, env=env, is_ready=lambda: sockets.answers(ports.mailbox)
        ),
    ]


@contextlib.contextmanager
def around(data: Path = DEFAULT_DATA) -> Iterator[None]:
    """Set the site's environment, on the servers of a running demo or on ones of its own."""
    processes.interrupt_on_signals()
    give_up_at = time.monotonic() + ATTACH_SECONDS
    with contextlib.ExitStack() as stack:
        while True:
            try:
                folder = stack.enter_context(DataFolder(data, patience=0))
            except TakenError as taken:
                services = Services(data, taken.ports)
                if services.are_ready() or time.monotonic() > give_up_at:
                    break
                time.sleep(0.1)  # the other is starting, or about to end
            else:
                services = Services(data, folder.last_ports())
                services.start(stack.enter_context(folder.supervisor()))
                break
        os.environ.update(services.environ)
        yield


def run_around(command: Callable[[], None]) -> int:
    """Run a command of the site with its servers, and return its exit code."""
    try:
        with around():
            command()
    except PROBLEMS as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def throw_away(tuning: Mapping[str, str]) -> Iterator[tuple[Path, Ports, Services, Supervisor]]:
    """Run both servers on a temporary folder, and delete it afterwards."""
    processes.interrupt_on_signals()
    with tempfile.TemporaryDirectory(prefix="alliance-") as name:
        data, ports = Path(name), environment.choose_ports()
        services = Services(data, ports, tuning=tuning, is_kept=False)
        try:
            with Supervisor(data / "logs") as supervisor:
                services.start(supervisor)
                yield data, ports, services, supervisor
        finally:
            shutil.rmtree(sockets.folder(data))
