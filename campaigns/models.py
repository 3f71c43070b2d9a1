"""The campaign and its goals."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from alliance.core.money import CURRENCIES, Money


class State(models.TextChoices):
    DRAFT = "draft", "draft: only staff see it"
    LIVE = "live", "live: open for gifts"
    PAUSED = "paused", "paused: shown, takes no gifts"
    ENDED = "ended", "ended: shown, takes no gifts"


PUBLIC = frozenset({State.LIVE, State.PAUSED, State.ENDED})
OPEN_FOR_GIFTS = frozenset({State.LIVE})


def default_presets() -> list[int]:
    """Four amounts to choose from, in minor units."""
    return [500, 1000, 2500, 5000]


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def public(self) -> Self:
        """Keep those that everybody may see."""
        return self.filter(state__in=PUBLIC)

    def open_for_gifts(self) -> Self:
        """Keep those that take gifts."""
        return self.filter(state__in=OPEN_FOR_GIFTS)

    def newest_first(self) -> Self:
        return self.order_by("-launched_on", "-pk")


class Campaign(models.Model):
    slug = models.SlugField(unique=True, help_text="The end of the page's address.")
    name = models.CharField(max_length=80, help_text="As it stands in sentences and mails.")
    title = models.CharField(max_length=120, help_text="The headline of the page.")
    lede = models.TextField("opening lines", max_length=300)
    story = models.TextField(help_text="Markdown: headings, lists, emphasis, links.")
    picture = models.ImageField(
        upload_to="campaigns/", blank=True, help_text="Left empty, a drawing takes its place."
    )
    picture_alt = models.CharField("picture in words", max_length=250)
    picture_credit = models.CharField(max_length=150, help_text="Printed below the picture.")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    closed_reason = models.CharField(
        max_length=250, blank=True, help_text="Said to visitors while no gifts are taken."
    )
    launched_on = models.DateField(null=True, blank=True)
    currency = models.CharField(
        max_length=3, default="gbp", choices={c: c.upper() for c in CURRENCIES}
    )
    target_minor = models.BigIntegerField("target, in pence")
    presets = ArrayField(
        models.BigIntegerField(validators=[MinValueValidator(30)]),
        default=default_presets,
        size=4,
        help_text="Up to four amounts to choose from, in pence, separated by commas.",
    )
    recipient = models.TextField(help_text="Who receives the money, and who they are.")
    terms = models.TextField(help_text="Markdown: fees, refunds, who may give.")
    imprint = models.TextField(help_text="Who promotes this page, for whom, at which address.")
    is_demo = models.BooleanField(
        "demo", default=False, help_text="Marks every figure on the page as made up."
    )
    changed_at = models.DateTimeField(auto_now=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(target_minor__gt=0),
                name="campaign_target_is_positive",
                violation_error_message="The target must be more than nothing.",
            ),
            models.CheckConstraint(
                condition=Q(currency__in=list(CURRENCIES)), name="campaign_currency_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state=State.DRAFT) | Q(launched_on__isnull=False),
                name="campaign_in_public_has_launched",
                violation_error_message="A campaign that people can see needs its launch date.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("web:campaign", args=[self.slug])

    def clean(self) -> None:
        if self.state in PUBLIC - OPEN_FOR_GIFTS and not self.closed_reason:
            raise ValidationError({"closed_reason": "Say why no gifts are taken."})

    @property
    def target(self) -> Money:
        return Money(self.target_minor, self.currency)

    @property
    def is_open(self) -> bool:
        """Whether gifts are taken."""
        return self.state in OPEN_FOR_GIFTS


class Goal(models.Model):
    """One line of "If we hit our target we'll be able to"."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        UNDER_WAY = "under_way", "Under way"
        DONE = "done", "Done"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="goals")
    position = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=120)
    detail = models.TextField(max_length=400, blank=True)
    amount_minor = models.BigIntegerField("amount, in pence", null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__isnull=True) | Q(amount_minor__gt=0),
                name="goal_amount_is_positive",
                violation_error_message="Leave the amount empty, or make it more than nothing.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def amount(self) -> Money | None:
        return (
            None if self.amount_minor is None else Money(self.amount_minor, self.campaign.currency)
        )
