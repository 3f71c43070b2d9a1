"""Made-up gifts, hundreds or a million, straight into the database, as if Stripe had them too."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from campaigns.models import Campaign, Link

CHUNK = 100_000

# Made up, to be put together; each says so in its mark.
FIRST_NAMES = """Ada Amina Ben Bola Carys Chidi Dan Delia Edith Emre Farah Finn Gail Gwen Hana Hugh
Ines Iqbal Jo June Kofi Leah Lewis Mina Morag Nell Noor Olu Orla Pete Priya Rhys Rosa Sam Sioned
Tariq Tess Una Vikram Zoe"""
LAST_NAMES = """Abbott Adeyemi Baker Begum Carter Chowdhury Davies Doyle Ellis Evans Farrell Ghani
Green Hall Hughes Iyer Jones Kaur Khan Lloyd MacLeod Marsh Mensah Morgan Nolan Okafor Patel Price
Quinn Reid Rossi Shah Singh Stewart Tan Thomas Ward Webb Wood Young Zheng"""
# Where made-up gifts come from: of twenty so many by each, the rest by no link.
LINKS = (("newsletter", "Newsletter", 6), ("poster", "Poster in shops", 4), ("ann", "Ann", 2))

# What settling writes, as a few statements over rows that Postgres makes up itself.
_STATEMENTS = (
    # Nothing here breaks a rule that the foreign keys' triggers would find, one row at a time.
    "SET LOCAL session_replication_role = replica",
    """
    CREATE TEMPORARY TABLE made AS
    SELECT n, (%(amounts)s::bigint[])[1 + n %% %(different)s] AS minor,
        -- Many come at the launch, fewer later, and more again now and then.
        now() - interval '23 days' * (1 - power(x + 0.03 * sin(19 * x) * (1 - x), 1.6)) AS at,
        'demo-' || n || '@' || %(slug)s || '.example.org' AS email,
        'demo_' || %(slug)s || '_' || n AS tag,
        (%(first_names)s::text[])[1 + (n * 7) %% cardinality(%(first_names)s::text[])]
            || ' ' || (%(last_names)s::text[])
                [1 + (n * 11 + n / 40) %% cardinality(%(last_names)s::text[])]
            || ' (demo)' AS name,
        -- As many to each as its share says, in no order that a day would show.
        (%(links)s::bigint[])[1 + (n * 13) %% 20] AS link_id,
        %(monthly)s AND n %% 9 = 4 AS is_monthly
    FROM generate_series(%(first)s, %(first)s + %(count)s - 1) n,
        LATERAL (SELECT (n - %(first)s + 1) / %(count)s::float AS x)
    """,
    """
    INSERT INTO contacts_contact (email, email_key, created_at)
    SELECT email, email, at FROM made ON CONFLICT DO NOTHING
    """,
    """
    WITH gift AS (
        INSERT INTO donations_donation (public_id, reference, campaign_id, contact_id, name,
            display, amount_minor, currency, frequency, method, consents, form_nonce, created_at,
            said_at, attempt, session_expires_at, session_id, session_url, session_rank, link_id)
        SELECT substr(replace(gen_random_uuid()::text, '-', ''), 1, 22),
            -- Letters as in READABLE. Of hex digits, a million gifts would have two alike.
            translate(upper(substr(encode(sha256(convert_to(tag, 'UTF8')), 'base64'), 1, 10)),
                '01ILOU+/', '23456789'),
            %(campaign)s, c.id, name, 'private', minor, %(currency)s,
            CASE WHEN is_monthly THEN 'monthly' ELSE 'once' END, 'stripe', '{}',
            gen_random_uuid(), at, at, 1, at, 'cs_' || tag, '', 3, link_id
        FROM made JOIN contacts_contact c ON c.email_key = made.email
        RETURNING id, campaign_id, contact_id, amount_minor, session_id, created_at, link_id,
            frequency = 'monthly' AS is_monthly
    ), donor AS (
        INSERT INTO donations_donor (campaign_id, contact_id, given_minor, since)
        SELECT campaign_id, contact_id, amount_minor, created_at FROM gift
    ), payment AS (
        INSERT INTO donations_payment
            (donation_id, stripe_id, amount_minor, currency, paid_at)
        SELECT id, replace(session_id, 'cs_', CASE WHEN is_monthly THEN 'in_' ELSE 'pi_' END),
            amount_minor, %(currency)s, created_at
        FROM gift
        RETURNING id, donation_id, stripe_id, amount_minor, paid_at
    ), intent AS (
        INSERT INTO donations_invoiceintent (payment_intent, payment_id)
        SELECT replace(stripe_id, 'in_', 'pi_'), id FROM payment WHERE stripe_id LIKE 'in\\_%%'
    ), plan AS (
        INSERT INTO donations_plan (donation_id, subscription_id, customer_id, item_id, status,
            amount_minor, currency, next_payment_at, is_paused, will_end, payment_method_id,
            card_brand, card_last4, card_expires_on, told_at, told_by, is_in_doubt, ask_again_at,
            wish)
        SELECT id, replace(session_id, 'cs_', 'sub_'), replace(session_id, 'cs_', 'cus_'),
            replace(session_id, 'cs_', 'si_'), 'active', amount_minor, %(currency)s,
            created_at + interval '1 month', false, false, 'pm_demo', 'visa', '4242',
            current_date + 1000, created_at, '', false, created_at, ''
        FROM gift WHERE is_monthly
        RETURNING amount_minor
    ), promised AS (
        -- The trigger that counts plans rests here, too.
        INSERT INTO donations_plantally AS tally (campaign_id, slot, plans, promised_minor)
        SELECT %(campaign)s, 0, count(*), coalesce(sum(amount_minor), 0) FROM plan
        ON CONFLICT (campaign_id, slot) DO UPDATE SET
            plans = tally.plans + excluded.plans,
            promised_minor = tally.promised_minor + excluded.promised_minor
    ), balance AS (
        INSERT INTO donations_balanceentry (id, type, source, payment_intent, public_id,
            customer_id, amount_minor, fee_minor, currency, created_at)
        SELECT 'txn_' || substr(stripe_id, 4), 'charge', 'ch_' || substr(stripe_id, 4),
            'pi_' || substr(stripe_id, 4), '', '', amount_minor, 0, %(currency)s, paid_at
        FROM payment
    ), receipt AS (
        INSERT INTO outbox_mail (kind, reference, contact_id, state, attempts, next_try_at,
            sent_at, error, created_at)
        SELECT 'receipt', p.id, g.contact_id, 'sent', 1, paid_at, paid_at, '', paid_at
        FROM payment p JOIN gift g ON g.id = p.donation_id
    ), entry AS (
        INSERT INTO donations_ledgerentry
            (payment_id, campaign_id, kind, stripe_id, amount_minor, currency, entered_at)
        SELECT id, %(campaign)s, 'gift', stripe_id, amount_minor, %(currency)s, paid_at
        FROM payment
        RETURNING payment_id, amount_minor, entered_at
    ), tally AS (
        INSERT INTO donations_tally AS tally
            (campaign_id, day, link_id, is_monthly, slot, raised_minor, refunded_minor, gifts)
        SELECT %(campaign)s, (entered_at AT TIME ZONE 'Europe/London')::date, link_id,
            is_monthly, 0, sum(e.amount_minor), 0, count(*)
        FROM entry e JOIN payment p ON p.id = payment_id JOIN gift g ON g.id = donation_id
        GROUP BY 2, 3, 4
        ON CONFLICT (campaign_id, day, link_id, is_monthly, slot) DO UPDATE SET
            raised_minor = tally.raised_minor + excluded.raised_minor,
            gifts = tally.gifts + excluded.gifts
    )
    INSERT INTO donations_totalslot AS slot
        (campaign_id, slot, raised_minor, fees_minor, gifts, donors)
    SELECT %(campaign)s, 0, sum(amount_minor), 0, count(*), count(*) FROM entry
    ON CONFLICT (campaign_id, slot) DO UPDATE SET
        raised_minor = slot.raised_minor + excluded.raised_minor,
        gifts = slot.gifts + excluded.gifts,
        donors = slot.donors + excluded.donors
    """,
    "DROP TABLE made",
)


def add_gifts(
    campaign: Campaign, *, count: int, amounts: Sequence[int], monthly: bool = False
) -> None:
    """Add paid gifts by as many new people, their amounts (minor units) taken in turn.

    They come by the campaign's links. `monthly`: one in nine is given every month, by a plan
    that the stand-in Stripe knows nothing of. The receipts are entered as sent, so that nobody
    is mailed.
    """
    already = campaign.donations.count()
    for first in range(already, already + count, CHUNK):
        values: dict[str, Any] = {
            "campaign": campaign.pk,
            "slug": campaign.slug,
            "currency": campaign.currency,
            "first": first,
            "count": min(CHUNK, already + count - first),
            "amounts": list(amounts),
            "different": len(amounts),
            "first_names": FIRST_NAMES.split(),
            "last_names": LAST_NAMES.split(),
            "links": _shares(campaign),
            "monthly": monthly,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in _STATEMENTS:
                cursor.execute(statement, values)


def add_links(campaign: Campaign) -> None:
    """Add the links that made-up gifts come by."""
    for code, label, _ in LINKS:
        Link.objects.get_or_create(campaign=campaign, code=code, defaults={"label": label})


def _shares(campaign: Campaign) -> list[int | None]:
    """Return by which link each of twenty gifts comes."""
    keys = dict(campaign.links.values_list("code", "pk"))
    by_link = [keys[code] for code, _, share in LINKS if code in keys for _ in range(share)]
    return [*by_link, *[None] * (20 - len(by_link))]
