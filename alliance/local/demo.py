"""`manage.py demo`: the whole site on one machine, with mail and payments that stay on it."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from alliance.local import environment, processes, services, sockets
from alliance.local.environment import Ports
from alliance.local.processes import ROOT, Program, Supervisor
from alliance.local.services import DataFolder, Services

CAMPAIGN = "/c/progressive-alliance/"


class RefusedError(Exception):
    """The demo cannot run as it was asked to."""


class CommandFailedError(Exception):
    """A management command that the demo needs went wrong."""


def main(argv: Sequence[str]) -> int:
    """Run the demo until Ctrl-C, and return the exit code of the command."""
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__)
    parser.add_argument("--port", type=int, help="of the site (default: 8000 or the next free)")
    parser.add_argument("--data", type=Path, default=services.DEFAULT_DATA, help="folder kept")
    parser.add_argument("--fresh", action="store_true", help="forget everything from before")
    options = parser.parse_args(argv)
    processes.interrupt_on_signals()
    try:
        run(options.data, port=options.port, is_fresh=options.fresh)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0
    except services.TakenError as taken:
        address = environment.site_url(taken.ports)
        print(f"{options.data} is in use: see {address}{CAMPAIGN}", file=sys.stderr)
        return 2
    except (RefusedError, CommandFailedError, *services.PROBLEMS) as problem:
        print(problem, file=sys.stderr)
        return 2 if isinstance(problem, RefusedError) else 1


def run(data: Path, *, port: int | None, is_fresh: bool) -> NoReturn:
    """Start everything, say where it is and keep it running until interrupted.

    Raises RefusedError, CommandFailedError, TakenError or one of services.PROBLEMS.
    """
    if data.is_dir() and any(data.iterdir()) and not (data / services.CLAIM).exists():
        raise RefusedError(f"{data} holds something other than a demo: name another with --data.")
    with DataFolder(data) as folder:
        if port is not None and not sockets.is_free(port):
            raise RefusedError(f"Port {port} is taken or forbidden: name another with --port.")
        if is_fresh:
            folder.empty()
        ports = environment.choose_ports(port)
        folder.remember(ports)
        with folder.supervisor() as supervisor:
            environ = start(supervisor, folder.path, ports)
            show(folder.path, ports, environ)
            supervisor.watch()


def start(supervisor: Supervisor, data: Path, ports: Ports) -> Mapping[str, str]:
    """Start every part of the site, side by side where one does not need the other."""
    print("Starting the demo …", flush=True)
    site = Services(data, ports)
    env = {**os.environ, **site.environ}
    companions = services.companions(data, ports, site.environ)
    for program in companions:
        supervisor.start(program)
    collecting = Command("collectstatic", "--noinput", logs=supervisor.logs, env=env)
    site.start(supervisor)
    Command("migrate", logs=supervisor.logs, env=env).finish()
    collecting.finish()
    for program in site_programs(data, ports, env):
        supervisor.start(program)
    Command("load_demo", logs=supervisor.logs, env=env).finish()
    supervisor.wait_ready("web", *(program.name for program in companions))
    return site.environ


class Command:
    """A management command of the site, running beside this process."""

    def __init__(self, name: str, *arguments: str, logs: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        argv = [sys.executable, str(ROOT / "manage.py"), name, *arguments]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                processes.tied(argv, signal.SIGTERM),
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def finish(self) -> None:
        """Wait for the command. Raises CommandFailedError with its output if it fails."""
        if self.process.wait():
            raise CommandFailedError(f"{self.name} failed.\n{self.log.read_text()}")


def site_programs(data: Path, ports: Ports, env: Mapping[str, str]) -> list[Program]:
    """Return the web server and Celery's worker and clock as programs to supervise."""
    module = [sys.executable, "-m"]
    web = [
        *(*module, "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "32"),
        *("--host", "127.0.0.1", "--port", str(ports.web), "alliance.wsgi:application"),
    ]
    celery = [*module, "celery", "-A", "alliance"]
    worker = [*celery, "worker", "--concurrency=1", "--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "--pidfile=", f"--schedule={data / 'beat'}"]
    return [
        Program(
            name="web", argv=web, env=env, is_ready=lambda: sockets.answers(ports.web, "/healthz")
        ),
        Program(name="worker", argv=[*worker, "--queues=celery", "--loglevel=INFO"], env=env),
        Program(name="asker", argv=[*worker, "--queues=stripe", "--loglevel=INFO"], env=env),
        Program(name="mailer", argv=[*worker, "--queues=mail", "--loglevel=INFO"], env=env),
        Program(name="beat", argv=[*beat, "--loglevel=INFO"], env=env),
    ]


def show(data: Path, ports: Ports, environ: Mapping[str, str]) -> None:
    """Print where everything is, and how long it took."""
    site = environment.site_url(ports)
    mailbox = f"http://127.0.0.1:{ports.mailbox}/"
    rows = {
        "Campaign": f"{site}{CAMPAIGN}",
        "Admin": f"{site}/admin/   {environment.ADMIN}",
        "Organiser": f"{site}/organise/   {environment.ORGANISER}",
        "Supporter": f"{site}/me/   {environment.SUPPORTER}",
        "Their password": environ["ALLIANCE_DEMO_PASSWORD"],
        "Their codes": f"{mailbox}telephone/",
        "Mailbox": mailbox,
        "Stand-in Stripe": f"http://127.0.0.1:{ports.standin}/",
        "Data and logs": str(data),
    }
    lines = [f"  {name:<16} {value}" for name, value in rows.items()]
    print(f"\nReady after {seconds_running():.0f} s.\n", *lines, sep="\n")
    print("\n  Ctrl-C stops everything.", flush=True)


def seconds_running() -> float:
    """Return the age of this process, which includes the time its set-up took."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return float(Path("/proc/uptime").read_text().split()[0]) - started
