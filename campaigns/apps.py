"""Campaigns: what is asked for, by whom, and what the money will do."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
