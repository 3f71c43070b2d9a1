"""Markdown of people we do not know."""

from html.parser import HTMLParser

import pytest

from alliance.core import text


class Seen(HTMLParser):
    """What a browser would make of it: text that looks like a tag is none."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_stories_keep_their_structure() -> None:
    html = text.to_html("## Then\n\n- one\n- **two**\n\n[more](https://example.org/)\n")

    assert html == (
        "<h2>Then</h2>\n<ul>\n<li>one</li>\n<li><strong>two</strong></li>\n</ul>\n"
        '<p><a href="https://example.org/" rel="noopener noreferrer nofollow ugc">more</a></p>\n'
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://elsewhere.example/pixel.gif)",
        "<svg/onload=alert(1)>",
        "<iframe src=https://elsewhere.example></iframe>",
        '<p style="position:fixed">over everything</p>',
        '[x](https://example.org "onmouseover=alert(1)")',
        "<!--[if IE]><script>alert(1)</script><![endif]-->",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    ],
)
def test_nothing_but_text_and_links_survives(hostile: str) -> None:
    html = text.to_html(hostile)

    seen = Seen()
    seen.feed(html)
    assert seen.tags <= {"p", "a", "h2"}
    assert seen.attributes <= {"href", "rel"}
    assert all(link.startswith("https://") for link in seen.links)
