"""Stripe's own ledger, as it lists it: what ours is held against."""

from django.db import models


class BalanceEntry(models.Model):
    """One of Stripe's balance transactions. Amounts in minor units of the balance's currency."""

    id = models.CharField(max_length=255, primary_key=True)
    type = models.CharField(max_length=50)
    # The charge, refund or dispute that it is about, and the payment behind that.
    source = models.CharField(max_length=255, blank=True)
    payment_intent = models.CharField(max_length=255, blank=True, db_index=True)
    public_id = models.CharField(max_length=22, blank=True, help_text="Of the donation it names.")
    customer_id = models.CharField(max_length=255, blank=True)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "balance entries"
        indexes = [models.Index(fields=["source"], name="balance_source")]

    def __str__(self) -> str:
        return self.id
