"""Let the journal of Stripe's events speak again: `manage.py replay_events [--check]`."""

import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from donations import replay

# The pull brings every event within some minutes.
YOUNG = timedelta(minutes=10)


class Command(BaseCommand):
    help = (
        "Processes every kept event once more: what is missing in the books is added, nothing "
        "is taken away. With --check the books are left alone: the ledger is rebuilt from the "
        "events beside the real one, and the two are compared; exits with 1 where they differ."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare, and change nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["check"]:
            self.stdout.write(f"{replay.run()} events were processed once more.")
            return
        differences = replay.check(until=timezone.now() - YOUNG)
        for kind, stripe_id, ours, rebuilt in differences:
            self.stdout.write(f"{kind} {stripe_id}: in the books {ours}, by the events {rebuilt}")
        if differences:
            sys.exit(1)
        began = replay.began()
        since = f"since {began:%d %B %Y, %H:%M} UTC" if began else "and there are none yet"
        self.stdout.write(self.style.SUCCESS(f"The ledger is what the events say, {since}."))
