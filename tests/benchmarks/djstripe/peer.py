"""dj-stripe as a program: takes in signed webhooks, a line each, and tells how long that took.

Run by `peers.py`, in an environment of its own. Before the clock runs it makes its database,
and takes in the first webhooks.
"""

import argparse
import json
import os
import sys
from time import perf_counter
from uuid import UUID

import django
import psycopg
import stripe
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from tests.benchmarks.posting import Signed, post, read_lines

ENDPOINT = UUID(int=1)


def main() -> None:
    """Take in what stands on standard input; print how many counted, and the seconds, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--warm-up", type=int, default=0, help="so many come before the clock")
    warm_up: int = parser.parse_args().warm_up
    webhooks = list(read_lines(sys.stdin))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.djstripe.settings"
    make_database()
    django.setup()
    stripe.enable_telemetry = False
    call_command("migrate", run_syncdb=True, verbosity=0)
    make_endpoint()
    application, path = get_wsgi_application(), f"/webhook/{ENDPOINT}/"
    post(application, path, webhooks[:warm_up])
    began = perf_counter()
    post(application, path, webhooks[warm_up:])
    seconds = perf_counter() - began
    check(webhooks)
    json.dump({"events": len(webhooks) - warm_up, "seconds": seconds}, sys.stdout)


def make_database() -> None:
    """Make the peer's database, beside the site's in the same server, unless it is there."""
    database = settings.DATABASES["default"]
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        query = "SELECT FROM pg_database WHERE datname = 'djstripe'"
        if not connection.execute(query).rowcount:
            connection.execute("CREATE DATABASE djstripe")


def make_endpoint() -> None:
    """Tell dj-stripe of the endpoint, its secret and its account, so that it need not ask."""
    from djstripe.models import Account, APIKey, WebhookEndpoint
    from djstripe.settings import djstripe_settings

    account, _ = Account.objects.get_or_create(id="acct_peer", defaults={"livemode": False})
    ours = {"livemode": False, "djstripe_owner_account": account}
    APIKey.objects.get_or_create(
        secret=djstripe_settings.TEST_API_KEY, defaults={"type": "secret", **ours}
    )
    WebhookEndpoint.objects.get_or_create(
        djstripe_uuid=ENDPOINT,
        defaults={
            "id": "we_peer",
            "secret": os.environ["PEER_WEBHOOK_SECRET"],
            "enabled_events": ["*"],
            "status": "enabled",
            **ours,
        },
    )


def check(webhooks: list[Signed]) -> None:
    """See that dj-stripe did its work: each event processed, and its object written down."""
    from djstripe.models import PaymentIntent, Session, WebhookEventTrigger

    told = [json.loads(webhook.body) for webhook in webhooks]
    events = {event["id"] for event in told}
    objects = {event["data"]["object"]["id"] for event in told}
    processed = WebhookEventTrigger.objects.filter(event__in=events, processed=True)
    assert processed.count() == len(events)
    kept = sum(kind.objects.filter(id__in=objects).count() for kind in (PaymentIntent, Session))
    assert kept == len(objects)


if __name__ == "__main__":
    main()
