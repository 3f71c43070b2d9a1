"""What allauth's mails say, once for HTML and text, and how long each is worth sending."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from alliance.outbox import services as outbox
from alliance.outbox.kinds import Message

# Somebody waits for a code, and it runs out; news of one's account are news after a weekend too.
CODE_LIFE = timedelta(seconds=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT)
NEWS_LIFE = timedelta(days=4)

_NEVER_TELL = "Nobody of ours will ever ask you for it."
_NOT_YOU = "If it wasn’t you, leave this mail be: "
_ONCE = (
    f"It works once, within {CODE_LIFE.seconds // 60} minutes, in the browser that asked for it."
)
_WHEN = "It happened on {when}, from the network address {ip}."
_CALL_US = (
    "If it wasn’t you: choose a new password, look at who is signed in to your account, and write "
    "to us."
)
_ACCOUNT = ("See your account", "web:account")
_RESET = ("Choose a new password", "account_reset_password")


@dataclass(frozen=True)
class Words:
    """One mail: its subject is its heading, too. A code, where there is one, follows `opening`."""

    subject: str
    opening: str
    rest: tuple[str, ...] = ()
    link: tuple[str, str] | None = None


def _news(subject: str, opening: str, link: tuple[str, str] = _ACCOUNT) -> Words:
    return Words(subject, opening, (_WHEN, _CALL_US), link)


WORDS = {
    "account/email/login_code": Words(
        "Your code to sign in",
        "Type this code on the page you came from:",
        (_ONCE, _NEVER_TELL, _NOT_YOU + "without the code nobody gets in."),
    ),
    "account/email/email_confirmation_signup": Words(
        "Confirm your address",
        "Type this code on the page where you made your account:",
        (_ONCE, _NEVER_TELL, _NOT_YOU + "without the code nobody can use your address."),
    ),
    "account/email/email_confirmation": Words(
        "Confirm your address",
        "Type this code on the page where you entered this address:",
        (_ONCE, _NEVER_TELL, _NOT_YOU + "without the code nobody can use your address."),
    ),
    "account/email/password_reset_code": Words(
        "Your code to choose a new password",
        "Type this code on the page you came from:",
        (_ONCE, _NEVER_TELL, _NOT_YOU + "without the code your password stays as it is."),
    ),
    "account/email/account_already_exists": Words(
        "You have an account already",
        "Somebody, we hope you, wanted to make an account with this address. It has one already.",
        (
            "Should you have forgotten its password: a code by e-mail signs you in without one.",
            _NOT_YOU + "nothing has changed, and nobody was told that you have an account.",
        ),
        ("Sign in with a code", "account_request_login_code"),
    ),
    "account/email/unknown_account": Words(
        "There is no account with this address",
        "Somebody, we hope you, wanted to sign in with this address. There is no account with it; "
        "perhaps you used another.",
        (
            "To give, or to change what you give every month, you need none.",
            _NOT_YOU + "nothing has happened.",
        ),
        ("Make an account", "account_signup"),
    ),
    "account/email/password_changed": _news(
        "Your password was changed", "Your account has a new password.", _RESET
    ),
    "account/email/password_reset": _news(
        "Your password was changed",
        "Your account has a new password, chosen by means of a code that we mailed here.",
        _RESET,
    ),
    "account/email/password_set": _news(
        "Your account has a password", "Somebody signed in to your account gave it a password."
    ),
    "account/email/email_added": _news(
        "An address was added to your account",
        "{added_email} was confirmed, and may be used to sign in to your account.",
    ),
    "account/email/email_changed": _news(
        "Your main address was changed",
        "Mails about your account go to {to_email} from now on, no longer to {from_email}.",
    ),
    "account/email/email_deleted": _news(
        "An address was removed from your account",
        "{deleted_email} no longer belongs to your account.",
    ),
    # Where one of our staff sat is nobody's business.
    "account/email/factors_removed": Words(
        "Your second factor was removed",
        "One of our staff removed your authenticator app, passkeys and recovery codes, as you "
        "asked, and signed you out everywhere.",
        ("If you asked for nothing of the kind, write to us at once.",),
        _ACCOUNT,
    ),
    "mfa/email/totp_activated": _news(
        "An authenticator app was added",
        "From now on signing in takes a code of your authenticator app, too.",
    ),
    "mfa/email/totp_deactivated": _news(
        "Your authenticator app was removed",
        "Signing in takes no code of an authenticator app any more.",
    ),
    "mfa/email/webauthn_added": _news(
        "A passkey was added", "Your account can be opened by a new passkey."
    ),
    "mfa/email/webauthn_removed": _news(
        "A passkey was removed", "One of your passkeys no longer opens your account."
    ),
    "mfa/email/recovery_codes_generated": _news(
        "New recovery codes were made", "The recovery codes you had before no longer work."
    ),
}


def post(kind: str, *, to: str, context: dict[str, Any]) -> None:
    """Owe somebody a mail of allauth's, as a sealed letter with links to this site alone."""
    words, now = WORDS[kind], timezone.now()
    facts = {
        **context,
        "when": date_format(timezone.localtime(context.get("timestamp") or now), "j F Y, H:i"),
    }
    code = str(context.get("code", ""))
    said = {
        "subject": words.subject,
        "opening": words.opening.format_map(facts),
        "code": code,
        "rest": [part.format_map(facts) for part in words.rest],
        "link": words.link and (words.link[0], settings.SITE_URL + reverse(words.link[1])),
        "platform_name": settings.PLATFORM_NAME,
        "contact_email": settings.CONTACT_EMAIL,
    }
    message = Message(
        subject=f"{settings.PLATFORM_NAME}: {words.subject[0].lower()}{words.subject[1:]}",
        text=render_to_string("emails/account.txt", said, using="text"),
        html=render_to_string("emails/account.html", said),
    )
    outbox.post(to=to, message=message, now=now, life=CODE_LIFE if code else NEWS_LIFE)
