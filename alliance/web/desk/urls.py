"""Addresses of the organiser's desk. Fixed words come first: no campaign may be named so."""

from django.urls import path

from alliance.web.desk import overview

app_name = "desk"
urlpatterns = [
    path("", overview.campaigns, name="campaigns"),
    path("<slug:slug>/", overview.overview, name="overview"),
]
