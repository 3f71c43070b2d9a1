"""The composition root: pages that span several rooms."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "alliance.web"
    label = "web"
