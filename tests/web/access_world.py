"""A made-up site on which every view of the table can be asked for, with what could leak."""

from dataclasses import dataclass, field
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db.models import Model
from django.utils import timezone

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.contacts.services import contact_for
from alliance.outbox.models import Mail
from campaigns import people
from campaigns.models import (
    Application,
    Campaign,
    Edit,
    Endorsement,
    Goal,
    Invitation,
    Link,
    Membership,
    Role,
)
from donations import guard, links
from donations.models import (
    BalanceEntry,
    Dispute,
    Donation,
    Donor,
    LedgerEntry,
    Payment,
    Plan,
    RefundRequest,
    StripeEvent,
)
from tests import factories
from tests.web.access_table import (
    ADMIN,
    STAFF,
    STAFF_SEES,
    STRANGER,
    SUPERUSER,
    SUPPORTER,
    VIEWER,
)


@dataclass
class Ours:
    """One campaign, with a row of everything, and what others must never read of it."""

    campaign: Campaign
    rows: dict[str, Model] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    # Of the team: for owners alone.
    addresses: list[str] = field(default_factory=list)

    def pk(self, name: str) -> int:
        return int(self.rows[name].pk)


@dataclass
class World:
    """Two campaigns and all kinds of people; what is asked for is the first one's."""

    ours: Ours
    other: Ours
    people: dict[str, User]
    addresses: dict[str, str]
    admin: dict[str, str]


def make_world() -> World:
    """Make both campaigns, their people, and the addresses of everything of the first."""
    ours, other = _make("ours"), _make("other")
    supporter = factories.make_user(email="supporter@example.org")
    mine = factories.make_donation(
        ours.campaign, contact=contact_for("supporter@example.org"), name="Sam Supporter"
    )
    factories.make_payment(mine, "pi_mine")
    ours.rows["mine"] = mine
    ours.rows["begun"] = factories.start_donation(ours.campaign, email="begun@example.org")
    asked = _invite(ours, "supporter@example.org")
    key = Authenticator.objects.create(
        user=factories.make_user(), type=Authenticator.Type.WEBAUTHN, data={"name": "Key"}
    )
    staff = factories.make_admin(is_superuser=False)
    factories.permit(staff, *(f"view_{name.partition('_')[2]}" for name in STAFF_SEES))
    people_ = {
        SUPPORTER: supporter,
        **{str(role): _user(ours.rows[str(role)]) for role in Role},
        STRANGER: _user(other.rows[str(Role.OWNER)]),
        STAFF: staff,
        SUPERUSER: factories.make_admin(),
    }
    ours.rows["application"] = Application.objects.create(
        by=factories.make_user(), name="n", purpose="p", people="w", recipient="r"
    )
    _add_news_of_money(ours, by=factories.make_admin())
    audit.note(people_[SUPERUSER], [ours.campaign], "Did something.")
    world = World(ours=ours, other=other, people=people_, addresses={}, admin={})
    world.addresses = addresses_of(ours, asked=asked, key=key)
    world.admin = admin_addresses(ours)
    return world


