"""Who may use which view, all of them: a view that is not in here fails the suite.

The rows outside Django admin are in `ACCESS`; those in it are made from `ADMIN`, `STAFF_PAGES`
and `ADMIN_DEEDS`. The addresses are in `access_world`.
"""

# -- people ---------------------------------------------------------------------------------

ANONYMOUS, SUPPORTER = "anonymous", "supporter"
VIEWER, EDITOR, FINANCE, OWNER = "viewer", "editor", "finance", "owner"
STRANGER = "organiser of another campaign"
STAFF, SUPERUSER = "staff", "superuser"
TEAM = [VIEWER, EDITOR, FINANCE, OWNER]
ORGANISERS = [*TEAM, STRANGER]
DUTIES = [*ORGANISERS, STAFF, SUPERUSER]
PEOPLE = [ANONYMOUS, SUPPORTER, *DUTIES]
# What the staff of this table may see in Django admin, and nothing else.
STAFF_SEES = {"campaigns_application", "campaigns_membership", "donations_donation", "outbox_mail"}

# -- answers --------------------------------------------------------------------------------

OK, SIGN_IN, FACTOR, AGAIN = "allowed", "sign in", "second factor", "who are you, again"
# Django admin's, which leads to signing in, or says no.
DOOR = "sent to the door"
FORBIDDEN, MISSING, BAD = "403", "404", "400"
# Allauth's steps of a flow: whoever is not in the midst of it is led back to its beginning.
ELSEWHERE = "led elsewhere"


def _answers(*groups: tuple[list[str], str]) -> dict[str, str]:
    return {person: answer for who, answer in groups for person in who}


def _team(*may: str) -> dict[str, str]:
    """Return the answers of a page of a campaign's desk: others can't tell that there is one."""
    return _answers(
        ([ANONYMOUS], SIGN_IN),
        ([SUPPORTER, STRANGER, STAFF, SUPERUSER], MISSING),
        (TEAM, FORBIDDEN),
        (list(may), OK),
    )


EVERYBODY, LINK_HOLDERS, STRIPE = "everybody", "whoever has the link", "who signs as Stripe"
NOBODY, SIGNED_IN, MIDWAY = "nobody", "whoever is signed in", "who is in the midst of it"
THE_INVITED, THE_GIVER = "who was invited", "who gave it"
ITS_OWNER, SHOWN_ONCE = "whose passkey it is", "who has just made them"
LOOKERS, WRITERS = "all of the campaign", "owners and editors of the campaign"
TREASURERS, OWNERS = "owners and finance of the campaign", "owners of the campaign"

ANSWERS: dict[str, dict[str, str]] = {
    EVERYBODY: _answers((PEOPLE, OK)),
    LINK_HOLDERS: _answers((PEOPLE, OK)),
    STRIPE: _answers((PEOPLE, BAD)),
    NOBODY: _answers((PEOPLE, MISSING)),
    SIGNED_IN: _answers((PEOPLE, OK), ([ANONYMOUS], SIGN_IN)),
    MIDWAY: _answers((PEOPLE, ELSEWHERE)),
    THE_INVITED: _answers((PEOPLE, FORBIDDEN), ([SUPPORTER], OK)),
    THE_GIVER: _answers((PEOPLE, MISSING), ([ANONYMOUS], SIGN_IN), ([SUPPORTER], OK)),
    # Nobody of this table.
    ITS_OWNER: _answers((PEOPLE, MISSING), ([ANONYMOUS], SIGN_IN)),
    SHOWN_ONCE: _answers((PEOPLE, MISSING), ([ANONYMOUS], SIGN_IN)),
    LOOKERS: _team(*TEAM),
    WRITERS: _team(EDITOR, OWNER),
    TREASURERS: _team(FINANCE, OWNER),
    OWNERS: _team(OWNER),
}

# -- the table ------------------------------------------------------------------------------

GET, POST, BOTH = {"GET"}, {"POST"}, {"GET", "POST"}

