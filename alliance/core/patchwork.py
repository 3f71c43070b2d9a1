"""The quilt: every drawing of the site, made by rule, so that one name gives one drawing."""

import base64
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

# One patch is a square of this many units.
UNIT = 40
SHAPES = {
    "q": "M0 0H40A40 40 0 0 1 0 40Z",
    "h": "M0 0H40A20 20 0 0 1 0 0Z",
    "t": "M0 0H40L0 40Z",
    "l": "M0 0A40 40 0 0 1 40 40A40 40 0 0 1 0 0Z",
    "d": "M20 0L40 20 20 40 0 20Z",
    "g": "M0 0H40L0 40H40Z",
    "c": "M20 6A14 14 0 0 1 20 34A14 14 0 0 1 20 6Z",
    "r": "M20 0H40A40 40 0 0 1 0 40V20A20 20 0 0 0 20 0Z",
    "s": "M0 20L20 0 40 20ZM0 40L20 20 40 40Z",
    "p": "M0 0H20A20 20 0 0 1 0 20ZM40 40H20A20 20 0 0 1 40 20Z",
}
# Class: light, dark. "-d" is a fold's shaded side, "-l" its lit one; "-w" and "-v" are the
# quiet ground behind a rosette and the figure on it.
FILLS = {
    "gr": ("#1f8457", "#37a672"),
    "re": ("#d63a3c", "#e4534f"),
    "go": ("#f4b62c", "#f6c04a"),
    "or": ("#ee7a35", "#f18a4a"),
    "pu": ("#5a3d99", "#8166cc"),
    "te": ("#17868f", "#2ba3ab"),
    "gr-d": ("#24674f", "#2e7958"),
    "re-d": ("#a6373f", "#aa4242"),
    "go-d": ("#f29632", "#f4a34a"),
    "or-d": ("#e0563a", "#ea6a4e"),
    "pu-d": ("#463279", "#5a488f"),
    "te-d": ("#236674", "#28737c"),
    "re-l": ("#f9bead", "#fcc1aa"),
    "go-l": ("#fcdea9", "#fcdfa7"),
    "te-l": ("#b9d0c7", "#c0d7c8"),
    "go-w": ("#fbe9c7", "#3b2653"),
    "go-v": ("#fae0b2", "#48306a"),
    "or-w": ("#fddbc7", "#4a2547"),
    "or-v": ("#fcceb5", "#5a2e55"),
    "re-w": ("#fad0c9", "#2c2a5c"),
    "re-v": ("#f8c0b8", "#383674"),
    "pu-w": ("#d2cce2", "#1c3354"),
    "pu-v": ("#c1b9d9", "#254468"),
    "te-w": ("#cbdedd", "#174450"),
    "te-v": ("#b7d3d3", "#1f5865"),
    "in": ("#1b1a33", "#1b1a33"),
    "pa": ("#fdf8ee", "#fdf8ee"),
}
STROKES = {"gap": ("#7b798f", "#8683a0"), "mine": ("#1b1a33", "#f7f2e7")}
# Ground and figure that look well together.
PAIRS = (
    *(("te", "go"), ("te", "pa"), ("gr", "go"), ("gr", "te-l"), ("gr", "pa")),
    *(("pu", "or"), ("pu", "te-l"), ("pu", "go"), ("go", "re"), ("go", "pu")),
    *(("re", "go-l"), ("re", "pu"), ("or", "pu"), ("or", "go-l")),
    *(("te-l", "te"), ("go-l", "or")),
)
# Around the rainbow for soft petals, across it for sharp ones.
HUES = ("re", "or", "go", "gr", "te", "pu")
STAR_HUES = ("te", "go", "pu", "or", "gr", "re")


def _rules(theme: int) -> str:
    fills = (f".{name}{{fill:{hues[theme]}}}" for name, hues in FILLS.items())
    strokes = (f".{name}{{stroke:{hues[theme]}}}" for name, hues in STROKES.items())
    return "".join((*fills, *strokes))


# The same text in every drawing, so that one hash lets it through a Content-Security-Policy.
STYLE = (
    ".gap,.mine{fill:none}.gap{stroke-width:2.5;stroke-dasharray:5 4.25}.mine{stroke-width:6}"
    f"{_rules(0)}@media(prefers-color-scheme:dark){{{_rules(1)}}}"
)
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
# Part of every drawing's address: a changed rule must not meet an old drawing in a cache.
VERSION = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]


class Patch(NamedTuple):
    """One square: two fills, a shape's letter and a turn in degrees."""

    ground: str
    figure: str
    shape: str
    turn: int = 0


