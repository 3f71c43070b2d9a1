"""Addresses of the pages that span several rooms."""

from django.urls import path, re_path

from alliance.web import views
from alliance.web.account.views import home as account

app_name = "web"
urlpatterns = [
    path("", views.home, name="home"),
    path("c/<slug:slug>/", views.campaign, name="campaign"),
    path("c/<slug:slug>/preview/<str:key>/", views.draft, name="draft"),
    path("account/", account, name="account"),
    path("privacy/", views.privacy, name="privacy"),
    path("art/<str:name>.svg", views.art, name="art"),
    re_path(r"^media/(?P<path>campaigns/[\w-]{1,60}\.webp)$", views.media, name="media"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
