"""Addresses of somebody's own giving."""

from django.urls import path, re_path

import donations.urls  # noqa: F401 (knows how a gift is named in an address)
from alliance.web.me import views

app_name = "me"
urlpatterns = [
    path("", views.home, name="home"),
    path("gifts/<public_id:public_id>/name/", views.name, name="name"),
    path("mail/", views.mail, name="mail"),
    path("mail/change/", views.change_mail, name="change_mail"),
    path("mail/stop/", views.stop_mail, name="stop_mail"),
    path("data/", views.data, name="data"),
    re_path(r"^data/all\.(?P<form>json|zip)$", views.download, name="download"),
    path("delete/", views.delete, name="delete"),
    path("deleted/", views.deleted, name="deleted"),
]
