"""What a log may not contain."""

import logging

import pytest

from alliance.core.logs import MaskPrivate


@pytest.mark.parametrize(
    ("message", "args", "written"),
    [
        ("Not Found: %s", ("/g/Zm9vYmFy-x_1/state/",), "Not Found: /g/…/state/"),
        ("refused gail.guest+x@example.org", (), "refused …@…"),
        ("sent %d", (3,), "sent 3"),
    ],
)
def test_secret_paths_and_addresses_are_blotted_out(
    message: str, args: tuple[object, ...], written: str
) -> None:
    record = logging.LogRecord("site", logging.INFO, "", 0, message, args, None)

    assert MaskPrivate().filter(record)

    assert record.getMessage() == written
