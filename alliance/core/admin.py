"""Admin pages for rows that nobody edits by hand, and the trail of what staff did."""

from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
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
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    # Sorting a million rows by a column without an index costs more than the page, too.
    sortable_by = ()


class ReadOnlyInline(_LookOnly, admin.TabularInline[Row, Parent]):
    extra = 0
    show_change_link = False


# As it is called by everybody but Django. No model state holds it: no migration comes of it.
LogEntry._meta.verbose_name = "entry of the audit trail"  # noqa: SLF001 (Django's own door)
LogEntry._meta.verbose_name_plural = "audit trail"  # noqa: SLF001 (the same)


class Who(admin.SimpleListFilter):
    """One of the staff. Organisers are many: a click on one in the list finds what they did."""

    title = "person"
    parameter_name = "who"
    SHOWN = 30

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        people = get_user_model().objects
        staff = list(people.filter(is_staff=True).order_by("email")[: self.SHOWN])
        chosen = self.value() or ""
        if chosen.isdecimal() and all(str(one.pk) != chosen for one in staff):
            staff += people.filter(pk=chosen)
        return [(str(one.pk), one.get_username()) for one in staff]

    def queryset(self, _request: HttpRequest, rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        chosen = self.value() or ""
        return rows.filter(user=int(chosen)) if chosen.isdecimal() else rows


class Kind(admin.SimpleListFilter):
    """What it was done to: the kinds that are in the trail, each found by an index."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        entries = LogEntry.objects.filter(content_type=OuterRef("pk"))
        there = ContentType.objects.filter(Exists(entries))
        return sorted(((str(kind.pk), kind.name) for kind in there), key=itemgetter(1))

    def queryset(self, _request: HttpRequest, rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        chosen = self.value() or ""
        return rows.filter(content_type=int(chosen)) if chosen.isdecimal() else rows


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin[LogEntry]):
    """What each of us did, for ever: the database refuses to change or remove a row."""

    list_display = ["when", "who", "kind", "about", "what"]
    list_display_links = None
    list_filter = [Who, Kind, "action_time"]
    list_select_related = ["user", "content_type"]
    search_fields = ["=user__email", "=object_repr"]
    search_help_text = "The e-mail address of one of us, or the reference of a gift."
    ordering = ["-pk"]
    fields = ["when", "who", "kind", "about", "what"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(
            request, {"title": "Audit trail: what each of us did", **(extra_context or {})}
        )

    @admin.display(description="when")
    def when(self, entry: LogEntry) -> datetime:
        return entry.action_time

    @admin.display(description="kind")
    def kind(self, entry: LogEntry) -> str:
        return entry.content_type.name if entry.content_type else "–"

    @admin.display(description="who")
    def who(self, entry: LogEntry) -> str:
        address = f"{reverse('admin:admin_logentry_changelist')}?who={entry.user_id}"
        return format_html('<a href="{}">{}</a>', address, entry.user.get_username())

    @admin.display(description="about")
    def about(self, entry: LogEntry) -> str:
        address = None if entry.is_deletion() else entry.get_admin_url()
        if not address:
            return entry.object_repr
        return format_html('<a href="{}">{}</a>', address, entry.object_repr)

    @admin.display(description="what was done")
    def what(self, entry: LogEntry) -> str:
        return entry.get_change_message() or entry.get_action_flag_display()