ACCESS: dict[str, tuple[str, set[str]]] = {
    "web:home": (EVERYBODY, GET),
    "web:campaign": (EVERYBODY, GET),
    "web:draft": (LINK_HOLDERS, GET),
    "web:privacy": (EVERYBODY, GET),
    "web:account": (SIGNED_IN, GET),
    "web:art": (EVERYBODY, GET),
    "web:media": (EVERYBODY, GET),
    "web:healthz": (EVERYBODY, GET),
    "web:readyz": (EVERYBODY, GET),
    "no_shortcut": (NOBODY, GET),
    "donations:give": (EVERYBODY, BOTH),
    "donations:gift": (LINK_HOLDERS, GET),
    "donations:gift_state": (LINK_HOLDERS, GET),
    "donations:confirm": (LINK_HOLDERS, BOTH),
    "donations:receipt": (LINK_HOLDERS, GET),
    "donations:manage": (LINK_HOLDERS, GET),
    "donations:change_amount": (LINK_HOLDERS, POST),
    "donations:pause": (LINK_HOLDERS, POST),
    "donations:resume": (LINK_HOLDERS, POST),
    "donations:card": (LINK_HOLDERS, POST),
    "donations:cancel": (LINK_HOLDERS, BOTH),
    "donations:webhook": (STRIPE, POST),
    "me:home": (EVERYBODY, BOTH),
    "me:name": (THE_GIVER, BOTH),
    "me:mail": (SIGNED_IN, GET),
    "me:change_mail": (SIGNED_IN, POST),
    "me:stop_mail": (SIGNED_IN, POST),
    "me:data": (SIGNED_IN, GET),
    "me:download": (SIGNED_IN, GET),
    "me:delete": (SIGNED_IN, BOTH),
    "me:deleted": (EVERYBODY, GET),
    "desk:campaigns": (SIGNED_IN, GET),
    "desk:apply": (SIGNED_IN, BOTH),
    "desk:invitation": (THE_INVITED, BOTH),
    "desk:overview": (LOOKERS, GET),
    "desk:gifts": (TREASURERS, GET),
    "desk:gift": (TREASURERS, GET),
    "desk:donors": (TREASURERS, GET),
    "desk:donor": (TREASURERS, GET),
    "desk:offline": (TREASURERS, BOTH),
    "desk:export": (TREASURERS, BOTH),
    "desk:thank": (TREASURERS, BOTH),
    "desk:refund": (TREASURERS, BOTH),
    "desk:links": (LOOKERS, GET),
    "desk:make_link": (WRITERS, POST),
    "desk:qr": (LOOKERS, GET),
    "desk:page": (WRITERS, BOTH),
    "desk:preview": (WRITERS, BOTH),
    "desk:pictures": (WRITERS, BOTH),
    "desk:story_picture": (WRITERS, BOTH),
    "desk:goals": (WRITERS, BOTH),
    "desk:goal": (WRITERS, BOTH),
    "desk:move_goal": (WRITERS, POST),
    "desk:delete_goal": (WRITERS, BOTH),
    "desk:endorsements": (WRITERS, BOTH),
    "desk:endorsement": (WRITERS, BOTH),
    "desk:delete_endorsement": (WRITERS, BOTH),
    "desk:history": (WRITERS, GET),
    "desk:version": (WRITERS, GET),
    "desk:restore": (WRITERS, POST),
    "desk:state": (WRITERS, GET),
    "desk:new_key": (WRITERS, POST),
    "desk:move": (OWNERS, BOTH),
    "desk:end": (OWNERS, BOTH),
    "desk:team": (LOOKERS, GET),
    "desk:leave": (LOOKERS, BOTH),
    "desk:invite": (OWNERS, POST),
    "desk:withdraw": (OWNERS, POST),
    "desk:member_role": (OWNERS, POST),
    "desk:member_remove": (OWNERS, BOTH),
    "account_login": (EVERYBODY, BOTH),
    "account_logout": (EVERYBODY, BOTH),
    "account_inactive": (EVERYBODY, GET),
    "account_signup": (EVERYBODY, BOTH),
    "account_reset_password": (EVERYBODY, BOTH),
    "account_request_login_code": (EVERYBODY, BOTH),
    "account_password_reset_completed": (EVERYBODY, GET),
    "account_email_verification_sent": (MIDWAY, BOTH),
    "account_confirm_login_code": (MIDWAY, BOTH),
    "account_confirm_password_reset_code": (MIDWAY, BOTH),
    "account_complete_password_reset": (MIDWAY, BOTH),
    "account_reauthenticate": (SIGNED_IN, BOTH),
    "account_email": (SIGNED_IN, BOTH),
    "account_change_password": (SIGNED_IN, BOTH),
    "account_set_password": (SIGNED_IN, BOTH),
    "mfa_index": (SIGNED_IN, GET),
    "mfa_authenticate": (MIDWAY, BOTH),
    "mfa_reauthenticate": (SIGNED_IN, BOTH),
    "mfa_activate_totp": (SIGNED_IN, BOTH),
    "mfa_deactivate_totp": (SIGNED_IN, BOTH),
    "mfa_view_recovery_codes": (SHOWN_ONCE, GET),
    "mfa_generate_recovery_codes": (SIGNED_IN, BOTH),
    "mfa_download_recovery_codes": (SHOWN_ONCE, BOTH),
    "mfa_list_webauthn": (SIGNED_IN, GET),
    "mfa_add_webauthn": (SIGNED_IN, BOTH),
    "mfa_reauthenticate_webauthn": (SIGNED_IN, BOTH),
    "mfa_remove_webauthn": (ITS_OWNER, BOTH),
    "mfa_edit_webauthn": (ITS_OWNER, BOTH),
    "mfa_login_webauthn": (EVERYBODY, BOTH),
    "usersessions_list": (SIGNED_IN, BOTH),
}
# Where a page may be read by more than may send its form.
READ_BY = {("desk:invitation", ANONYMOUS)}
# Who they are must have been proven within the last minutes.
ASKS_AGAIN = {
    "desk:offline",
    "desk:export",
    "desk:refund",
    "desk:end",
    "desk:leave",
    "desk:invite",
    "desk:withdraw",
    "desk:member_role",
    "desk:member_remove",
    "me:download",
    "me:delete",
}


