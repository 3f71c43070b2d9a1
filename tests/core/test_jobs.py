"""Periodic jobs: one at a time, with a heartbeat; a lost broker that harms nobody."""

import threading

import pytest
from celery import Celery, current_app
from django.db import connection, transaction

from alliance.core import jobs
from alliance.core.models import Heartbeat


@pytest.mark.django_db(transaction=True)
def test_a_job_that_two_machines_start_runs_once_and_leaves_its_heartbeat() -> None:
    ran: list[str] = []
    is_running, may_end = threading.Event(), threading.Event()

    @jobs.periodic
    def slow_job() -> None:
        ran.append("slow")
        is_running.set()
        assert may_end.wait(10)

    def run_elsewhere() -> None:
        slow_job()
        connection.close()

    other = threading.Thread(target=run_elsewhere)
    other.start()
    assert is_running.wait(10)
    slow_job()
    assert not Heartbeat.objects.exists()
    may_end.set()
    other.join(10)

    assert ran == ["slow"]
    assert Heartbeat.objects.get().job == "slow_job"


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_leaves_no_heartbeat_and_can_run_again() -> None:
    outcomes = iter([RuntimeError("no"), None])

    @jobs.periodic
    def shaky_job() -> None:
        if error := next(outcomes):
            raise error

    with pytest.raises(RuntimeError):
        shaky_job()
    assert not Heartbeat.objects.exists()

    shaky_job()
    assert Heartbeat.objects.get().job == "shaky_job"


@pytest.mark.django_db(transaction=True)
def test_a_lost_broker_is_a_line_in_the_log_and_not_an_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    cut_off.conf.update(
        {
            name: current_app.conf[name]
            for name in ("task_publish_retry", "broker_transport_options")
        }
    )
    monkeypatch.setattr(jobs, "current_app", cut_off)
    monkeypatch.setattr(jobs, "_quiet_until", 0.0)
    monkeypatch.setattr(jobs, "_woken_at", {})
    monkeypatch.setattr(jobs, "PAUSE_SECONDS", 0)

    with transaction.atomic():
        jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")
        assert "broker away" not in caplog.text

    assert caplog.text.count("broker away") == 1
    # Found out once, it costs the next ones nothing.
    jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")
    assert caplog.text.count("broker away") == 1


def test_every_name_that_is_woken_is_a_task() -> None:
    current_app.loader.import_default_modules()

    woken = {
        "alliance.outbox.tasks.deliver_due",
        "donations.tasks.process_events",
        "donations.tasks.reconcile",
        "donations.tasks.sweep_endings",
        "donations.tasks.sweep_plans",
    }
    scheduled = {entry["task"] for entry in current_app.conf.beat_schedule.values()}

    assert woken | scheduled <= set(current_app.tasks)


def test_in_a_rush_a_task_is_woken_at_once_and_once_more_for_all_who_came_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []
    both = threading.Event()

    def send(task: str) -> None:
        sent.append(task)
        if len(sent) == 2:
            both.set()

    monkeypatch.setattr(jobs, "_send", send)
    monkeypatch.setattr(jobs, "_woken_at", {})

    for _ in range(500):
        jobs._wake("some.task")

    assert sent[:1] == ["some.task"]
    assert both.wait(5)
    assert len(sent) < 100
    assert jobs._waiting == set()