def _make(which: str) -> Ours:
    campaign = factories.make_campaign(
        slug=f"{which}-campaign", name=f"The {which} campaign", version=1
    )
    ours = Ours(campaign)
    rows, now = ours.rows, timezone.now()
    for role in Role:
        email = f"{role}-of-{which}@team.example"
        user = factories.make_member(campaign, role, email=email, name=f"{role.label} of {which}")
        rows[str(role)] = Membership.objects.get(user=user)
        ours.addresses.append(email)
    donor = contact_for(f"donor-of-{which}@secret.example")
    gift = factories.make_donation(campaign, contact=donor, name=f"Donna Secret {which}")
    rows["payment"] = factories.make_payment(gift, f"pi_{which}")
    rows["plan"] = factories.make_plan(campaign, email=f"monthly-of-{which}@secret.example")
    rows["gift"], rows["donor"] = gift, Donor.objects.get(campaign=campaign, contact=donor)
    rows["contact"] = donor
    rows["goal"] = Goal.objects.create(campaign=campaign, title=f"A goal of {which}")
    rows["endorsement"] = Endorsement.objects.create(
        campaign=campaign,
        name=f"Emma Endorser of {which}",
        affiliation="A party",
        said_on=now.date(),
        source_url="https://x.example",
    )
    rows["link"] = Link.objects.create(campaign=campaign, code="poster", label=f"Wall of {which}")
    rows["edit"] = Edit.objects.create(campaign=campaign, version=1, at=now, page={})
    rows["update"] = factories.make_update(
        campaign, ago=timedelta(days=-1), title=f"Not yet told by {which}"
    )
    rows["event"] = factories.make_event(campaign)
    rows["invitation"] = _invite(ours, f"asked-by-{which}@team.example")
    ours.addresses.append(f"asked-by-{which}@team.example")
    ours.secrets = [
        str(donor.email),
        f"monthly-of-{which}@secret.example",
        str(gift.name),
        gift.reference,
        gift.public_id,
        f"Emma Endorser of {which}",
        f"Wall of {which}",
        f"Not yet told by {which}",
        campaign.preview_key,
    ]
    return ours


def _add_news_of_money(ours: Ours, *, by: User) -> None:
    now, payment = timezone.now(), ours.rows["payment"]
    assert isinstance(payment, Payment)
    sum_ = {"amount_minor": 100, "currency": "gbp"}
    ours.rows["balance"] = BalanceEntry.objects.create(
        pk="txn_1", type="charge", fee_minor=1, created_at=now, source="ch_1", **sum_
    )
    ours.rows["dispute"] = Dispute.objects.create(
        payment=payment, stripe_id="dp_1", status="needs_response", told_at=now, **sum_
    )
    ours.rows["refund"] = RefundRequest.objects.create(
        payment=payment, amount_minor=100, reason="duplicate", by=by
    )
    ours.rows["told"] = StripeEvent.objects.create(
        pk="evt_1", type="charge.succeeded", created_at=now, payload="{}"
    )


def _invite(ours: Ours, email: str) -> Invitation:
    return Invitation.objects.create(
        campaign=ours.campaign,
        email=email,
        role=Role.VIEWER,
        by=_user(ours.rows[str(Role.OWNER)]),
        expires_at=timezone.now() + timedelta(days=1),
    )


def _user(membership: Model) -> User:
    assert isinstance(membership, Membership)
    return membership.user


