#!/usr/bin/env python3
"""Every command of the site: sets up its own .venv, starts what is missing, then does as told.

Plain Python 3.7 until the packages are there, so that an old Python can say what it lacks.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
STAMP = VENV / "installed.txt"  # Python's version, then a digest of each lock; empty: unfinished
SITE_LOCK = ROOT / "requirements.txt"
TEST_LOCK = ROOT / "requirements-test.txt"  # holds all of the other
LOCKS = {"demo": SITE_LOCK, "test": TEST_LOCK, "benchmark": TEST_LOCK}
OLDEST = (3, 11)
NO_NETWORK = re.compile(
    "name resolution|dns error|Name or service not known|Network is unreachable"
    "|Connection refused|timed out|error sending request|Failed to establish|Cannot connect",
    re.IGNORECASE,
)


say = functools.partial(print, file=sys.stderr, flush=True)


class SetUpError(Exception):
    """The set-up cannot go on; the message is a sentence that says what would help."""


def main() -> int:
    """Run one command, and return its exit code (2: it cannot be set up here)."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    is_provided = "DATABASE_URL" in os.environ and has("django")  # an operator did, or we did
    if command in LOCKS or not is_provided:
        try:
            set_up(LOCKS.get(command, SITE_LOCK))
        except SetUpError as problem:
            print(problem, file=sys.stderr)
            return 2
        if not is_inside():
            start_again(PYTHON)
    return dispatch(command)


