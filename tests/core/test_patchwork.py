"""The drawings: the same name gives the same drawing, and no name gives too much."""

import base64
import hashlib
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from alliance.core import patchwork

NAMES = (
    "sheet",
    "mark",
    "strip-11",
    "cloth-17",
    "hero-progressive-alliance",
    "hero-Clean_air",
    "quilt-0-0",
    "quilt-71-60",
    "quilt-71-60-mine",
    "quilt-100-0-mine",
)


def drawn(name: str) -> str:
    svg = patchwork.draw(name)
    assert svg is not None, name
    return svg


@pytest.mark.parametrize("name", NAMES)
def test_every_drawing_is_valid_xml_whose_references_it_holds_itself(name: str) -> None:
    svg = drawn(name)

    root = ET.fromstring(svg)  # noqa: S314 (we drew it)

    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', svg)) <= set(ids)
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)
    classes = set(re.findall(r'class="([^"]+)"', svg))
    assert classes <= patchwork.FILLS.keys() | patchwork.STROKES.keys()


def test_another_process_draws_the_same() -> None:
    program = (
        "from hashlib import sha256; from alliance.core import patchwork; "
        f"print(sha256(''.join(patchwork.draw(n) for n in {NAMES!r}).encode()).hexdigest())"
    )
    here = hashlib.sha256("".join(drawn(name) for name in NAMES).encode()).hexdigest()

    there = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert there.stdout.strip() == here


def test_each_campaign_has_a_rosette_of_its_own() -> None:
    slugs = [f"campaign-{number}" for number in range(40)]

    rosettes = {drawn(f"hero-{slug}") for slug in slugs}

    assert len(rosettes) == len(slugs)


@pytest.mark.parametrize(("columns", "rows"), [(32, 1), (32, 2), (20, 5)])
def test_neighbours_share_neither_ground_nor_shape(columns: int, rows: int) -> None:
    cloths = [patchwork.piece(f"{n}", columns, rows, repeats=True) for n in range(50)]

    for cloth in cloths:
        assert len(cloth) == columns * rows
        across = [
            (cloth[column, row], cloth[(column + 1) % columns, row])
            for column in range(columns)
            for row in range(rows)
        ]
        down = [
            pair
            for column in range(columns)
            for pair in pairwise(cloth[column, row] for row in range(rows))
        ]
        for one, other in across + down:
            assert one.ground != other.ground
            assert one.shape != other.shape


@pytest.mark.parametrize(
    ("filled", "part", "whole", "stitched"),
    [(0, 0, 0, 100), (0, 1, 0, 100), (71, 60, 71, 29), (99, 99, 99, 1), (100, 0, 100, 0)],
)
def test_the_quilt_has_a_hundred_patches_and_shows_what_is_there(
    filled: int, part: int, whole: int, stitched: int
) -> None:
    svg = drawn(f"quilt-{filled}-{part}")

    begun = 1 if part else 0
    assert svg.count("<use ") == whole + begun
    assert svg.count('class="gap"') == stitched
    assert svg.count("<clipPath") == begun


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("quilt-71-60-mine", 14 * 44 + 3, 1 * 44 + 3),
        ("quilt-71-0-mine", 14 * 44 + 3, 0 * 44 + 3),
        ("quilt-0-0-mine", 3, 3),
        ("quilt-100-0-mine", 19 * 44 + 3, 4 * 44 + 3),
    ],
)
def test_the_outline_is_around_the_patch_that_the_last_gift_went_into(
    name: str, x: int, y: int
) -> None:
    svg = drawn(name)

    assert f'<rect class="mine" x="{x}" y="{y}"' in svg


@pytest.mark.parametrize(
    "name",
    [
        "",
        "sheets",
        "strip",
        "strip-100",
        "strip-07",
        "strip--1",
        "strip-\u0661",
        "cloth-1-2",
        "quilt-101-0",
        "quilt-71-100",
        "quilt-071-60",
        "quilt-71",
        "quilt-71-60-yours",
        "hero",
        "hero-",
        "hero-" + "a" * 51,
        "hero-../secret",
        'hero-"><script>',
        "hero-a\n",
    ],
)
def test_a_name_out_of_bounds_is_no_drawing(name: str) -> None:
    assert patchwork.draw(name) is None


def test_a_scanner_cannot_fill_the_memory() -> None:
    for number in range(1000):
        patchwork.draw(f"hero-{number}")

    assert patchwork.draw.cache_info().currsize <= 64
    assert all(len(drawn(name)) < 40_000 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_hash_lets_the_style_of_every_drawing_through(name: str) -> None:
    style = re.findall("<style>(.*?)</style>", drawn(name))

    digest = hashlib.sha256("".join(style).encode()).digest()
    assert f"'sha256-{base64.b64encode(digest).decode()}'" == patchwork.STYLE_SOURCE
    assert "style=" not in drawn(name)


def test_the_sheet_holds_every_small_piece_apart_from_the_others() -> None:
    views = dict(re.findall(r'<view id="([^"]+)" viewBox="([^"]+)"/>', drawn("sheet")))

    assert views.keys() == {
        *("mark", "gap", "gaps", "part"),
        *(f"tile-{number}" for number in range(len(patchwork.TILES))),
        *(f"orn-{number}" for number in range(len(patchwork.ORNAMENTS))),
    }
    edges = [tuple(int(number) for number in box.split()) for box in views.values()]
    for (_, top, _, height), (_, next_top, _, _) in pairwise(edges):
        assert top + height < next_top
