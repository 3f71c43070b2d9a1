"""Addresses of giving."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from donations import views


class PublicId(StringConverter):
    """The 22 characters that name a gift's page; anything else is no address at all."""

    regex = "[A-Za-z0-9_-]{22}"


register_converter(PublicId, "public_id")

app_name = "donations"
urlpatterns = [
    path("c/<slug:slug>/give/", views.give, name="give"),
    path("g/<public_id:public_id>/", views.gift, name="gift"),
    path("g/<public_id:public_id>/state/", views.gift_state, name="gift_state"),
    path("stripe/webhook/", views.webhook, name="webhook"),
]
