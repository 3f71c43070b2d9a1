"""Teams and applications changed by several at one moment: real connections, no luck."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.outbox.models import Mail
from campaigns import applications, people
from campaigns.models import Application, Campaign, Invitation, Membership, Role
from tests import factories
from tests.races.test_giving import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("again")]


@pytest.fixture(params=range(3))
def again(request: pytest.FixtureRequest) -> None:
    """Run the race three times: chance should have more than one."""


def make_owners(campaign: Campaign, count: int) -> list[Membership]:
    for _ in range(count):
        factories.make_member(campaign, Role.OWNER)
    return list(campaign.memberships.select_related("user", "campaign").order_by("pk"))


def test_two_owners_who_take_each_other_out_leave_one() -> None:
    campaign = factories.make_campaign()
    one, other = make_owners(campaign, 2)
    browsers = [factories.sign_in(Client(), m.user) for m in (one, other)]
    addresses = [f"/organise/{campaign.slug}/team/{m.pk}/remove/" for m in (other, one)]

    at_once(*[lambda b=b, a=a: b.post(a) for b, a in zip(browsers, addresses, strict=True)])

    assert campaign.memberships.count() == 1
    assert LogEntry.objects.count() == 1


def test_of_three_who_all_leave_one_stays() -> None:
    campaign = factories.make_campaign()
    members = make_owners(campaign, 3)

    outcomes = at_once(*[lambda m=m: people.remove(m, by=m.user) for m in members])

    assert campaign.memberships.get().role == Role.OWNER
    assert [type(outcome) for outcome in outcomes].count(people.Refused) == 1


def test_who_was_taken_out_a_moment_ago_takes_out_nobody() -> None:
    campaign = factories.make_campaign()
    one, two, three = make_owners(campaign, 3)

    at_once(
        lambda: people.remove(two, by=one.user),
        lambda: people.remove(one, by=two.user),
        lambda: people.change_role(three, role=Role.VIEWER, by=three.user),
    )

    # Whichever of the first two was quicker, the other was none of the owners any more.
    assert campaign.memberships.filter(pk__in=[one.pk, two.pk]).count() == 1
    assert people.owners_of(campaign).exists()


def test_a_link_that_is_clicked_eight_times_at_once_is_one_membership() -> None:
    campaign = factories.make_campaign()
    (owner,) = make_owners(campaign, 1)
    ed = factories.make_user(email="ed@example.org")
    invitation = people.invite(
        campaign=campaign,
        email="ed@example.org",
        role=Role.EDITOR,
        by=owner.user,
        now=timezone.now(),
    )
    mails = Mail.objects.count()

    outcomes = at_once(*[lambda: people.accept(invitation, by=ed, now=timezone.now()).user] * 8)

    assert outcomes == [ed] * 8
    assert campaign.memberships.filter(user=ed).count() == 1
    assert Mail.objects.count() == mails + 1


def test_an_invitation_sent_eight_times_at_once_is_open_once_and_within_its_limit() -> None:
    campaign = factories.make_campaign()
    (owner,) = make_owners(campaign, 1)

    def ask() -> Invitation:
        return people.invite(
            campaign=campaign,
            email="ed@example.org",
            role=Role.EDITOR,
            by=owner.user,
            now=timezone.now(),
        )

    outcomes = at_once(*[ask] * 8)

    sent = people.A_DAY_TO_ONE
    assert [type(outcome) for outcome in outcomes].count(people.Refused) == 8 - sent
    assert Invitation.objects.open(timezone.now()).count() == 1
    assert Mail.objects.count() == sent


def make_application(by: User, **fields: object) -> Application:
    said = {"name": "Votes for All", "purpose": "p", "people": "w", "recipient": "r", **fields}
    return applications.apply(application=Application(**said), by=by)


def test_two_admins_at_once_decide_once() -> None:
    application = make_application(factories.make_user())
    admins = [factories.make_admin() for _ in range(4)]
    now = timezone.now()

    outcomes = at_once(
        lambda: applications.approve(application, by=admins[0], now=now),
        lambda: applications.decline(application, reason="no", by=admins[1], now=now),
        lambda: applications.approve(application, by=admins[2], now=now),
        lambda: applications.decline(application, reason="no", by=admins[3], now=now),
    )

    assert [type(outcome) for outcome in outcomes].count(applications.Decided) == 3
    application.refresh_from_db()
    was_yes = application.state == Application.State.APPROVED
    assert Campaign.objects.count() == Membership.objects.count() == int(was_yes)
    # One when it came, one with the answer.
    assert Mail.objects.count() == 2


def test_campaigns_of_one_name_approved_at_once_get_addresses_of_their_own() -> None:
    asked = [make_application(factories.make_user()) for _ in range(4)]
    admin = factories.make_admin()

    at_once(*[lambda a=a: applications.approve(a, by=admin, now=timezone.now()) for a in asked])

    slugs = sorted(Campaign.objects.values_list("slug", flat=True))
    assert slugs == ["votes-for-all", "votes-for-all-2", "votes-for-all-3", "votes-for-all-4"]


def test_an_application_sent_eight_times_at_once_waits_once() -> None:
    user = factories.make_user()

    outcomes = at_once(*[lambda: make_application(user)] * 8)

    assert [type(outcome) for outcome in outcomes].count(applications.Waiting) == 7
    assert Application.objects.count() == Mail.objects.count() == 1
