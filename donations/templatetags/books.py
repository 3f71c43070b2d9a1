"""How the books stand, for the first page of Django admin."""

from django import template
from django.utils import timezone

from donations import reconciliation

register = template.Library()


@register.simple_tag
def standing_of_the_books() -> dict[str, object]:
    """Return when the books were compared, and whether that is too long ago."""
    now = timezone.now()
    return {
        "last": reconciliation.read_until(),
        "is_late": reconciliation.is_late(now=now),
    }
