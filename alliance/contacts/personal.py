"""Who a person is among the contacts, what is held about those, and what becomes of it."""

from collections.abc import Iterator
from datetime import datetime

from allauth.account.models import EmailAddress

from alliance.accounts.models import User
from alliance.contacts import services
from alliance.contacts.models import Consent, Contact
from alliance.core import personal
from alliance.core.addresses import normalise
from alliance.core.personal import Fate, Person, Table


def person_of(user: User) -> Person:
    """Return what is somebody's: all under the addresses that they have proven to be theirs."""
    keys = tuple(sorted(set(_keys(user))))
    contacts = Contact.objects.filter(email_key__in=keys).order_by("pk")
    return Person(
        user=user.pk, contacts=tuple(contacts.values_list("pk", flat=True)), addresses=keys
    )


def _keys(user: User) -> Iterator[str]:
    verified = EmailAddress.objects.filter(user=user, verified=True)
    for email in verified.values_list("email", flat=True):
        try:
            yield normalise(email).casefold()
        except ValueError:
            # Nobody can have given from it.
            continue


def _forget_consents(person: Person, now: datetime) -> None:
    services.withdraw_consents(Contact.objects.filter(pk__in=person.contacts), at=now)


def _forget_addresses(person: Person, now: datetime) -> None:
    theirs = Contact.objects.filter(pk__in=person.contacts)
    theirs.update(email=None, email_key=None, erased_at=now)


personal.register(
    Table(
        name="contacts",
        title="Addresses you gave from",
        models=(Contact,),
        columns=("email", "since"),
        rows=lambda person: (
            Contact.objects.filter(pk__in=person.contacts)
            .order_by("pk")
            .values_list("email", "created_at")
        ),
        fate=Fate(goes="All of them. Should you give again, it is as somebody new"),
        erase=_forget_addresses,
    ),
    Table(
        name="mail_choices",
        title="What mail you agreed to",
        models=(Consent,),
        columns=("campaign", "wording", "source", "given_at", "withdrawn_at"),
        rows=lambda person: (
            Consent.objects.filter(contact__in=person.contacts)
            .order_by("pk")
            .values_list("campaign__name", "wording", "source", "given_at", "withdrawn_at")
        ),
        fate=Fate(
            goes="Your consent: it is withdrawn, and no more mail is sent",
            stays="That somebody, unnamed, agreed to which words, and when",
            why="whoever sends mail must be able to show that it was asked for",
            until="as long as anybody may ask for that proof: it says nothing of you",
        ),
        erase=_forget_consents,
    ),
)
