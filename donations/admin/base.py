"""What all pages about money in Django admin share."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from alliance.accounts.models import User
from alliance.core.admin import ReadOnlyAdmin
from donations.admin import search
from donations.models import Donation

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Table:
    """Facts to be looked at: what they are about, the columns, and the rows."""

    title: str
    columns: list[str]
    rows: list[list[object]]


class MoneyAdmin(ReadOnlyAdmin[Row]):
    """A list about gifts, in which each is found as gifts are."""

    # How a row leads to its gift, as a lookup.
    gift_lookup = "payment__donation"
    # What is typed is looked for by `search`; without a field Django shows no box.
    search_fields = ["pk"]
    search_help_text = search.HELP
    ordering = ["-pk"]

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        if not search_term.strip():
            return queryset, False
        found = {f"{self.gift_lookup}__in": search.gifts(search_term)}
        return queryset.filter(**found), False


def page(
    request: HttpRequest,
    model_admin: ModelAdmin[Any],
    template: str,
    *,
    title: str,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render a page of ours within Django admin."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        **context,
    }
    return TemplateResponse(request, f"admin/donations/{template}.html", context, status=status)


def require(request: HttpRequest, *permissions: str) -> User:
    """Return who asks, where they may do this. Raises PermissionDenied."""
    if not (isinstance(request.user, User) and request.user.has_perms(permissions)):
        raise PermissionDenied
    return request.user


def gift_link(donation: Donation) -> str:
    """Link to a gift's page in Django admin."""
    address = reverse("admin:donations_donation_change", args=[donation.pk])
    return format_html('<a href="{}">{}</a>', address, donation.reference)
