"""allauth's forms in plain words: what they ask and check is allauth's, how is ours."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django.contrib.auth.hashers import make_password

WORDS = {
    "login": "E-mail address",
    "email": "E-mail address",
    "password": "Password",
    "oldpassword": "Your password until now",
    "password1": "New password",
    "code": "Code",
    "name": "A name for this passkey",
}
LONG = "12 characters or more. A few words that only you would put together are best."
# Codes in mails are letters, those of an app are figures.
LETTERS = {"autocapitalize": "characters", "spellcheck": "false", "autocomplete": "one-time-code"}
FIGURES = {"inputmode": "numeric", "autocomplete": "one-time-code"}
MISSING = {
    "login": "Enter your e-mail address.",
    "email": "Enter an e-mail address.",
    "password": "Enter your password.",
    "oldpassword": "Enter the password you have used until now.",
    "password1": "Choose a password.",
    "code": "Enter the code.",
    "name": "Give the passkey a name.",
    "credential": "No passkey came with this. Try once more.",
}
BAD_ADDRESS = "Enter an e-mail address like name@example.org."


class _Plain:
    """Gives each field its words, and takes away the grey ones inside it."""

    words: dict[str, str]
    attrs: dict[str, dict[str, str]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields  # type: ignore[attr-defined]
        # What was typed once is enough: it can be chosen anew at any time.
        fields.pop("password2", None)
        for name, field in fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.widget.attrs |= self.attrs.get(name, {})
            field.label = self.words.get(name, WORDS.get(name, field.label))
            field.help_text = LONG if name == "password1" else ""
            field.error_messages["required"] = MISSING.get(name, "Fill this in.")
            if name in {"login", "email"}:
                field.error_messages["invalid"] = BAD_ADDRESS


def _plain(form: type, words: str = "", **attrs: dict[str, str]) -> Any:
    """Return a form of allauth's with its words made plain; `words`: what its code is called."""
    given = {"code": words} if words else {}
    return type(form.__name__, (_Plain, form), {"words": given, "attrs": attrs})


_MAILED = "Code from the mail"
_FROM_APP = "Code from your authenticator app, or one of your recovery codes"
_USERNAME = {"autocomplete": "username"}

LoginForm = _plain(account.LoginForm, login=_USERNAME)
AddEmailForm = _plain(account.AddEmailForm)
ChangePasswordForm = _plain(account.ChangePasswordForm)
SetPasswordForm = _plain(account.SetPasswordForm)
ResetPasswordForm = _plain(account.ResetPasswordForm, email=_USERNAME)
ResetPasswordKeyForm = _plain(account.ResetPasswordKeyForm)
ReauthenticateForm = _plain(account.ReauthenticateForm)
RequestLoginCodeForm = _plain(account.RequestLoginCodeForm, email=_USERNAME)
ConfirmLoginCodeForm = _plain(account.ConfirmLoginCodeForm, _MAILED, code=LETTERS)
ConfirmEmailForm = _plain(account.ConfirmEmailVerificationCodeForm, _MAILED, code=LETTERS)
ConfirmResetForm = _plain(account.ConfirmPasswordResetCodeForm, _MAILED, code=LETTERS)
AuthenticateForm = _plain(mfa.AuthenticateForm, _FROM_APP, code=FIGURES)
ReauthenticateMFAForm = _plain(mfa.ReauthenticateForm, _FROM_APP, code=FIGURES)
ActivateTOTPForm = _plain(totp.ActivateTOTPForm, "Code that the app shows", code=FIGURES)
EditWebAuthnForm = _plain(webauthn.EditWebAuthnForm)


class SignupForm(_plain(account.SignupForm, email=_USERNAME)):  # type: ignore[misc]
    """Takes as long for an address that has an account as for one that has none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = "Password"

    def try_save(self, request: Any) -> Any:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class _Guarded:
    """Takes whatever was sent in a passkey's place for what it is, instead of breaking on it."""

    def full_clean(self) -> None:
        try:
            super().full_clean()  # type: ignore[misc]
        except (AttributeError, KeyError, TypeError, ValueError):
            self.cleaned_data: dict[str, Any] = {}
            self.add_error("credential", MISSING["credential"])  # type: ignore[attr-defined]


def _guarded(form: type) -> Any:
    return type(form.__name__, (_Guarded, form), {})


AuthenticateWebAuthnForm = _guarded(webauthn.AuthenticateWebAuthnForm)
ReauthenticateWebAuthnForm = _guarded(webauthn.ReauthenticateWebAuthnForm)
LoginWebAuthnForm = _guarded(webauthn.LoginWebAuthnForm)


class AddWebAuthnForm(_Guarded, _plain(webauthn.AddWebAuthnForm)):  # type: ignore[misc]
    """Adds passkeys alone: they prove possession and person, and need no password beside them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["passwordless"]

    def clean(self) -> Any:
        # What the checkbox would have said.
        self.cleaned_data["passwordless"] = True
        return super().clean()