# The three patches above a heading, and single ones for lists and buttons.
ORNAMENTS = (
    (Patch("te", "go", "q"), Patch("pu", "or", "l"), Patch("go", "re", "t", 90)),
    (Patch("re", "go-l", "h"), Patch("gr", "go", "t"), Patch("pu", "te-l", "q", 180)),
    (Patch("go", "pu", "g"), Patch("te", "pa", "r", 90), Patch("or", "pu", "q", 270)),
    (Patch("gr", "te-l", "l", 90), Patch("go", "re", "h", 180), Patch("pu", "or", "t", 180)),
    (Patch("or", "go-l", "d"), Patch("pu", "te-l", "r"), Patch("te", "go", "t", 270)),
    (Patch("pu", "go", "q", 90), Patch("re", "pu", "t"), Patch("go-l", "or", "l")),
)
TILES = (
    Patch("go", "re", "q", 180),
    Patch("gr", "go", "q"),
    Patch("pu", "or", "l"),
    Patch("te", "pa", "r", 90),
    Patch("re", "go-l", "h"),
    Patch("go", "pu", "g"),
    Patch("te", "go", "q", 90),
    Patch("re", "pu", "t"),
    Patch("gr", "te-l", "l", 90),
    Patch("or", "go-l", "d"),
)
# Width and height of what an <img> shows, in units.
SIZES = {
    "mark": (48, 48),
    "tile": (UNIT, UNIT),
    "part": (UNIT, UNIT),
    "gap": (UNIT, UNIT),
    "gaps": (132, 44),
    "orn": (3 * UNIT, UNIT),
    "strip": (96 * UNIT, UNIT),
    "cloth": (96 * UNIT, 2 * UNIT),
    "quilt": (880, 220),
    "hero": (720, 720),
}


class Dice:
    """Choices that depend on a text alone: the same in every process and every Python."""

    def __init__(self, seed: str) -> None:
        self._rolls = iter(hashlib.shake_256(seed.encode()).digest(1024))

    def choose(self, options: Sequence[T]) -> T:
        return options[next(self._rolls) % len(options)]


def piece(
    seed: str, columns: int, rows: int, *, repeats: bool = False
) -> dict[tuple[int, int], Patch]:
    """Choose patches by (column, row); neighbours share neither ground nor shape.

    A cloth that repeats has its first column as the right-hand neighbour of its last.
    """
    dice = Dice(seed)
    cloth: dict[tuple[int, int], Patch] = {}
    for column in range(columns):
        for row in range(rows):
            right = (0, row) if repeats and column == columns - 1 else (column + 1, row)
            beside = (right, (column - 1, row), (column, row - 1))
            near = [cloth[cell] for cell in beside if cell in cloth]
            grounds = {patch.ground for patch in near}
            shapes = {patch.shape for patch in near}
            ground, figure = dice.choose([pair for pair in PAIRS if pair[0] not in grounds])
            # The plainest shapes come twice: a cloth needs quiet patches.
            shape = dice.choose([letter for letter in "qqttllhgrspdc" if letter not in shapes])
            cloth[column, row] = Patch(ground, figure, shape, dice.choose((0, 90, 180, 270)))
    return cloth


def _svg(width: float, height: float, *parts: str) -> str:
    shapes = "".join(f'<path id="{letter}" d="{path}"/>' for letter, path in SHAPES.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">'
        f"<style>{STYLE}</style><defs>{shapes}</defs>{''.join(parts)}</svg>"
    )


