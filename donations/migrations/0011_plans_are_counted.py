from django.db import migrations

# A plan counts while it will take its next payment. Each transaction moves one slot of a
# campaign, its connection's own, so that no two of them wait for each other in a circle.
COUNT = """
CREATE FUNCTION donations_will_be_paid(p donations_plan) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT p.status IN ('active', 'past_due', 'unpaid') AND NOT p.is_paused AND NOT p.will_end
$$;

CREATE FUNCTION donations_count_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more bigint := 0;
    minor bigint := 0;
BEGIN
    IF TG_OP <> 'DELETE' AND donations_will_be_paid(NEW) THEN
        more := more + 1;
        minor := minor + NEW.amount_minor;
    END IF;
    IF TG_OP <> 'INSERT' AND donations_will_be_paid(OLD) THEN
        more := more - 1;
        minor := minor - OLD.amount_minor;
    END IF;
    IF more <> 0 OR minor <> 0 THEN
        INSERT INTO donations_plantally AS tally (campaign_id, slot, plans, promised_minor)
        SELECT campaign_id, pg_backend_pid() % 16, more, minor
        FROM donations_donation WHERE id = coalesce(NEW.donation_id, OLD.donation_id)
        ON CONFLICT (campaign_id, slot) DO UPDATE SET
            plans = tally.plans + excluded.plans,
            promised_minor = tally.promised_minor + excluded.promised_minor;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER plan_is_counted AFTER INSERT OR UPDATE OR DELETE ON donations_plan
FOR EACH ROW EXECUTE FUNCTION donations_count_plan();

INSERT INTO donations_plantally (campaign_id, slot, plans, promised_minor)
SELECT d.campaign_id, 0, count(*), sum(p.amount_minor)
FROM donations_plan p JOIN donations_donation d ON d.id = p.donation_id
WHERE donations_will_be_paid(p) GROUP BY 1;

UPDATE donations_donation d SET awaited_since = coalesce(told_at, said_at)
WHERE session_rank = 3 AND failed_at IS NULL
    AND NOT EXISTS (SELECT FROM donations_payment p WHERE p.donation_id = d.id);
"""

FORGET = """
DROP TRIGGER plan_is_counted ON donations_plan;
DROP FUNCTION donations_count_plan();
DROP FUNCTION donations_will_be_paid(donations_plan);
"""


class Migration(migrations.Migration):
    """What is promised every month, moved by the database itself; and who has to wait."""

    dependencies = [("donations", "0010_what_the_desk_looks_up")]
    operations = [migrations.RunSQL(COUNT, FORGET)]
