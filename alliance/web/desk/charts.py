"""Pictures of figures, drawn here as SVG: one hue, one brick a round sum, and words for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.template.defaultfilters import pluralize
from django.utils.dateformat import format as in_words
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from alliance.core.money import CURRENCIES, Money
from donations.figures import Day

# In units of the drawing: a wide one for 28 days, and one for phones, where it is not shrunk.
WIDE, NARROW = 760, 340
LEFT, RIGHT, TOP, PLOT, FOOT = 72, 4, 14, 252, 34
ON_PHONES = 14
# A bar is at most so many bricks high: more would be stripes.
BRICKS = 18
SEAM = 1.5
SHARES, SLIVER = 1000, 8


@dataclass(frozen=True)
class Chart:
    """Bars of bricks, for wide screens and for phones; what one brick stands for."""

    wide: SafeString
    narrow: SafeString
    brick: Money


def per_day(days: Sequence[Day], *, currency: str) -> Chart:
    """Draw what each day brought as bars of bricks; the last brick is cut to size."""
    most = max((day.part.given.minor for day in days), default=0)
    brick = _round(most / BRICKS, currency)
    return Chart(
        wide=_bars(days, brick, currency, width=WIDE),
        narrow=_bars(days[-ON_PHONES:], brick, currency, width=NARROW),
        brick=Money(brick, currency),
    )


def _bars(days: Sequence[Day], brick: int, currency: str, *, width: int) -> SafeString:
    best = max(days, key=lambda day: day.part.given.minor)
    # The lines to read the bars by: some whole bricks apart, four of them or more.
    every = max(-(-best.part.given.minor // (brick * 4)), 1)
    top = every * max(-(-best.part.given.minor // (brick * every)), 4)
    scale = PLOT / (top * brick)
    step = (width - LEFT - RIGHT) / len(days)
    bar = step * 0.82
    drawn = [
        f'<path class="rule" d="M{LEFT} {y:.1f}H{width}"/>'
        f'<text class="ax end" x="{LEFT - 8}" y="{y + 5:.1f}">{Money(n * brick, currency)}</text>'
        for n in range(0, top + 1, every)
        for y in [TOP + PLOT - n * brick * scale]
    ]
    for number, day in enumerate(days):
        x = LEFT + number * step + (step - bar) / 2
        gifts = f"{day.part.gifts:,} gift{pluralize(day.part.gifts)}"
        words = f"{in_words(day.day, 'j F')}: {day.part.given}, {gifts}"
        drawn.append(
            f'<g class="bar"><title>{words}</title>'
            f"{''.join(_bricks(day.part.given.minor, brick, scale, x, bar))}</g>"
        )
        to_come = len(days) - 1 - number
        if to_come % 7 == 0:
            # The last one would stick out.
            anchor, at = ("mid", x + bar / 2) if to_come else ("end", x + bar)
            drawn.append(
                f'<text class="ax {anchor}" x="{at:.1f}" y="{TOP + PLOT + 25}">'
                f"{in_words(day.day, 'j M')}</text>"
            )
    told = (
        f"Gifts per day from {in_words(days[0].day, 'j F')} to {in_words(days[-1].day, 'j F Y')}. "
        f"The most came on {in_words(best.day, 'j F')}: {best.part.given}."
    )
    # Figures, dates and words of our own alone.
    return mark_safe(  # noqa: S308 (see above)
        f'<svg class="chart" viewBox="0 0 {width} {TOP + PLOT + FOOT}" role="img" '
        f'aria-label="{told if best.part.gifts else "No gifts in these days."}">'
        f"{''.join(drawn)}</svg>"
    )


def shares(parts: Sequence[tuple[str, int]], *, told: str) -> SafeString:
    """Draw how parts make a whole, as one strip: of each its hue, such as "te", and its size."""
    whole = sum(size for _, size in parts)
    drawn, at = [], 0.0
    for hue, size in parts:
        # Little is still seen.
        width = max(SHARES * size / whole, SLIVER) if size > 0 else 0
        if width:
            at = min(at, SHARES - width)
            drawn.append(f'<rect class="f-{hue}" x="{at:.1f}" width="{width:.1f}" height="44"/>')
            if at:
                drawn.append(f'<path class="seam" d="M{at:.1f} 0V44"/>')
            at += width
    return format_html(
        '<svg class="shares" viewBox="0 0 1000 44" preserveAspectRatio="none" role="img" '
        'aria-label="{}">{}</svg>',
        told,
        mark_safe("".join(drawn)),  # noqa: S308 (figures and names of hues of our own)
    )


def _bricks(minor: int, brick: int, scale: float, x: float, width: float) -> list[str]:
    """Draw a bar from the ground up; every other brick is a shade lighter."""
    drawn = []
    for number in range(-(-minor // brick)):
        size = min(brick, minor - number * brick) * scale
        y = TOP + PLOT - number * brick * scale - size
        height = max(size - SEAM, 0.75)
        shade = "ab"[number % 2]
        drawn.append(
            f'<rect class="bar-{shade}" x="{x:.1f}" y="{y + size - height:.1f}" '
            f'width="{width:.1f}" height="{height:.1f}"/>'
        )
    return drawn


def _round(minor: float, currency: str) -> int:
    """Return the next round sum: 1, 2 or 5 with noughts, a whole pound at least."""
    sum_: int = 10 ** CURRENCIES[currency].exponent
    while True:
        for times in (1, 2, 5):
            if sum_ * times >= minor:
                return sum_ * times
        sum_ *= 10
