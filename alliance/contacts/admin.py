"""Contacts and consents in Django admin: to look at, not to change."""

from django.contrib import admin

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
