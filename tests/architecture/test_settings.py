"""Settings: strict, documented, and unable to send money to the wrong place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (ROOT / "alliance" / "settings.py").read_text()


def load(**environ: str | None) -> subprocess.CompletedProcess[str]:
    """Import the settings in a process of their own; None removes a variable."""
    merged = {**os.environ, **environ}
    return subprocess.run(
        [sys.executable, "-c", "import alliance.settings as s; print(s.STRIPE_API_BASE)"],
        cwd=ROOT,
        env={name: value for name, value in merged.items() if value is not None},
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_variable_is_in_the_readmes_table_and_no_other() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', SETTINGS))
    table = (ROOT / "README.md").read_text()

    documented = set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE))

    assert read == documented


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "SITE_URL",
        "DATABASE_URL",
        "REDIS_URL",
        "EMAIL_URL",
        "DEFAULT_FROM_EMAIL",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRETS",
    ],
)
def test_what_is_missing_is_named(name: str) -> None:
    done = load(**{name: None})

    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("SITE_URL", "give.example.org"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("DEFAULT_FROM_EMAIL", "nobody"),
        ("LOG_LEVEL", "LOUD"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_a,,whsec_b"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    done = load(**{name: value})

    assert done.returncode != 0
    assert name in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("key", ["sk_test_real", "sk_live_real", "rk_live_real"])
def test_a_real_key_never_goes_to_the_stand_in(key: str) -> None:
    done = load(
        STRIPE_SECRET_KEY=key, STRIPE_API_BASE="http://127.0.0.1:9", ALLIANCE_LOCAL="false"
    )

    assert done.stdout == "None\n"


def test_a_live_key_is_refused_on_a_machine_that_makes_things_up() -> None:
    for name in ("ALLIANCE_LOCAL", "DEBUG"):
        others = {"ALLIANCE_LOCAL": "false", "DEBUG": "false", name: "true"}
        done = load(STRIPE_SECRET_KEY="sk_live_real", **others)
        assert "STRIPE_SECRET_KEY is live" in done.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("sk_test_from_a_file\n")

    done = load(STRIPE_SECRET_KEY=None, STRIPE_SECRET_KEY_FILE=str(secret))

    assert (done.returncode, done.stdout) == (0, "None\n")
