"""Campaigns in Django admin."""

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from campaigns import people_admin as people_admin  # noqa: PLC0414 (Django looks for them here)
from campaigns import pictures
from campaigns.models import Campaign, Goal


class CampaignForm(forms.ModelForm[Campaign]):
    def clean_picture(self) -> object:
        picture = self.cleaned_data["picture"]
        return pictures.reencode(picture) if isinstance(picture, UploadedFile) else picture


class GoalInline(admin.TabularInline[Goal, Campaign]):
    model = Goal
    extra = 0


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin[Campaign]):
    form = CampaignForm
    inlines = [GoalInline]
    list_display = ["name", "state", "launched_on", "target", "is_demo"]
    list_filter = ["state", "is_demo"]
    search_fields = ["name", "title", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_readonly_fields(self, _request: HttpRequest, obj: Campaign | None = None) -> list[str]:
        """Keep the currency once somebody gave in it; the database would refuse another."""
        has_gifts = obj is not None and obj.donations.exists()
        return ["currency"] if has_gifts else []

    fieldsets = [
        (None, {"fields": ["name", "slug", "title", "lede", "story"]}),
        ("Picture", {"fields": ["picture", "picture_alt", "picture_credit"]}),
        ("Money", {"fields": ["currency", "target_minor", "presets"]}),
        ("Trust", {"fields": ["recipient", "terms", "imprint"]}),
        ("Open or not", {"fields": ["state", "closed_reason", "launched_on", "is_demo"]}),
    ]
