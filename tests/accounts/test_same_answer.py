"""Nobody learns from an answer who has an account: status, address and words are the same."""

import re
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.test import Client

from alliance.accounts.models import User
from alliance.web.account import forms
from tests.accounts import steps

KNOWN, UNKNOWN = "known@example.org", "unknown@example.org"
FORMS: dict[str, dict[str, str]] = {
    "/account/login/": {"login": "EMAIL", "password": "these are other words"},
    "/account/login/code/": {"email": "EMAIL"},
    "/account/password/reset/": {"email": "EMAIL"},
    "/account/signup/": {"email": "EMAIL", "password1": steps.PASSWORD},
}


def told(path: str, email: str) -> list[Any]:
    """Return what a browser is told on its way through a form, but for its own tokens."""
    client = Client()
    posted = {name: value.replace("EMAIL", email) for name, value in FORMS[path].items()}
    first = client.post(path, posted)
    answers = [first]
    if first.status_code == 302:
        answers.append(client.get(first["Location"]))
        answers.append(client.post(first["Location"], {"code": "BBBB-BBBB"}))
        answers.append(client.post(first["Location"], {"action": "resend"}))
        answers.append(client.post(first["Location"], {"action": "change", "email": "x@y.org"}))
    return [
        (
            answer.status_code,
            answer.get("Location"),
            sorted(answer.headers),
            re.sub(r'(value="\w{64}")|' + re.escape(email), "", answer.content.decode()),
        )
        for answer in answers
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("path", FORMS)
def test_known_and_unknown_addresses_are_answered_alike_and_each_is_mailed(path: str) -> None:
    steps.make_person(email=KNOWN)

    assert told(path, KNOWN) == told(path, UNKNOWN)
    mails = 0 if path == "/account/login/" else 1
    assert len(steps.letters(KNOWN)) == len(steps.letters(UNKNOWN)) == mails
    assert User.objects.filter(email=UNKNOWN).exists() == (path == "/account/signup/")
    assert User.objects.filter(email=KNOWN).count() == 1


@pytest.mark.django_db
def test_a_closed_account_is_answered_like_none(client: Client) -> None:
    steps.make_person(email=KNOWN, is_active=False)

    for path in ("/account/login/", "/account/login/code/", "/account/password/reset/"):
        assert told(path, KNOWN) == told(path, UNKNOWN)
    assert "code" not in steps.letters(KNOWN)[0].subject


@pytest.mark.django_db
@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_signing_up_hashes_a_password_whoever_it_is(
    client: Client, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.make_person(email=KNOWN)
    hashed: list[str] = []

    def counted(password: str, *_: Any) -> str:
        hashed.append(password)
        return f"md5$x${password}"

    monkeypatch.setattr(forms, "make_password", counted)
    monkeypatch.setattr(hashers, "make_password", counted)
    monkeypatch.setattr("django.contrib.auth.base_user.make_password", counted)

    client.post("/account/signup/", {"email": email, "password1": steps.PASSWORD})

    assert hashed == [steps.PASSWORD]


@pytest.mark.django_db
def test_an_address_of_somebody_elses_can_be_claimed_by_nobody_and_nobody_is_told(
    client: Client,
) -> None:
    owner, other = steps.make_person(email=KNOWN), steps.make_person()
    answers = []
    for email in (KNOWN, UNKNOWN):
        browser = Client()
        steps.sign_in(browser, other.email)
        browser.post("/account/reauthenticate/", {"password": steps.PASSWORD})
        answer = browser.post("/account/email/", {"email": email, "action_add": "1"})
        answers.append((answer.status_code, answer["Location"]))

    assert answers[0] == answers[1] == (302, "/account/confirm-email/")
    assert list(steps.addresses(owner).values_list("email", flat=True)) == [KNOWN]
    assert list(steps.addresses(other).values_list("email", flat=True)) == [other.email]
