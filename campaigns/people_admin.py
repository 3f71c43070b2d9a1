"""Applications, teams and invitations in Django admin: to look at, and to decide about."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Model, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from alliance.accounts.models import User
from alliance.core import addresses
from alliance.core.admin import ReadOnlyAdmin
from campaigns import applications, people
from campaigns.models import Application, Campaign, Invitation, Membership, Role

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Deed:
    """Something that staff may do about a row: the question, what follows, and the answer."""

    title: str
    words: str
    yes: str
    permission: str
    form: type[forms.Form] = forms.Form


class DeedsAdmin(ReadOnlyAdmin[Row]):
    """Rows that nobody edits, with what may be done about one, each once it was confirmed."""

    change_form_template = "admin/campaigns/deeds.html"
    deeds: dict[str, Deed] = {}

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        act = self.admin_site.admin_view(self.act)
        return [path("<int:pk>/do/<str:deed>/", act, name=name), *super().get_urls()]

    def open_deeds(self, row: Any) -> list[str]:
        """Return what can be done about a row as it stands."""
        raise NotImplementedError

    def facts(self, row: Any) -> list[tuple[str, object]]:
        """Return what somebody should see of a row before they decide."""
        raise NotImplementedError

    def carry_out(self, row: Any, deed: str, *, by: User, said: dict[str, Any]) -> str:
        """Do it, and return the words for it having been done. Raises people.Refused."""
        raise NotImplementedError

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context["deeds"] = [
                (self._address(obj, name), self.deeds[name].title)
                for name in self.open_deeds(obj)
                if request.user.has_perm(self.deeds[name].permission)
            ]
        return super().render_change_form(request, context, add, change, form_url, obj)

    def act(self, request: HttpRequest, pk: int, deed: str) -> HttpResponse:
        """Ask whether it is meant, and do it."""
        if deed not in self.deeds:
            raise Http404
        asked = self.deeds[deed]
        user = require(request, f"campaigns.view_{self.opts.model_name}", asked.permission)
        row = get_object_or_404(self.get_queryset(request), pk=pk)
        back = HttpResponseRedirect(self._address(row), status=303)
        if deed not in self.open_deeds(row):
            messages.error(request, "This was decided already, as it stands here.")
            return back
        is_sent = request.method == "POST"
        form = asked.form(request.POST if is_sent else None)
        is_whole = form.is_valid()
        if not is_whole or "sure" not in request.POST:
            is_form = bool(form.fields) and not is_whole
            return page(
                request,
                self,
                "deed",
                status=422 if is_sent and not is_whole else 200,
                title=asked.title,
                row=row,
                deed=asked,
                facts=self.facts(row),
                form=form,
                is_form=is_form,
                back=self._address(row),
            )
        try:
            done = self.carry_out(row, deed, by=user, said=form.cleaned_data)
        except people.Refused as refusal:
            messages.error(request, f"{refusal} Nothing was changed.")
        except applications.Decided:
            messages.error(request, "Somebody else was quicker: what they decided stands here.")
        else:
            messages.success(request, done)
        is_there = self.get_queryset(request).filter(pk=row.pk).exists()
        return back if is_there else HttpResponseRedirect(self._address(), status=303)

    def _address(self, row: Any = None, deed: str = "") -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if row is None:
            return reverse(f"{name}_changelist")
        return (
            reverse(f"{name}_act", args=[row.pk, deed])
            if deed
            else reverse(f"{name}_change", args=[row.pk])
        )


class Standing(admin.SimpleListFilter):
    title = "how it stands"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        return list(Application.State.choices)

    def queryset(
        self, _request: HttpRequest, rows: QuerySet[Application]
    ) -> QuerySet[Application]:
        known = Application.State.values
        return rows.filter(state=self.value()) if self.value() in known else rows


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 60}),
        help_text="They read this, word for word, in the mail.",
        error_messages={"required": "Say why: they are told."},
    )


@admin.register(Application)
class ApplicationAdmin(DeedsAdmin[Application]):
    list_display = ["name", "who", "created_at", "state", "decided_at", "decided_by"]
    list_filter = [Standing]
    list_select_related = ["by", "decided_by"]
    search_fields = ["name", "by__email"]
    fields = [
        "name",
        "who",
        "purpose",
        "people",
        "recipient",
        "target",
        "links",
        "created_at",
        "state",
        "reason",
        "decided_at",
        "decided_by",
        "campaign",
    ]
    deeds = {
        "approve": Deed(
            "Approve",
            "They get a draft campaign of their own, as its owner, and are told by mail. "
            "Nobody else sees it until they publish it.",
            "Yes, let them start",
            "campaigns.change_application",
        ),
        "decline": Deed(
            "Decline",
            "They are told by mail, with your reason. They may apply again. It can’t be undone.",
            "Yes, say no",
            "campaigns.change_application",
            DeclineForm,
        ),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        """Put first what waits for one of us, the longest waiting at the top."""
        waits = Case(When(state=Application.State.WAITING, then=Value(0)), default=Value(1))
        return super().get_queryset(request).order_by(waits, "pk")

    @admin.display(description="who asks")
    def who(self, application: Application) -> str:
        return application.by.email

    @admin.display(description="target")
    def target(self, application: Application) -> str:
        return str(application.target)

    def open_deeds(self, row: Application) -> list[str]:
        return ["approve", "decline"] if row.state == Application.State.WAITING else []

    def facts(self, row: Application) -> list[tuple[str, object]]:
        return [("Campaign", row.name), ("Who asks", row.by.email), ("Target", row.target)]

    def carry_out(self, row: Application, deed: str, *, by: User, said: dict[str, Any]) -> str:
        now = timezone.now()
        if deed == "decline":
            applications.decline(row, reason=said["reason"], by=by, now=now)
            return "Declined. They are told by mail."
        campaign = applications.approve(row, by=by, now=now)
        return f"Approved: {campaign.name} is a draft now, and they are told by mail."


@admin.register(Membership)
class MembershipAdmin(DeedsAdmin[Membership]):
    """Who runs which campaign. Roles are given at the campaign's own desk."""

    list_display = ["campaign", "who", "role", "since"]
    list_display_links = ["who"]
    list_filter = ["role"]
    list_select_related = ["campaign", "user"]
    search_fields = ["campaign__name", "user__email"]
    ordering = ["campaign__name", "pk"]
    fields = ["campaign", "who", "role", "since"]
    deeds = {
        "remove": Deed(
            "Take out of the team",
            "They no longer see this campaign’s desk, are signed out everywhere, and are told "
            "by mail, as are the owners.",
            "Yes, take them out",
            people.MAY_CHANGE,
        )
    }

    @admin.display(description="who")
    def who(self, membership: Membership) -> str:
        return membership.user.email

    def open_deeds(self, row: Membership) -> list[str]:  # noqa: ARG002 (always)
        return ["remove"]

    def facts(self, row: Membership) -> list[tuple[str, object]]:
        return [
            ("Campaign", row.campaign),
            ("Who", row.user.email),
            ("Role", row.get_role_display()),
        ]

    def carry_out(self, row: Membership, deed: str, *, by: User, said: dict[str, Any]) -> str:  # noqa: ARG002 (there is one)
        people.remove(row, by=by)
        return "Taken out of the team, and told by mail."


