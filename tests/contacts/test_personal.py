"""What is held about people is told: no table with somebody in it is forgotten."""

import pytest
from django.apps import apps
from django.db import models

from alliance.accounts.models import User
from alliance.contacts.models import Contact
from alliance.core import personal
from alliance.core.personal import Person

# Tables that look as if they held something about a person who signs in, and why they do not,
# or why it is told elsewhere.
ELSEWHERE = {
    "accounts.User_groups": "told with the account",
    "accounts.User_user_permissions": "staff alone have any; Django admin shows them",
    "auth.Group": "the name of a set of permissions",
    "auth.Permission": "a permission's name",
    "campaigns.Campaign": "a campaign's name, and what it says of itself in public",
    "campaigns.Endorsement": "a public figure's public words, with their source; whoever is "
    "named may write to us. Which of our staff looked stands in the audit trail",
    "contenttypes.ContentType": "the name of a model",
    "donations.BalanceEntry": "Stripe's own ledger by numbers; each row that is theirs stands "
    "in the ledger that is told",
    "donations.LastPlan": "a queue of plans that end with their campaign; what comes of it is "
    "told as a change of the plan",
    "donations.StripeEvent": "what is about people is taken out before it is kept",
    "events.Speaker": "who speaks in public at a meeting, as its organisers announce it",
}
# What of a model may be about a person.
WORDS = {"email", "name", "ip", "user_agent", "address", "phone", "user", "contact", "sealed"}


def told() -> set[type[models.Model]]:
    return {model for table in personal.tables() for model in table.models}


def label(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}.{model.__name__}"


def is_about_people(model: type[models.Model], people: set[type[models.Model]]) -> bool:
    for field in model._meta.get_fields():
        if isinstance(field, models.ForeignKey | models.OneToOneField | models.ManyToManyField):
            if field.related_model in people:
                return True
        elif (
            isinstance(field, models.EmailField | models.GenericIPAddressField)
            or field.name in WORDS
        ):
            return True
    return False


def about_people() -> set[type[models.Model]]:
    """All models with words about somebody, and all that point at one of those."""
    found: set[type[models.Model]] = {User, Contact}
    every = apps.get_models(include_auto_created=True)
    while True:
        # A campaign is no person, though its table has a name.
        people = {m for m in found if label(m) not in ELSEWHERE}
        more = {m for m in every if m not in found and is_about_people(m, people)}
        if not more:
            return found
        found |= more


def test_every_table_with_somebody_in_it_is_told_or_says_why_not() -> None:
    forgotten = {label(model) for model in about_people() - told()} - set(ELSEWHERE)

    assert forgotten == set()


def test_no_reason_is_kept_for_what_is_told_or_gone() -> None:
    every = {label(model) for model in apps.get_models(include_auto_created=True)}

    assert set(ELSEWHERE) <= every
    assert set(ELSEWHERE) & {label(model) for model in told()} == set()


def test_a_table_that_somebody_forgot_is_found() -> None:
    fields = {field.name for field in Contact._meta.get_fields()}
    assert WORDS & fields
    assert is_about_people(Contact, set())
    assert {label(m) for m in about_people()} > {"donations.Payment", "donations.LedgerEntry"}


@pytest.mark.django_db
def test_of_nobody_nothing_is_told_and_each_row_fits_its_columns() -> None:
    nobody = Person(user=0, contacts=(), addresses=())

    for table in personal.tables():
        assert list(table.rows(nobody)) == [], table.name
        assert len(set(table.columns)) == len(table.columns)


def test_what_becomes_of_each_table_is_said_whole() -> None:
    for table in personal.tables():
        fate = table.fate
        assert fate.goes or fate.stays, table.name
        # What stays says why, and until when; and what goes needs no excuse.
        assert bool(fate.stays) == bool(fate.why) == bool(fate.until), table.name
