"""What staff type about money, and words for what can't be taken."""

from datetime import datetime, time
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils import timezone

from alliance.contacts.models import normalise
from alliance.core import money
from alliance.core.money import Money
from campaigns.models import Campaign
from donations.forms import GiveForm
from donations.models import Donation, RefundRequest
from donations.plans import MONTHS_OF_PAUSE
from donations.refunds import OfflineGift


class RefundForm(forms.Form):
    amount = forms.CharField(max_length=30, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    reason = forms.ChoiceField(label="Why", choices=RefundRequest.Reason, widget=forms.RadioSelect)
    note = forms.CharField(
        max_length=200,
        required=False,
        help_text="For us: such as who asked, and when. The donor does not see it.",
    )
    # Only a form that was confirmed has these: what makes it one refund, and what was left when
    # the person read it.
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, left: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.left = left

    def clean(self) -> None:
        """Make `money` of what was typed."""
        if "amount" not in self.cleaned_data:
            return
        try:
            amount = money.parse(self.cleaned_data["amount"], self.left.currency, by_card=False)
        except money.AmountError as error:
            self.add_error("amount", str(error))
            return
        self.cleaned_data["money"] = amount
        # Of a form that was confirmed the service judges: it may be one that was sent before.
        if not self.is_confirmed and amount > self.left:
            self.add_error("amount", f"Only {self.left.exact} is left of this payment.")

    @property
    def is_confirmed(self) -> bool:
        said = self.cleaned_data
        return said.get("key") is not None and said.get("seen") is not None

    @property
    def to_confirm(self) -> dict[str, object]:
        """What the page to confirm sends, once."""
        said = self.cleaned_data
        return {
            "amount": said["money"].bare,
            "reason": said["reason"],
            "note": said["note"],
            "key": uuid4(),
            "seen": self.left.minor,
        }


class OfflineForm(forms.Form):
    campaign = forms.ModelChoiceField(Campaign.objects.order_by("name"))
    amount = forms.CharField(
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    method = forms.ChoiceField(
        label="How it came",
        choices=[m for m in Donation.Method.choices if m[0] != Donation.Method.STRIPE],
        widget=forms.RadioSelect,
    )
    received_on = forms.DateField(
        label="Received on", widget=forms.DateInput(attrs={"type": "date"})
    )
    name = forms.CharField(
        label="Donor’s name",
        max_length=100,
        validators=GiveForm.base_fields["name"].validators,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    email = forms.EmailField(
        label="Donor’s e-mail address",
        max_length=254,
        help_text="The receipt goes there.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    display = forms.ChoiceField(
        label="On the campaign’s page",
        choices=[
            (Donation.Display.PRIVATE, "Don’t show the name"),
            (Donation.Display.NAME, "Show the name"),
            (Donation.Display.NAME_AND_AMOUNT, "Show the name and the amount"),
        ],
        initial=Donation.Display.PRIVATE,
        widget=forms.RadioSelect,
        help_text="What the donor asked for; nobody is named who did not.",
    )
    nonce = forms.UUIDField(widget=forms.HiddenInput)

    def clean_received_on(self) -> datetime:
        """Take the day's beginning: the same form says the same moment, however often sent."""
        day = self.cleaned_data["received_on"]
        if day > timezone.localdate():
            raise forms.ValidationError("Enter the day on which it came, today at the latest.")
        return timezone.make_aware(datetime.combine(day, time.min))

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"])
        except ValueError as error:
            raise forms.ValidationError(
                "Enter an address like name@example.org, without accents before the @."
            ) from error

    def clean(self) -> None:
        """Make `money` of what was typed, in the campaign's currency."""
        said = self.cleaned_data
        if "amount" not in said or "campaign" not in said:
            return
        try:
            said["money"] = money.parse(said["amount"], said["campaign"].currency, by_card=False)
        except money.AmountError as error:
            self.add_error("amount", str(error))

    def gift(self) -> OfflineGift:
        """Return what was said, from a form that is valid."""
        said = self.cleaned_data
        nonce: UUID = said["nonce"]
        return OfflineGift(
            nonce=nonce,
            campaign=said["campaign"],
            amount=said["money"],
            method=Donation.Method(said["method"]),
            email=said["email"],
            name=said["name"],
            display=Donation.Display(said["display"]),
            received_at=said["received_on"],
        )


class PauseForm(forms.Form):
    months = forms.TypedChoiceField(
        label="For how long",
        coerce=int,
        choices=[(n, f"{n} month{'s' if n > 1 else ''}") for n in MONTHS_OF_PAUSE],
        widget=forms.RadioSelect,
    )
