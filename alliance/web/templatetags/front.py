"""What needs a person, on Django admin's first page."""

from typing import Any

from django import template
from django.utils import timezone

from alliance.web import front

register = template.Library()


@register.simple_tag(takes_context=True)
def needs_a_person(context: dict[str, Any]) -> list[front.Need] | None:
    """Return what waits for somebody, as far as the page's reader may see it."""
    return front.needs(context["request"].user, now=timezone.now())
