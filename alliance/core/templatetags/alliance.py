"""Template tags that any page may need."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alliance.core import money, patchwork

register = template.Library()

# What is seen first is fetched at once; the rest waits until it is near.
_EAGER = {"mark", "strip", "hero"}
# Small pieces share one sheet: one request for all of them.
_SERIES = {"tile": len(patchwork.TILES), "orn": len(patchwork.ORNAMENTS)}


@register.simple_tag
def art(kind: str, *parts: object, alt: str = "") -> SafeString:
    """Show a drawing: {% art "quilt" 71 60 "mine" alt="…" %}, {% art "tile" forloop.counter0 %}.

    Tiles and ornaments start again when a number is beyond the last of them.
    """
    if kind in _SERIES:
        parts = tuple(int(str(part)) % _SERIES[kind] for part in parts)
    name = "-".join(str(part) for part in (kind, *parts))
    on_sheet = kind in {"mark", "gap", "gaps", "part", *_SERIES}
    file, cut = ("sheet", f"#{name}") if on_sheet else (name, "")
    width, height = patchwork.SIZES[kind]
    return format_html(
        '<img class="{}" src="/art/{}.svg?v={}{}" alt="{}" width="{}" height="{}"{} '
        'decoding="async">',
        kind,
        file,
        patchwork.VERSION,
        cut,
        alt,
        width,
        height,
        "" if kind in _EAGER or on_sheet else SafeString(' loading="lazy"'),
    )


@register.filter
def thousands(number: int) -> str:
    """Print a count with commas: 12,486."""
    return f"{number:,}"


@register.filter
def symbol(currency: str) -> str:
    """Print a currency's sign, to stand before the field an amount is typed into."""
    return money.CURRENCIES[currency].symbol
