"""State of the stand-in in one SQLite file: objects, saved answers, deliveries and the clock."""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from alliance.local.standin.schemas import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    body TEXT NOT NULL, request TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS object_by_kind ON object (kind, position);
CREATE INDEX IF NOT EXISTS object_by_intent ON object (json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS open_session ON object (json_extract(body, '$.expires_at'))
    WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open';
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_by_age ON answer (created);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY, event TEXT NOT NULL, due REAL, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS delivery_by_due ON delivery (due, id) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS attempt (
    id INTEGER PRIMARY KEY, event TEXT NOT NULL, number INTEGER NOT NULL,
    status INTEGER NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS attempt_by_event ON attempt (event, id);
CREATE TABLE IF NOT EXISTS agenda (
    subject TEXT NOT NULL, task TEXT NOT NULL, due INTEGER NOT NULL, UNIQUE (subject, task)
);
CREATE INDEX IF NOT EXISTS agenda_by_due ON agenda (due);
CREATE TABLE IF NOT EXISTS clock (ahead INTEGER NOT NULL);
INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM clock);
"""
ANSWERS_KEPT = 24 * 60 * 60
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Delivery(NamedTuple):
    """One webhook on its way; `due` in seconds since 1970, `attempts` made so far."""

    id: int
    event: str
    due: float
    attempts: int


class Store:
    """Objects as JSON; every method may be called from any thread."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self._moment: int | None = None
        self.database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # WAL without a sync at each commit survives kill -9, though not a power cut.
        self.database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        self.database.executescript(SCHEMA)

    def close(self) -> None:
        with self.lock:
            self.database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everybody else out; commit at the end, or leave no trace of what raised."""
        with self.lock:
            if self.database.in_transaction:
                yield
                return
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.database.rollback()
                raise
            self.database.commit()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done inside if it raises, and leave the transaction around it alone."""
        self.rows("SAVEPOINT work")
        try:
            yield
        except BaseException:
            self.rows("ROLLBACK TO work")
            raise
        finally:
            self.rows("RELEASE work")

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        with self.lock:
            return self.database.execute(statement, values).fetchall()

    def now(self) -> int:
        """Return the stand-in's own time, in whole seconds since 1970."""
        with self.lock:
            if self._moment is not None:
                return self._moment
            return int(time.time()) + self.ahead()

    def ahead(self) -> int:
        """Return by how many seconds the stand-in's time is ahead of the machine's."""
        return cast("int", self.rows("SELECT ahead FROM clock")[0][0])

    @contextlib.contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Let it be `moment` inside; only within a transaction, so that nobody else sees it."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def advance(self, seconds: int) -> None:
        """Move the stand-in's clock; machines' clocks stay."""
        self.rows("UPDATE clock SET ahead = ahead + ?", seconds)

    def put(self, value: Json, request: Json | None = None) -> None:
        """Save an object, together with the request that made it where one did."""
        self.rows(
            "INSERT INTO object (id, kind, body, request) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            *(value["id"], value["object"], json.dumps(value), json.dumps(request or {})),
        )

    def get(self, identifier: str, kind: str) -> Json:
        """Return a copy of the object. Raises LookupError where there is none of that kind."""
        found = self.rows("SELECT body FROM object WHERE id = ? AND kind = ?", identifier, kind)
        return cast("Json", json.loads(found[0][0]))

    def get_any(self, identifier: str) -> Json:
        """Return a copy of the object, whatever its kind. Raises LookupError where none is."""
        found = self.rows("SELECT body FROM object WHERE id = ?", identifier)
        return cast("Json", json.loads(found[0][0]))

    def note(self, identifier: str, **facts: Any) -> None:
        """Add to what is kept with an object and never shown."""
        noted = json.dumps(self.request_of(identifier) | facts)
        self.rows("UPDATE object SET request = ? WHERE id = ?", noted, identifier)

    def request_of(self, identifier: str) -> Json:
        """Return the parameters that made an object, and what was noted since."""
        rows = self.rows("SELECT request FROM object WHERE id = ?", identifier)
        return cast("Json", json.loads(rows[0][0]))

    def find(
        self,
        kind: str,
        *,
        fields: Json | None = None,
        noted: Json | None = None,
        before: str | None = None,
        after: str | None = None,
        limit: int = -1,
    ) -> list[Json]:
        """Return objects, newest first.

        Each of `fields` asks for a value, for one of a list of values, or for a range
        (`{"gte": …}`); each of `noted` for a value of what is kept with the object and never
        shown, None for one that is not there. `before` and `after` are ids that bound the page,
        as Stripe's `ending_before` and `starting_after` do; with `before` it is the page next
        to it.
        """
        where, values = ["kind = ?"], [kind]
        for path, wanted in (fields or {}).items():
            column = f"json_extract(body, '$.{path}')"
            if isinstance(wanted, list):
                where.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608  names come from the contract
                values.append(json.dumps(wanted))
            elif isinstance(wanted, dict):
                where += [f"{column} {COMPARISONS[name]} ?" for name in wanted]
                values += wanted.values()
            else:
                # Stripe takes `charge.*` for a type.
                where.append(f"{column} {'GLOB' if path == 'type' else '='} ?")
                values.append(wanted)
        for path, wanted in (noted or {}).items():
            where.append(f"json_extract(request, '$.{path}') IS ?")
            values.append(wanted)
        for bound, comparison in ((after, "<"), (before, ">")):
            if bound is not None:
                where.append(f"position {comparison} (SELECT position FROM object WHERE id = ?)")  # noqa: S608  two constants
                values.append(bound)
        order = "ASC" if before else "DESC"
        statement = (
            f"SELECT body FROM object WHERE {' AND '.join(where)} ORDER BY position {order}"  # noqa: S608  names come from the contract
        )
        statement += " LIMIT ?"
        found = [json.loads(body) for (body,) in self.rows(statement, *values, limit)]
        return found[::-1] if before else found

    def plan(self, subject: str, task: str, due: int | None) -> None:
        """Put a task about an object in the agenda, in place of an earlier one; None cancels."""
        self.rows("DELETE FROM agenda WHERE subject = ? AND task = ?", subject, task)
        if due is not None:
            self.rows("INSERT INTO agenda VALUES (?, ?, ?)", subject, task, due)

    def forget(self, subject: str) -> None:
        """Take all tasks about an object out of the agenda."""
        self.rows("DELETE FROM agenda WHERE subject = ?", subject)

    def next_task(self) -> tuple[str, str, int] | None:
        """Take the first task whose time has come out of the agenda: subject, task, due."""
        # A pause that ends in the moment of a renewal ends before it.
        found = self.rows(
            "SELECT subject, task, due FROM agenda WHERE due <= ?"
            " ORDER BY due, task = 'resume' DESC, rowid LIMIT 1",
            self.now(),
        )
        if not found:
            return None
        subject, task, due = found[0]
        self.plan(subject, task, None)
        return subject, task, due

    def overdue_sessions(self) -> list[str]:
        """Return the open Checkout Sessions whose time is over, oldest first."""
        # Written out, for only then does SQLite use the partial index.
        rows = self.rows(
            "SELECT id FROM object WHERE kind = 'checkout.session'"
            " AND json_extract(body, '$.status') = 'open'"
            " AND json_extract(body, '$.expires_at') <= ? ORDER BY position",
            self.now(),
        )
        return [identifier for (identifier,) in rows]

    def saved_answer(self, key: str) -> tuple[str, int, str] | None:
        """Return what was asked and answered under an idempotency key: request, status, body."""
        self.rows("DELETE FROM answer WHERE created < ?", self.now() - ANSWERS_KEPT)
        found = self.rows("SELECT request, status, body FROM answer WHERE key = ?", key)
        return cast("tuple[str, int, str]", found[0]) if found else None

    def save_answer(self, key: str, request: str, status: int, body: str) -> None:
        self.rows(
            "INSERT INTO answer VALUES (?, ?, ?, ?, ?)", key, request, status, body, self.now()
        )

    def schedule(self, event: str, due: float) -> None:
        """Put one delivery of an event in the queue."""
        self.rows("INSERT INTO delivery (event, due) VALUES (?, ?)", event, due)

    def next_delivery(self) -> Delivery | None:
        """Return the delivery that is due first, due yet or not."""
        found = self.rows(
            "SELECT id, event, due, attempts FROM delivery"
            " WHERE due IS NOT NULL ORDER BY due, id LIMIT 1"
        )
        return Delivery(*found[0]) if found else None

    def attempts(self, event: str | None = None) -> list[tuple[Any, ...]]:
        """Return attempts, oldest first: event, its type, number, HTTP status, time."""
        return self.rows(
            "SELECT event, json_extract(body, '$.type'), number, status, at"
            " FROM attempt JOIN object ON object.id = event"
            " WHERE event = coalesce(?, event) ORDER BY attempt.id",
            event,
        )

    def queued(self) -> set[str]:
        """Return the events that still have a delivery to come."""
        rows = self.rows("SELECT DISTINCT event FROM delivery WHERE due IS NOT NULL")
        return {event for (event,) in rows}

    def record_attempt(self, delivery: Delivery, status: int, again_at: float | None) -> None:
        """Log one attempt; `again_at` is when to try again, None where that was the last."""
        number = delivery.attempts + 1
        self.rows(
            "INSERT INTO attempt (event, number, status, at) VALUES (?, ?, ?, ?)",
            *(delivery.event, number, status, time.time()),
        )
        self.rows(
            "UPDATE delivery SET due = ?, attempts = ? WHERE id = ?", again_at, number, delivery.id
        )