def addresses_of(ours: Ours, *, asked: Invitation, key: Authenticator) -> dict[str, str]:
    """Return the address of each view outside Django admin."""
    campaign, gift, plan = ours.campaign, ours.rows["gift"], ours.rows["plan"]
    assert isinstance(gift, Donation)
    assert isinstance(plan, Plan)
    mine, begun = ours.rows["mine"], ours.rows["begun"]
    assert isinstance(mine, Donation)
    assert isinstance(begun, Donation)
    page, manage = gift.get_absolute_url(), f"/m/{links.token_for(plan)}/"
    desk = f"/organise/{campaign.slug}/"
    gifts, goal = f"{desk}gifts/", f"{desk}page/goals/{ours.pk('goal')}/"
    endorsement = f"{desk}page/endorsements/{ours.pk('endorsement')}/"
    member = f"{desk}team/{ours.pk(VIEWER)}/"
    account, factor = "/account/", "/account/2fa/"
    return {
        "web:home": "/",
        "web:campaign": campaign.get_absolute_url(),
        "web:draft": f"/c/{campaign.slug}/preview/{campaign.preview_key}/",
        "web:privacy": "/privacy/",
        "web:account": "/account/",
        "web:art": f"/art/hero-{campaign.slug}.svg",
        "web:media": "/media/campaigns/there.webp",
        "web:healthz": "/healthz",
        "web:readyz": "/readyz",
        "no_shortcut": "/admin/r/1/1/",
        "donations:give": f"/c/{campaign.slug}/give/",
        "donations:gift": page,
        "donations:gift_state": f"{page}state/",
        "donations:confirm": guard.link_to(begun).removeprefix(settings.SITE_URL),
        "donations:receipt": f"{page}receipt/1/",
        "donations:manage": manage,
        "donations:change_amount": f"{manage}amount/",
        "donations:pause": f"{manage}pause/",
        "donations:resume": f"{manage}resume/",
        "donations:card": f"{manage}card/",
        "donations:cancel": f"{manage}cancel/",
        "donations:webhook": "/stripe/webhook/",
        "me:home": "/me/",
        "me:name": f"/me/gifts/{mine.public_id}/name/",
        "me:mail": "/me/mail/",
        "me:change_mail": "/me/mail/change/",
        "me:stop_mail": "/me/mail/stop/",
        "me:data": "/me/data/",
        "me:download": "/me/data/all.json",
        "me:delete": "/me/delete/",
        "me:deleted": "/me/deleted/",
        "desk:campaigns": "/organise/",
        "desk:apply": "/organise/apply/",
        "desk:invitation": f"/organise/invitation/{people.token_for(asked)}/",
        "desk:overview": desk,
        "desk:gifts": gifts,
        "desk:gift": f"{gifts}{gift.reference}/",
        "desk:donors": f"{gifts}donors/",
        "desk:donor": f"{gifts}donors/{ours.pk('donor')}/",
        "desk:offline": f"{gifts}offline/",
        "desk:export": f"{gifts}export/",
        "desk:thank": f"{gifts}{gift.reference}/thank/",
        "desk:refund": f"{gifts}{gift.reference}/refund/{ours.pk('payment')}/",
        "desk:links": f"{desk}links/",
        "desk:make_link": f"{desk}links/make/",
        "desk:qr": f"{desk}links/poster/qr.svg",
        "desk:page": f"{desk}page/",
        "desk:preview": f"{desk}page/preview/",
        "desk:pictures": f"{desk}page/pictures/",
        "desk:story_picture": f"{desk}page/pictures/story/",
        "desk:goals": f"{desk}page/goals/",
        "desk:goal": goal,
        "desk:move_goal": f"{goal}move/",
        "desk:delete_goal": f"{goal}delete/",
        "desk:endorsements": f"{desk}page/endorsements/",
        "desk:endorsement": endorsement,
        "desk:delete_endorsement": f"{endorsement}delete/",
        "desk:history": f"{desk}page/history/",
        "desk:version": f"{desk}page/history/1/",
        "desk:restore": f"{desk}page/history/1/restore/",
        "desk:state": f"{desk}page/state/",
        "desk:new_key": f"{desk}page/state/key/",
        "desk:move": f"{desk}page/state/pause/",
        "desk:end": f"{desk}page/state/end/",
        "desk:team": f"{desk}team/",
        "desk:leave": f"{desk}team/leave/",
        "desk:invite": f"{desk}team/invite/",
        "desk:withdraw": f"{desk}team/asked/{ours.pk('invitation')}/withdraw/",
        "desk:member_role": f"{member}role/",
        "desk:member_remove": f"{member}remove/",
        "account_login": f"{account}login/",
        "account_logout": f"{account}logout/",
        "account_inactive": f"{account}inactive/",
        "account_signup": f"{account}signup/",
        "account_reset_password": f"{account}password/reset/",
        "account_request_login_code": f"{account}login/code/",
        "account_password_reset_completed": f"{account}password/reset/done/",
        "account_email_verification_sent": f"{account}confirm-email/",
        "account_confirm_login_code": f"{account}login/code/confirm/",
        "account_confirm_password_reset_code": f"{account}password/reset/confirm/",
        "account_complete_password_reset": f"{account}password/reset/complete/",
        "account_reauthenticate": f"{account}reauthenticate/",
        "account_email": f"{account}email/",
        "account_change_password": f"{account}password/change/",
        "account_set_password": f"{account}password/set/",
        "mfa_index": factor,
        "mfa_authenticate": f"{factor}authenticate/",
        "mfa_reauthenticate": f"{factor}reauthenticate/",
        "mfa_activate_totp": f"{factor}totp/activate/",
        "mfa_deactivate_totp": f"{factor}totp/deactivate/",
        "mfa_view_recovery_codes": f"{factor}recovery-codes/",
        "mfa_generate_recovery_codes": f"{factor}recovery-codes/generate/",
        "mfa_download_recovery_codes": f"{factor}recovery-codes/download/",
        "mfa_list_webauthn": f"{factor}webauthn/",
        "mfa_add_webauthn": f"{factor}webauthn/add/",
        "mfa_reauthenticate_webauthn": f"{factor}webauthn/reauthenticate/",
        "mfa_remove_webauthn": f"{factor}webauthn/keys/{key.pk}/remove/",
        "mfa_edit_webauthn": f"{factor}webauthn/keys/{key.pk}/edit/",
        "mfa_login_webauthn": f"{factor}webauthn/login/",
        "usersessions_list": f"{account}sessions/",
    }


