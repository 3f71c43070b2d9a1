"""Money in Django admin: to look at. Nobody edits or deletes a row of it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from alliance.core.admin import ReadOnlyAdmin, ReadOnlyInline
from donations import inbox, services
from donations.models import Donation, DonationQuerySet, LedgerEntry, Payment, StripeEvent


class PaymentInline(ReadOnlyInline[Payment, Donation]):
    model = Payment
    fields = ["stripe_id", "amount", "paid_at"]
    readonly_fields = ["amount"]


@admin.register(Donation)
class DonationAdmin(ReadOnlyAdmin[Donation]):
    list_display = [
        "reference",
        "campaign",
        "name",
        "contact_email",
        "amount",
        "state",
        "created_at",
    ]
    list_filter = ["campaign", "session_rank"]
    list_select_related = ["campaign", "contact"]
    search_fields = [
        "reference",
        "name",
        "contact__email_key",
        "session_id",
        "payments__stripe_id",
    ]
    ordering = ["-pk"]
    inlines = [PaymentInline]
    actions = ["hide_name"]
    # The page's address opens the gift to whoever has it, and the form's words are proof only.
    exclude = ["public_id", "session_url"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Donation]:
        return super().get_queryset(request).with_state()  # type: ignore[attr-defined,no-any-return]

    @admin.action(description="Don’t show these names in public", permissions=["hide"])
    def hide_name(self, request: HttpRequest, donations: DonationQuerySet) -> None:
        """Stop naming these donors on the campaign's page."""
        self.message_user(request, f"{services.hide_names(donations)} names are hidden now.")

    def has_hide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.change_donation")

    @admin.display(ordering="contact__email_key")
    def contact_email(self, donation: Donation) -> str:
        return donation.contact.email

    @admin.display
    def state(self, donation: Donation) -> str:
        return donation.state


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin[LedgerEntry]):
    list_display = ["entered_at", "kind", "amount", "campaign", "stripe_id"]
    list_filter = ["kind", "campaign"]
    list_select_related = ["campaign"]
    search_fields = ["stripe_id"]
    ordering = ["-pk"]


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin[StripeEvent]):
    list_display = ["received_at", "type", "state", "attempts", "id"]
    list_filter = ["state", "type"]
    search_fields = ["id", "payload"]
    ordering = ["-received_at"]
    actions = ["process_again"]

    def get_exclude(self, request: HttpRequest, _obj: StripeEvent | None = None) -> list[str]:
        """Show what Stripe wrote, addresses and all, to superusers alone."""
        return [] if request.user.is_superuser else ["payload", "error"]

    def has_process_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("donations.change_stripeevent")

    @admin.action(description="Process again", permissions=["process"])
    def process_again(self, request: HttpRequest, events: QuerySet[StripeEvent]) -> None:
        """Give failed events another try; one that had its effect is left as it is."""
        count = inbox.revive([event.pk for event in events])
        self.message_user(request, f"{count} processed again; see their state below.")
