"""Pictures of figures, drawn here as SVG: one hue, one brick a round sum, and words for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.dateformat import format as in_words
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from alliance.core.money import CURRENCIES, Money
from donations.figures import Day

WIDTH, LEFT, TOP, PLOT, FOOT = 760, 76, 14, 252, 34
# A bar is at most so many bricks high: more would be stripes.
BRICKS = 18
SEAM = 1.5
SHARES = 1000


@dataclass(frozen=True)
class Chart:
    svg: SafeString
    # What one brick stands for.
    brick: Money


def per_day(days: Sequence[Day], *, currency: str) -> Chart:
    """Draw what each day brought as bars of bricks; the last brick is cut to size."""
    most = max((day.part.given.minor for day in days), default=0)
    brick = _round(most / BRICKS, currency)
    top = max(-(-most // brick), 4)
    scale = PLOT / (top * brick)
    step = (WIDTH - LEFT) / len(days)
    bar = step * 0.82
    ground = TOP + PLOT
    best = max(days, key=lambda day: day.part.given.minor)
    drawn = [_axis(top, brick, scale, currency)]
    for number, day in enumerate(days):
        x = LEFT + number * step + (step - bar) / 2
        words = f"{in_words(day.day, 'j F')}: {day.part.given}, {day.part.gifts} gifts"
        drawn.append(
            f'<g class="bar"><title>{words}</title>'
            f"{''.join(_bricks(day.part.given.minor, brick, scale, x, bar))}</g>"
        )
        if (len(days) - 1 - number) % 7 == 0:
            drawn.append(
                f'<text class="ax mid" x="{x + bar / 2:.1f}" y="{ground + 25}">'
                f"{in_words(day.day, 'j M')}</text>"
            )
    told = (
        f"Gifts per day from {in_words(days[0].day, 'j F')} to {in_words(days[-1].day, 'j F Y')}. "
        f"The most came on {in_words(best.day, 'j F')}: {best.part.given}."
    )
    svg = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {ground + FOOT}" role="img" '
        f'aria-label="{told if most else "No gifts in these days."}">{"".join(drawn)}</svg>'
    )
    # Figures, dates and words of our own alone.
    return Chart(svg=mark_safe(svg), brick=Money(brick, currency))  # noqa: S308 (see above)


def shares(parts: Sequence[tuple[str, int]], *, told: str) -> SafeString:
    """Draw how parts make a whole, as one strip: of each its hue, such as "te", and its size."""
    whole = sum(size for _, size in parts)
    drawn, at = [], 0.0
    for hue, size in parts:
        width = SHARES * max(size, 0) / whole if whole > 0 else 0
        if width:
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


def _axis(top: int, brick: int, scale: float, currency: str) -> str:
    """Draw the lines to read the bars by: whole bricks, four or five of them."""
    every = max(-(-top // 4), 1)
    drawn = []
    for number in range(0, top + 1, every):
        y = TOP + PLOT - number * brick * scale
        drawn.append(
            f'<path class="rule" d="M{LEFT} {y:.1f}H{WIDTH}"/>'
            f'<text class="ax end" x="{LEFT - 10}" y="{y + 5:.1f}">'
            f"{Money(number * brick, currency)}</text>"
        )
    return "".join(drawn)


def _round(minor: float, currency: str) -> int:
    """Return the next round sum: 1, 2 or 5 with noughts, a whole pound at least."""
    sum_: int = 10 ** CURRENCIES[currency].exponent
    while True:
        for times in (1, 2, 5):
            if sum_ * times >= minor:
                return sum_ * times
        sum_ *= 10
