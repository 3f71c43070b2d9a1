"""What a benchmark finds: a ratio of two figures measured side by side."""

import functools
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TypeVar

T = TypeVar("T")

say = functools.partial(print, file=sys.stderr, flush=True)


@dataclass(frozen=True, kw_only=True)
class Result:
    """Our figure beside another one of the same unit."""

    name: str
    ours: float
    other: float
    other_is: str
    unit: str

    @property
    def ratio(self) -> float:
        """Ours over the other: more is better for rates, less for seconds."""
        return self.ours / self.other

    def as_json(self) -> str:
        """Return the result as one line."""
        return json.dumps({**asdict(self), "ratio": self.ratio}, ensure_ascii=False)


def table(results: Iterable[Result]) -> str:
    """Return the results as a table for people."""
    rows = [("benchmark", "ratio", "ours", "other", "unit", "the other is")]
    rows += [
        (r.name, f"{r.ratio:.3g}", f"{r.ours:.4g}", f"{r.other:.4g}", r.unit, r.other_is)
        for r in results
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def interleave(
    ours: Callable[[], T], other: Callable[[], T], *, rounds: int
) -> tuple[list[T], list[T]]:
    """Measure both in turn, so that whatever else loads the machine meets both alike.

    Who goes first changes every round.
    """
    found: tuple[list[T], list[T]] = [], []
    sides = [(ours, found[0]), (other, found[1])]
    for _ in range(rounds):
        for measure, figures in sides:
            figures.append(measure())
        sides.reverse()
    return found
