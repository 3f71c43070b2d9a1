"""All that is held about somebody, to take away: whole, safe to open, and for them alone."""

import csv
import json
from io import BytesIO, TextIOWrapper
from typing import Any
from zipfile import ZipFile

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.contacts.services import contact_for
from alliance.core import personal
from alliance.core.money import Money
from campaigns.models import Application, Campaign, Invitation, Role
from donations import settling
from donations.models import Dispute, MissedPayment, PlanChange, RefundRequest, Thanks
from tests import factories
from tests.web.test_me import VICTIM, give, read

GAIL = "gail@example.org"
FORMULAS = ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "＝1", " =1"]  # noqa: RUF001


def fill(campaign: Campaign, email: str) -> User:
    """Let somebody have something in every table."""
    user = factories.make_user(email=email, name=f"Name of {email}")
    gift = give(campaign, email, name=f"Donor {email}", consents={"campaign": "Words."})
    payment = gift.payments.get()
    settling.enter_refund(payment, f"re_{payment.pk}", Money(500), at=timezone.now())
    plan = factories.make_plan(campaign, email=email)
    staff = factories.make_admin()
    now = timezone.now()
    PlanChange.objects.create(plan=plan, what="amount", origin="donor", amount_minor=1, at=now)
    MissedPayment.objects.create(
        plan=plan,
        invoice_id=f"in_{plan.pk}_2",
        amount_minor=100,
        currency="gbp",
        attempts=1,
        pay_url=f"https://stripe.example/{email}",
        failed_at=now,
    )
    RefundRequest.objects.create(
        payment=payment, amount_minor=500, reason="duplicate", note=f"Wrote {email}", by=staff
    )
    Dispute.objects.create(
        payment=payment,
        stripe_id=f"du_{payment.pk}",
        amount_minor=100,
        currency="gbp",
        status="lost",
        reason="general",
        told_at=now,
    )
    Thanks.objects.create(donation=gift, by=staff, words=f"Dear {email}", at=now)
    gift.attempts.create(contact=gift.contact, network="", visitor="")
    Invitation.objects.create(
        campaign=campaign, email=email.upper(), role=Role.VIEWER, by=staff, expires_at=now
    )
    Application.objects.create(
        by=user,
        name="Dreams",
        purpose="Dreaming",
        people=f"I am {email}",
        recipient="Us",
        target_minor=100,
    )
    campaign.memberships.create(user=user, role=Role.FINANCE)
    campaign.edits.create(version=campaign.edits.count() + 1, by=user, at=now, page={})
    audit.note(user, [campaign], "Looked after it.")
    Thanks.objects.create(donation=give(campaign, "else@example.org"), by=user, words="", at=now)
    UserSession.objects.create(user=user, ip="192.0.2.1", session_key=email, user_agent="Firefox")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "sealed-secret"})
    return user


def as_json(client: Client) -> dict[str, Any]:
    response = client.get("/me/data/all.json")
    assert response.status_code == 200
    found: dict[str, Any] = json.loads(response.getvalue())
    return found


def as_tables(client: Client) -> dict[str, list[dict[str, str]]]:
    response = client.get("/me/data/all.zip")
    assert response.status_code == 200
    tables = {}
    with ZipFile(BytesIO(response.getvalue())) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if name.endswith(".csv"):
                text = TextIOWrapper(archive.open(name), encoding="utf-8-sig", newline="")
                tables[name.removesuffix(".csv")] = list(csv.DictReader(text, strict=True))
    return tables


def test_everything_is_there_in_both_forms_and_nothing_of_anybody_else(
    client: Client, campaign: Campaign
) -> None:
    fill(campaign, VICTIM)
    user = fill(campaign, GAIL)
    EmailAddress.objects.create(user=user, email="victoria+@example.org", verified=False)
    factories.sign_in(client, user)

    told, tables = as_json(client)["tables"], as_tables(client)

    assert list(told) == list(tables) == [table.name for table in personal.tables()]
    for table in personal.tables():
        assert told[table.name]["title"] == table.title
        rows = told[table.name]["rows"]
        assert rows, f"of {table.name} there is something"
        assert [list(row) for row in rows] == [list(table.columns)] * len(rows)
        assert [list(row) for row in tables[table.name]] == [list(row) for row in rows]
    whole = json.dumps(told)
    assert VICTIM not in whole.casefold()
    for words in (
        f"Name of {GAIL}",
        f"Donor {GAIL}",
        "Words.",
        f"Wrote {GAIL}",
        f"Dear {GAIL}",
        f"I am {GAIL}",
        "Looked after it.",
    ):
        assert words in whole
    assert "sealed-secret" not in whole
    assert user.password not in whole
    assert {row["kind"] for row in told["ledger"]["rows"]} == {"gift", "refund"}


@pytest.mark.parametrize("words", [*FORMULAS, 'Gail "G", Guest;\nof Bücher', "<b>Gail</b>"])
def test_what_is_written_is_what_is_read_and_no_spreadsheet_runs_it(
    client: Client, campaign: Campaign, words: str
) -> None:
    give(campaign, GAIL, name=words)
    factories.sign_in(client, factories.make_user(email=GAIL))

    (told,) = as_json(client)["tables"]["gifts"]["rows"]
    (cells,) = as_tables(client)["gifts"]

    assert told["name"] == words
    assert cells["name"].removeprefix("'") == words
    assert cells["name"].startswith("'") == (words in FORMULAS)
    assert (told["amount_minor"], cells["amount_minor"]) == (2500, "2500")


def test_an_amount_that_went_back_stays_a_number(client: Client, campaign: Campaign) -> None:
    fill(campaign, GAIL)
    factories.sign_in(client, User.objects.get(email=GAIL))

    rows = as_tables(client)["ledger"]

    assert "-500" in {row["amount_minor"] for row in rows}


@pytest.mark.parametrize("form", ["json", "zip"])
def test_only_who_has_just_proven_who_they_are_gets_it(
    client: Client, campaign: Campaign, form: str
) -> None:
    user = factories.make_user(email=GAIL)
    user.set_password("a long pass phrase")
    user.save()
    client.force_login(user)

    refused = client.get(f"/me/data/all.{form}")
    assert refused.status_code == 302
    assert refused["Location"].startswith("/account/reauthenticate/")
    assert client.post(f"/me/data/all.{form}").status_code == 405

    response = factories.sign_in(client, user).get(f"/me/data/all.{form}")
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in response["Content-Disposition"]
    assert GAIL not in response["Content-Disposition"]
    response.close()


def test_the_page_says_what_is_in_it(client: Client, db: None) -> None:
    page = read(factories.sign_in(client, factories.make_user()), "/me/data/")

    for table in personal.tables():
        assert f"<li>{table.title}</li>" in page


def test_it_takes_as_many_questions_for_one_gift_as_for_a_thousand(
    client: Client, campaign: Campaign
) -> None:
    factories.sign_in(client, factories.make_user(email=GAIL))
    costs = []
    for gifts in (1, 30):
        for _ in range(gifts):
            give(campaign, GAIL)
        as_json(client)
        with CaptureQueriesContext(connection) as queries:
            assert len(as_json(client)["tables"]["gifts"]["rows"]) >= gifts
        costs.append(len(queries))

    assert costs[0] == costs[1]
    assert contact_for(GAIL).donations.count() == 31
