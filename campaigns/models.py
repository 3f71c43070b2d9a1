"""The campaign, its goals and endorsements, and the people who run it."""

import secrets
from datetime import datetime
from enum import Enum
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from alliance.accounts.models import User
from alliance.core.money import CURRENCIES, Money


class State(models.TextChoices):
    DRAFT = "draft", "draft: its own people see it"
    LIVE = "live", "live: open for gifts"
    PAUSED = "paused", "paused: shown, takes no gifts"
    ENDED = "ended", "ended: shown, takes no gifts"


PUBLIC = frozenset({State.LIVE, State.PAUSED, State.ENDED})
OPEN_FOR_GIFTS = frozenset({State.LIVE})


# Words that are part of the desk's own addresses.
RESERVED_SLUGS = frozenset({"apply", "invitation"})


def new_preview_key() -> str:
    """Return 128 random bits: who has the address of a draft's preview may read it."""
    return secrets.token_urlsafe(16)


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
    lede = models.TextField("opening lines", max_length=300, blank=True)
    story = models.TextField(blank=True, help_text="Markdown: headings, lists, emphasis, links.")
    picture = models.ImageField(
        upload_to="campaigns/", blank=True, help_text="Left empty, a drawing takes its place."
    )
    picture_alt = models.CharField("picture in words", max_length=250, blank=True)
    picture_credit = models.CharField(
        max_length=150, blank=True, help_text="Printed below the picture."
    )
    drawing_will_do = models.BooleanField("show the drawing instead of a picture", default=False)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    closed_reason = models.CharField(
        max_length=250, blank=True, help_text="Said to visitors while no gifts are taken."
    )
    launched_on = models.DateField(null=True, blank=True)
    currency = models.CharField(
        max_length=3, default="gbp", choices={c: c.upper() for c in CURRENCIES}
    )
    target_minor = models.BigIntegerField("target, in pence")
    stretch_minor = models.BigIntegerField(
        "stretch target, in pence",
        null=True,
        blank=True,
        help_text="Shown in the target's place once that is met.",
    )
    presets = ArrayField(
        models.BigIntegerField(validators=[MinValueValidator(30)]),
        default=default_presets,
        size=4,
        help_text="Up to four amounts to choose from, in pence, separated by commas.",
    )
    recipient = models.TextField(blank=True, help_text="Who receives the money, and who they are.")
    fees = models.TextField(blank=True, help_text="Markdown: what is taken from a gift, by whom.")
    refunds = models.TextField(blank=True, help_text="Markdown: who gets a gift back, and how.")
    terms = models.TextField(blank=True, help_text="Markdown: who may give, and all else.")
    imprint = models.TextField(
        blank=True, help_text="Who promotes this page, for whom, at which address."
    )
    is_demo = models.BooleanField(
        "demo", default=False, help_text="Marks every figure on the page as made up."
    )
    preview_key = models.CharField(max_length=22, default=new_preview_key, editable=False)
    # Counts the edits of the page: whoever saves says which one they had before them.
    version = models.PositiveIntegerField(default=0, editable=False)
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
                condition=Q(stretch_minor__isnull=True)
                | Q(stretch_minor__gt=models.F("target_minor")),
                name="campaign_stretch_is_beyond_target",
                violation_error_message="The stretch target must be more than the target.",
            ),
            models.CheckConstraint(
                condition=Q(state=State.DRAFT)
                | ~(
                    Q(title="")
                    | Q(lede="")
                    | Q(story="")
                    | Q(picture="", drawing_will_do=False)
                    | (~Q(picture="") & (Q(picture_alt="") | Q(picture_credit="")))
                    | Q(recipient="")
                    | Q(imprint="")
                    | Q(fees="")
                    | Q(refunds="")
                ),
                name="campaign_in_public_says_what_it_must",
                violation_error_message="A campaign that people can see has all that it needs.",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.PAUSED, State.ENDED]) | ~Q(closed_reason=""),
                name="campaign_closed_says_why",
                violation_error_message="Say why no gifts are taken.",
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
    def stretch(self) -> Money | None:
        return Money(self.stretch_minor, self.currency) if self.stretch_minor else None

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


