"""The root of all addresses."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from alliance.web.views import no_shortcut

admin.site.site_header = admin.site.site_title = f"{settings.PLATFORM_NAME} admin"
# One door for all: with allauth's limits, its second factor and its words.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# And one place to change a password: there its owner is told of it.
admin.site.password_change = RedirectView.as_view(  # type: ignore[assignment, method-assign]
    pattern_name="account_change_password"
)

urlpatterns = [
    path("", include("alliance.web.urls")),
    path("", include("donations.urls")),
    path("me/", include("alliance.web.me.urls")),
    path("organise/", include("alliance.web.desk.urls")),
    path("account/", include("allauth.urls")),
    path("admin/r/<path:rest>", no_shortcut, name="no_shortcut"),
    path("admin/", admin.site.urls),
]
