"""Addresses of giving."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from donations import plan_views, views


class PublicId(StringConverter):
    """The 22 characters that name a gift's page; anything else is no address at all."""

    regex = "[A-Za-z0-9_-]{22}"


register_converter(PublicId, "public_id")

app_name = "donations"
urlpatterns = [
    path("c/<slug:slug>/give/", views.give, name="give"),
    path("g/<public_id:public_id>/", views.gift, name="gift"),
    path("g/<public_id:public_id>/confirm/<str:token>/", views.confirm, name="confirm"),
    path("g/<public_id:public_id>/state/", views.gift_state, name="gift_state"),
    path("g/<public_id:public_id>/receipt/<int:number>/", views.receipt, name="receipt"),
    path("m/<str:token>/", plan_views.manage, name="manage"),
    path("m/<str:token>/amount/", plan_views.change_amount, name="change_amount"),
    path("m/<str:token>/pause/", plan_views.pause, name="pause"),
    path("m/<str:token>/resume/", plan_views.resume, name="resume"),
    path("m/<str:token>/card/", plan_views.card, name="card"),
    path("m/<str:token>/cancel/", plan_views.cancel, name="cancel"),
    path("stripe/webhook/", views.webhook, name="webhook"),
]
