"""Campaigns in Django admin: their pages, by the same ways as at the desk, and endorsements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html

from alliance.accounts.models import User
from alliance.core.admin import ReadOnlyAdmin
from alliance.core.money import CURRENCIES
from campaigns import people_admin as people_admin  # noqa: PLC0414 (Django looks for them here)
from campaigns import pictures, queries, services
from campaigns.forms import MoneyField, PresetsField
from campaigns.models import Campaign, Edit, Endorsement, Goal, State


class CampaignForm(forms.ModelForm[Campaign]):
    made_from = forms.IntegerField(widget=forms.HiddenInput, required=False)
    target_minor = MoneyField(label="Target")
    stretch_minor = MoneyField(
        label="Stretch target", required=False, help_text="Shown once the target is met."
    )
    presets = PresetsField(label="Amounts to choose from", help_text="Up to four: 5, 10, 25, 50")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["made_from"].initial = self.instance.version
        said = str(self.data.get("currency", ""))
        currency = said if said in CURRENCIES else self.instance.currency
        for field in self.fields.values():
            if isinstance(field, MoneyField | PresetsField):
                field.currency = currency
        state = self.fields.get("state")
        if isinstance(state, forms.ChoiceField):
            now = State(self.instance.state)
            # How a campaign ends is asked at its desk: monthly gifts hang on it.
            there = {now, *services.MOVES[now]} - ({State.ENDED} - {now})
            state.choices = [(one.value, one.label) for one in State if one in there]

    def clean_picture(self) -> object:
        picture = self.cleaned_data["picture"]
        return pictures.store(picture) if isinstance(picture, UploadedFile) else picture

    def clean(self) -> None:
        said = self.cleaned_data
        for name, value in said.items():
            said[name] = services.cleaned(name, value)
        if not self.instance.pk:
            return
        if said.get("made_from") != self.instance.version:
            raise forms.ValidationError(
                "Somebody has saved this page since you opened it, so nothing was saved. Copy "
                "what you want to keep, and open the page anew."
            )
        if said.get("state") == State.LIVE and "state" in self.changed_data:
            page = queries.page_of(self.instance)
            page |= queries.plain({name: said[name] for name in queries.PAGE if name in said})
            missing = queries.missing_in(page)
            if missing:
                words = ", ".join(one.words for one in missing)
                self.add_error("state", f"Before people can see it, it needs: {words}.")


class GoalForm(forms.ModelForm[Goal]):
    amount_minor = MoneyField(label="Amount", required=False)
    currency = "gbp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount_minor"]
        assert isinstance(amount, MoneyField)  # noqa: S101 (declared above; for mypy)
        amount.currency = self.currency

    def clean(self) -> None:
        for name, value in self.cleaned_data.items():
            self.cleaned_data[name] = services.cleaned(name, value)


class GoalInline(admin.TabularInline[Goal, Campaign]):
    model = Goal
    extra = 0

    def get_formset(self, request: HttpRequest, obj: Campaign | None = None, **kwargs: Any) -> Any:
        currency = obj.currency if obj else "gbp"
        form = type("GoalForm", (GoalForm,), {"currency": currency})
        return super().get_formset(request, obj, form=form, **kwargs)


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin[Campaign]):
    form = CampaignForm
    inlines = [GoalInline]
    list_display = ["name", "state", "launched_on", "target", "is_demo"]
    list_filter = ["state", "is_demo"]
    search_fields = ["name", "title", "slug"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "title", "lede", "story", "made_from"]}),
        (
            "Picture",
            {"fields": ["picture", "picture_alt", "picture_credit", "drawing_will_do"]},
        ),
        ("Money", {"fields": ["currency", "target_minor", "stretch_minor", "presets"]}),
        ("Trust", {"fields": ["recipient", "fees", "refunds", "terms", "imprint"]}),
        ("Open or not", {"fields": ["state", "closed_reason", "launched_on", "is_demo"]}),
    ]

    def get_readonly_fields(self, _request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        """A new one is a draft. The currency stays once somebody gave in it."""
        if obj is None:
            return ["state", "closed_reason", "launched_on"]
        return ["currency"] if obj.donations.exists() else []

    def get_prepopulated_fields(
        self, _request: HttpRequest, obj: Campaign | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": ["name"]}

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except services.Incomplete as refusal:
            words = ", ".join(one.words for one in refusal.missing)
            messages.error(
                request, f"Nothing was saved: the page can be seen, so it needs {words}."
            )
            return HttpResponseRedirect(request.path, status=303)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """Leave what is there to `save_related`, which keeps words and goals as one edit."""
        if not change:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        if not change:
            super().save_related(request, form, formsets, change)
            return
        assert isinstance(request.user, User)  # noqa: S101 (admin lets in nobody else; for mypy)
        obj = form.instance
        wanted, was = obj.state, State(form.initial["state"])
        with services.recording(campaign=obj, by=request.user):
            changed = set(form.changed_data) - {"state", "made_from"}
            obj.save(update_fields=[*changed, "changed_at"])
            super().save_related(request, form, formsets, change)
        if wanted != was:
            services.move(
                campaign=obj, to=State(wanted), by=request.user, reason=obj.closed_reason
            )


@admin.register(Edit)
class EditAdmin(ReadOnlyAdmin[Edit]):
    list_display = ["campaign", "version", "by", "at"]
    list_filter = ["campaign"]
    list_select_related = ["campaign", "by"]
    ordering = ["-pk"]


@admin.register(Endorsement)
class EndorsementAdmin(ReadOnlyAdmin[Endorsement]):
    """What campaigns say of others' support: looked at here, written at their desks."""

    list_display = ["name", "role", "affiliation", "said_on", "campaign", "source", "verified_at"]
    list_filter = [("verified_at", admin.EmptyFieldListFilter), "campaign"]
    list_select_related = ["campaign"]
    search_fields = ["name", "affiliation"]
    ordering = ["verified_at", "-pk"]
    fields = [
        *("campaign", "name", "role", "affiliation", "said_on", "source"),
        *("verified_at", "verified_by", "changed_at"),
    ]
    actions = ["verify", "unverify"]

    @admin.display(description="source")
    def source(self, one: Endorsement) -> str:
        # A scheme is checked where it comes in; a second look costs nothing.
        if not one.source_url.startswith(("https://", "http://")):
            return one.source_url
        return format_html(
            '<a href="{}" rel="noopener noreferrer nofollow">{}</a>',
            one.source_url,
            one.source_url,
        )

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_endorsement")

    @admin.action(description="Verify: the sources say so", permissions=["verify"])
    def verify(self, request: HttpRequest, chosen: QuerySet[Endorsement]) -> HttpResponse | None:
        """Show, once it was confirmed, what is seen here and was not changed meanwhile."""
        assert isinstance(request.user, User)  # noqa: S101 (admin lets in nobody else; for mypy)
        if "seen" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Verify endorsements",
                "endorsements": chosen.filter(verified_at__isnull=True).select_related("campaign"),
            }
            return TemplateResponse(request, "admin/campaigns/verify.html", context)
        done = services.verify(seen=_seen(request), by=request.user, now=timezone.now())
        self.message_user(request, f"{len(done)} verified, and on their campaigns’ pages.")
        left = chosen.filter(verified_at__isnull=True).count()
        if left:
            self.message_user(
                request,
                f"{left} changed while you were reading, and were left as they are.",
                messages.WARNING,
            )
        return None

    @admin.action(description="Take the verification back", permissions=["verify"])
    def unverify(self, request: HttpRequest, chosen: QuerySet[Endorsement]) -> None:
        """Take them off their campaigns' pages."""
        assert isinstance(request.user, User)  # noqa: S101 (admin lets in nobody else; for mypy)
        verified = list(chosen.filter(verified_at__isnull=False))
        services.unverify(endorsements=verified, by=request.user)
        self.message_user(request, f"{len(verified)} are shown no longer.")


def _seen(request: HttpRequest) -> dict[int, datetime]:
    """Read what was shown of each: its key, and when it was last changed."""
    seen = {}
    for said in request.POST.getlist("seen"):
        pk, _, at = said.partition(" ")
        changed_at = parse_datetime(at)
        if pk.isdecimal() and changed_at:
            seen[int(pk)] = changed_at
    return seen
