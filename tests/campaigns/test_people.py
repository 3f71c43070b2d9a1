"""Who may let whom into a team, whatever page or program asks."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.core import addresses
from alliance.outbox.models import Mail
from campaigns import people
from campaigns.models import Application, Campaign, Invitation, Membership, Role
from tests import factories


def invite(campaign: Campaign, by: User, email: str = "ed@example.org") -> Invitation:
    return people.invite(
        campaign=campaign, email=email, role=Role.EDITOR, by=by, now=timezone.now()
    )


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("ed@example.org", "ED@Example.ORG", True),
        ("ed@bücher.example", "ed@xn--bcher-kva.example", True),
        ("ed@example.org", "ed+x@example.org", False),
        ("ed@example.org", "e.d@example.org", False),
        # Letters that some databases take for one another are not the same person.
        ("ma\u017fk@example.org", "mask@example.org", False),
        ("", "", False),
    ],
)
def test_two_spellings_are_one_address_or_are_not(one: str, other: str, is_same: bool) -> None:
    assert addresses.is_same(one, other) == is_same


def test_an_address_in_another_spelling_accepts(campaign: Campaign) -> None:
    owner = factories.make_member(campaign)
    invitation = invite(campaign, owner, "ed@xn--bcher-kva.example")
    ed = factories.make_user()
    EmailAddress.objects.create(user=ed, email="Ed@BÜCHER.example", verified=True)

    people.accept(invitation, by=ed, now=timezone.now())

    assert Membership.objects.get(user=ed).role == Role.EDITOR


def test_who_is_in_the_team_under_another_address_stays_what_they_are(campaign: Campaign) -> None:
    owner = factories.make_member(campaign)
    invitation = invite(campaign, owner)
    EmailAddress.objects.create(user=owner, email="ed@example.org", verified=True)

    people.accept(invitation, by=owner, now=timezone.now())

    assert Membership.objects.get().role == Role.OWNER
    invitation.refresh_from_db()
    assert invitation.accepted_at is not None


@pytest.mark.parametrize("role", [Role.EDITOR, Role.FINANCE, Role.VIEWER])
def test_who_is_no_owner_changes_nothing(campaign: Campaign, role: Role) -> None:
    owner = factories.make_member(campaign)
    member = factories.make_member(campaign, role)
    stranger = factories.make_member(factories.make_campaign())
    theirs = Membership.objects.get(user=owner)

    for by in (member, stranger):
        for attempt in (
            lambda by=by: invite(campaign, by),
            lambda by=by: people.change_role(theirs, role=Role.VIEWER, by=by),
            lambda by=by: people.remove(theirs, by=by),
        ):
            with pytest.raises(people.Refused):
                attempt()

    assert campaign.memberships.count() == 2
    assert not Invitation.objects.exists()
    assert not Mail.objects.exists()
    assert not LogEntry.objects.exists()


def test_staff_bring_an_owner_to_a_campaign_that_has_none(campaign: Campaign) -> None:
    staff = factories.permit(
        factories.make_admin(is_superuser=False), "view_invitation", "add_invitation"
    )
    browser = factories.sign_in(Client(), staff)
    data = {"campaign": campaign.pk, "email": "new@example.org", "role": "owner"}

    assert browser.get("/admin/campaigns/invitation/add/").status_code == 200
    answer = browser.post("/admin/campaigns/invitation/add/", data)

    invitation = Invitation.objects.get()
    assert answer.status_code == 303
    assert (invitation.by, invitation.role) == (staff, Role.OWNER)
    new = factories.make_user(email="new@example.org")
    people.accept(invitation, by=new, now=timezone.now())
    assert list(people.owners_of(campaign)) == [new]
    assert people.campaigns_only_owned_by(new) == [campaign]


def test_staff_take_somebody_out_with_the_permission_and_never_the_last_owner(
    campaign: Campaign,
) -> None:
    owner, viewer = (factories.make_member(campaign, r) for r in (Role.OWNER, Role.VIEWER))
    staff = factories.permit(factories.make_admin(is_superuser=False), "view_membership")
    browser = factories.sign_in(Client(), staff)

    def take_out(user: User) -> int:
        pk = Membership.objects.get(user=user).pk
        address = f"/admin/campaigns/membership/{pk}/do/remove/"
        return browser.post(address, {"sure": "yes"}).status_code

    assert take_out(viewer) == 403
    factories.permit(staff, "view_membership", "change_membership")
    assert (take_out(viewer), take_out(owner)) == (303, 303)

    assert [m.user for m in Membership.objects.all()] == [owner]


def test_the_database_keeps_one_waiting_application_and_a_reason_for_a_no(db: None) -> None:
    user = factories.make_user()
    said = {"by": user, "name": "n", "purpose": "p", "people": "w", "recipient": "r"}
    Application.objects.create(**said)
    no = {"state": "declined", "decided_at": timezone.now(), "decided_by": user}

    for more in ({}, no, {"target_minor": 0, **no, "reason": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Application.objects.create(**{**said, **more})

    assert Application.objects.count() == 1
