"""Contacts and consents in Django admin: to look at, and to withdraw for whoever writes."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from alliance.contacts import services
from alliance.contacts.models import Consent, Contact
from alliance.core.admin import ReadOnlyAdmin, ReadOnlyInline


class ConsentInline(ReadOnlyInline[Consent, Contact]):
    model = Consent
    fields = ["campaign", "wording", "source", "given_at", "withdrawn_at"]


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin[Contact]):
    list_display = ["email", "created_at"]
    search_fields = ["email_key"]
    inlines = [ConsentInline]
    actions = ["withdraw"]

    @admin.action(description="Withdraw all consents: they wrote to us", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
        """Do what the privacy page promises to whoever writes."""
        count = services.withdraw_consents(contacts, at=timezone.now())
        self.message_user(request, f"{count} consents are withdrawn.")

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("contacts.change_consent")
