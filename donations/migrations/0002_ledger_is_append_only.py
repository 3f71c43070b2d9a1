from django.db import migrations

from alliance.core.db import append_only


class Migration(migrations.Migration):
    dependencies = [("donations", "0001_initial")]
    operations = [append_only("donations_ledgerentry")]
