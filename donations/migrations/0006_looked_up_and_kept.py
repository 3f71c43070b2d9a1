from django.db import migrations

from alliance.core.db import append_only

# Found by any of its words, and by the beginning of one.
WORDS_OF_NAMES = """
CREATE INDEX donation_words_of_name ON donations_donation
    USING gin (to_tsvector('simple'::regconfig, name))
"""


class Migration(migrations.Migration):
    dependencies = [("donations", "0005_what_donors_gave")]
    operations = [
        append_only("donations_planchange", by_row=True),
        migrations.RunSQL(WORDS_OF_NAMES, "DROP INDEX donation_words_of_name"),
    ]
