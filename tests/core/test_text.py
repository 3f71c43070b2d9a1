"""What people we do not know have typed: Markdown, names, and what is invisible in both."""

from html.parser import HTMLParser

import pytest
from django import forms

from alliance.core import text
from alliance.core.text import Picture
from tests import hostile

OURS = "/media/campaigns/ours.webp"
PICTURES = {OURS: Picture('A "full" <hall>', "Photograph: A & B")}


class Seen(HTMLParser):
    """What a browser would make of it: text that looks like a tag is none."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.pictures += [dict(attrs)] if tag == "img" else []

    def handle_data(self, data: str) -> None:
        self.words += data


def seen(html: str) -> Seen:
    reader = Seen()
    reader.feed(html)
    return reader


def test_stories_keep_their_structure() -> None:
    html = text.to_html("## Then\n\n- one\n- **two**\n\n[more](https://example.org/)\n")

    assert html == (
        "<h2>Then</h2>\n<ul>\n<li>one</li>\n<li><strong>two</strong></li>\n</ul>\n"
        '<p><a href="https://example.org/" rel="noopener noreferrer nofollow ugc">more</a></p>\n'
    )


@pytest.mark.parametrize("words", hostile.CORPUS)
@pytest.mark.parametrize("pictures", [None, PICTURES], ids=["words", "with pictures"])
def test_nothing_but_text_and_links_survives(
    words: str, pictures: dict[str, Picture] | None
) -> None:
    html = text.to_html(words, pictures)

    page = seen(html)
    assert hostile.harm_in(html) == []
    assert set(page.tags) <= {"p", "a", "h2", "blockquote"}
    assert page.attributes <= {"href", "rel"}
    assert all(link.startswith("https://") for link in page.links)
    assert not set(page.words) & hostile.INVISIBLE


def test_the_corpus_is_worth_its_name_and_the_reader_finds_harm_where_there_is_some() -> None:
    assert len(set(hostile.CORPUS)) >= 40
    found = [words for words in hostile.CORPUS if hostile.harm_in(words)]
    # The others are Markdown, or words for inside an attribute.
    assert len(found) >= 30


def test_a_picture_of_ours_is_shown_with_the_words_and_the_credit_of_its_upload() -> None:
    html = text.to_html(f"Before.\n\n![other words]({OURS})\n\nAfter.", PICTURES)

    page = seen(html)
    assert page.tags == ["p", "figure", "img", "figcaption", "p"]
    assert page.pictures == [{"src": OURS, "alt": 'A "full" <hall>', "loading": "lazy"}]
    assert page.words.split() == ["Before.", "Photograph:", "A", "&", "B", "After."]


@pytest.mark.parametrize(
    "words",
    [
        "![words](https://elsewhere.example/a.webp)",
        "![words](/media/campaigns/anothers.webp)",
        f"![words]({OURS}?x=1)",
        f"![words](//elsewhere.example{OURS})",
        f"In a line ![words]({OURS}) of text",
        f"- ![words]({OURS})",
        f"[![words]({OURS})](https://elsewhere.example)",
    ],
)
def test_any_other_picture_is_its_words(words: str) -> None:
    page = seen(text.to_html(words, PICTURES))

    assert page.pictures == []
    assert "words" in page.words


@pytest.mark.parametrize(
    ("typed", "line", "block"),
    [
        ("  Zoë  Ñandú ", "Zoë Ñandú", "Zoë  Ñandú"),
        ("one\r\ntwo\rthree\u2028four", "one two three four", "one\ntwo\nthree\nfour"),
        ("\u202eevil\u202c \u2066x\u2069\u200f", "evil x", "evil x"),
        ("a\x00b\x1b[31mc\x7f\x85d\ufeff", "ab[31mcd", "ab[31mcd"),
        ("👩‍👧 क्ष", "👩‍👧 क्ष", "👩‍👧 क्ष"),
        ("tab\there", "tab here", "tab\there"),
        (" \u202e \x00 ", "", ""),
    ],
)
def test_what_is_invisible_and_tricky_goes_and_all_else_stays(
    typed: str, line: str, block: str
) -> None:
    assert text.one_line(typed) == line
    assert text.lines(typed) == block


def test_a_name_of_nothing_visible_is_no_name() -> None:
    class NameForm(forms.Form):
        name = text.LineField()
        more = text.LinesField(required=False, max_length=3)

    assert NameForm({"name": "\u202e\u200f \x00"}).errors.keys() == {"name"}
    form = NameForm({"name": " Zoë\x00\nExample", "more": "\u202e\u202ea\nb"})
    assert form.is_valid()
    assert form.cleaned_data == {"name": "Zoë Example", "more": "a\nb"}
