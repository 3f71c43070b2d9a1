"""Django admin's first page, which shows what needs a person, and the trail of what they did."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.accounts import audit
from alliance.contacts.models import Contact
from alliance.contacts.services import contact_for
from alliance.core.models import Heartbeat
from alliance.outbox import services as outbox
from alliance.outbox.models import Mail
from campaigns.models import Application, Campaign, Endorsement, Invitation, Membership
from donations import guard, reconciliation
from donations.models import Decline, Dispute, Donation, StripeEvent
from tests import factories

_numbers = count(1)


def application(_campaign: Campaign) -> None:
    Application.objects.create(
        by=factories.make_user(), name="n", purpose="p", people="w", recipient="r"
    )


def endorsement(campaign: Campaign) -> None:
    Endorsement.objects.create(
        campaign=campaign,
        name=f"Somebody {next(_numbers)}",
        affiliation="A party",
        said_on=timezone.now(),
        source_url="https://x.example",
    )


def dead_event(_campaign: Campaign) -> None:
    StripeEvent.objects.create(
        pk=f"evt_{next(_numbers)}",
        type="charge.succeeded",
        created_at=timezone.now(),
        payload="{}",
        state=StripeEvent.State.DEAD,
    )


def mail(state: str) -> Callable[[Campaign], None]:
    def make(_campaign: Campaign) -> None:
        reference = str(next(_numbers))
        outbox.queue(
            kind="receipt", reference=reference, contact=contact_for("g@e.org"), now=timezone.now()
        )
        Mail.objects.filter(reference=reference).update(state=state)

    return make


def dispute(campaign: Campaign) -> None:
    number = next(_numbers)
    payment = factories.make_payment(factories.make_donation(campaign), f"pi_{number}")
    Dispute.objects.create(
        payment=payment,
        stripe_id=f"dp_{number}",
        amount_minor=2500,
        currency="gbp",
        status="needs_response",
        told_at=timezone.now(),
    )


# What may need a person: how it comes about, the words for it, who is shown it, and where to.
NEEDS: dict[str, tuple[Callable[[Campaign], None], str, str, str]] = {
    "application": (
        application,
        "application",
        "view_application",
        "/admin/campaigns/application/?state=waiting",
    ),
    "endorsement": (
        endorsement,
        "endorsement",
        "view_endorsement",
        "/admin/campaigns/endorsement/?verified_at__isempty=1",
    ),
    "event": (dead_event, "event", "view_stripeevent", "/admin/donations/stripeevent/?state=dead"),
    "failed mail": (mail("failed"), "mail", "view_mail", "/admin/outbox/mail/?state"),
    "unknown mail": (mail("unknown"), "mail", "view_mail", "/admin/outbox/mail/?state"),
    "dispute": (dispute, "dispute", "view_dispute", "/admin/donations/dispute/?open=yes"),
}


def needs_of(client: Client) -> str:
    """Return the part of the first page that says what needs a person."""
    html = client.get("/admin/").content.decode()
    part = html.partition('id="needs"')[2].partition("</section>")[0]
    return re.sub("</?strong>", "", part)


@pytest.fixture
def quiet(db: None) -> None:
    """A site on which every job has just ended well."""
    from alliance.core import jobs

    for job in jobs._schedule():
        Heartbeat.objects.update_or_create(job=job, defaults={"beat_at": timezone.now()})


def test_when_nothing_needs_a_person_it_says_so(admin_client: Client, quiet: None) -> None:
    assert "Nothing needs a person" in needs_of(admin_client)


@pytest.mark.parametrize("name", NEEDS)
def test_what_needs_a_person_is_counted_for_who_may_see_it(
    admin_client: Client, campaign: Campaign, quiet: None, name: str
) -> None:
    make, words, permission, address = NEEDS[name]
    make(campaign)

    shown = needs_of(admin_client)
    assert f"1 {words}" in shown
    assert address in shown
    make(campaign)
    assert f"2 {words}s" in needs_of(admin_client)

    looker = factories.make_admin(is_superuser=False)
    theirs = factories.sign_in(Client(), factories.permit(looker, permission))
    assert f"2 {words}s" in needs_of(theirs)
    others = [p for _, _, p, _ in NEEDS.values() if p != permission]
    blind = factories.permit(factories.make_admin(is_superuser=False), *others)
    assert words not in needs_of(factories.sign_in(Client(), blind))


def test_every_link_of_it_leads_to_what_it_says(admin_client: Client, campaign: Campaign) -> None:
    for make, *_ in NEEDS.values():
        make(campaign)

    for part in needs_of(admin_client).split('href="')[1:]:
        address = part.partition('"')[0].replace("&amp;", "&")
        assert admin_client.get(address).status_code == 200, address


def test_a_late_job_and_an_old_comparison_are_named(admin_client: Client, quiet: None) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    Heartbeat.objects.filter(job__in=["sweep_outbox", "reconcile"]).update(beat_at=long_ago)

    shown = needs_of(admin_client)

    assert "sweep_outbox" in shown
    assert "not compared" in admin_client.get("/admin/").content.decode()


def test_differences_of_the_books_are_counted_by_the_job_and_anew_after_a_change(
    admin_client: Client, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.delete(reconciliation.COUNTED)
    counted = []

    def differences(**_: object) -> list[str]:
        counted.append("once")
        return ["a difference"] * 2

    monkeypatch.setattr(reconciliation, "differences", differences)

    for _ in range(3):
        assert "2 differences between our books" in needs_of(admin_client)
    assert counted == ["once"]


def test_the_alarm_against_card_testers_is_shown_while_it_rings(
    admin_client: Client, campaign: Campaign, quiet: None
) -> None:
    for number in range(guard.ALARM_FROM):
        Decline.objects.create(
            event_id=f"evt_{number}",
            donation=factories.make_donation(campaign),
            card=str(number),
            at=timezone.now(),
        )

    assert "card testers" in needs_of(admin_client)


def test_it_costs_the_same_for_one_of_each_and_for_three(
    admin_client: Client, campaign: Campaign, quiet: None
) -> None:
    costs = []
    for _ in range(3):
        for make, *_rest in NEEDS.values():
            make(campaign)
        admin_client.get("/admin/")
        with CaptureQueriesContext(connection) as queries:
            admin_client.get("/admin/")
        costs.append(len(queries))

    assert costs == [costs[0]] * 3
    assert costs[0] <= 20


def test_the_trail_is_named_and_found_by_person_kind_and_day(
    admin_client: Client, campaign: Campaign
) -> None:
    one, other = factories.make_admin(), factories.make_member(campaign)
    audit.note(one, [campaign], "Looked into it.")
    audit.note(other, [Membership.objects.get(user=other)], "Did something else.")
    base = "/admin/admin/logentry/"

    assert ">Audit trail<" in admin_client.get("/admin/").content.decode()
    by_link = f"{base}?who={other.pk}"
    assert by_link in admin_client.get(base).content.decode()
    for query, words, not_words in (
        (f"who={one.pk}", "Looked into it.", "Did something else."),
        (f"who={other.pk}", "Did something else.", "Looked into it."),
        (
            f"kind={LogEntry.objects.get(user=one).content_type_id}",
            "Looked into it.",
            "Did something else.",
        ),
        (f"action_time__gte={timezone.now():%Y-%m-%d}+23:59:59%2B00:00", "", "Looked into"),
        ("who=x&kind=y", "Looked into it.", "-----"),
        (f"who={'9' * 30}", "", "Looked into it."),
    ):
        answer = admin_client.get(f"{base}?{query}")
        text = answer.content.decode()
        assert answer.status_code == 200, query
        assert words in text, query
        assert not_words not in text, query


# Rows whose own words are public, and make the trail readable.
PUBLIC = {
    "campaign",
    "goal",
    "event",
    "speaker",
    "update",
    "link",
    "stripeevent",
    "donation",
    "heartbeat",
    # Named by the key of a row, or by Stripe's id.
    "mail",
    "dispute",
    "missedpayment",
    "payment",
    "invoiceintent",
    "plan",
    "group",
    "permission",
    "contenttype",
    "balanceentry",
    "ledgerentry",
}


def test_no_rows_name_carries_personal_data_into_the_trail() -> None:
    shown = {model._meta.app_label for model in admin.site._registry} - {"admin", "sessions"}
    ours = [m for m in apps.get_models() if m._meta.app_label in shown | {"core", "accounts"}]
    assert len(ours) > 25

    assert {
        model for model in ours if model._meta.model_name not in PUBLIC and leaks(model)
    } == set()


def leaks(model: type[models.Model]) -> bool:
    """Say whether a row's name has words that somebody typed."""
    texts = {
        field.attname: "leak@example.org"
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField) and not field.choices
    }
    return "leak@" in str(model(**texts))


def test_what_django_admin_itself_writes_down_names_fields_and_nobody(
    admin_client: Client, campaign: Campaign
) -> None:
    user = factories.make_user(email="secret@example.org", name="Secret Name")

    page = f"/admin/accounts/user/{user.pk}/change/"
    form = admin_client.get(page).context["adminform"].form
    data = {name: form.initial.get(name) or "" for name in form.fields}
    data = {name: value for name, value in data.items() if value}
    answer = admin_client.post(page, {**data, "email": "hidden@example.org", "name": "New Secret"})

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    entry = LogEntry.objects.get()
    written = entry.object_repr + entry.change_message
    assert "user" in entry.object_repr
    for secret in ("secret", "hidden", "Secret"):
        assert secret not in written
    assert not {Contact, Donation, Invitation, EmailAddress} & _writable()


def _writable() -> set[Any]:
    """Return what Django admin's own forms can change, and so writes down by its name."""
    return {
        model
        for model, options in admin.site._registry.items()
        if type(options).has_change_permission is admin.ModelAdmin.has_change_permission
    }
