"""The trail of what staff did: seen by who may, changed by nobody, whatever they hold."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError, connection, transaction
from django.test import Client

from alliance.accounts import audit
from campaigns.models import Campaign
from donations.models import PlanChange
from tests import factories


def refuse(statement: str) -> None:
    with connection.cursor() as cursor:
        # Postgres truncates nothing while the keys of new rows are still to be looked at.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


@pytest.fixture
def entry(campaign: Campaign) -> LogEntry:
    audit.note(factories.make_admin(), [campaign], "Did something.")
    return LogEntry.objects.get()


def test_nobody_changes_or_deletes_it_in_django_admin(client: Client, entry: LogEntry) -> None:
    factories.sign_in(client, factories.make_admin())
    base = "/admin/admin/logentry"

    assert "Did something." in client.get(f"{base}/").content.decode()
    assert client.get(f"{base}/{entry.pk}/change/").status_code == 200
    assert client.post(f"{base}/{entry.pk}/change/", {"change_message": "x"}).status_code == 403
    assert client.post(f"{base}/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{base}/add/").status_code == 403
    client.post(
        f"{base}/",
        {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"},
    )

    assert LogEntry.objects.get().change_message == "Did something."


def test_it_is_for_those_who_may_look(client: Client, entry: LogEntry) -> None:
    factories.sign_in(client, factories.make_admin(is_superuser=False))

    assert client.get("/admin/admin/logentry/").status_code == 403


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE django_admin_log SET change_message = ''",
        "DELETE FROM django_admin_log",
        "TRUNCATE django_admin_log",
    ],
)
def test_the_database_refuses_too(entry: LogEntry, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        refuse(statement)

    assert LogEntry.objects.get().change_message == "Did something."


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE donations_planchange SET what = 'paused'",
        "DELETE FROM donations_planchange",
        "TRUNCATE donations_planchange",
    ],
)
def test_changes_of_a_plan_are_for_ever(campaign: Campaign, statement: str) -> None:
    plan = factories.make_plan(campaign)
    PlanChange.objects.create(
        plan=plan, what="cancelled", origin="donor", amount_minor=1, at=plan.told_at
    )

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        refuse(statement)

    assert PlanChange.objects.get().what == "cancelled"


def test_who_did_something_stays_and_who_did_nothing_may_go(
    client: Client, entry: LogEntry
) -> None:
    factories.sign_in(client, factories.make_admin())
    idle = factories.make_admin()

    for user in (idle, entry.user):
        client.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"})

    assert not type(idle)._default_manager.filter(pk=idle.pk).exists()
    assert type(idle)._default_manager.filter(pk=entry.user.pk).exists()
    assert LogEntry.objects.filter(pk=entry.pk).exists()
