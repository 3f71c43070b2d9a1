"""Forms about people: whom to ask to help, what they may do, and a new campaign's application."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator

from alliance.core import addresses, money
from campaigns.models import Application, Role

# Control characters and marks that turn the direction of writing: in a name they can only serve
# to make a page or a mail read as something else.
_no_tricks = RegexValidator(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]",
    "Leave out the invisible characters; letters, spaces and hyphens are fine.",
    inverse_match=True,
)


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="Their e-mail address",
        max_length=addresses.LONGEST,
        help_text="They need an account with this address. The mail tells them how.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Enter their e-mail address.",
            "invalid": "Enter an e-mail address like name@example.org.",
        },
    )
    role = forms.ChoiceField(
        label="What they may do",
        widget=forms.RadioSelect,
        choices=Role,
        error_messages={"required": "Choose what they may do."},
    )

    def clean_email(self) -> str:
        try:
            return addresses.normalise(self.cleaned_data["email"])
        except ValueError as error:
            raise forms.ValidationError(
                "Enter an e-mail address like name@example.org, without accents before the @."
            ) from error

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="What they may do", choices=Role)

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class ApplicationForm(forms.ModelForm[Application]):
    name = forms.CharField(
        label="Name of the campaign",
        max_length=80,
        help_text="As people would say it. It can be changed later.",
        error_messages={"required": "Enter a name for the campaign."},
    )
    target = forms.CharField(
        label="How much you’d like to raise",
        max_length=30,
        help_text="A round figure will do. You can change it before you publish.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={"required": "Enter an amount, like £5,000."},
    )

    class Meta:
        model = Application
        fields = ["name", "purpose", "people", "recipient", "links"]
        labels = {
            "purpose": "What it is for",
            "people": "Who you are",
            "recipient": "Who receives the money",
            "links": "Where we can read more",
        }
        help_texts = {
            "purpose": "What you want to change, and what the money would pay for.",
            "people": "Who is behind it, and how you’re organised. Only we read this.",
            "recipient": "The account holder, such as an association or a party branch.",
            "links": "Pages about you or the campaign, one a line.",
        }
        error_messages = {
            "purpose": {"required": "Tell us what the campaign is for."},
            "people": {"required": "Tell us who you are."},
            "recipient": {"required": "Tell us who receives the money."},
        }
        widgets = {
            "purpose": forms.Textarea(attrs={"rows": 6}),
            "people": forms.Textarea(attrs={"rows": 4}),
            "recipient": forms.Textarea(attrs={"rows": 3}),
            "links": forms.Textarea(attrs={"rows": 3}),
        }

    field_order = ["name", "purpose", "people", "recipient", "target", "links"]

    def clean_name(self) -> str:
        # One line, single spaces: it becomes the subject of mails.
        name = " ".join(self.cleaned_data["name"].split())
        _no_tricks(name)
        return name

    def clean_target(self) -> int:
        try:
            return money.parse(self.cleaned_data["target"], by_card=False).minor
        except money.AmountError as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, commit: bool = False) -> Any:  # noqa: ARG002 (handing it in is a service)
        """Return what was written, not yet handed in."""
        self.instance.target_minor = self.cleaned_data["target"]
        return self.instance