def dispatch(command: str) -> int:
    """Hand over to the part that knows the command."""
    if command == "demo":
        from alliance.local import demo

        return demo.main(sys.argv[2:])
    if command in LOCKS:
        from alliance.local import testing

        return (testing.main if command == "test" else testing.benchmark)(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alliance.settings")
    from django.core.management import execute_from_command_line

    if "DATABASE_URL" in os.environ:
        execute_from_command_line(sys.argv)
        return 0
    from alliance.local import services

    return services.run_around(lambda: execute_from_command_line(sys.argv))


def is_inside() -> bool:
    """Tell whether this is the Python of .venv."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def start_again(python: str) -> NoReturn:
    """Run the same command by another Python, whatever environment was active before."""
    env = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    for foreign in ("PYTHONHOME", "PYTHONPATH"):
        env.pop(foreign, None)
    own = [python, str(ROOT / "manage.py")]
    os.execve(python, [*own, *sys.argv[1:]], env)  # noqa: S606 nothing for a shell to do


def set_up(lock: Path) -> None:
    """Make .venv hold everything in a lock file, unless it does.

    Raises SetUpError if this machine lacks something.
    """
    refuse_unsuitable()
    if is_current(lock):
        return
    if is_inside():  # which cannot rebuild the ground it stands on
        start_again(str(Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")))
    with SITE_LOCK.open() as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up of .venv to end …")
            fcntl.flock(turn, fcntl.LOCK_EX)
        if not is_current(lock):
            began = time.monotonic()
            installed = make_venv()
            STAMP.write_text("")
            install(lock)
            STAMP.write_text(
                "\n".join(
                    [venv_version(), *installed, hashlib.sha256(lock.read_bytes()).hexdigest()]
                )
            )
            say(f"Set up .venv in {time.monotonic() - began:.0f} s.")


def refuse_unsuitable() -> None:
    """Raise SetUpError where the packages cannot run."""
    if sys.version_info < OLDEST:
        raise SetUpError(
            f"This needs Python 3.11 or newer, and {sys.executable} is older: "
            "run manage.py with a newer one, for example python3.11 manage.py."
        )
    if platform.libc_ver()[0] != "glibc" or platform.machine() not in ("x86_64", "aarch64"):
        raise SetUpError(
            "This needs Linux with glibc on x86_64 or aarch64, for example Debian or Ubuntu; "
            f"here is {platform.system()} on {platform.machine()} without it."
        )


def is_current(lock: Path) -> bool:
    """Tell whether .venv works and holds everything in a lock file."""
    stamp = read_stamp()
    return (
        bool(stamp)
        and stamp[0] == venv_version()
        and hashlib.sha256(lock.read_bytes()).hexdigest() in stamp
    )


def read_stamp() -> list[str]:
    """Return the lines of the stamp; none if there is no stamp, or an unfinished one."""
    return STAMP.read_text().split() if STAMP.exists() else []


def venv_version() -> str:
    """Return the version of the Python in .venv; empty if it does not run."""
    command = [PYTHON, "-c", "import platform; print(platform.python_version())"]
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def make_venv() -> list[str]:
    """Make .venv unless a sound one is there, and return the digests it holds already.

    A sound one is kept, because programs may be running from it.
    """
    stamp, version = read_stamp(), venv_version()
    if version and (stamp[0] == version if stamp else not STAMP.exists()):
        return stamp[1:]
    needs_no_pip = bool(shutil.which("uv")) or has("pip")
    if not has("venv") or not (needs_no_pip or has("ensurepip")):
        raise SetUpError(
            f"{sys.executable} cannot make a virtual environment: run apt-get install "
            "python3-venv as root, or install uv, then run this again."
        )
    say("Making .venv …")
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    STAMP.touch()
    run([sys.executable, "-m", "venv", *(["--without-pip"] if needs_no_pip else []), str(VENV)])
    return []


def has(module: str) -> bool:
    """Tell whether this Python brings a module."""
    return importlib.util.find_spec(module) is not None


def install(lock: Path) -> None:
    """Install a lock file by uv, found or installed first, else by pip."""
    own_pip = [PYTHON, "-m", "pip"]
    pip = [sys.executable, "-m", "pip", "--python", PYTHON] if has("pip") else own_pip
    rules = ["install", "--require-hashes", "--only-binary", ":all:", "-r"]
    with contextlib.suppress(SetUpError), uv(pip, rules) as program:
        say("Installing the packages with uv …")
        run([program, "pip", *rules, str(lock), "--python", PYTHON])
        return
    say("Installing the packages with pip, which takes a minute …")
    run([*pip, *rules, str(lock)])


@contextlib.contextmanager
def uv(pip: list[str], rules: list[str]) -> Iterator[str]:
    """Give the path of uv: the one on the PATH, else the lock's own, installed by pip."""
    own = VENV / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    if found:
        yield found
        return
    entry = re.search(r"^uv==.*\n(?:[ \t].*\n?)*", SITE_LOCK.read_text(), re.MULTILINE)
    if entry is None:
        raise SetUpError("The lock has no uv.")
    say("Installing uv …")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as cut_out:
        cut_out.write(entry[0])
        cut_out.flush()
        run([*pip, *rules, cut_out.name])
    yield str(own)


def run(command: list[str]) -> None:
    """Run a step of the set-up with its last line shown as progress on a terminal.

    Raises SetUpError if it fails.
    """
    env = {"UV_SYSTEM_CERTS": "1", "UV_NO_CONFIG": "1", **os.environ}
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    cache = Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if not os.access(next(path for path in (cache, *cache.parents) if path.exists()), os.W_OK):
        env["UV_NO_CACHE"] = "1"
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(
        command, env=env, stdout=pipe, stderr=both, universal_newlines=True
    ) as child:
        lines = []
        for line in child.stdout or ():
            lines.append(line.strip())
            if sys.stderr.isatty():
                print(f"\r\033[K  {lines[-1][:70]}", end="\r\033[K", file=sys.stderr, flush=True)
    if child.returncode:
        raise SetUpError(explain(lines))


def explain(lines: list[str]) -> str:
    """Return one sentence about the output of a step that failed."""
    if NO_NETWORK.search("\n".join(lines)):
        return "The packages cannot be fetched: check the network or the proxy, then try again."
    errors = [line for line in lines if line.lower().startswith("error")]
    return f"The set-up failed: {[*errors, *lines[-1:], 'no reason given'][0]}"


if __name__ == "__main__":
    sys.exit(main())
