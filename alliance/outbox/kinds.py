"""The kinds of mail there are. A room that has something to say registers how it is rendered."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """What one mail says."""

    subject: str
    text: str
    html: str
    # Where it goes, if not to the mail's contact.
    to: str = ""


Render = Callable[[str], Message]

_renderers: dict[str, Render] = {}


def register(kind: str, render: Render) -> None:
    """Let mails of this kind be rendered; `render` takes the mail's reference."""
    _renderers[kind] = render


def render(kind: str, reference: str) -> Message:
    """Return what the mail of this kind says about the row it refers to."""
    return _renderers[kind](reference)
