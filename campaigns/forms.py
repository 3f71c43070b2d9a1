"""The forms of a campaign's page: what may be typed, and friendly words for what may not."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import URLValidator

from alliance.core import money
from alliance.core.money import Money
from alliance.core.text import LineField, LinesField
from campaigns import pictures, queries
from campaigns.models import Campaign, Endorsement, Goal, State

# More than any campaign has raised; what is larger is a slip of the hand.
MOST = 100_000_000_000
PRESETS = 4
MARKDOWN = "Markdown: ## heading, - list, **strong**, [words](https://…)."


class MoneyField(forms.CharField):
    """An amount as people type it, in pounds; clean, it is in minor units."""

    def __init__(self, *, currency: str = "gbp", by_card: bool = False, **kwargs: Any) -> None:
        self.currency, self.by_card = currency, by_card
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(**{"max_length": 30, "widget": widget, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return Money(value, self.currency).bare.removesuffix(".00") if _is_int(value) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_minor(data) != initial)
        except money.AmountError:
            return True

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        try:
            return self.to_minor(typed)
        except money.AmountError as error:
            raise forms.ValidationError(str(error)) from error

    def to_minor(self, typed: str | None) -> int | None:
        """Raise AmountError where it is no amount; nothing is None."""
        if not typed:
            return None
        most = None if self.by_card else MOST
        return money.parse(typed, self.currency, by_card=self.by_card, most=most).minor


class PresetsField(forms.CharField):
    """Up to four amounts with commas between them, as people type them."""

    def __init__(self, *, currency: str = "gbp", **kwargs: Any) -> None:
        self.currency = currency
        super().__init__(**{"max_length": 100, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return ", ".join(Money(m, self.currency).bare.removesuffix(".00") for m in value)
        return value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial) != data)

    def clean(self, value: Any) -> Any:
        typed = [part for part in super().clean(value).split(",") if part.strip()]
        if not 0 < len(typed) <= PRESETS:
            raise forms.ValidationError(f"Enter one to {PRESETS} amounts.")
        try:
            return [money.parse(part, self.currency).minor for part in typed]
        except money.AmountError as error:
            raise forms.ValidationError(str(error)) from error


class _Versioned(forms.Form):
    """Carries the version of the page that the form was made from."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class PageForm(_Versioned):
    """The words of a campaign's page, and its sums."""

    title = LineField(label="Headline", max_length=120, required=False)
    lede = LinesField(
        label="Opening lines",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One or two sentences, 300 characters at most.",
    )
    story = LinesField(
        label="Story",
        max_length=40_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 18}),
        help_text=f"{MARKDOWN} Pictures: see the tab.",
    )
    target_minor = MoneyField(label="Target", error_messages={"required": "Enter the target."})
    stretch_minor = MoneyField(
        label="Stretch target",
        required=False,
        help_text="Shown once the target is met.",
    )
    preset_0 = MoneyField(label="First amount", required=False, by_card=True)
    preset_1 = MoneyField(label="Second amount", required=False, by_card=True)
    preset_2 = MoneyField(label="Third amount", required=False, by_card=True)
    preset_3 = MoneyField(label="Fourth amount", required=False, by_card=True)
    recipient = LinesField(
        label="Who receives the money",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The account holder, and who they are.",
    )
    fees = LinesField(
        label="Fees",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What is taken from a gift, and by whom.",
    )
    refunds = LinesField(
        label="Refunds",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who gets a gift back, until when, and how.",
    )
    terms = LinesField(
        label="Other terms",
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Who may give, and all else.",
    )
    imprint = LinesField(
        label="Imprint",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who promotes this page, on behalf of whom, and the postal address of both.",
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        initial = {name: getattr(campaign, name) for name in queries.WORDS}
        initial |= {f"preset_{at}": minor for at, minor in enumerate(campaign.presets)}
        kwargs["initial"] = {**initial, "version": campaign.version}
        super().__init__(*args, **kwargs)
        self.campaign = campaign
        for field in self.fields.values():
            if isinstance(field, MoneyField):
                field.currency = campaign.currency

    @property
    def presets(self) -> list[forms.BoundField]:
        return [self[f"preset_{at}"] for at in range(PRESETS)]

    def clean(self) -> None:
        said = self.cleaned_data
        target, stretch = said.get("target_minor"), said.get("stretch_minor")
        if target and stretch and stretch <= target:
            self.add_error("stretch_minor", "The stretch target must be more than the target.")
        chosen = [said.get(f"preset_{at}") for at in range(PRESETS)]
        said["presets"] = sorted({minor for minor in chosen if minor})
        if self.campaign.state != State.DRAFT:
            if not said["presets"] and not any(field.errors for field in self.presets):
                self.add_error("preset_0", "Offer at least one amount to choose from.")
            before = queries.page_of(self.campaign)
            is_lacking = queries.missing_in(before)
            for one in queries.missing_in({**before, **self.page()}):
                if (
                    one not in is_lacking
                    and one.field in self.fields
                    and not self.errors.get(one.field)
                ):
                    self.add_error(one.field, f"The page can be seen, so it needs {one.words}.")

    def page(self) -> dict[str, Any]:
        """Return what was said that could be understood, as fields of the page."""
        return {
            name: self.cleaned_data[name] for name in queries.WORDS if name in self.cleaned_data
        }


class _UploadForm(forms.Form):
    """A picture with its words. What was uploaded is kept while they are put right."""

    upload = forms.FileField(
        label="File",
        required=False,
        help_text="A JPEG, PNG or WebP picture of 8 MB at most.",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    held = forms.CharField(required=False, widget=forms.HiddenInput)
    alt = LineField(
        label="The picture in words",
        max_length=250,
        required=False,
        help_text="For those who can’t see it: what is there to be seen?",
    )
    credit = LineField(
        label="Credit",
        max_length=150,
        required=False,
        help_text="Whose it is: “Photograph: Zoë Example”.",
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign
        self.name = ""

    def clean_upload(self) -> None:
        upload = self.cleaned_data["upload"]
        if isinstance(upload, UploadedFile):
            self.name = pictures.store(upload)

    def clean_held(self) -> None:
        self.name = self.name or pictures.held(self.cleaned_data["held"], self.campaign.pk)

    @property
    def holds(self) -> str:
        """What the next try carries along of an upload that was good."""
        return pictures.hold(self.name, self.campaign.pk) if self.name else ""

    def require_words(self) -> None:
        if not self.cleaned_data.get("alt"):
            self.add_error("alt", "Say in words what the picture shows.")
        if not self.cleaned_data.get("credit"):
            self.add_error("credit", "Say whose the picture is.")


class PictureForm(_Versioned, _UploadForm):
    """The picture at the head of the page, or the drawing in its place."""

    drawing_will_do = forms.BooleanField(
        label="Show the drawing instead",
        required=False,
        help_text="A rosette of patches, drawn from the campaign’s own address.",
    )
    field_order = ["upload", "drawing_will_do", "alt", "credit", "held", "version"]

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        initial = {
            "alt": campaign.picture_alt,
            "credit": campaign.picture_credit,
            "drawing_will_do": campaign.drawing_will_do and not campaign.picture,
            "version": campaign.version,
        }
        super().__init__(*args, campaign=campaign, initial=initial, **kwargs)

    def clean(self) -> None:
        said = self.cleaned_data
        if said.get("drawing_will_do") and self.name:
            self.add_error("drawing_will_do", "Choose a file, or the drawing: not both.")
        elif not said.get("drawing_will_do"):
            if not (self.name or self.campaign.picture or self.errors.get("upload")):
                self.add_error("upload", "Choose a file, or let the drawing do.")
            self.require_words()

    def page(self) -> dict[str, Any]:
        said = self.cleaned_data
        is_drawing = said["drawing_will_do"]
        kept = self.name or queries.plain({"picture": self.campaign.picture})["picture"]
        return {
            "picture": "" if is_drawing else kept,
            "picture_alt": said["alt"],
            "picture_credit": said["credit"],
            "drawing_will_do": is_drawing,
        }


class StoryPictureForm(_UploadForm):
    """One more picture that the story may show."""

    def clean(self) -> None:
        if not self.name and not self.errors.get("upload"):
            self.add_error("upload", "Choose a file.")
        self.require_words()


class GoalForm(forms.ModelForm[Goal]):
    """One line of "If we hit our target we'll be able to"."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    title = LineField(
        label="What you’ll be able to do",
        max_length=120,
        error_messages={"required": "Say what you’ll be able to do."},
    )
    detail = LinesField(
        label="More about it",
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    amount_minor = MoneyField(label="What it costs", required=False)
    state = forms.ChoiceField(
        label="How far it is", choices=Goal.State, initial=Goal.State.WAITING, required=False
    )

    class Meta:
        model = Goal
        fields = ["title", "detail", "amount_minor", "state"]

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        kwargs["initial"] = {"version": campaign.version, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        amount = self.fields["amount_minor"]
        assert isinstance(amount, MoneyField)  # noqa: S101 (declared above; for mypy)
        amount.currency = campaign.currency

    def clean_state(self) -> str:
        return self.cleaned_data["state"] or Goal.State.WAITING

    def goal(self) -> Mapping[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class EndorsementForm(forms.ModelForm[Endorsement]):
    """Somebody's public support, and where they said so."""

    name = LineField(
        label="Name", max_length=100, error_messages={"required": "Enter their name."}
    )
    role = LineField(
        label="Role",
        max_length=120,
        required=False,
        help_text="Such as: MP for Norwich South.",
    )
    affiliation = LineField(
        label="Party or movement",
        max_length=120,
        help_text="Or “No party”, if they are in none.",
        error_messages={"required": "Enter their party or movement, or “No party”."},
    )
    said_on = forms.DateField(
        label="Date",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Enter the day on which they said so."},
    )
    source_url = LineField(
        label="Source",
        max_length=200,
        help_text="The address of a page where anybody can read that they said so.",
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
        validators=[
            URLValidator(
                schemes=["http", "https"],
                message="Enter the whole address, such as https://example.org/speech.",
            )
        ],
        error_messages={"required": "Enter the address where anybody can read it."},
    )

    class Meta:
        model = Endorsement
        fields = ["name", "role", "affiliation", "said_on", "source_url"]

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.campaign = campaign

    def clean(self) -> None:
        said = self.cleaned_data
        others = self.campaign.endorsements.exclude(pk=self.instance.pk)
        if others.filter(name=said.get("name"), affiliation=said.get("affiliation")).exists():
            self.add_error("name", "This person is on the list already.")


class ReasonForm(forms.Form):
    """Why no gifts are taken."""

    reason = LineField(
        label="What visitors read while no gifts are taken",
        max_length=250,
        help_text="For example: “We reached what we set out for. Thank you.”",
        error_messages={"required": "Say why no gifts are taken: visitors read it."},
    )


class EndingForm(ReasonForm):
    """The end, and what becomes of monthly gifts."""

    plans = forms.ChoiceField(
        label="Monthly gifts that still run",
        choices=[
            ("stop", "Stop them: nothing more is taken from anybody"),
            ("keep", "Let them go on until their donors stop them"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what becomes of monthly gifts."},
    )


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