def _rect(fill: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{fill}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'


def _patch(patch: Patch, x: float, y: float, side: float = UNIT, *, bleed: float = 0) -> str:
    """Draw a patch; `bleed` reaches under the next one, so that no seam shines through."""
    moves = f"translate({x:g} {y:g})"
    if side != UNIT:
        moves += f" scale({side / UNIT:g})"
    if patch.turn:
        moves += f" rotate({patch.turn} 20 20)"
    return (
        _rect(patch.ground, x, y, side + bleed, side + bleed)
        + f'<use href="#{patch.shape}" class="{patch.figure}" transform="{moves}"/>'
    )


def _gap(x: float, y: float) -> str:
    return _rect("gap", x + 1.5, y + 1.5, UNIT - 3, UNIT - 3)


def _filling(name: str, patch: Patch, x: float, y: float, share: float) -> str:
    """Draw a patch that is there from its foot up to `share` (0 to 1), the rest stitched."""
    top = y + UNIT * (1 - share)
    return (
        f'<clipPath id="{name}"><rect x="{x:g}" y="{top:g}" width="{UNIT}" '
        f'height="{UNIT * share:g}"/></clipPath>{_gap(x, y)}'
        f'<g clip-path="url(#{name})">{_patch(patch, x, y)}</g>'
    )


def _bolt(seed: str, rows: int) -> str:
    """Draw a cloth of 96 columns: 32 of them, three times over."""
    patches = piece(seed, 32, rows, repeats=True)
    width = 32 * UNIT
    body = "".join(
        _patch(patch, column * UNIT, row * UNIT, bleed=0.5)
        for (column, row), patch in patches.items()
    )
    again = (f'<use href="#bolt" x="{offset}"/>' for offset in (width, 2 * width))
    return _svg(3 * width, rows * UNIT, f'<g id="bolt">{body}</g>', *again)


def strip(number: int) -> str:
    """Draw the narrow edge under the masthead."""
    return _bolt(f"strip {number}", 1)


def cloth(number: int) -> str:
    """Draw the two-row quilt at the foot of a page."""
    return _bolt(f"cloth {number}", 2)


def quilt(filled: int, part: int, *, mine: bool) -> str:
    """Draw 100 patches filling by columns: `filled` whole ones, `part` per cent of the next.

    With `mine` the patch that the last gift went into is outlined.
    """
    step, total = UNIT + 4, 100
    patches = piece("quilt", 20, 5)
    drawn: list[str] = []
    for (column, row), patch in patches.items():
        index, x, y = column * 5 + row, column * step + 2, row * step + 2
        if index < filled:
            drawn.append(_patch(patch, x, y))
        elif index == filled and part:
            drawn.append(_filling("part", patch, x, y, part / total))
        else:
            drawn.append(_gap(x, y))
    if mine:
        last = filled if part and filled < total else max(filled - 1, 0)
        column, row = divmod(last, 5)
        drawn.append(_rect("mine", column * step + 3, row * step + 3, UNIT - 2, UNIT - 2))
    return _svg(*SIZES["quilt"], *drawn)


def _polar(radius: float, angle: float) -> str:
    return f"{radius * math.cos(angle):.1f} {radius * math.sin(angle):.1f}"


def _ring(
    inner: float, outer: float, petals: int, hues: Sequence[str], *, pointed: bool = False
) -> str:
    """Draw folded petals around the origin, the first one to the right.

    The whole petal lies in shade and the lit half upon it: no seam between the two.
    """
    half = math.pi / petals
    width = outer * math.sin(half)
    cap = "L" if pointed else f"A{width:.1f} {width:.1f} 0 0 1 "
    tip = f"{outer * math.cos(half) + width * (0.9 if pointed else 1):.1f} 0"
    side = f"M{_polar(inner, -half)}L{_polar(outer, -half)}{cap}{tip}"
    whole = f"{side}{cap}{_polar(outer, half)}L{_polar(inner, half)}Z"
    name = f"petal{outer:g}"
    lit = f"{side}L{inner:g} 0Z"
    drawn = [f'<defs><path id="{name}" d="{whole}"/><path id="{name}-lit" d="{lit}"/></defs>']
    for petal in range(petals):
        hue = hues[petal % len(hues)]
        turn = f'transform="rotate({petal * 360 / petals:g})"'
        drawn.append(f'<use href="#{name}" class="{hue}-d" {turn}/>')
        drawn.append(f'<use href="#{name}-lit" class="{hue}" {turn}/>')
    return "".join(drawn)


def _circle(fill: str, radius: float) -> str:
    return f'<circle class="{fill}" r="{radius:g}"/>'


def _group(x: float, y: float, *parts: str, turn: float = 0) -> str:
    moves = f"translate({x:g} {y:g})" + (f" rotate({turn:g})" if turn else "")
    return f'<g transform="{moves}">{"".join(parts)}</g>'


def _flower() -> str:
    return _group(24, 24, _ring(6, 17, 6, HUES), _circle("pa", 6.4), turn=-90)


def mark() -> str:
    """Draw the platform's sign: one small flower of all six hues."""
    return _svg(*SIZES["mark"], _flower())


def sheet() -> str:
    """Draw all small pieces on one sheet, each cut out by its name: sheet.svg#tile-3."""
    gaps = "".join(_gap(2 + column * 44, 2) for column in range(3))
    pieces: list[tuple[str, str]] = [
        ("mark", _flower()),
        ("gap", _gap(0, 0)),
        ("part", _filling("half", Patch("go", "re", "h"), 0, 0, 0.65)),
        ("gaps", gaps),
    ]
    pieces += [(f"tile-{number}", _patch(tile, 0, 0)) for number, tile in enumerate(TILES)]
    for number, three in enumerate(ORNAMENTS):
        row = (_patch(patch, at * UNIT, 0) for at, patch in enumerate(three))
        pieces.append((f"orn-{number}", "".join(row)))
    drawn: list[str] = []
    y = 0
    for name, body in pieces:
        width, height = SIZES[name.partition("-")[0]]
        drawn.append(f'<view id="{name}" viewBox="0 {y} {width} {height}"/>')
        drawn.append(_group(0, y, body))
        y += height + 8
    return _svg(132, y, *drawn)


def _ribbon(seed: str, x: float, y: float, turn: float, ends: tuple[str, str]) -> str:
    side, length = 44, 6
    patches = (
        _patch(patch, (column - 1) * side, row * side, side, bleed=0.5)
        for (column, row), patch in piece(seed, 2, length).items()
    )
    foot = side * length
    left, right = ends
    cut = (
        f'<path class="{left}" d="M{-side} {foot}H0L{-side} {foot + side}Z"/>'
        f'<path class="{right}" d="M0 {foot}H{side}V{foot + side}Z"/>'
    )
    return _group(x, y, *patches, cut, turn=turn)


def _ballot_cross() -> str:
    """Draw the cross at the centre: four arms in four hues."""
    half, reach = 13.5, 47
    drawn = [
        f'<g transform="rotate({number * 90})">'
        f'<path class="{hue}-d" d="M{-half} {-half}V{-reach}H{half}V{-half}Z"/>'
        f'<path class="{hue}" d="M{-half} {-half}V{-reach}H0V{-half}Z"/></g>'
        for number, hue in enumerate(("re", "te", "pu", "gr"))
    ]
    drawn.append(_patch(Patch("go", "in", "d"), -half, -half, 2 * half))
    return _group(0, 0, *drawn, turn=45)


# Where loose, full-strength patches lie on the quiet ground: the edges, never behind petals.
_LOOSE = (
    *((0, 0), (1, 0), (0, 1), (8, 0), (7, 0), (8, 1), (0, 8), (1, 8)),
    *((0, 7), (8, 8), (8, 7), (0, 4), (8, 4), (8, 5), (0, 3), (3, 0)),
)
_SKIES = ("ororgogorerepupupu", "goorgoorrererepupu", "tetegogoororrerepu")


def _ground(seed: str) -> Iterable[str]:
    side, columns = 80, 9
    dice = Dice(f"ground {seed}")
    sky = dice.choose(_SKIES)
    for row in range(columns):
        for column in range(columns):
            hue = dice.choose((*[sky[2 * row : 2 * row + 2]] * 16, "go", "or", "pu", "te"))
            patch = Patch(
                f"{hue}-w", f"{hue}-v", dice.choose("qtlhrg"), dice.choose((0, 90, 180, 270))
            )
            yield _patch(patch, column * side, row * side, side, bleed=0.7)
    loose = piece(f"loose {seed}", columns, columns)
    for column, row in _LOOSE:
        yield _patch(loose[column, row], column * side, row * side, side)


def hero(slug: str) -> str:
    """Draw a campaign's own rosette: the cross is everyone's, the rest follows its slug."""
    dice = Dice(f"hero {slug}")
    first = dice.choose(range(len(HUES)))
    hues = HUES[first:] + HUES[:first]
    petals = dice.choose((18, 24, 30))
    star = dice.choose((12, 18))
    x, y = 360, 318
    rosette = (
        _circle("in", 196),
        _group(0, 0, _ring(150, 226, petals, hues), turn=180 / petals),
        _circle("pa", 172),
        _ring(84, 146, star, STAR_HUES[first:] + STAR_HUES[:first], pointed=True),
        _circle("in", 104),
        _ring(66, 82, 12, dice.choose((("go", "or"), ("te", "go"), ("re", "or")))),
        _circle("pa", 74),
        _ballot_cross(),
    )
    return _svg(
        *SIZES["hero"],
        *_ground(slug),
        _ribbon(f"left {slug}", x - 46, y + 40, 14, ("pu", "re")),
        _ribbon(f"right {slug}", x + 46, y + 40, -14, ("te", "gr")),
        _group(x, y, *rosette),
    )


_NUMBER = "0|[1-9][0-9]?"
# Every name there is; numbers in one spelling only, so that one drawing has one address.
_DRAWINGS: tuple[tuple[str, Callable[..., str]], ...] = (
    ("sheet", sheet),
    ("mark", mark),
    (f"strip-({_NUMBER})", lambda number: strip(int(number))),
    (f"cloth-({_NUMBER})", lambda number: cloth(int(number))),
    ("hero-([A-Za-z0-9_-]{1,50})", hero),
    (
        f"quilt-(100|{_NUMBER})-({_NUMBER})(-mine)?",
        lambda filled, part, mine: quilt(int(filled), int(part), mine=bool(mine)),
    ),
)


@lru_cache(maxsize=64)
def draw(name: str) -> str | None:
    """Draw what a name stands for, as SVG text; None where there is no such drawing."""
    for pattern, drawing in _DRAWINGS:
        if found := re.fullmatch(pattern, name):
            return drawing(*found.groups())
    return None
