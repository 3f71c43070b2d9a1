"""The look holds together: styles and templates fit, and no page needs what the policy refuses."""

import gzip
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import tinycss2
from django.conf import settings
from django.template.loader import get_template
from django.test import Client

from alliance.core import patchwork
from campaigns.models import Campaign

ROOT = Path(__file__).resolve().parents[2]
# Django admin has its own.
SHEETS = {
    path.name: path.read_text()
    for path in sorted((ROOT / "static" / "css").glob("*.css"))
    if path.name != "admin.css"
}
CSS = SHEETS["site.css"]
# Mails carry their own look; the admin has Django's.
TEMPLATES = {
    path.relative_to(ROOT / "templates").as_posix(): path.read_text()
    for path in sorted((ROOT / "templates").rglob("*.html"))
    if path.relative_to(ROOT / "templates").parts[0] not in {"emails", "admin"}
}


# Charts are drawn in code; of some classes only the beginning is written down.
DRAWN = [(ROOT / "alliance" / "web" / "desk" / "charts.py").read_text()]
WORKED_OUT = ("is-", "f-", "bar-", "mid")


def rules(nodes: list[Any]) -> Iterator[Any]:
    """Every rule of a stylesheet, those inside @layer and @media too."""
    for node in nodes:
        yield node
        if node.type == "at-rule" and node.content is not None:
            yield from rules(tinycss2.parse_blocks_contents(node.content, skip_whitespace=True))
        if node.type == "qualified-rule":
            yield from rules(tinycss2.parse_blocks_contents(node.content, skip_whitespace=True))


def classes_in(tokens: list[Any]) -> Iterator[str]:
    """Every class a selector names, inside :is() and :not() too."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "ident" and before is not None and before == ".":
            yield token.value
        if token.type == "function":
            yield from classes_in(token.arguments)


def stylesheet(css: str = "".join(SHEETS.values())) -> list[Any]:
    return list(rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)))


def test_the_stylesheet_parses_and_is_light() -> None:
    nodes = stylesheet()

    assert [node for node in nodes if node.type == "error"] == []
    assert sum(node.type == "qualified-rule" for node in nodes) > 100
    assert len(gzip.compress(CSS.encode())) < 20_000
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_templates_use_the_classes_that_are_styled_and_all_of_them() -> None:
    styled = {
        name
        for node in stylesheet()
        if node.type == "qualified-rule"
        for name in classes_in(node.prelude)
    }
    used = {
        word
        for text in [*TEMPLATES.values(), *DRAWN]
        for value in re.findall(r'class="([^"]*)"', text)
        for word in re.sub(r"\S*{.*?}+\S*", " ", re.sub(r"{%.*?%}", " ", value)).split()
    }
    drawings = set(re.findall(r'{% art "(\w+)"', "".join(TEMPLATES.values())))

    assert used | drawings <= styled
    unused = styled - used - drawings
    assert {name for name in unused if not name.startswith(WORKED_OUT)} == set()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles_and_needs_nothing_inline(name: str) -> None:
    text = TEMPLATES[name]

    get_template(name)

    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert re.findall(r'(?:src|action)="(?:https?:)?//', text) == []


@pytest.mark.parametrize("name", ["404", "403", "400", "500", "503", "403_csrf"])
def test_an_error_page_needs_no_context(name: str) -> None:
    html = get_template(f"{name}.html").render()

    assert "<h1" in html
    assert 'href="/"' in html


def test_the_script_of_the_waiting_page_is_short() -> None:
    script = (ROOT / "static" / "js" / "status.js").read_text()

    assert len(script.splitlines()) <= 40


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    full = colour if len(colour) > 4 else "#" + "".join(2 * digit for digit in colour[1:])
    channels = [int(full[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


TOKENS = {
    name: (light, dark or light)
    for name, light, dark in (
        (found[1], found[2] or found[4], found[3])
        for found in re.finditer(
            r"--([\w-]+): (?:light-dark\((#\w+), (#\w+)\)|(#\w+));",
            CSS.partition("@layer base {")[0],
        )
    )
}
GROUNDS = ("paper", "raise", "tint")
TEXT_ON_GROUND = [
    *product(("ink", "soft", "link", "bad", "good"), GROUNDS),
    ("bad", "bad-wash"),
    ("ink", "bad-wash"),
    *product(("on-hue",), ("gold", "orange", "sea", "peach")),
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground_in_light_and_dark(scheme: int) -> None:
    text = {
        (one, other): contrast(TOKENS[one][scheme], TOKENS[other][scheme])
        for one, other in TEXT_ON_GROUND
    }
    # A night field is dark in both schemes: what lies on it takes the dark side of its token.
    night = {
        name: contrast(TOKENS[name][1], TOKENS["night"][scheme])
        for name in ("ink", "soft", "link", "good")
    }
    lines = {
        ground: contrast(TOKENS["edge"][scheme], TOKENS[ground][scheme]) for ground in GROUNDS
    }

    assert {pair: ratio for pair, ratio in text.items() if ratio < 4.5} == {}
    assert {name: ratio for name, ratio in night.items() if ratio < 4.5} == {}
    assert {ground: ratio for ground, ratio in lines.items() if ratio < 3} == {}


@pytest.mark.django_db
def test_public_pages_are_light_and_every_drawing_on_them_exists(
    client: Client, campaign: Campaign
) -> None:
    addresses = ("/", campaign.get_absolute_url(), f"{campaign.get_absolute_url()}give/")

    pages = [client.get(address) for address in addresses]

    sheet = patchwork.draw("sheet") or ""
    for page in pages:
        html = page.content.decode()
        assert page.status_code == 200
        assert len(html) < 40_000
        assert settings.PLATFORM_NAME in html
        shown = re.findall(r'src="/art/([^."]+)\.svg\?v=(\w+)(?:#([\w-]+))?"', html)
        assert len(shown) == html.count("/art/") - html.count('href="/art/mark.svg"')
        for name, version, cut in shown:
            assert patchwork.draw(name) is not None, name
            assert version == patchwork.VERSION
            assert not cut or f'<view id="{cut}"' in sheet
