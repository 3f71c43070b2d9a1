"""Pages of somebody's own giving: what they gave, the mail they agreed to, and all their data."""

from collections.abc import Callable, Mapping
from typing import cast

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from alliance.accounts.models import User
from alliance.contacts import services as contacts
from alliance.contacts.models import Contact
from alliance.contacts.personal import person_of
from alliance.core import personal
from alliance.core.http import private
from alliance.web.me import deleting, exporting, queries
from alliance.web.me.forms import DeleteForm, MailForm, NameForm
from donations import plan_views, supporters

View = Callable[..., HttpResponseBase]


def _just_proven(view: View) -> View:
    """Let in who has proven within the last minutes who they are; ask everybody else."""
    checked: View = login_required(reauthentication_required(view))
    return checked


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """Show what somebody gave; to who is not signed in, offer a mail with links to it."""
    if request.method == "POST" or not request.user.is_authenticated:
        return plan_views.giving(request)
    context = queries.giving(_user(request), page=request.GET.get("page", ""))
    return _page(request, "me/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def name(request: HttpRequest, public_id: str) -> HttpResponse:
    """Let somebody choose whether one of their gifts names them on the campaign's page."""
    gift = supporters.find_gift(person_of(_user(request)).contacts, public_id)
    if gift is None:
        raise Http404
    form = NameForm(_posted(request), initial={"display": gift.display})
    is_taken_down = supporters.is_taken_down(gift, has_come=gift.net_minor is not None)
    if request.method == "POST" and not is_taken_down and form.is_valid():
        try:
            supporters.choose_display(gift, form.cleaned_data["display"])
        except supporters.TakenDown:
            return _to("me:name", public_id)
        messages.success(request, f"Saved for your gift to {gift.campaign.name}.")
        return _to("me:home")
    context = {"gift": gift, "form": form, "is_taken_down": is_taken_down}
    return _page(request, "me/name.html", context, status=422 if form.errors else 200)


@require_safe
@login_required
def mail(request: HttpRequest) -> HttpResponse:
    """Show which mail somebody agreed to, and ever did."""
    return _mail_page(request)


@require_POST
@login_required
def change_mail(request: HttpRequest) -> HttpResponse:
    """Record that somebody agrees to mail, or does not any more."""
    form = MailForm(request.POST, choices=queries.mail_choices(person_of(_user(request))))
    if not form.is_valid():
        return _mail_page(request, form, status=422)
    choice, now = form.choice, timezone.now()
    source = choice.campaign.name if choice.campaign else "us"
    contact = contacts.contact_for(choice.address)
    if form.cleaned_data["wish"] == MailForm.AGREE:
        contacts.agree(contact, choice.campaign, at=now)
        messages.success(request, f"Agreed: mail from {source} goes to {choice.address}.")
    else:
        contacts.withdraw(contact, choice.campaign, at=now)
        messages.success(request, f"Stopped: no more mail from {source} to {choice.address}.")
    return _to("me:mail")


@require_POST
@login_required
def stop_mail(request: HttpRequest) -> HttpResponse:
    """Withdraw everything somebody ever agreed to."""
    theirs = Contact.objects.filter(pk__in=person_of(_user(request)).contacts)
    contacts.withdraw_consents(theirs, at=timezone.now())
    messages.success(request, "Stopped: no more mail but receipts and what your account needs.")
    return _to("me:mail")


@require_safe
@login_required
def data(request: HttpRequest) -> HttpResponse:
    """Say what the site holds about somebody, and lead to taking it away or deleting it."""
    return _page(request, "me/data.html", {"tables": list(personal.tables())})


@require_safe
@_just_proven
def download(request: HttpRequest, form: str) -> HttpResponseBase:
    """Hand somebody all that the site holds about them."""
    now = timezone.now()
    file = exporting.FORMATS[form](person_of(_user(request)), now)
    name = f"my-data-{timezone.localdate(now):%Y-%m-%d}.{form}"
    response = FileResponse(file, as_attachment=True, filename=name)
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponseBase:
    """Say what deleting somebody means, and do it once they mean it."""
    marked = deleting.marked(request.POST.get("mark", ""))
    if not request.user.is_authenticated and marked and deleting.is_gone(marked):
        # The second click: the first one has ended the session.
        return _to("me:deleted")
    return _delete(request)


@_just_proven
def _delete(request: HttpRequest) -> HttpResponse:
    user, trouble = _user(request), ""
    form = DeleteForm(_posted(request), initial={"mark": deleting.mark_for(user)})
    if request.method == "POST" and form.is_valid():
        try:
            deleting.delete(user, now=timezone.now())
        except personal.NotNow as reason:
            trouble = str(reason)
        else:
            logout(request)
            return _to("me:deleted")
    context = {"form": form, "trouble": trouble, **queries.fate_of(person_of(user))}
    status = 409 if trouble else 422 if form.errors else 200
    return _page(request, "me/delete.html", context, status=status)


@require_safe
def deleted(request: HttpRequest) -> HttpResponse:
    """Say that it is done; whoever reads it."""
    return private(render(request, "me/deleted.html"))


def _mail_page(
    request: HttpRequest, form: MailForm | None = None, *, status: int = 200
) -> HttpResponse:
    person = person_of(_user(request))
    choices = queries.mail_choices(person)
    context = {
        "choices": choices,
        "form": form,
        "agrees": any(scope.live for choice in choices for scope in choice.scopes),
        "history": queries.mail_history(person, page=request.GET.get("page", "")),
        "unconfirmed": queries.unconfirmed(_user(request)),
    }
    return _page(request, "me/mail.html", context, status=status)


def _posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _page(
    request: HttpRequest, template: str, context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    return private(render(request, template, dict(context), status=status), has_form=True)


def _to(page: str, *args: str) -> HttpResponse:
    return HttpResponseRedirect(resolve_url(page, *args), status=303)
