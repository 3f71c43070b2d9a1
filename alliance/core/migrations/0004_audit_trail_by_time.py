from django.db import migrations


class Migration(migrations.Migration):
    """What was done on one day is found among a million deeds."""

    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("core", "0003_cache_table"),
    ]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX admin_log_by_time ON django_admin_log (action_time);",
            "DROP INDEX admin_log_by_time;",
        )
    ]
