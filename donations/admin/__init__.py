"""Money in Django admin: found, shown, and out of everybody's reach."""

from donations.admin import giving, inbox, ledger, plans

__all__ = ["giving", "inbox", "ledger", "plans"]
