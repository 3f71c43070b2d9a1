"""Short private folders for unix sockets, and free TCP ports, on this machine alone."""

import hashlib
import http.client
import os
import re
import socket
from pathlib import Path

LONGEST = 107  # bytes in a unix socket's address on Linux
NAME_ROOM = len("/.s.PGSQL.5432")
PLAIN = re.compile(r"[\w/.-]+", re.ASCII)  # needs no quoting in any address we hand out


class UnsafeError(Exception):
    """A folder for sockets belongs to somebody else."""


def folder(data: Path) -> Path:
    """Return a folder, ours and closed to others, for the sockets of a data folder.

    It lies in the data folder where the address stays short and plain, else in the system's
    temporary folder under a name made from the data folder's.

    Raises UnsafeError if somebody else owns it.
    """
    chosen = data.resolve() / "run"
    if len(os.fsencode(chosen)) + NAME_ROOM > LONGEST or not PLAIN.fullmatch(str(chosen)):
        digest = hashlib.sha256(os.fsencode(chosen)).hexdigest()[:12]
        chosen = Path(f"/tmp/alliance-{os.geteuid()}-{digest}")  # noqa: S108 owner checked below
    chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = chosen.lstat()
    if found.st_uid != os.geteuid() or chosen.is_symlink():
        raise UnsafeError(
            f"{chosen} belongs to somebody else: remove it, or name another data folder."
        )
    chosen.chmod(0o700)
    return chosen


def is_free(port: int) -> bool:
    """Tell whether this process may listen on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def free_ports(near: int, count: int) -> list[int]:
    """Return the first free loopback ports from `near` upwards.

    Raises OSError if there are not enough below 65536.
    """
    found: list[int] = []
    for port in range(near, 65536):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"There are no {count} free ports from {near} upwards.")


def answers(port: int, path: str = "/") -> bool:
    """Tell whether a web server on a loopback port answers a page with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
