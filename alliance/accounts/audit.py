"""The trail of what people with duties did: who, to what, and what was different afterwards."""

from collections.abc import Iterable, Mapping

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db.models import Model

from alliance.accounts.models import User


def note(
    by: User,
    about: Iterable[Model],
    what: str,
    *,
    changes: Mapping[str, tuple[object, object]] | None = None,
    is_new: bool = False,
) -> None:
    """Write down, for ever, that one of us did something about these rows.

    `changes`: what each thing was before and is after. Nothing here is personal data, nor are
    the rows' names: the trail outlives an erasure.
    """
    told = [f"{name}: {before} → {after}" for name, (before, after) in (changes or {}).items()]
    LogEntry.objects.log_actions(
        user_id=by.pk,
        queryset=list(about),
        action_flag=ADDITION if is_new else CHANGE,
        change_message=" ".join([what, "; ".join(told)]).strip(),
    )
