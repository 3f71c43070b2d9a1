"""The environment of the site on one machine: its secrets, ports and addresses."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from alliance.local import sockets

# The people of the demo: all have its one password, those with duties a second factor, too.
ADMIN = "admin@example.org"
ORGANISER = "olga@example.org"
SUPPORTER = "sam@example.org"
WITH_TELEPHONE = (ADMIN, ORGANISER)
DEFAULT_PORT = 8000


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The loopback ports of one site."""

    web: int
    standin: int
    mailbox: int
    smtp: int


def choose_ports(web: int | None = None) -> Ports:
    """Return free ports: the web port as asked for, or all of them near the usual one."""
    if web is None:
        web, *others = sockets.free_ports(DEFAULT_PORT, 4)
    else:
        others = sockets.free_ports(web + 1, 3)
    return Ports(web=web, standin=others[0], mailbox=others[1], smtp=others[2])


def site_url(ports: Ports) -> str:
    """Return the site's own address: by name, since no browser makes a passkey for a number."""
    return f"http://localhost:{ports.web}"


def remembered_secrets(data: Path) -> dict[str, str]:
    """Return the secrets of a data folder, made once and readable by their owner alone."""
    file = data / "secrets.json"
    found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    made = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "STRIPE_SECRET_KEY": f"sk_test_standin_{secrets.token_hex(12)}",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(24)}",
        "ALLIANCE_DEMO_PASSWORD": secrets.token_urlsafe(12),
        "ALLIANCE_DEMO_TELEPHONE": secrets.token_urlsafe(24),
    }
    if made.keys() - found.keys():
        found = {**made, **found}
        unfinished = file.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(found, indent=2))
        unfinished.replace(file)
    return found


def contract(data: Path, ports: Ports, *, database_url: str, redis_url: str) -> dict[str, str]:
    """Return every variable that the settings read, for one data folder and its servers."""
    static, media = data.resolve() / "static", data.resolve() / "media"
    for folder in (static, media):
        folder.mkdir(parents=True, exist_ok=True)
    return {
        **remembered_secrets(data),
        "SITE_URL": site_url(ports),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "EMAIL_URL": f"smtp://127.0.0.1:{ports.smtp}",
        "DEFAULT_FROM_EMAIL": "hello@example.org",
        "STRIPE_API_BASE": f"http://127.0.0.1:{ports.standin}",
        "MEDIA_ROOT": str(media),
        "STATIC_ROOT": str(static),
        "ALLIANCE_LOCAL": "true",
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "alliance.settings"),
    }
