"""What allauth says on a page: messages after something was done, and what was wrong."""

# By the name of allauth's own template; what is not here is not worth saying.
MESSAGES = {
    "account/messages/logged_out.txt": "You are signed out.",
    "account/messages/email_confirmed.txt": "{email} is confirmed.",
    "account/messages/email_confirmation_failed.txt": (
        "{email} can’t be confirmed here: it belongs to another account."
    ),
    "account/messages/email_deleted.txt": "{email} is removed from your account.",
    "account/messages/cannot_delete_primary_email.txt": (
        "{email} is your main address. Make another one the main address first."
    ),
    "account/messages/unverified_primary_email.txt": (
        "Only an address that was confirmed can be the main one."
    ),
    "account/messages/primary_email_set.txt": "That is your main address now.",
    "account/messages/password_changed.txt": "Your new password works from now on.",
    "account/messages/password_set.txt": "Your account has a password now.",
    "mfa/messages/totp_activated.txt": "Your authenticator app is your second factor now.",
    "mfa/messages/totp_deactivated.txt": "Your authenticator app is removed.",
    "mfa/messages/webauthn_added.txt": "Your passkey is added.",
    "mfa/messages/webauthn_removed.txt": "That passkey is removed.",
    "usersessions/messages/sessions_logged_out.txt": "You are signed out everywhere else.",
}

_WRONG_CODE = "That code isn’t right. Check it, and type it once more."
_TOO_MANY = (
    "Too many tries for now. Wait five minutes, or sign in with a code by e-mail or a passkey."
)
ERRORS = {
    "email_password_mismatch": "This address and this password don’t belong together.",
    "incorrect_code": _WRONG_CODE,
    "incorrect_password": "That isn’t your password.",
    "enter_current_password": "That isn’t the password you have used until now.",
    "too_many_login_attempts": _TOO_MANY,
    "rate_limited": "Too many tries for now. Wait a few minutes.",
    "duplicate_email": "This address is yours already.",
    "max_email_addresses": "An account holds at most %d addresses.",
    "account_inactive": "This account is closed.",
    "invalid_password_reset": "This code no longer works. Ask for a new one.",
}
MFA_ERRORS = {
    "incorrect_code": _WRONG_CODE,
    "unverified_email": "Confirm or remove the addresses that aren’t confirmed yet, first.",
    "cannot_delete_authenticator": "This can’t be removed.",
    "cannot_generate_recovery_codes": "Recovery codes go with a second factor: add one first.",
}
