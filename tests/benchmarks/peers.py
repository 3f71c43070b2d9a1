"""Programs to be measured beside the site, each in an environment of its own below .data."""

import contextlib
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings

import manage
from alliance.local.processes import ROOT, tied
from tests.benchmarks.djstripe.api import Api
from tests.benchmarks.measure import say
from tests.benchmarks.posting import Signed

DJSTRIPE = Path(__file__).parent / "djstripe" / "requirements.txt"
ENVIRONMENTS = ROOT / ".data" / "peers"


def djstripe_rate(webhooks: Sequence[Signed], *, warm_up: int) -> float:
    """Return how many events a second dj-stripe takes in, after the first few."""
    program = [python(DJSTRIPE), "-m", "tests.benchmarks.djstripe.peer"]
    with Api(json.loads(webhook.body)["data"]["object"] for webhook in webhooks) as api:
        done = subprocess.run(
            tied([*program, "--warm-up", str(warm_up)], signal.SIGTERM),
            input="".join(webhook.as_line() for webhook in webhooks),
            cwd=ROOT,
            env={**os.environ, **_contract(api)},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    told = json.loads(done.stdout)
    assert told["events"] == len(webhooks) - warm_up
    return float(told["events"] / told["seconds"])


def python(lock: Path) -> str:
    """Return a Python that has the packages of a lock; the first time they are installed.

    Raises manage.SetUpError, which says what would help.
    """
    version = platform.python_version()
    digest = hashlib.sha256(version.encode() + lock.read_bytes()).hexdigest()
    home = ENVIRONMENTS / f"{lock.parent.name}-{digest[:12]}"
    if not home.exists():
        ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ENVIRONMENTS) as name:
            made = Path(name) / "made"
            _install(lock, made)
            with contextlib.suppress(OSError):  # somebody else was quicker
                made.rename(home)
    return str(home / "bin" / "python")


def _install(lock: Path, home: Path) -> None:
    say(f"  installing {lock.parent.name} …")
    own, uv = str(home / "bin" / "python"), manage.VENV / "bin" / "uv"
    rules = ["install", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    manage.run([sys.executable, "-m", "venv", "--without-pip", str(home)])
    try:
        manage.run([str(uv), "pip", *rules, "--python", own])
    except (manage.SetUpError, OSError):  # no uv, or none that works here
        manage.run([own, "-m", "ensurepip"])
        manage.run([own, "-m", "pip", *rules])


def _contract(api: Api) -> Mapping[str, str]:
    """Return every variable that the peer reads: the site's own server and secret."""
    database = settings.DATABASES["default"]
    keys = ("HOST", "PORT", "USER", "PASSWORD")
    return {
        **{f"PEER_DATABASE_{key}": str(database[key]) for key in keys},
        "PEER_STRIPE_API": api.address,
        "PEER_WEBHOOK_SECRET": settings.STRIPE_WEBHOOK_SECRETS[0],
    }
