"""Whether the time that an answer takes tells who has an account."""

from collections.abc import Callable, Iterator
from itertools import count
from statistics import median
from time import perf_counter

from django.test import Client, override_settings

from tests import factories
from tests.benchmarks.measure import Result, interleave
from tests.benchmarks.site import Site

PASSWORD = "a long pass phrase"
_numbers = count(1)


def enumeration(site: Site) -> Iterator[Result]:
    """Sign in, up, by code and reset with an address that has an account, and with others."""
    known = factories.make_user(email="known@example.org")
    known.set_password(PASSWORD)
    known.save()
    forms: dict[str, tuple[str, Callable[[str], dict[str, str]]]] = {
        "login": ("/account/login/", lambda email: {"login": email, "password": "wrong words"}),
        "code": ("/account/login/code/", lambda email: {"email": email}),
        "reset": ("/account/password/reset/", lambda email: {"email": email}),
        "signup": ("/account/signup/", lambda email: {"email": email, "password1": PASSWORD}),
    }

    def seconds(form: str, email: str) -> float:
        path, data = forms[form]
        client = Client(SERVER_NAME="127.0.0.1")
        began = perf_counter()
        assert client.post(path, data(email)).status_code == (200 if form == "login" else 302)
        return perf_counter() - began

    def unknown() -> str:
        return f"unknown-{next(_numbers)}@example.org"

    # One address asks far more often than the limits let it.
    with override_settings(ACCOUNT_RATE_LIMITS=False):
        for form in forms:
            seconds(form, known.email)
            seconds(form, unknown())
            ours, other = interleave(
                lambda form=form: seconds(form, known.email),  # type: ignore[misc] # as in admin
                lambda form=form: seconds(form, unknown()),  # type: ignore[misc]
                rounds=max(5, site.number(60 if form in {"code", "reset"} else 20)),
            )
            yield Result(
                name=f"enumeration-{form}",
                ours=median(ours),
                other=median(other),
                other_is="the same with an address that has no account (limit 1.1 either way)",
                unit="s",
            )
