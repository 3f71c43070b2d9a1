"""`manage.py test` and `manage.py benchmark`: throw-away servers around the suite."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from alliance.local import postgres, processes, services
from alliance.local.processes import ROOT

NO_BROWSER = 3  # exit code
NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")


class NoBrowserError(Exception):
    """There is no Chromium, and none could be had."""


def main(argv: Sequence[str]) -> int:
    """Run pytest with the given arguments, and return its exit code (3: no browser)."""
    try:
        browser = chromium_path()
        with services.throw_away(postgres.THROW_AWAY) as (_, _, servers, _):
            return run(["pytest", *argv], {**servers.environ, "CHROMIUM": str(browser)})
    except NoBrowserError as problem:
        print(problem, file=sys.stderr)
        return NO_BROWSER
    except services.PROBLEMS as problem:
        print(problem, file=sys.stderr)
        return 1


def benchmark(argv: Sequence[str]) -> int:
    """Run tests.benchmarks, which start servers of their own, and return its exit code."""
    return run(["tests.benchmarks", *argv], {})


def run(module: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a Python module to its end on this terminal, and return its exit code."""
    argv = processes.tied([sys.executable, "-m", *module], signal.SIGTERM)
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, **environ}) as child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells the child as well
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        return child.wait()


def chromium_path() -> Path:
    """Return a Chromium that runs: the one CHROMIUM names, an installed one, or a new one.

    Raises NoBrowserError, naming the cure.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if _runs(Path(named)):
            return Path(named)
        raise NoBrowserError(f"CHROMIUM names {named}, which does not run.")
    return _installed() or _from_debian() or _from_playwright()


def _installed() -> Path | None:
    for name in NAMES:
        found = shutil.which(name)
        if found and _runs(Path(found)):
            return Path(found)
    own = _playwrights_own()
    return own if _runs(own) else None


def _from_debian() -> Path | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing Debian's Chromium for the browser tests …", file=sys.stderr)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=env, check=False, stdout=sys.stderr)
    return _installed()


def _from_playwright() -> Path:
    print("Downloading Playwright's Chromium for the browser tests …", file=sys.stderr)
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode == 0 and _runs(_playwrights_own()):
        return _playwrights_own()
    raise NoBrowserError(
        "The browser tests need Chromium and none could be installed: run "
        "apt-get install chromium as root, or name one in the environment variable CHROMIUM."
    )


def _playwrights_own() -> Path:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def _runs(program: Path) -> bool:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
