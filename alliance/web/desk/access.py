"""Who may open which page of the desk."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from alliance.accounts.models import User
from alliance.core.http import private
from campaigns.models import Campaign, Can, Membership

P = ParamSpec("P")
View = Callable[..., HttpResponseBase]


class DeskRequest(HttpRequest):
    """A request by one of the campaign's people."""

    user: User
    membership: Membership


def desk(
    needs: Can, *, asks_again: bool = False
) -> Callable[[Callable[Concatenate[DeskRequest, Campaign, P], HttpResponse]], View]:
    """Give a view the campaign of its address, once it is clear that somebody may use it.

    Others cannot tell a campaign that is not theirs from none at all. Who is one of its people
    and may not do this is told so. `asks_again`: who they are must have been proven within the
    last minutes. (That nobody comes here without a second factor is the middleware's business.)
    """

    def decorate(view: Callable[Concatenate[DeskRequest, Campaign, P], HttpResponse]) -> View:
        checked = reauthentication_required(view) if asks_again else view

        @wraps(view)
        @login_required
        def handle(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            theirs = cast(DeskRequest, request)
            theirs.membership = membership_of(theirs.user, slug)
            if not theirs.membership.may(needs):
                raise PermissionDenied
            response = checked(theirs, theirs.membership.campaign, *args, **kwargs)
            return private(response, has_form=True)

        return handle

    return decorate


def membership_of(user: User, slug: str) -> Membership:
    """Return somebody's part in a campaign. Raises Http404."""
    theirs = Membership.objects.select_related("campaign")
    try:
        return theirs.get(campaign__slug=slug, user=user)
    except Membership.DoesNotExist:
        raise Http404 from None
