"""What supporters may say about their own giving."""

from typing import Any

from django import forms

from alliance.web.me.queries import Choice, Choices
from donations.models import Donation


class NameForm(forms.Form):
    """Whether a gift's donor is named on the campaign's page."""

    display = forms.ChoiceField(
        label="How your name appears",
        choices=Donation.Display.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of these."},
    )

    def clean_display(self) -> Donation.Display:
        return Donation.Display(self.cleaned_data["display"])


class MailForm(forms.Form):
    """One decision about the mail to one of somebody's own addresses."""

    AGREE, WITHDRAW = "agree", "withdraw"

    address = forms.CharField(max_length=254)
    campaign = forms.SlugField(required=False)
    wish = forms.ChoiceField(choices=[(AGREE, "agree"), (WITHDRAW, "withdraw")])
    # The words that were beside the button: what is recorded is what was read.
    wording = forms.CharField(required=False, max_length=1000)

    def __init__(self, *args: Any, choices: list[Choices], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scopes = {
            (scope.address, scope.campaign.slug if scope.campaign else ""): scope
            for choice in choices
            for scope in choice.scopes
        }
        self.choice: Choice

    def clean(self) -> None:
        """Find what it is about among what this person may decide."""
        said = self.cleaned_data
        found = self._scopes.get((said.get("address", ""), said.get("campaign", "")))
        if found is None:
            raise forms.ValidationError("That is not yours to decide, or not any more.")
        if said.get("wish") == self.AGREE and said["wording"] != found.wording:
            raise forms.ValidationError("The words have changed. Please read them again.")
        self.choice = found


class DeleteForm(forms.Form):
    """That somebody means it."""

    sure = forms.BooleanField(
        label="Yes, delete me. I know that nobody can bring this back.",
        error_messages={"required": "Tick the box if you mean it. Nothing has been deleted."},
    )
    mark = forms.CharField(required=False, widget=forms.HiddenInput)
