"""What the database itself guards: append-only tables, one runner per periodic job."""

from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from django.db import connection, migrations


def append_only(table: str) -> migrations.RunSQL:
    """Return the migration step after which rows of a table can be added, and nothing else."""
    function = f"{table}_is_append_only"
    return migrations.RunSQL(
        f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{table} is append-only: correct a row by adding its opposite';
        END $$;
        CREATE TRIGGER {function} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {function}();
        """,
        f"DROP TRIGGER {function} ON {table}; DROP FUNCTION {function}();",
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
