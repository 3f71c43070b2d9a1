"""The rules that tools keep: arrows between the rooms, types, lint, migrations, settings."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def run(*command: str, **environ: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environ},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_imports_go_one_way() -> None:
    assert "0 broken" in run(str(BIN / "lint-imports"), "--no-cache")


def test_types_hold() -> None:
    run(str(BIN / "mypy"))


def test_nothing_to_lint() -> None:
    run(str(BIN / "ruff"), "check", "--no-cache", ".")


def test_everything_is_formatted() -> None:
    run(str(BIN / "ruff"), "format", "--no-cache", "--check", ".")


@pytest.mark.django_db
def test_every_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_production_settings_pass_djangos_own_check() -> None:
    run(
        sys.executable,
        "-m",
        "django",
        "check",
        "--deploy",
        "--fail-level=WARNING",
        SITE_URL="https://give.example.org",
        SECRET_KEY="".join(chr(33 + i * 7 % 90) for i in range(64)),
        STRIPE_SECRET_KEY="sk_live_nothing",
        ALLIANCE_LOCAL="false",
    )