class AskForm(forms.Form):
    campaign = forms.ModelChoiceField(Campaign.objects.order_by("name"))
    email = forms.EmailField(label="E-mail address", max_length=addresses.LONGEST)
    role = forms.TypedChoiceField(choices=Role, coerce=Role)

    def clean_email(self) -> str:
        try:
            return addresses.normalise(self.cleaned_data["email"])
        except ValueError as error:
            raise forms.ValidationError("Enter an address like name@example.org.") from error


@admin.register(Invitation)
class InvitationAdmin(DeedsAdmin[Invitation]):
    """Who was asked to help run which campaign; staff ask where a campaign has lost its owner."""

    list_display = ["email", "campaign", "role", "by", "created_at", "standing"]
    list_filter = ["role"]
    list_select_related = ["campaign", "by"]
    search_fields = ["campaign__name", "email"]
    ordering = ["-pk"]
    fields = ["email", "campaign", "role", "by", "created_at", "expires_at", "standing"]
    deeds = {
        "withdraw": Deed(
            "Withdraw",
            "The link in the mail stops working.",
            "Yes, withdraw it",
            people.MAY_INVITE,
        )
    }

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm(people.MAY_INVITE)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002 (Django's signature)
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Ask somebody to help run a campaign."""
        user = require(request, "campaigns.view_invitation", people.MAY_INVITE)
        is_sent = request.method == "POST"
        form = AskForm(request.POST if is_sent else None)
        if form.is_valid():
            try:
                made = people.invite(by=user, now=timezone.now(), **form.cleaned_data)
            except people.Refused as refusal:
                form.add_error("email", str(refusal))
            else:
                messages.success(request, "An invitation is on its way.")
                return HttpResponseRedirect(self._address(made), status=303)
        words = "They get a mail with a link, good for 14 days."
        return page(
            request,
            self,
            "deed",
            status=422 if is_sent else 200,
            title="Invite somebody to a team",
            deed=Deed("", words, "Send the invitation", people.MAY_INVITE),
            form=form,
            is_form=True,
            back=self._address(),
        )

    @admin.display(description="how it stands")
    def standing(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return "accepted"
        if invitation.withdrawn_at:
            return "withdrawn"
        return "open" if invitation.expires_at > timezone.now() else "ran out"

    def open_deeds(self, row: Invitation) -> list[str]:
        return [] if row.accepted_at or row.withdrawn_at else ["withdraw"]

    def facts(self, row: Invitation) -> list[tuple[str, object]]:
        return [
            ("Campaign", row.campaign),
            ("To", row.email),
            ("Role", row.get_role_display()),
        ]

    def carry_out(self, row: Invitation, deed: str, *, by: User, said: dict[str, Any]) -> str:  # noqa: ARG002 (there is one)
        people.withdraw(row, by=by, now=timezone.now())
        return "Withdrawn: its link has stopped working."


def require(request: HttpRequest, *permissions: str) -> User:
    """Return who asks, where they may do this. Raises PermissionDenied."""
    if not (isinstance(request.user, User) and request.user.has_perms(permissions)):
        raise PermissionDenied
    return request.user


def page(
    request: HttpRequest,
    model_admin: admin.ModelAdmin[Any],
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
    return TemplateResponse(request, f"admin/campaigns/{template}.html", context, status=status)
