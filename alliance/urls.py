"""The root of all addresses."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from alliance.web.views import no_shortcut

admin.site.site_header = admin.site.site_title = f"{settings.PLATFORM_NAME} admin"

urlpatterns = [
    path("", include("alliance.web.urls")),
    path("", include("donations.urls")),
    path("admin/r/<path:rest>", no_shortcut, name="no_shortcut"),
    path("admin/", admin.site.urls),
]
