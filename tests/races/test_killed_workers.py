"""Workers that are killed in the midst of counting: nothing is lost, and nothing counts twice."""

import os
import random
import select
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from donations import books, inbox, queries
from donations.models import LedgerEntry, StripeEvent
from tests import factories
from tests.conftest import post_event

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
GIFTS = 120
WORKERS = 6
# A worker that takes in few events at a time, so that a kill may hit many commits.
WORKER = """
import sys, django
django.setup()
from django.utils import timezone
from donations import inbox
inbox.BATCH = 8
print("ready", flush=True)
sys.stdin.readline()
inbox.process_due(now=timezone.now())
"""


def start_worker() -> subprocess.Popen[str]:
    settings = connection.settings_dict
    address = f"postgres://{settings['USER']}:{settings['PASSWORD']}@"
    query = f"?host={settings['HOST']}&port={settings['PORT']}"
    environ = {**os.environ, "DATABASE_URL": f"{address}/{settings['NAME']}{query}"}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_workers_killed_at_any_moment_count_every_gift_once(standin: StandIn) -> None:
    campaign = factories.make_campaign()
    client = Client()
    for number in range(GIFTS):
        donation = factories.start_donation(campaign, email=f"{number}@example.org")
        standin.pay(str(donation.session_id))
    for event in standin.events():
        assert post_event(client, *standin.signed(event)) == 200
    chance = random.Random(7)  # noqa: S311 (repeats)
    workers = [start_worker() for _ in range(WORKERS)]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == "ready\n"

    # Two at a time, so that one is killed while it waits for what the other has locked, too.
    killed = 0
    for pair in zip(workers[::2], workers[1::2], strict=True):
        for worker in pair:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in pair:
            select.select([], [], [], chance.uniform(0.01, 0.08))
            killed += worker.poll() is None
            worker.kill()
            worker.communicate()

    assert killed >= WORKERS // 2
    assert StripeEvent.objects.filter(state=StripeEvent.State.PENDING).exists()
    inbox.process_due(now=timezone.now())

    assert LedgerEntry.objects.count() == Mail.objects.count() == GIFTS
    assert queries.progress_of(campaign).raised == Money(2500 * GIFTS)
    assert not StripeEvent.objects.filter(state=StripeEvent.State.PENDING).exists()
    assert books.breaches() == {}
