"""One person by normalised e-mail address, and each consent with its proof."""

from typing import Self

from django.db import models
from django.db.models import Q

from alliance.core.addresses import LONGEST, ONE_ADDRESS
from alliance.core.addresses import normalise as normalise  # noqa: PLC0414 (looked for here, too)
from campaigns.models import Campaign


class Contact(models.Model):
    email = models.EmailField("e-mail address", null=True, help_text="As they last wrote it.")
    # What makes two spellings one person. Plus signs and dots are kept: they are the owner's.
    email_key = models.CharField(max_length=LONGEST, unique=True, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # What they gave stays in the books, and names nobody. Should they give again, it is as
    # somebody new.
    erased_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(email__regex=ONE_ADDRESS), name="contact_email_is_one_address"
            ),
            models.CheckConstraint(
                condition=Q(email__isnull=False, email_key__isnull=False, erased_at__isnull=True)
                | Q(email__isnull=True, email_key__isnull=True, erased_at__isnull=False),
                name="contact_has_its_address_until_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"

    @property
    def address(self) -> str:
        """The address, for people to read; of somebody who was erased, that there is none."""
        return self.email or "erased, as they asked"


class ConsentQuerySet(models.QuerySet["Consent"]):
    def live(self) -> Self:
        """Keep those not withdrawn."""
        return self.filter(withdrawn_at__isnull=True)

    def about(self, contact: Contact, campaign: Campaign | None) -> Self:
        """Keep somebody's about mail from a campaign or, None, from the platform."""
        theirs = self.filter(contact=contact)
        if campaign is None:
            return theirs.filter(campaign__isnull=True)
        return theirs.filter(campaign=campaign)


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
