"""What the tests of accounts do again and again, as a browser and a reader of mail would."""

import re
from time import time
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from alliance.accounts.models import User
from alliance.core import sealing
from alliance.local import telephone
from alliance.outbox import services as outbox
from alliance.outbox.kinds import Message
from alliance.outbox.models import LETTER, Mail
from tests import factories

PASSWORD = "patches of many colours"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
CODE = re.compile(r"\b[B-Z]{4}-[B-Z]{4}\b")


def make_person(**fields: Any) -> User:
    """Make somebody who may sign in by password."""
    user = factories.make_user(**fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def addresses(user: User) -> Any:
    """Return the rows of somebody's addresses."""
    return EmailAddress.objects.filter(user=user)


def with_app(user: User) -> User:
    """Give somebody an authenticator app."""
    TOTP.activate(user, SECRET)
    return user


def app_code(user: User, *, ahead: int = 0) -> str:
    """Return what somebody's app shows, now or some half minutes later."""
    sealed = Authenticator.objects.get(user=user, type="totp").data["secret"]
    return telephone.code_of(sealing.unseal("mfa", sealed), time() + 30 * ahead)


def letters(to: str) -> list[Message]:
    """Return the letters owed to an address, in order."""
    owed = Mail.objects.filter(kind=LETTER).order_by("pk")
    return [words for mail in owed if (words := outbox.letter(mail.reference)).to == to]


def code_for(to: str) -> str:
    """Return the newest code that was mailed to an address."""
    codes = [found[0] for words in letters(to) if (found := CODE.search(words.text))]
    return codes[-1]


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/account/login/", {"login": email, "password": password}, **more)


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def sign_in_by_code(client: Client, email: str) -> Any:
    client.post("/account/login/code/", {"email": email})
    return client.post("/account/login/code/confirm/", {"code": code_for(email)})
