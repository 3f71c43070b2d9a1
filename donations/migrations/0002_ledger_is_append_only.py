from django.db import migrations

from alliance.core.db import append_only

CURRENCY_STAYS = """
CREATE FUNCTION campaign_currency_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM donations_donation WHERE campaign_id = new.id) THEN
        RAISE EXCEPTION 'the currency of a campaign stays once somebody gave in it';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER campaign_currency_stays BEFORE UPDATE OF currency ON campaigns_campaign
    FOR EACH ROW WHEN (old.currency <> new.currency) EXECUTE FUNCTION campaign_currency_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0001_initial")]
    operations = [
        append_only("donations_ledgerentry"),
        append_only("donations_payment"),
        migrations.RunSQL(
            CURRENCY_STAYS,
            "DROP TRIGGER campaign_currency_stays ON campaigns_campaign;"
            "DROP FUNCTION campaign_currency_stays();",
        ),
    ]
