"""The outbox in Django admin: to look at, not to change."""

from django.contrib import admin

from alliance.core.admin import ReadOnlyAdmin
from alliance.outbox.models import Mail


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin[Mail]):
    list_display = ["kind", "reference", "contact", "state", "attempts", "created_at", "sent_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["contact"]
    search_fields = ["reference", "contact__email_key"]
    ordering = ["-pk"]
