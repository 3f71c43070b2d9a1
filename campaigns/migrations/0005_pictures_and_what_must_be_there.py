import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0004_applications_wait_once'),
    ]

    operations = [
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.ImageField(upload_to='campaigns/')),
                ('alt', models.CharField(max_length=250, verbose_name='picture in words')),
                ('credit', models.CharField(max_length=150)),
                ('changed_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='campaign',
            name='campaign_in_public_says_what_it_must',
        ),
        migrations.AddField(
            model_name='campaign',
            name='drawing_will_do',
            field=models.BooleanField(default=False, verbose_name='show the drawing instead of a picture'),
        ),
        # What is in public already said it in its terms.
        migrations.RunSQL(
            """
            UPDATE campaigns_campaign SET
                fees = coalesce(nullif(fees, ''), 'See below.'),
                refunds = coalesce(nullif(refunds, ''), 'See below.'),
                drawing_will_do = picture = '',
                picture_alt = coalesce(nullif(picture_alt, ''), 'A picture of ' || name),
                picture_credit = coalesce(nullif(picture_credit, ''), 'Picture: ' || name),
                closed_reason = CASE WHEN state IN ('paused', 'ended')
                    THEN coalesce(nullif(closed_reason, ''), 'The campaign is closed.')
                    ELSE closed_reason END
            WHERE state <> 'draft'
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'draft'), models.Q(('title', ''), ('lede', ''), ('story', ''), models.Q(('drawing_will_do', False), ('picture', '')), models.Q(models.Q(('picture', ''), _negated=True), models.Q(('picture_alt', ''), ('picture_credit', ''), _connector='OR')), ('recipient', ''), ('imprint', ''), ('fees', ''), ('refunds', ''), _connector='OR', _negated=True), _connector='OR'), name='campaign_in_public_says_what_it_must', violation_error_message='A campaign that people can see has all that it needs.'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['paused', 'ended']), _negated=True), models.Q(('closed_reason', ''), _negated=True), _connector='OR'), name='campaign_closed_says_why', violation_error_message='Say why no gifts are taken.'),
        ),
        migrations.AddField(
            model_name='picture',
            name='campaign',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pictures', to='campaigns.campaign'),
        ),
    ]
