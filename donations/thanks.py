"""A campaign's own words of thanks: once for each gift, to those who want its mail."""

from datetime import datetime

from django.db import transaction

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.outbox import services as outbox
from donations import desk, mails, settling
from donations.models import SETTLED, Donation, State, Thanks


class NotWanted(Exception):
    """This donor is not to be mailed; says why, in words for the organiser."""


def in_the_way(donation: Donation) -> str:
    """Say why a gift can't be thanked for by mail; nothing where it can.

    Asked anew when it is written, and once more when it is mailed.
    """
    if hasattr(donation, "thanks"):
        return "This gift has been thanked for. That is done once, so that nobody is mailed twice."
    if donation.contact.email is None:
        return "This donor’s details were erased, as they asked: there is nobody to write to."
    if donation.state not in SETTLED:
        return "The money is not here yet. Thanks can be sent once it is."
    if donation.state in {State.REFUNDED, State.CHARGED_BACK}:
        return "Nothing is left of this gift: it went back."
    if not desk.has_agreed(donation.campaign, donation.contact_id):
        return (
            "This donor has not asked for mail from your campaign, so none is sent. "
            "Their receipt thanks them in the site’s own words."
        )
    return ""


@transaction.atomic
def send(donation: Donation, *, words: str, by: User, now: datetime) -> Thanks:
    """Owe a donor the campaign's own words. Sent twice it is owed once. Raises NotWanted.

    The trail keeps that somebody thanked, not what they said.
    """
    # Two who press at one time wait for each other here, and the second sees the first's.
    settling.lock_donation(donation.public_id)
    fresh = desk.find(donation.campaign, donation.reference)
    if reason := in_the_way(fresh):
        raise NotWanted(reason)
    thanks = Thanks.objects.create(donation=fresh, words=words, by=by, at=now)
    outbox.queue(kind=mails.THANKS, reference=str(thanks.pk), contact=fresh.contact, now=now)
    audit.note(by, [fresh], "Thanked the donor in the campaign’s own words.")
    return thanks
