from django.db import migrations

from alliance.core.db import append_only

# Donors counted before carried no sum.
GIVEN = """
UPDATE donations_donor d SET given_minor = g.minor
FROM (SELECT e.campaign_id, n.contact_id, sum(e.amount_minor) AS minor
      FROM donations_ledgerentry e
      JOIN donations_payment p ON p.id = e.payment_id
      JOIN donations_donation n ON n.id = p.donation_id
      GROUP BY 1, 2) g
WHERE (d.campaign_id, d.contact_id) = (g.campaign_id, g.contact_id)
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0004_after_the_first_charge")]
    operations = [
        migrations.RunSQL(GIVEN, migrations.RunSQL.noop),
        append_only("donations_invoiceintent"),
    ]
