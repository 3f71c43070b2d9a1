"""What every test stands on: real Postgres, a stand-in Stripe over HTTP, a real mail server."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import caches
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from django.utils import timezone

from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import gateway
from tests import factories, journal

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="renew the README's pictures")
    parser.addoption(
        "--attempts", type=int, default=2000, help="how many card testers come (20000: all)"
    )


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            raise ConnectionRefusedError(f"a test tried to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_triggers() -> Iterator[None]:
    """Let the emptying of tables between tests, and nothing else, pass the append-only guard."""
    flush = DatabaseOperations.sql_flush

    def unguarded(self: DatabaseOperations, *args: Any, **kwargs: Any) -> list[str]:
        return [
            "SET session_replication_role = replica",
            *flush(self, *args, **kwargs),
            "SET session_replication_role = origin",
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", unguarded)
        yield


@pytest.fixture(autouse=True)
def fresh_cache() -> None:
    caches["pages"].clear()


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any) -> None:
    """Name static files without their hash: nothing is collected for a test."""
    settings.STORAGES = {
        **django_settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hash passwords fast: what makes it slow on purpose is Django's own, and tested there."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def forget_stripe() -> None:
    """Let the next call make its client, and its products, anew."""
    gateway._client.cache_clear()
    gateway._ensure_product.cache_clear()


@pytest.fixture
def standin(settings: Any) -> Iterator[StandIn]:
    """A Stripe that the real SDK talks to; its events wait until a test delivers them."""
    secret = settings.STRIPE_WEBHOOK_SECRETS[0]
    with StandIn(webhook_secret=secret) as standin:
        settings.STRIPE_API_BASE = standin.base_url
        forget_stripe()
        yield standin
    forget_stripe()


@pytest.fixture
def mailbox(settings: Any) -> Iterator[journal.MailServer]:
    """A mail server on loopback that keeps what it is given, and fails when told to."""
    with journal.MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        yield server


@pytest.fixture
def admin_client(client: Client, db: None) -> Client:
    """A browser in which somebody who may do everything has proven who they are."""
    return factories.sign_in(client, factories.make_admin())


@pytest.fixture
def campaign(db: None) -> Campaign:
    return factories.make_campaign()


@pytest.fixture
def deliver(client: Client, standin: StandIn) -> Callable[..., list[int]]:
    """Post events to the webhook as Stripe does, and return the answers' status codes."""

    def post(*events: dict[str, Any]) -> list[int]:
        return [post_event(client, *standin.signed(event)) for event in events]

    return post


def post_event(client: Client, body: bytes | str, signature: str | None) -> int:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    response = client.post(
        "/stripe/webhook/", data=body, content_type="application/json", headers=headers
    )
    return response.status_code


@pytest.fixture
def later() -> Callable[[float], Any]:
    """Tell the time some minutes from now."""
    return lambda minutes: timezone.now() + timedelta(minutes=minutes)
