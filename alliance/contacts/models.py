"""One person by normalised e-mail address, and each consent with its proof."""

from typing import Self

from django.db import models
from django.db.models import Q

from alliance.core.addresses import LONGEST, ONE_ADDRESS
from alliance.core.addresses import normalise as normalise  # noqa: PLC0414 (looked for here, too)
from campaigns.models import Campaign


class Contact(models.Model):
    email = models.EmailField("e-mail address", help_text="As the person last wrote it.")
    # What makes two spellings one person. Plus signs and dots are kept: they are the owner's.
    email_key = models.CharField(max_length=LONGEST, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(email__regex=ONE_ADDRESS), name="contact_email_is_one_address"
            ),
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"


class ConsentQuerySet(models.QuerySet["Consent"]):
    def live(self) -> Self:
        """Keep those not withdrawn."""
        return self.filter(withdrawn_at__isnull=True)


class Consent(models.Model):
    """Somebody agreed to be written to: the words they saw, where and when.

    Without a campaign it is the platform that may write.
    """

    contact = models.ForeignKey(Contact, models.PROTECT, related_name="consents")
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="consents", null=True, blank=True
    )
    wording = models.TextField(help_text="The exact words beside the box that was ticked.")
    source = models.CharField(max_length=100, help_text="The form, and what it was sent for.")
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "campaign", "source"],
                nulls_distinct=False,
                name="consent_once_per_form",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=models.F("given_at")),
                name="consent_is_withdrawn_after_it_was_given",
            ),
        ]

    def __str__(self) -> str:
        return f"consent {self.pk}"
