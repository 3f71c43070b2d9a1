"""Everything the site holds about a person, as files to take away."""

import csv
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from alliance.core import personal
from alliance.core.personal import Person
from donations.export import safe

# What is larger waits on the disk, not in memory.
IN_MEMORY = 1024 * 1024

README = """\
Everything that {site} holds about you, on {day}.

One file a table. The first line of each names its columns. Amounts are in the smallest unit of
their currency (pence), times are in UTC. Where a cell begins with an apostrophe, it was put there
so that no spreadsheet takes the cell for a formula.

"""


def as_json(person: Person, now: datetime) -> IO[bytes]:
    """Write one JSON file: each table with its title and its rows, which name their columns."""
    file = _file()
    text = TextIOWrapper(file, encoding="utf-8", write_through=True)
    made = {"from": settings.SITE_URL, "made_at": now}
    text.write(f'{_json(made)[:-1]}, "tables": {{')
    for number, table in enumerate(personal.tables()):
        text.write(f'{"," * bool(number)}\n{_json(table.name)}: {{"title": {_json(table.title)}')
        text.write(', "rows": [')
        for at, row in enumerate(table.rows(person)):
            text.write("," * bool(at) + "\n  ")
            text.write(_json(dict(zip(table.columns, row, strict=True))))
        text.write("]}")
    text.write("\n}}\n")
    text.detach()
    file.seek(0)
    return file


def as_csv(person: Person, now: datetime) -> IO[bytes]:
    """Write a zip with one CSV file a table, and a few words about them."""
    file = _file()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        titles = [f"{table.name}.csv: {table.title}\n" for table in personal.tables()]
        words = README.format(site=settings.PLATFORM_NAME, day=f"{now:%-d %B %Y}")
        archive.writestr("README.txt", words + "".join(titles))
        for table in personal.tables():
            with archive.open(f"{table.name}.csv", "w") as entry:
                # With its mark, or spreadsheets read accents wrongly.
                text = TextIOWrapper(entry, encoding="utf-8-sig", newline="", write_through=True)
                writer = csv.writer(text)
                writer.writerow(table.columns)
                for row in table.rows(person):
                    writer.writerow([cell(value) for value in row])
                text.detach()
    file.seek(0)
    return file


# By the ending of the file.
FORMATS: dict[str, Callable[[Person, datetime], IO[bytes]]] = {"json": as_json, "zip": as_csv}


def cell(value: object) -> str:
    """Return a value as a spreadsheet shows it; words that it might run it shows, too."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    return safe(value if isinstance(value, str) else _json(value).strip('"'))


def _file() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(max_size=IN_MEMORY)  # the answer closes it


def _json(value: object) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
