"""What organisers type about gifts and links, and words for what can't be taken."""

from typing import Any

from django import forms

from campaigns.models import Campaign, Link
from donations.admin import forms as admin_forms


class OfflineForm(admin_forms.OfflineForm):
    """A gift that came by hand, to the campaign whose desk it is."""

    # Nobody at a desk chooses a campaign.
    campaign = None  # type: ignore[assignment] # takes the field away

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._campaign = campaign

    def clean(self) -> None:
        self.cleaned_data["campaign"] = self._campaign
        super().clean()


class ThanksForm(forms.Form):
    words = forms.CharField(
        label="Your words",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="As plain text. The mail greets the donor by name, and says who you are.",
        error_messages={
            "required": "Write a few words.",
            "max_length": "Write 2,000 characters at most.",
        },
    )


class LinkForm(forms.ModelForm[Link]):
    class Meta:
        model = Link
        fields = ["label", "code"]

    label = forms.CharField(
        label="What it is on",
        max_length=100,
        help_text="For you alone, such as: poster in the library.",
        error_messages={
            "required": "Say what it is on.",
            "max_length": "Say it in 100 characters at most.",
        },
    )
    code = forms.SlugField(
        label="Code",
        max_length=30,
        help_text="The end of the address: letters, figures and hyphens. People may see it.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
        error_messages={
            "required": "Enter a code, such as poster.",
            "invalid": "Use letters, figures, hyphens and underscores alone.",
            "max_length": "Enter 30 characters at most.",
        },
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        kwargs["instance"] = Link(campaign=campaign)
        super().__init__(*args, **kwargs)

    def clean_code(self) -> str:
        """Keep one spelling, and to each campaign each code once."""
        code: str = self.cleaned_data["code"].lower()
        if self.instance.campaign.links.filter(code=code).exists():
            raise forms.ValidationError("You have a link with this code already.")
        return code
