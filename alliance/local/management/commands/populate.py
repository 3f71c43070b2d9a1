"""Fill a campaign with made-up gifts: `manage.py populate --gifts N [--campaign SLUG]`."""

from argparse import ArgumentParser
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from alliance.local import populate
from campaigns.models import Campaign

AMOUNTS = [500, 1000, 2500, 300, 5000, 1000, 2000, 10_000, 1234, 500]


class Command(BaseCommand):
    help = "Adds paid gifts by made-up donors to a campaign marked as demo."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--gifts", type=int, required=True)
        parser.add_argument("--campaign", default="progressive-alliance")

    def handle(self, *_args: Any, **options: Any) -> None:
        campaign = Campaign.objects.filter(slug=options["campaign"], is_demo=True).first()
        if campaign is None:
            raise CommandError("There is no demo campaign of that name: name one by --campaign.")
        started = perf_counter()
        populate.add_links(campaign)
        populate.add_gifts(campaign, count=options["gifts"], amounts=AMOUNTS, monthly=True)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self.stdout.write(f"{options['gifts']:,} gifts in {perf_counter() - started:.1f} s")
