"""What a log may not contain."""

import logging

import pytest

from alliance.core.logs import Masked

FORMATTER = Masked("{levelname} {message}", style="{")


@pytest.mark.parametrize(
    ("message", "args", "written"),
    [
        ("Not Found: %s", (f"/g/{'x-_1' * 5}ab/state/",), "INFO Not Found: /g/…/state/"),
        ("try another key than d:" + "k" * 22 + ":s:1", (), "INFO try another key than d:…:s:1"),
        (
            "Forbidden (CSRF): %s",
            ("/m/1.1tX2ab.short/amount/",),
            "INFO Forbidden (CSRF): /m/…/amount/",
        ),
        ("at %2Fm%2F12.1tX2ab." + "s" * 43 + "%2F", (), "INFO at %2Fm%2F…%2F"),
        ("refused gail.guest+x@example.org", (), "INFO refused …@…"),
        ("sent %d", (3,), "INFO sent 3"),
    ],
)
def test_secret_paths_and_addresses_are_blotted_out(
    message: str, args: tuple[object, ...], written: str
) -> None:
    record = logging.LogRecord("site", logging.INFO, "", 0, message, args, None)

    assert FORMATTER.format(record) == written


def test_tracebacks_are_masked_like_all_else() -> None:
    error = ValueError("DETAIL: Key (email_key)=(gail@example.org) already exists.")
    record = logging.LogRecord(
        "site", logging.ERROR, "", 0, "it broke", (), (ValueError, error, None)
    )

    written = FORMATTER.format(record)

    assert "ValueError: DETAIL" in written
    assert "gail" not in written
