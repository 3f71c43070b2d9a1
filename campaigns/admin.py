"""Campaigns in Django admin."""

from django import forms
from django.contrib import admin
from django.core.files.uploadedfile import UploadedFile

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
    fieldsets = [
        (None, {"fields": ["name", "slug", "title", "lede", "story"]}),
        ("Picture", {"fields": ["picture", "picture_alt", "picture_credit"]}),
        ("Money", {"fields": ["currency", "target_minor", "presets"]}),
        ("Trust", {"fields": ["recipient", "terms", "imprint"]}),
        ("Open or not", {"fields": ["state", "closed_reason", "launched_on", "is_demo"]}),
    ]
