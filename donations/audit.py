"""The trail of what staff did about money: who, to what, and with what reason."""

from collections.abc import Iterable

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db.models import Model

from alliance.accounts.models import User


def note(by: User, about: Iterable[Model], what: str, *, is_new: bool = False) -> None:
    """Write down, for ever, that one of us did something about these rows."""
    LogEntry.objects.log_actions(
        user_id=by.pk,
        queryset=list(about),
        action_flag=ADDITION if is_new else CHANGE,
        change_message=what,
    )
