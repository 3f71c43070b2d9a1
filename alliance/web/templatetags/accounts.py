"""What the pages of accounts need beside allauth's own: the way on, and data for the passkeys."""

import json
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.http import url_has_allowed_host_and_scheme

from alliance.web.middleware import GOING_TO

register = template.Library()


@register.simple_tag(takes_context=True)
def going_to(context: dict[str, Any]) -> str:
    """Return where somebody was going before they were asked for a second factor, or nothing."""
    address: str = context["request"].session.get(GOING_TO, "")
    return address if url_has_allowed_host_and_scheme(address, allowed_hosts=None) else ""


@register.filter
def as_json(value: object) -> str:
    """Return a value as JSON, to stand in an attribute."""
    return json.dumps(value, cls=DjangoJSONEncoder)
