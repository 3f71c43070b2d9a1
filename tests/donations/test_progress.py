"""Progress, at every place where such a sum goes wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alliance.core.money import Money
from donations.queries import Progress


@pytest.mark.parametrize(
    ("raised", "percent", "patches", "part", "to_go"),
    [
        (0, 0, 0, 0, 100_000),
        (1, 0, 0, 0, 99_999),
        (500, 0, 0, 50, 99_500),
        (1_000, 1, 1, 0, 99_000),
        (71_600, 71, 71, 60, 28_400),
        (99_999, 99, 99, 99, 1),
        (100_000, 100, 100, 0, 0),
        (250_000, 250, 100, 0, 0),
    ],
)
def test_figures(raised: int, percent: int, patches: int, part: int, to_go: int) -> None:
    progress = Progress(raised=Money(raised), target=Money(100_000), donors=1, fees=Money(0))

    assert (progress.percent, progress.patches, progress.part) == (percent, patches, part)
    assert progress.to_go == Money(to_go)


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_hundred_per_cent_is_said_only_of_a_target_that_is_met(raised: int, target: int) -> None:
    progress = Progress(raised=Money(raised), target=Money(target), donors=0, fees=Money(0))

    assert (progress.percent >= 100) == (raised >= target) == (progress.to_go.minor == 0)
    assert 0 <= progress.patches <= 100
    assert 0 <= progress.part <= 99
