"""Somebody is deleted twice, while money comes, and with a thousand gifts."""

import re
from collections.abc import Callable
from threading import Barrier, Event, Thread

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts.models import Contact
from alliance.contacts.services import contact_for
from alliance.outbox import services as outbox
from alliance.outbox.models import Mail
from alliance.web.me import deleting
from campaigns.models import Campaign
from donations import books, facts, settling
from donations.models import Donation, LedgerEntry
from tests import factories
from tests.browser.conftest import eventually
from tests.donations.conftest import tell as tell  # noqa: PLC0414 (a fixture)
from tests.journal import MailServer
from tests.web.test_me import give, read
from tests.web.test_me_delete import GAIL, SURE
from tests.web.test_me_delete import gail as gail  # noqa: PLC0414 (a fixture)
from tests.web.test_me_delete import user as user  # noqa: PLC0414 (a fixture)


def carefully(act: Callable[[], object], trouble: list[Exception]) -> None:
    """Do something in a thread, and keep what went wrong for the test to show."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 (whatever it is)
        trouble.append(error)
    finally:
        connections.close_all()


def somebody_waits() -> bool:
    """Say whether one connection waits for what another has locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_two_clicks_are_one_and_the_second_is_told_that_it_is_done(
    gail: Client, user: User, mailbox: MailServer
) -> None:
    page = read(gail, "/me/delete/")
    found = re.search(r'name="mark" value="([^"]+)"', page)
    assert found
    form = {**SURE, "mark": found[1]}

    answers = [gail.post("/me/delete/", form) for _ in range(2)]

    assert {answer["Location"] for answer in answers} == {"/me/deleted/"}
    outbox.deliver_due()
    assert len(mailbox.mails) == 1
    # Somebody else's click, or a made-up one, is told nothing.
    for mark in ("", "1", f"{user.pk}:x:y", deleting.mark_for(factories.make_user())):
        answer = Client().post("/me/delete/", {**SURE, "mark": mark})
        assert answer["Location"].startswith("/account/login/")


@pytest.mark.django_db(transaction=True)
def test_two_clicks_in_one_moment_are_one() -> None:
    campaign = factories.make_campaign()
    user = factories.make_user(email=GAIL)
    gift = give(campaign, GAIL)
    start = Barrier(2)
    trouble: list[Exception] = []

    def click() -> None:
        start.wait()
        deleting.delete(user, now=timezone.now())

    threads = [Thread(target=carefully, args=(click, trouble)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert trouble == []
    assert Mail.objects.filter(kind="letter").count() == 1
    assert Contact.objects.get(pk=gift.contact_id).erased_at


@pytest.mark.django_db(transaction=True)
def test_money_that_is_being_counted_in_that_moment_counts_and_names_nobody() -> None:
    campaign = factories.make_campaign()
    user = factories.make_user(email=GAIL)
    gifts = [
        factories.make_donation(campaign, contact=contact_for(GAIL), name="Gail", display="name")
        for _ in range(6)
    ]
    counted, go_on = Event(), Event()
    trouble: list[Exception] = []

    def pay() -> None:
        told = [facts.Paid(gift.public_id, f"pi_{gift.pk}", gift.amount) for gift in gifts]
        with transaction.atomic():
            settling.record_giving([settling.Told(fact, timezone.now()) for fact in told])
            counted.set()
            go_on.wait(10)

    def delete() -> None:
        counted.wait(10)
        deleting.delete(user, now=timezone.now())

    threads = [Thread(target=carefully, args=(act, trouble)) for act in (pay, delete)]
    for thread in threads:
        thread.start()
    eventually(somebody_waits)
    go_on.set()
    for thread in threads:
        thread.join()

    assert trouble == []
    assert LedgerEntry.objects.filter(kind="gift").count() == 6
    assert not Donation.objects.exclude(name="", display="private", shown_at=None).exists()
    assert books.breaches() == {}


def test_a_thousand_gifts_take_no_more_questions_than_one(campaign: Campaign) -> None:
    costs = []
    for number, email in ((1, "one@example.org"), (60, "many@example.org")):
        user = factories.make_user(email=email)
        for _ in range(number):
            give(campaign, email, name="Many", display="name")
        with CaptureQueriesContext(connection) as queries:
            deleting.delete(user, now=timezone.now())
        costs.append(len(queries))

    assert costs[0] == costs[1]
    assert costs[0] < 90
    assert not Donation.objects.exclude(name="").exists()