def admin_addresses(ours: Ours) -> dict[str, str]:
    """Return the address of each view in Django admin, by its name there."""
    rows: dict[str, Model] = {
        "accounts_user": _user(ours.rows[VIEWER]),
        "auth_group": Group.objects.create(name="Helpers"),
        "campaigns_application": ours.rows["application"],
        "campaigns_campaign": ours.campaign,
        "campaigns_edit": ours.rows["edit"],
        "campaigns_endorsement": ours.rows["endorsement"],
        "campaigns_invitation": ours.rows["invitation"],
        "campaigns_membership": ours.rows[VIEWER],
        "contacts_contact": ours.rows["contact"],
        "donations_donation": ours.rows["gift"],
        "donations_plan": ours.rows["plan"],
        "donations_balanceentry": ours.rows["balance"],
        "donations_dispute": ours.rows["dispute"],
        "donations_ledgerentry": LedgerEntry.objects.filter(campaign=ours.campaign)[0],
        "donations_refundrequest": ours.rows["refund"],
        "donations_stripeevent": ours.rows["told"],
        "admin_logentry": LogEntry.objects.all()[0],
        "outbox_mail": Mail.objects.all()[0],
        "events_event": ours.rows["event"],
        "updates_update": ours.rows["update"],
    }
    addresses = {
        "index": "/admin/",
        "app_list": "/admin/campaigns/",
        "donations_board": "/admin/donations/ledgerentry/board/",
        "donations_board_read": "/admin/donations/ledgerentry/board/read/",
        "donations_board_bring_in": "/admin/donations/ledgerentry/board/bring-in/",
        "donations_offline": "/admin/donations/donation/offline/",
        "donations_refund": (
            f"/admin/donations/donation/{ours.pk('gift')}/refund/{ours.pk('payment')}/"
        ),
    }
    for name in ("login", "logout", "password_change", "jsi18n"):
        addresses[name] = f"/admin/{name}/"
    addresses["password_change_done"] = "/admin/password_change/done/"
    deeds = {"application": "approve", "membership": "remove", "invitation": "withdraw"}
    for model, deed in deeds.items():
        pk = rows[f"campaigns_{model}"].pk
        addresses[f"campaigns_{model}_act"] = f"/admin/campaigns/{model}/{pk}/do/{deed}/"
    addresses["donations_plan_act"] = f"/admin/donations/plan/{ours.pk('plan')}/do/cancel/"
    for name in ADMIN:
        app, _, model = name.partition("_")
        pk = rows[name].pk if name in rows else 1
        base = f"/admin/{app}/{model}/"
        addresses[f"{name}_changelist"] = base
        addresses[f"{name}_add"] = f"{base}add/"
        for page in ("change", "history", "delete"):
            addresses[f"{name}_{page}"] = f"{base}{pk}/{page}/"
    return addresses
