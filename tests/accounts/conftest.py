"""Accounts in tests hash passwords quickly: how long it really takes is benchmarked."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_tries_before(db: None) -> Iterator[None]:
    """Forget how often anything was tried: where a test commits, nothing else does."""
    cache.clear()
    yield
    cache.clear()
