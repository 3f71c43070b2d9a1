"""Admin pages for rows that nobody edits by hand."""

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)
Parent = TypeVar("Parent", bound=Model)


class _LookOnly:
    """No adding, no changing, no deleting, whoever asks."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(_LookOnly, admin.ModelAdmin[Row]):
    # Counting a million rows for every page of a list costs more than the page.
    show_full_result_count = False
    list_per_page = 50


class ReadOnlyInline(_LookOnly, admin.TabularInline[Row, Parent]):
    extra = 0
    show_change_link = False
