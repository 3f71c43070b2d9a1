"""What the people of a campaign are to hear of; the room that writes mails registers how."""

from collections.abc import Callable

_tellers: dict[str, Callable[..., None]] = {}


def register(what: str, tell: Callable[..., None]) -> None:
    """Let something be told; `tell` takes what it is about, by name."""
    _tellers[what] = tell


def tell(what: str, **about: object) -> None:
    """Owe everybody concerned their mail, within the caller's transaction."""
    _tellers[what](**about)
