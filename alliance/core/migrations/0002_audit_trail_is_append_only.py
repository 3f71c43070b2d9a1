from django.db import migrations

from alliance.core.db import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]
    # By row: whoever did nothing may be deleted, and Django then deletes their entries unseen.
    operations = [append_only("django_admin_log", by_row=True)]
