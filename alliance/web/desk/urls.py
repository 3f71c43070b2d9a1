"""Addresses of the organiser's desk. Fixed words come first: no campaign may be named so."""

from django.urls import path

from alliance.web.desk import apply, overview, team

app_name = "desk"
urlpatterns = [
    path("", apply.campaigns, name="campaigns"),
    path("apply/", apply.apply, name="apply"),
    path("invitation/<str:token>/", team.invitation, name="invitation"),
    path("<slug:slug>/", overview.overview, name="overview"),
    path("<slug:slug>/team/", team.team, name="team"),
    path("<slug:slug>/team/invite/", team.invite, name="invite"),
    path("<slug:slug>/team/leave/", team.leave, name="leave"),
    path("<slug:slug>/team/<int:pk>/role/", team.change_role, name="member_role"),
    path("<slug:slug>/team/<int:pk>/remove/", team.remove, name="member_remove"),
    path("<slug:slug>/team/asked/<int:pk>/withdraw/", team.withdraw, name="withdraw"),
]
