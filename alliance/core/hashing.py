"""Names for what must be recognised again and never read: hashes under the site's own key."""

from django.utils.crypto import salted_hmac

LENGTH = 32


def keyed(purpose: str, value: str) -> str:
    """Return the same 32 hex digits for the same value, unlike those for another purpose."""
    return salted_hmac(f"alliance.{purpose}", value, algorithm="sha256").hexdigest()[:LENGTH]
