from django.db import migrations


class Migration(migrations.Migration):
    """What `createcachetable` makes, so that migrating is all there is to do."""

    dependencies = [("core", "0002_audit_trail_is_append_only")]
    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE core_cache (
                cache_key varchar(255) PRIMARY KEY,
                value text NOT NULL,
                expires timestamptz NOT NULL
            );
            CREATE INDEX core_cache_expires ON core_cache (expires);
            """,
            "DROP TABLE core_cache;",
        )
    ]
