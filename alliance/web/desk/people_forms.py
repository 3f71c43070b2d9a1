"""Forms about people: whom to ask to help, what they may do, and a new campaign's application."""

from typing import Any

from django import forms

from alliance.core import addresses, money
from alliance.core.text import LineField, LinesField
from campaigns.models import Application, Role


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


def _long(label: str, help_text: str, *, most: int, missing: str = "") -> LinesField:
    return LinesField(
        label=label,
        help_text=help_text,
        max_length=most,
        required=bool(missing),
        error_messages={"required": missing},
        widget=forms.Textarea(attrs={"rows": 5 if missing else 3}),
    )


class ApplicationForm(forms.ModelForm[Application]):
    name = LineField(
        label="Name of the campaign",
        max_length=80,
        help_text="As people would say it. It can be changed later.",
        error_messages={"required": "Enter a name for the campaign."},
    )
    purpose = _long(
        "What it is for",
        "What you want to change, and what the money would pay for. It becomes the first draft "
        "of your page.",
        most=2000,
        missing="Tell us what the campaign is for.",
    )
    people = _long(
        "Who you are",
        "Who is behind it, and how you’re organised. Only we read this.",
        most=2000,
        missing="Tell us who you are.",
    )
    links = _long("Where we can read more", "Pages about you, one a line.", most=1000)
    recipient = _long(
        "Who receives the money",
        "The account holder, such as an association or a party branch.",
        most=1000,
        missing="Tell us who receives the money.",
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

    field_order = ["name", "purpose", "people", "links", "recipient", "target"]

    def clean_target(self) -> int:
        try:
            return money.parse(self.cleaned_data["target"], by_card=False).minor
        except money.AmountError as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, commit: bool = False) -> Any:  # noqa: ARG002 (handing it in is a service)
        """Return what was written, not yet handed in."""
        self.instance.target_minor = self.cleaned_data["target"]
        return self.instance
