"""Stripe's events in Django admin: what they are, which need a person, and another try."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from alliance.accounts import audit
from alliance.core.admin import ReadOnlyAdmin
from donations import inbox
from donations.admin.base import require
from donations.models import StripeEvent

State = StripeEvent.State


class Standing(admin.SimpleListFilter):
    """Only what an index finds: of most events nobody needs a list."""

    title = "what becomes of it"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return [
            (State.DEAD, "needs a person: failed too often"),
            (State.PENDING, "waits, or is tried again"),
            (State.UNHANDLED, "of an unknown type"),
        ]

    def queryset(
        self, _request: HttpRequest, rows: QuerySet[StripeEvent]
    ) -> QuerySet[StripeEvent]:
        known = {value for value, _ in self.lookup_choices}
        return rows.filter(state=self.value()) if self.value() in known else rows


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin[StripeEvent]):
    list_display = ["received_at", "type", "state", "attempts", "waits_for", "id"]
    list_filter = [Standing]
    search_fields = ["pk"]
    search_help_text = "Stripe’s id of an event, or of what events wait for."
    ordering = ["-received_at"]
    actions = ["process_again"]

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[StripeEvent], search_term: str
    ) -> tuple[QuerySet[StripeEvent], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        return queryset.filter(Q(pk=text) | Q(waits_for=text)), False

    def get_exclude(self, request: HttpRequest, _obj: StripeEvent | None = None) -> list[str]:
        """Show what Stripe wrote, addresses and all, to superusers alone."""
        return [] if request.user.is_superuser else ["payload", "error"]

    def has_process_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.change_stripeevent")

    @admin.action(description="Process again", permissions=["process"])
    def process_again(self, request: HttpRequest, events: QuerySet[StripeEvent]) -> None:
        """Give failed events another try; one that had its effect is left as it is."""
        user = require(request, "donations.change_stripeevent")
        tried = list(events.filter(state__in=[State.DEAD, State.PENDING]))
        count = inbox.revive([event.pk for event in tried])
        audit.note(user, tried, "Had it processed again.")
        self.message_user(request, f"{count} processed again; see their state below.")
