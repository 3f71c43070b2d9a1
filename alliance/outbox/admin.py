"""The outbox in Django admin: to look at, not to change."""

from django.contrib import admin
from django.http import HttpRequest

from alliance.core.admin import ReadOnlyAdmin
from alliance.outbox import services
from alliance.outbox.models import Mail, MailQuerySet


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin[Mail]):
    list_display = ["kind", "reference", "contact", "state", "attempts", "created_at", "sent_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["contact"]
    search_fields = ["reference", "contact__email_key"]
    ordering = ["-pk"]
    actions = ["send_again"]

    @admin.action(description="Send again (somebody may get it twice)", permissions=["send"])
    def send_again(self, request: HttpRequest, mails: MailQuerySet) -> None:
        """Queue what failed, or what nobody can tell of."""
        self.message_user(request, f"{services.send_again(mails)} mails will be sent again.")

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_mail")
