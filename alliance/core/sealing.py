"""Text that only this site can read: sealed under its own key, so a stolen table tells nothing."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Broken(Exception):
    """It was not sealed here, or its key is no longer among the settings."""


def seal(purpose: str, text: str) -> str:
    """Return the text as nobody else can read or forge it."""
    return _keys(purpose).encrypt(text.encode()).decode()


def unseal(purpose: str, sealed: str) -> str:
    """Return what was sealed for this purpose. Raises Broken."""
    try:
        return _keys(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Broken(purpose) from error


def _keys(purpose: str) -> MultiFernet:
    """The first seals; the earlier ones still open, while a key is being replaced."""
    return MultiFernet(
        Fernet(urlsafe_b64encode(sha256(f"alliance.{purpose}:{key}".encode()).digest()))
        for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    )
