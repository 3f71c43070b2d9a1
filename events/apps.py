"""Events: public meetings and what grows out of them."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
