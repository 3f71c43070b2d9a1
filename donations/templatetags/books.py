"""How the books stand, for the first page of Django admin."""

from django import template
from django.utils import timezone

from alliance.core import jobs
from donations import reconciliation
from donations.models import StripeEvent

register = template.Library()


@register.simple_tag
def standing_of_the_books() -> dict[str, object]:
    """Return when the books were compared, which jobs are late, and if events need a person."""
    now = timezone.now()
    return {
        "last": reconciliation.read_until(),
        "is_late": reconciliation.is_late(now=now),
        "late_jobs": jobs.late(now=now),
        "has_dead_events": StripeEvent.objects.filter(state=StripeEvent.State.DEAD).exists(),
    }
