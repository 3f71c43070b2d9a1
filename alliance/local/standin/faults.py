"""Faults on demand: what goes wrong, how often, and whose turn it is."""

import dataclasses
import random
import threading
from typing import Any

from alliance.local.standin.schemas import Json

NAMES = {
    "duplicate": "a webhook is sent twice",
    "reorder": "a webhook waits a random part of the seconds, so others overtake it",
    "delay": "a webhook waits the seconds",
    "drop": "a webhook is never sent",
    "rate_limit": "the API answers 429 and does nothing",
    "server_error": "the API answers 500, does nothing, and keeps that answer for the key",
    "stall": "the API waits the seconds, then works as ever",
    "hang_up_before": "the API waits the seconds and hangs up, having done nothing",
    "hang_up_after": "the API does the work, waits the seconds and hangs up",
    "garble": "the API does the work and answers 200 with something that is no JSON",
    "pending_refund": "a refund waits, until it is settled, failed or cancelled by a command",
}


@dataclasses.dataclass
class Fault:
    """One kind of fault: certain for the `next` chances, then by `probability` (0 to 1).

    `only` narrows the chances to events or requests that begin so:
    `checkout.session.completed`, `POST /v1/checkout/sessions`.
    """

    probability: float = 0.0
    next: int = 0
    seconds: float = 1.0
    only: str = ""

    def __post_init__(self) -> None:
        self.probability, self.seconds = float(self.probability), float(self.seconds)
        self.next = int(self.next)


class Faults:
    """All faults, and the seeded dice; nothing here outlives the process, so a restart heals."""

    def __init__(self, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311  a seed must repeat the same story
        self._faults = {name: Fault() for name in NAMES}

    def set(self, name: str, **settings: Any) -> None:
        """Replace one fault by another; without settings it ends.

        Raises ValueError or TypeError for a name, setting or value that does not exist.
        """
        if name not in NAMES:
            raise ValueError(f"There is no fault {name!r}; there are: {', '.join(NAMES)}.")
        fault = Fault(**settings)
        with self._lock:
            self._faults[name] = fault

    def seed(self, seed: int) -> None:
        """Start the dice afresh."""
        with self._lock:
            self._random.seed(seed)

    def update(self, changes: Json) -> dict[str, Json]:
        """Apply `{"drop": {"next": 2}, "seed": 7}`, see `set`; return all as they are now."""
        for name, settings in changes.items():
            if name == "seed":
                self.seed(int(settings))
            else:
                self.set(name, **settings)
        return self.settings()

    def clear(self) -> None:
        """End every fault."""
        for name in NAMES:
            self.set(name)

    def settings(self) -> dict[str, Json]:
        """Return every fault as it is set now."""
        with self._lock:
            return {name: dataclasses.asdict(fault) for name, fault in self._faults.items()}

    def strikes(self, name: str, subject: str) -> bool:
        """Say whether the fault befalls this event type or request (`POST /v1/refunds`)."""
        with self._lock:
            fault = self._faults[name]
            if not subject.startswith(fault.only):
                return False
            if fault.next > 0:
                fault.next -= 1
                return True
            return fault.probability > 0 and self._random.random() < fault.probability

    def seconds(self, name: str, *, part: bool = False) -> float:
        """Return how long a fault lasts; with `part`, a random part of it."""
        with self._lock:
            share = self._random.random() if part else 1.0
            return self._faults[name].seconds * share
