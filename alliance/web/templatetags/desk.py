"""What the desk's pages have in common: the tabs, as far as somebody may open them."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from campaigns.models import Can

register = template.Library()

# The first address of each tab, its words, and what it takes to open it.
TABS = (
    ("desk:overview", "Overview", Can.LOOK),
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
