"""What the project says of itself: modules, models, tasks, the suite."""

import ast
import inspect
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ["alliance", "campaigns", "donations", "events", "updates", "tests"]
OURS = {"core", "accounts", "campaigns", "contacts", "outbox", "donations", "events", "updates"}


def modules() -> Iterator[Path]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if "migrations" not in path.parts and path.read_text().strip():
                yield path


def test_every_module_opens_with_its_sentence() -> None:
    # A test's name is its own sentence.
    code = [path for path in modules() if path.relative_to(ROOT).parts[0] != "tests"]

    silent = [str(path) for path in code if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    long = [str(path) for path in modules() if len(path.read_text().splitlines()) > 450]

    assert long == []


def test_money_is_never_a_float() -> None:
    for path in modules():
        if path.is_relative_to(ROOT / "donations"):
            assert "float(" not in path.read_text()
    for model in apps.get_models():
        if model._meta.app_label in OURS:
            kinds = {type(field) for field in model._meta.get_fields()}
            assert not kinds & {models.FloatField, models.DecimalField}, model


def test_a_person_is_never_deleted_along_with_their_money() -> None:
    for model in apps.get_app_config("donations").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey):
                assert field.remote_field.on_delete is models.PROTECT, (model, field)


def test_tasks_take_plain_values_and_are_one_call_long() -> None:
    current_app.loader.import_default_modules()
    ours = [task for name, task in current_app.tasks.items() if not name.startswith("celery.")]

    assert len(ours) >= 7
    for task in ours:
        for parameter in inspect.signature(task.run).parameters.values():
            assert parameter.annotation in {str, int, bool}, task.name


def test_every_lock_is_whole_and_names_no_index() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        text = lock.read_text()
        pins = re.findall(r"^[a-z0-9][^=\s]*==\S+", text, re.MULTILINE)
        assert len(pins) > 30
        assert len(re.findall(r"--hash=sha256:", text)) >= len(pins)
        assert "://" not in text


def test_every_dependency_says_what_it_is_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text().split("[tool.", 1)[0].splitlines()
    dependencies = [line for line in lines if re.match(r'\s+"[a-z]', line)]

    assert len(dependencies) > 20
    assert [line for line in dependencies if "#" not in line] == []


def test_the_suite_cannot_reach_beyond_this_machine() -> None:
    with pytest.raises(ConnectionRefusedError, match="a test tried to reach"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
