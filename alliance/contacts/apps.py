"""People we may write to, and what they agreed to."""

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "alliance.contacts"
    label = "contacts"
