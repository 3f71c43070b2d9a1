"""What the database itself guards: append-only tables, one runner per periodic job."""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from django.db import connection, migrations


def append_only(table: str, *, by_row: bool = False) -> migrations.RunSQL:
    """Return the migration step after which rows of a table can be added, and nothing else.

    `by_row`: a statement that touches no row passes; Django deletes so what may not be there.
    """
    function = f"{table}_is_append_only"
    rows = (
        f"""
        CREATE TRIGGER {function}_row BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION {function}();"""
        if by_row
        else ""
    )
    statements = "TRUNCATE" if by_row else "UPDATE OR DELETE OR TRUNCATE"
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{table} is append-only: correct a row by adding its opposite';
        END $$;
        CREATE TRIGGER {function} BEFORE {statements} ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {function}();{rows}
        """,
        f"DROP FUNCTION {function}() CASCADE;",
    )


@contextmanager
def try_advisory_lock(name: str) -> Iterator[bool]:
    """Yield whether this connection alone holds the lock of that name, until the block ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [crc32(name.encode())])
        is_held = bool(cursor.fetchone()[0])
        try:
            yield is_held
        finally:
            if is_held:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [crc32(name.encode())])
