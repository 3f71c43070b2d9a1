"""The demo's telephone: shows the codes that the demo's people sign in with, from its own seed."""

import base64
import hashlib
import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from alliance.local import environment

PERIOD = 30
SECRET_BYTES = 20


@dataclass(frozen=True)
class Shown:
    """A code as the telephone shows it, and for how many seconds."""

    email: str
    code: str
    seconds: int


def secret_of(seed: str, email: str) -> str:
    """Return somebody's secret, as an authenticator app keeps it; known to this demo only."""
    digest = hmac.digest(seed.encode(), email.encode(), "sha256")
    return base64.b32encode(digest[:SECRET_BYTES]).decode()


def code_of(secret: str, now: float) -> str:
    """Return the six digits of this half minute, by RFC 6238."""
    counter = struct.pack(">Q", int(now) // PERIOD)
    digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    place = digest[-1] & 0xF
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def shown(seed: str, now: float) -> Iterator[Shown]:
    """Yield the code of each person of the demo who needs one."""
    for email in environment.WITH_TELEPHONE:
        yield Shown(email, code_of(secret_of(seed, email), now), PERIOD - int(now) % PERIOD)
