"""Admin pages for rows that nobody edits by hand, and the trail of what staff did."""

from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.html import format_html

Row = TypeVar("Row", bound=Model)
Parent = TypeVar("Parent", bound=Model)


class BoundedPaginator(Paginator[Any]):
    """Counts no further than anybody turns pages: a million rows cost more than the page."""

    FURTHEST = 2000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        assert isinstance(rows, QuerySet)  # noqa: S101 (a list of Django admin's; for mypy)
        return rows.order_by().values("pk")[: self.FURTHEST].count()

    @property
    def has_more(self) -> bool:
        """Whether there are rows beyond the last page."""
        return self.count == self.FURTHEST


class _LookOnly:
    """No adding, no changing, no deleting, whoever asks."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(_LookOnly, admin.ModelAdmin[Row]):
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    # Sorting a million rows by a column without an index costs more than the page, too.
    sortable_by = ()


class ReadOnlyInline(_LookOnly, admin.TabularInline[Row, Parent]):
    extra = 0
    show_change_link = False


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin[LogEntry]):
    """What each of us did, for ever: the database refuses to change or remove a row."""

    list_display = ["action_time", "user", "content_type", "about", "what"]
    list_display_links = None
    list_select_related = ["user", "content_type"]
    search_fields = ["=user__email", "=object_repr"]
    search_help_text = "The e-mail address of one of us, or the reference of a gift."
    ordering = ["-pk"]
    fields = ["action_time", "user", "content_type", "about", "what"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"title": "Audit trail: what each of us did", **(extra_context or {})}
        )

    @admin.display(description="about")
    def about(self, entry: LogEntry) -> str:
        address = None if entry.is_deletion() else entry.get_admin_url()
        if not address:
            return entry.object_repr
        return format_html('<a href="{}">{}</a>', address, entry.object_repr)

    @admin.display(description="what was done")
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message() or entry.get_action_flag_display()
