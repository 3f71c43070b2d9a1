from django.db import migrations


class Migration(migrations.Migration):
    """What the days brought before there were tallies, from the ledger."""

    dependencies = [("donations", "0008_links_and_tallies")]
    operations = [
        migrations.RunSQL(
            """
            INSERT INTO donations_tally
                (campaign_id, day, is_monthly, slot, raised_minor, refunded_minor, gifts)
            SELECT e.campaign_id, (e.entered_at AT TIME ZONE 'Europe/London')::date,
                d.frequency = 'monthly', 0, sum(e.amount_minor),
                coalesce(-sum(e.amount_minor) FILTER (WHERE e.kind NOT IN ('gift', 'offline')), 0),
                count(*) FILTER (WHERE e.kind IN ('gift', 'offline'))
            FROM donations_ledgerentry e
            JOIN donations_payment p ON p.id = e.payment_id
            JOIN donations_donation d ON d.id = p.donation_id
            WHERE e.kind <> 'fee'
            GROUP BY 1, 2, 3;
            """,
            migrations.RunSQL.noop,
        )
    ]
