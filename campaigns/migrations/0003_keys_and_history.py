from django.db import migrations

from alliance.core.db import append_only


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_organisers_desk")]
    operations = [
        append_only("campaigns_edit"),
        # The step before gave every campaign the same key.
        migrations.RunSQL(
            "UPDATE campaigns_campaign SET preview_key ="
            " substr(replace(gen_random_uuid()::text, '-', ''), 1, 22);",
            migrations.RunSQL.noop,
        ),
    ]
