"""What the site holds about people: each room tells it here, to be shown, taken away and erased.

A room has a module `personal` that registers one table after another; they are all loaded when
the site starts. A model with something personal in it that no room tells of fails the suite.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Model


@dataclass(frozen=True)
class Person:
    """Somebody who signs in, and what is theirs.

    `contacts`: keys of the contacts under their verified addresses; `addresses`: these, spelt as
    keys. What an address that is not verified might lead to is not theirs.
    """

    user: int
    contacts: tuple[int, ...]
    addresses: tuple[str, ...]


class NotNow(Exception):
    """Somebody can't be erased yet; says why, and what they can do, in words for them."""


Row = Sequence[object]


def _nothing(_person: Person) -> None:
    return None


@dataclass(frozen=True)
class Fate:
    """What becomes of a table when somebody is erased, in words for them.

    `goes`: all of it, or what of it; `stays`, `why` and `until` where something has to.
    """

    goes: str = ""
    stays: str = ""
    why: str = ""
    until: str = ""


@dataclass(frozen=True)
class Table:
    """Something the site holds about people.

    `name` is that of its file, `title` what people call it. `rows` returns what is there about
    somebody, in the order of `columns`. `erase` does what `fate` says, in the one transaction
    of all tables. Before that, outside of it, `prepare` may ask others for what has to be done
    first, and within it `refuse` may find that it is not yet time: both raise NotNow.
    """

    name: str
    title: str
    models: tuple[type[Model], ...]
    columns: tuple[str, ...]
    rows: Callable[[Person], Iterable[Row]]
    fate: Fate
    erase: Callable[[Person, datetime], None]
    prepare: Callable[[Person], None] = field(default=_nothing)
    refuse: Callable[[Person], None] = field(default=_nothing)


_tables: dict[str, Table] = {}


def register(*tables: Table) -> None:
    """Tell what a room holds about people."""
    for table in tables:
        _tables[table.name] = table


def tables() -> Iterator[Table]:
    """Return all of it, from the account to what came of it."""
    yield from _tables.values()


def prepare(person: Person) -> None:
    """Have done elsewhere what has to be done before somebody is erased. Raises NotNow."""
    for table in _tables.values():
        table.refuse(person)
    for table in _tables.values():
        table.prepare(person)


def erase(person: Person, *, now: datetime) -> None:
    """Erase somebody: call it in a transaction, prepared. Raises NotNow.

    What is above knows what is below, so it goes first; gifts are locked before contacts, as
    everywhere.
    """
    for table in _tables.values():
        table.refuse(person)
    for table in reversed(_tables.values()):
        table.erase(person, now)