class Picture(models.Model):
    """A picture that the campaign's story may show."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="pictures")
    file = models.ImageField(upload_to="campaigns/")
    alt = models.CharField("picture in words", max_length=250)
    credit = models.CharField(max_length=150)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"picture {self.pk}"


class Endorsement(models.Model):
    """Somebody's public support, with where they said so; shown once one of our staff looked."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="endorsements")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=120, blank=True, help_text="Such as: MP for Norwich South.")
    affiliation = models.CharField("party or movement", max_length=120)
    said_on = models.DateField("date")
    source_url = models.URLField("source", help_text="Where anybody can read that they said so.")
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    verified_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["affiliation", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "name", "affiliation"],
                name="endorsement_once",
                violation_error_message="This person is on the list already.",
            ),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True, verified_by__isnull=True)
                | Q(verified_at__isnull=False, verified_by__isnull=False),
                name="endorsement_verified_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"endorsement {self.pk}"


class Edit(models.Model):
    """What a campaign's page said after one edit, for ever."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="edits")
    version = models.PositiveIntegerField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    # The page's fields by name; goals as a list of theirs.
    page = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="edit_once"),
        ]

    def __str__(self) -> str:
        return f"edit {self.version} of campaign {self.campaign_id}"


class Can(Enum):
    """What somebody may do at a campaign's desk."""

    LOOK = "look at figures, and at the page before it is public"
    WRITE = "write the page, its updates and its links"
    MONEY = "see who gave, and look after their gifts"
    OWN = "decide who does what, and whether the campaign is open"


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    FINANCE = "finance", "Finance"
    VIEWER = "viewer", "Viewer"


MAY = {
    Role.OWNER: frozenset(Can),
    Role.EDITOR: frozenset({Can.LOOK, Can.WRITE}),
    Role.FINANCE: frozenset({Can.LOOK, Can.MONEY}),
    Role.VIEWER: frozenset({Can.LOOK}),
}


class Membership(models.Model):
    """Somebody's part in running a campaign."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "user"], name="membership_once"),
        ]

    def __str__(self) -> str:
        return f"membership {self.pk}"

    def may(self, what: Can) -> bool:
        return what in MAY[Role(self.role)]


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> Self:
        """Keep those that can still be accepted."""
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=now)


class Invitation(models.Model):
    """Somebody was asked, by mail, to help run a campaign."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address")
    role = models.CharField(max_length=8, choices=Role)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "campaign",
                models.functions.Lower("email"),
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_open_once",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True),
                name="invitation_has_one_end",
            ),
        ]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class Application(models.Model):
    """Somebody would like to start a campaign; staff decide."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting for us"
        APPROVED = "approved", "approved"
        DECLINED = "declined", "declined"

    by = models.ForeignKey(User, models.PROTECT, related_name="applications")
    name = models.CharField("name of the campaign", max_length=80)
    purpose = models.TextField("what it is for", max_length=2000)
    people = models.TextField("who you are", max_length=2000)
    recipient = models.TextField("who receives the money", max_length=1000)
    links = models.TextField("where we can read more", max_length=1000, blank=True)
    target_minor = models.BigIntegerField("target, in pence", default=100_000)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    reason = models.TextField(
        max_length=2000, blank=True, help_text="Said in the mail, if it is no."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    campaign = models.OneToOneField(Campaign, models.PROTECT, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["by"], condition=Q(state="waiting"), name="application_waits_once"
            ),
            models.CheckConstraint(
                condition=Q(target_minor__gt=0), name="application_target_is_positive"
            ),
            models.CheckConstraint(
                condition=~Q(state="declined", reason=""), name="application_declined_for_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(
                    state="waiting",
                    decided_at__isnull=True,
                    decided_by__isnull=True,
                    campaign__isnull=True,
                )
                | Q(
                    state="approved",
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                    campaign__isnull=False,
                )
                | Q(
                    state="declined",
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                    campaign__isnull=True,
                ),
                name="application_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"application {self.pk}"

    @property
    def target(self) -> Money:
        """What they would like to raise, in the currency that a new campaign begins with."""
        return Money(self.target_minor)


class Link(models.Model):
    """A code that says which poster, mail or person a gift came by."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="links")
    code = models.SlugField(max_length=30, help_text="The end of the address: ?ref=…")
    label = models.CharField("what it is on", max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "code"],
                name="link_code_once",
                violation_error_message="This campaign has a link with that code.",
            ),
        ]

    def __str__(self) -> str:
        return self.code
