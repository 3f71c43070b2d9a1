"""The forms of giving: what may be typed, and friendly words where it can't be taken."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.validators import RegexValidator

from alliance.contacts import services as contacts
from alliance.contacts.models import normalise
from alliance.core import money
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import guard
from donations.models import Donation
from donations.plans import MONTHS_OF_PAUSE
from donations.queries import link_of
from donations.services import Pledge

OTHER = "other"
NONCE_SALT = "donations.give"
# A form left open overnight is still good; one from last week is not.
NONCE_LIFE = timedelta(hours=24)

# Control characters and marks that turn the direction of writing: in a name they can only
# serve to make a page or a mail read as something else.
_no_tricks = RegexValidator(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]",
    "Leave out the invisible characters in your name; letters, spaces and hyphens are fine.",
    inverse_match=True,
)
# A name is shown in public to whoever paid the smallest amount: it is no place to advertise.
_no_address = RegexValidator(
    r"://|www\.", "Enter your name without a web address.", inverse_match=True
)


def new_nonce(campaign: Campaign, *, made_at: datetime) -> str:
    """Return what makes this form, however often it is sent, one donation, and tells its age."""
    said = {"nonce": str(uuid.uuid4()), "campaign": campaign.pk, "at": made_at.timestamp()}
    return signing.dumps(said, salt=NONCE_SALT)


def _checked_address(typed: str) -> str:
    try:
        return normalise(typed)
    except ValueError as error:
        raise forms.ValidationError(
            "Enter an e-mail address like name@example.org, without accents before the @."
        ) from error


class GiveForm(forms.Form):
    amount = forms.ChoiceField(
        label="How much",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose an amount, or enter another one."},
    )
    other = forms.CharField(
        label="Another amount",
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"max_length": "Enter an amount in figures, like £12 or £12.50."},
    )
    frequency = forms.ChoiceField(
        label="How often",
        widget=forms.RadioSelect,
        choices=Donation.Frequency,
        initial=Donation.Frequency.ONCE,
        # Whoever says nothing about it gives once.
        required=False,
    )
    name = forms.CharField(
        label="Your name",
        max_length=100,
        validators=[_no_tricks, _no_address],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={
            "required": "Enter your name.",
            "max_length": "Enter a shorter name, of 100 characters at most.",
        },
    )
    email = forms.EmailField(
        label="Your e-mail address",
        max_length=254,
        help_text="For your receipt. Nothing else is sent there unless you ask for it below.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": "Enter your e-mail address: the receipt goes there.",
            "invalid": "Enter an e-mail address like name@example.org.",
            "max_length": "Enter an e-mail address of 254 characters at most.",
        },
    )
    display = forms.ChoiceField(
        label="How your name may be shown on the campaign’s page",
        widget=forms.RadioSelect,
        choices=Donation.Display,
        initial=Donation.Display.PRIVATE,
        error_messages={"required": "Choose how your name may be shown."},
    )
    mail_campaign = forms.BooleanField(required=False)
    mail_platform = forms.BooleanField(required=False)
    # Whatever it holds, it is in nobody's way: an unknown code is no link.
    ref = forms.CharField(required=False, widget=forms.HiddenInput)
    nonce = forms.CharField(
        widget=forms.HiddenInput,
        error_messages={
            "required": "This page was incomplete. Please check it and send it again."
        },
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign
        presets = [Money(minor, campaign.currency) for minor in campaign.presets]
        self._amount_field.choices = [(str(p.minor), str(p)) for p in presets] + [
            (OTHER, "Another amount")
        ]
        self.wordings = {
            "campaign": contacts.CAMPAIGN_WORDING.format(campaign=campaign.name),
            "platform": contacts.PLATFORM_WORDING.format(platform=settings.PLATFORM_NAME),
        }
        self.fields["mail_campaign"].label = self.wordings["campaign"]
        self.fields["mail_platform"].label = self.wordings["platform"]

    @property
    def _amount_field(self) -> forms.ChoiceField:
        field = self.fields["amount"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 (declared above; for mypy)
        return field

    def clean_email(self) -> str:
        return _checked_address(self.cleaned_data["email"])

    def clean_frequency(self) -> Donation.Frequency:
        return Donation.Frequency(self.cleaned_data["frequency"] or Donation.Frequency.ONCE)

    def clean_ref(self) -> int | None:
        link = link_of(self.campaign.slug, self.cleaned_data["ref"])
        return link.pk if link else None

    def clean_nonce(self) -> uuid.UUID:
        stale = "This form had been open for a long time. Please check it and send it again."
        try:
            said = signing.loads(self.cleaned_data["nonce"], salt=NONCE_SALT, max_age=NONCE_LIFE)
        except signing.BadSignature as error:
            raise forms.ValidationError(stale) from error
        if said["campaign"] != self.campaign.pk:
            raise forms.ValidationError(stale)
        self.made_at = datetime.fromtimestamp(said["at"], UTC)
        return uuid.UUID(said["nonce"])

    def clean(self) -> None:
        """Make one `money` of the preset or the other amount."""
        choice = self.cleaned_data.get("amount")
        if choice is None:
            return
        typed = self.cleaned_data.get("other", "")
        if choice != OTHER:
            preset = Money(int(choice), self.campaign.currency)
            if typed:
                self.add_error(
                    "other",
                    f"You chose {preset} and typed another amount too. Empty this field, "
                    "or choose “Another amount” above.",
                )
            self.cleaned_data["money"] = preset
            return
        try:
            self.cleaned_data["money"] = money.parse(typed, self.campaign.currency)
        except money.AmountError as error:
            self.add_error("other", str(error))

    def is_hasty(self, *, now: datetime) -> bool:
        """Say whether it was sent sooner than a person can, once it is valid."""
        return now - self.made_at < guard.HASTE

    def pledge(self) -> Pledge:
        """Return what was said, from a form that is valid."""
        said = self.cleaned_data
        return Pledge(
            nonce=said["nonce"],
            amount=said["money"],
            email=said["email"],
            name=said["name"],
            display=Donation.Display(said["display"]),
            frequency=said["frequency"],
            consents={
                scope: words for scope, words in self.wordings.items() if said[f"mail_{scope}"]
            },
            link_id=said["ref"],
        )


class AmountForm(forms.Form):
    """Another amount for a monthly gift."""

    amount = forms.CharField(
        label="New amount a month",
        # The amount itself is asked for in its own words.
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"max_length": "Enter an amount in figures, like £12 or £12.50."},
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean_amount(self) -> Money:
        try:
            return money.parse(self.cleaned_data["amount"], self.currency)
        except money.AmountError as error:
            raise forms.ValidationError(str(error)) from error


class PauseForm(forms.Form):
    """For how long nothing is to be taken."""

    months = forms.TypedChoiceField(
        label="For how long",
        coerce=int,
        choices=[(months, f"{months} month{'s' * (months > 1)}") for months in MONTHS_OF_PAUSE],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose for how many months."},
    )


class AddressForm(forms.Form):
    """Whom to send the links to."""

    email = forms.EmailField(
        label="Your e-mail address",
        max_length=254,
        help_text="The one that your receipts go to.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={
            "required": "Enter the e-mail address that your receipts go to.",
            "invalid": "Enter an e-mail address like name@example.org.",
            "max_length": "Enter an e-mail address of 254 characters at most.",
        },
    )

    def clean_email(self) -> str:
        return _checked_address(self.cleaned_data["email"])