def answer_to(person: str, name: str, method: str) -> str:
    """Return what somebody is to be told by a view outside Django admin."""
    if method == "GET" and (name, person) in READ_BY:
        return OK
    return ANSWERS[ACCESS[name][0]][person]


# -- Django admin ---------------------------------------------------------------------------

LOOK, EDIT = "may be looked at", "may be added, changed and deleted"
ADD, CHANGE = "may be looked at and added", "may be looked at and changed"
ADMIN = {
    "accounts_user": EDIT,
    "admin_logentry": LOOK,
    "auth_group": EDIT,
    "campaigns_application": LOOK,
    "campaigns_campaign": EDIT,
    "campaigns_edit": LOOK,
    "campaigns_endorsement": LOOK,
    "campaigns_invitation": ADD,
    "campaigns_membership": LOOK,
    "contacts_contact": LOOK,
    "donations_balanceentry": LOOK,
    "donations_dispute": LOOK,
    "donations_donation": LOOK,
    "donations_ledgerentry": LOOK,
    "donations_plan": LOOK,
    "donations_refundrequest": LOOK,
    "donations_stripeevent": LOOK,
    "events_event": EDIT,
    "outbox_mail": LOOK,
    "updates_update": EDIT,
}
# For all who may use Django admin.
STAFF_PAGES = {
    "index": GET,
    "login": GET,
    "logout": POST,
    "password_change": BOTH,
    "password_change_done": GET,
    "jsi18n": GET,
    "app_list": GET,
}
# What staff do: each takes permissions of its own, which the staff of this table lack.
ADMIN_DEEDS = {
    "campaigns_application_act": BOTH,
    "campaigns_membership_act": BOTH,
    "campaigns_invitation_act": BOTH,
    "donations_board": GET,
    "donations_board_read": POST,
    "donations_board_bring_in": POST,
    "donations_offline": BOTH,
    "donations_refund": BOTH,
    "donations_plan_act": BOTH,
}
# Django's own, of which nothing here is offered: each says 403 or 404 to everybody.
UNUSED = {"autocomplete", "view_on_site", None}


def admin_answers() -> dict[tuple[str, str], dict[str, str]]:
    """Return what each person is told, by the name of the view in Django admin and the method."""
    outside = _answers(([ANONYMOUS, SUPPORTER, *ORGANISERS], DOOR))
    told: dict[tuple[str, str], dict[str, str]] = {}
    for name, methods in STAFF_PAGES.items():
        for method in methods:
            told[name, method] = outside | _answers(([STAFF, SUPERUSER], OK))
    told["login", "GET"] |= _answers(([ANONYMOUS], SIGN_IN), ([SUPPORTER, *ORGANISERS], FORBIDDEN))
    told["logout", "POST"] = _answers((PEOPLE, OK))
    for name, methods in ADMIN_DEEDS.items():
        for method in methods:
            told[name, method] = outside | {STAFF: FORBIDDEN, SUPERUSER: OK}
    for name, kind in ADMIN.items():
        sees = OK if name in STAFF_SEES else FORBIDDEN
        is_changed = OK if kind in {EDIT, CHANGE} else FORBIDDEN
        is_added = OK if kind in {EDIT, ADD} else FORBIDDEN
        is_deleted = OK if kind == EDIT else FORBIDDEN
        for page, method, staff, superuser in (
            ("changelist", "GET", sees, OK),
            ("changelist", "POST", sees, OK),
            ("change", "GET", sees, OK),
            ("change", "POST", FORBIDDEN, is_changed),
            ("history", "GET", sees, OK),
            ("add", "GET", FORBIDDEN, is_added),
            ("add", "POST", FORBIDDEN, is_added),
            ("delete", "GET", FORBIDDEN, is_deleted),
            ("delete", "POST", FORBIDDEN, is_deleted),
        ):
            told[f"{name}_{page}", method] = outside | {STAFF: staff, SUPERUSER: superuser}
    return told
