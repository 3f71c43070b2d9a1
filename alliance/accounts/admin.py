"""Users in Django admin: who may do what, how they sign in, and help for who lost the way."""

from collections.abc import Iterable
from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest

from alliance.accounts import services
from alliance.accounts.models import User

# What allauth would show here: secrets, sessions, and addresses that only their owners confirm.
for model in (EmailAddress, Authenticator, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

POWERS = {"is_active", "is_staff", "is_superuser", "groups"}


class UserForm(forms.ModelForm[User]):
    def clean_email(self) -> str:
        """Refuse an address that somebody signs in with already, as main address or another."""
        email = self.cleaned_data["email"].lower()
        if EmailAddress.objects.filter(email=email).exists():
            raise forms.ValidationError("Somebody signs in with this address already.")
        return str(email)


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """Nobody's password is set or seen here: who is new signs in by a mailed code."""

    list_display = ["email", "name", "is_staff", "is_active"]
    list_filter = ["is_staff", "is_superuser", "is_active"]
    ordering = ["email"]
    search_fields = ["email", "name", "emailaddress__email"]
    search_help_text = "An e-mail address or a name."
    filter_horizontal = ["groups"]
    actions = ["end_sessions", "remove_factors"]
    fieldsets = [
        (None, {"fields": ["email", "name"]}),
        ("May do", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Signs in", {"fields": ["addresses", "password_is", "factors"]}),
        ("When", {"fields": ["joined_at", "last_login"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": ["email", "name", "is_staff", "is_superuser", "groups"],
                "description": "They sign in with a code that is mailed to this address; then "
                "they are asked for a second factor.",
            },
        )
    ]
    looked_at = ("addresses", "password_is", "factors", "joined_at", "last_login")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Let only superusers give power, and nobody change how somebody else signs in."""
        address = ["email"] if obj else []
        powers = [] if cast(User, request.user).is_superuser else sorted(POWERS)
        return [*self.looked_at, *address, *powers]

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        given = kwargs if change else {**kwargs, "form": UserForm}
        return super().get_form(request, obj, change=change, **given)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            services.invite(obj)
            return
        super().save_model(request, obj, form, change)
        if POWERS & set(form.changed_data):
            # Whatever they may do now, they show anew who they are.
            services.end_sessions(obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Keep whoever stands in the trail: it would no longer say who did what."""
        has_trail = obj is not None and LogEntry.objects.filter(user=obj).exists()
        return not has_trail and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        # One at a time, so that each is looked at for its trail.
        return {
            name: a
            for name, a in super().get_actions(request).items()
            if name != "delete_selected"
        }

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_user")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return cast(User, request.user).is_superuser

    @admin.action(description="Sign out everywhere", permissions=["end"])
    def end_sessions(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            services.sign_out(by=cast(User, request.user), user=user)
        self.message_user(request, f"{len(users)} signed out everywhere.")

    @admin.action(
        description="Remove a lost second factor (ask who they are first)", permissions=["remove"]
    )
    def remove_factors(self, request: HttpRequest, users: QuerySet[User]) -> None:
        removed = [
            user
            for user in users
            if services.remove_factors(by=cast(User, request.user), user=user)
        ]
        self.message_user(request, f"{len(removed)} have no second factor now, and were told.")

    @admin.display(description="addresses")
    def addresses(self, user: User) -> str:
        rows = EmailAddress.objects.filter(user=user).order_by("-primary", "email")
        return _listed(
            f"{row.email} ({'confirmed' if row.verified else 'not confirmed'})" for row in rows
        )

    @admin.display(description="password")
    def password_is(self, user: User) -> str:
        return "set" if user.has_usable_password() else "none: signs in by code or passkey"

    @admin.display(description="second factors")
    def factors(self, user: User) -> str:
        return _listed(row.get_type_display() for row in Authenticator.objects.filter(user=user))


def _listed(what: Iterable[str]) -> str:
    return ", ".join(what) or "none"
