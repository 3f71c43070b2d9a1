"""What every template may say about the site itself."""

from django.conf import settings
from django.http import HttpRequest


def platform(_request: HttpRequest) -> dict[str, object]:
    """Give templates the platform's name and address, and whether payments are pretended."""
    return {
        "platform_name": settings.PLATFORM_NAME,
        "site_url": settings.SITE_URL,
        "contact_email": settings.CONTACT_EMAIL,
        "stripe_is_standin": settings.STRIPE_IS_STANDIN,
    }
