"""Updates in Django admin."""

from django.contrib import admin

from updates.models import Update


@admin.register(Update)
class UpdateAdmin(admin.ModelAdmin[Update]):
    list_display = ["title", "campaign", "published_at"]
    list_filter = ["campaign"]
    list_select_related = ["campaign"]
    search_fields = ["title"]
