"""E-mail addresses: how one is spelt, so that two spellings are one person's."""

import re

LONGEST = 254
ONE_ADDRESS = r"^[^\s@]+@[^\s@]+$"


def normalise(email: str) -> str:
    """Lower the domain, spelt as mail servers do (bücher.example: xn--bcher-kva.example).

    The rest is kept: a mailbox may, in theory, care about its case. Raises ValueError for what
    no mail server could be told.
    """
    mailbox, _, domain = email.strip().rpartition("@")
    spelt = f"{mailbox}@{domain.lower().encode('idna').decode()}"
    if not (spelt.isascii() and len(spelt) <= LONGEST and re.match(ONE_ADDRESS, spelt)):
        raise ValueError("not an address that mail servers understand")
    return spelt


def is_same(one: str, other: str) -> bool:
    """Say whether two spellings are one address. What no mail server could be told is nobody's."""
    try:
        return normalise(one).casefold() == normalise(other).casefold()
    except ValueError:
        return False
