"""Made-up gifts, hundreds or a million, straight into the database, as if Stripe had them too."""

from collections.abc import Sequence

from django.db import connection, transaction

from campaigns.models import Campaign

CHUNK = 100_000

# What settling writes, as a few statements over rows that Postgres makes up itself.
_STATEMENTS = (
    # Nothing here breaks a rule that the foreign keys' triggers would find, one row at a time.
    "SET LOCAL session_replication_role = replica",
    """
    CREATE TEMPORARY TABLE made ON COMMIT DROP AS
    SELECT n, (%(amounts)s::bigint[])[1 + n %% %(different)s] AS minor, now() - interval '23 days'
            * (1 - (n - %(first)s + 1) / %(count)s::float) AS at,
        'demo-' || n || '@' || %(slug)s || '.example.org' AS email,
        'demo_' || %(slug)s || '_' || n AS tag
    FROM generate_series(%(first)s, %(first)s + %(count)s - 1) n
    """,
    """
    INSERT INTO contacts_contact (email, email_key, created_at)
    SELECT email, email, at FROM made ON CONFLICT DO NOTHING
    """,
    """
    WITH gift AS (
        INSERT INTO donations_donation (public_id, reference, campaign_id, contact_id, name,
            display, amount_minor, currency, frequency, method, consents, form_nonce, created_at,
            said_at, attempt, session_expires_at, session_id, session_url, session_rank)
        SELECT substr(replace(gen_random_uuid()::text, '-', ''), 1, 22),
            -- Letters as in READABLE. Of hex digits, a million gifts would have two alike.
            translate(upper(substr(encode(sha256(convert_to(tag, 'UTF8')), 'base64'), 1, 10)),
                '01ILOU+/', '23456789'),
            %(campaign)s, c.id, 'Demo donor', 'private', minor,
            %(currency)s, 'once', 'stripe', '{}', gen_random_uuid(), at, at, 1, at,
            'cs_' || tag, '', 3
        FROM made JOIN contacts_contact c ON c.email_key = made.email
        RETURNING id, campaign_id, contact_id, amount_minor, session_id, created_at
    ), donor AS (
        INSERT INTO donations_donor (campaign_id, contact_id, given_minor, since)
        SELECT campaign_id, contact_id, amount_minor, created_at FROM gift
    ), payment AS (
        INSERT INTO donations_payment
            (donation_id, stripe_id, amount_minor, currency, paid_at)
        SELECT id, replace(session_id, 'cs_', 'pi_'), amount_minor, %(currency)s, created_at
        FROM gift
        RETURNING id, donation_id, stripe_id, amount_minor, paid_at
    ), balance AS (
        INSERT INTO donations_balanceentry (id, type, source, payment_intent, public_id,
            customer_id, amount_minor, fee_minor, currency, created_at)
        SELECT replace(stripe_id, 'pi_', 'txn_'), 'charge', replace(stripe_id, 'pi_', 'ch_'),
            stripe_id, '', '', amount_minor, 0, %(currency)s, paid_at
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
        RETURNING amount_minor, entered_at
    ), tally AS (
        INSERT INTO donations_tally AS tally
            (campaign_id, day, is_monthly, slot, raised_minor, refunded_minor, gifts)
        SELECT %(campaign)s, (entered_at AT TIME ZONE 'Europe/London')::date, false, 0,
            sum(amount_minor), 0, count(*)
        FROM entry GROUP BY 2
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
)


def add_gifts(campaign: Campaign, *, count: int, amounts: Sequence[int]) -> None:
    """Add paid gifts by as many new people, their amounts (minor units) taken in turn.

    The receipts are entered as sent, so that nobody is mailed.
    """
    already = campaign.donations.count()
    for first in range(already, already + count, CHUNK):
        values: dict[str, str | int | list[int]] = {
            "campaign": campaign.pk,
            "slug": campaign.slug,
            "currency": campaign.currency,
            "first": first,
            "count": min(CHUNK, already + count - first),
            "amounts": list(amounts),
            "different": len(amounts),
        }
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in _STATEMENTS:
                cursor.execute(statement, values)
