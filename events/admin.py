"""Events in Django admin."""

from django.contrib import admin

from events.models import Event, Speaker


class SpeakerInline(admin.TabularInline[Speaker, Event]):
    model = Speaker
    extra = 0


@admin.register(Event)
class EventAdmin(admin.ModelAdmin[Event]):
    inlines = [SpeakerInline]
    list_display = ["title", "campaign", "town", "starts_at", "when_text", "parent"]
    list_filter = ["campaign"]
    list_select_related = ["campaign", "parent"]
    search_fields = ["title", "town"]
    autocomplete_fields = ["parent"]
