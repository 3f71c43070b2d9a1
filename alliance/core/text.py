"""What people type: freed of invisible tricks, and Markdown as HTML that can do no harm."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import nh3
from django import forms
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# Control characters, and marks that turn the direction of writing: they can only serve to make
# a page or a mail read as something else. Joiners stay: scripts and emoji need them.
_TRICKS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_BREAKS = re.compile("\r\n?|\u2028|\u2029")
_SPACES = re.compile(r"\s+")

# Where a link may lead: elsewhere by its whole address, or within the site.
_LEADS = re.compile(r"https?://|mailto:|/(?![/\\])|#", re.IGNORECASE)
_TAGS = {"p", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "a", "blockquote", "hr", "br"}
_PICTURE_TAGS = {"figure", "figcaption", "img"}


@dataclass(frozen=True)
class Picture:
    """A picture of our own that a text may show: what it is in words, and whose it is."""

    alt: str
    credit: str


def one_line(typed: str) -> str:
    """Return a name or a headline as one line, without anything invisible in it."""
    return _SPACES.sub(" ", _TRICKS.sub("", _BREAKS.sub(" ", typed))).strip()


def lines(typed: str) -> str:
    """Return a text with its line breaks, without anything else that is invisible."""
    return _TRICKS.sub("", _BREAKS.sub("\n", typed)).strip()


class LineField(forms.CharField):
    """One line of text."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(one_line(value) if isinstance(value, str) else value)


class LinesField(forms.CharField):
    """A text of several lines."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        return super().to_python(lines(value) if isinstance(value, str) else value)


def to_html(markdown: str, pictures: Mapping[str, Picture] | None = None) -> SafeString:
    """Render Markdown; plain text structure and links survive, and `pictures` by their address.

    Two fences on purpose: the parser refuses HTML, and the allow-list trusts no parser. A
    picture stands in a paragraph of its own; its words and its credit are the upload's.
    """
    known = pictures or {}

    def attribute(tag: str, name: str, value: str) -> str | None:
        is_fine = {("img", "src"): value in known, ("a", "href"): _LEADS.match(value)}
        return value if is_fine.get((tag, name), True) else None

    html = nh3.clean(
        _MARKDOWN.render(_TRICKS.sub("", markdown), {"pictures": known}),
        tags=_TAGS | (_PICTURE_TAGS if known else set()),
        attributes={"*": set(), "a": {"href"}, "img": {"src", "alt", "loading"}},
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
    )
    return mark_safe(html)  # noqa: S308 (cleaned one line above)


def _frame_pictures(state: StateCore) -> None:
    """Make a figure of each paragraph that is one picture of ours, and nothing of the others."""
    known = state.env.get("pictures", {})
    for before, inline, after in zip(
        state.tokens, state.tokens[1:], state.tokens[2:], strict=False
    ):
        children = inline.children or []
        is_alone = before.type == "paragraph_open" and len(children) == 1 and not before.hidden
        if is_alone and children[0].type == "image" and children[0].attrs.get("src") in known:
            before.tag = after.tag = "figure"
            children[0].meta["is_framed"] = True


def _draw_picture(
    _self: Any, tokens: list[Token], at: int, _options: Any, env: dict[str, Any]
) -> str:
    token = tokens[at]
    if not token.meta.get("is_framed"):
        return escape(token.content)
    src = str(token.attrs["src"])
    picture = env["pictures"][src]
    caption = f"<figcaption>{escape(picture.credit)}</figcaption>" if picture.credit else ""
    return f'<img src="{escape(src)}" alt="{escape(picture.alt)}" loading="lazy">{caption}'


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(
    ["replacements", "smartquotes"]
)
_MARKDOWN.core.ruler.push("pictures", _frame_pictures)
_MARKDOWN.add_render_rule("image", _draw_picture)
