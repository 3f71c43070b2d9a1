"""What the desk's pages have in common: the tabs, as far as somebody may open them."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from campaigns.models import Can, Edit

register = template.Library()

# The first address of each tab, its words, and what it takes to open it.
TABS = (
    ("desk:overview", "Overview", Can.LOOK),
    ("desk:gifts", "Gifts", Can.MONEY),
    ("desk:links", "Links", Can.LOOK),
    ("desk:page", "Page", Can.WRITE),
    ("desk:team", "Team", Can.LOOK),
)


@register.simple_tag(takes_context=True)
def desk_tabs(context: dict[str, Any]) -> SafeString:
    """Return the tabs' links; the one that is open says so."""
    request = context["request"]
    tabs = []
    for name, words, needs in TABS:
        if not request.membership.may(needs):
            continue
        address = reverse(name, args=[context["campaign"].slug])
        is_here = request.path == address or (
            name != TABS[0][0] and request.path.startswith(address)
        )
        tabs.append((address, SafeString(' aria-current="page"') if is_here else "", words))
    return format_html_join("", '<a href="{}"{}>{}</a>', tabs)


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], what: str) -> bool:
    """Return whether the page's reader may do something: `{% may "MONEY" as sees_donors %}`."""
    return bool(context["request"].membership.may(Can[what]))


# The parts of a campaign's page.
PARTS = (
    ("desk:page", "Words"),
    ("desk:pictures", "Pictures"),
    ("desk:goals", "Goals"),
    ("desk:endorsements", "Endorsements"),
    ("desk:history", "History"),
    ("desk:state", "Open or closed"),
)


@register.simple_tag(takes_context=True)
def page_tabs(context: dict[str, Any]) -> SafeString:
    """Return the ways to the parts of the page; the one that is open says so."""
    path, slug = context["request"].path, context["campaign"].slug
    parts = []
    for name, words in PARTS:
        address = reverse(name, args=[slug])
        is_here = path == address or (name != PARTS[0][0] and path.startswith(address))
        here = SafeString(' aria-current="page"') if is_here else ""
        parts.append((address, here, words))
    return format_html_join("", '<li><a href="{}"{}>{}</a></li>', parts)


@register.simple_tag
def editor(edit: Edit) -> str:
    """Name who saved an edit."""
    if edit.by is None:
        return "Nobody"
    return edit.by.name or "Somebody who gave no name"
