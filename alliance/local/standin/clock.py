"""The stand-in's own time: what falls due as it passes, each at its own moment."""

from collections.abc import Callable

from alliance.local.standin import billing, checkout
from alliance.local.standin.account import Account

TASKS: dict[str, Callable[[Account, str], None]] = {
    "renew": billing.renew,
    "resume": billing.resume,
    "retry": billing.retry,
}


def advance(account: Account, seconds: int) -> None:
    """Move the clock forward, and do what falls due on the way."""
    with account.store.transaction():
        account.store.advance(seconds)
        catch_up(account)


def catch_up(account: Account) -> None:
    """Do everything whose time has come, in the order of time."""
    with account.store.transaction():
        while task := account.store.next_task():
            subject, name, due = task
            with account.store.at(due):
                TASKS[name](account, subject)
        checkout.expire_due(account)
