"""Check the books: `manage.py check_books`; exit code 1 on a breach."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from donations import books


class Command(BaseCommand):
    help = "Checks every invariant of the books; exits with 1 where one is broken."

    def handle(self, *_args: Any, **_options: Any) -> None:
        breaches = books.breaches()
        for name in (*books.INVARIANTS, books.STRIPES):
            rows = breaches.get(name)
            verdict = self.style.ERROR("BROKEN") if rows else self.style.SUCCESS("holds ")
            self.stdout.write(f"{verdict}  {name}")
            for row in rows or []:
                self.stdout.write(f"        {row}")
        if breaches:
            sys.exit(1)
