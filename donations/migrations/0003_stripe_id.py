from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("donations", "0002_ledger_is_append_only")]
    operations = [migrations.RenameField("payment", "payment_intent", "stripe_id")]
