import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0005_pictures_and_what_must_be_there'),
        ('donations', '0011_plans_are_counted'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='planchange',
            name='origin',
            field=models.CharField(choices=[('donor', 'the donor'), ('staff', 'staff'), ('ending', 'the end of the campaign'), ('stripe', 'Stripe, or somebody in its dashboard')], max_length=6),
        ),
        migrations.CreateModel(
            name='Ending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stops_plans', models.BooleanField(verbose_name='stops monthly gifts')),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('campaign', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='ending', to='campaigns.campaign')),
            ],
        ),
        migrations.CreateModel(
            name='LastPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ask_at', models.DateTimeField()),
                ('refused', models.CharField(blank=True, help_text='Why Stripe would not.', max_length=500)),
                ('ending', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='plans', to='donations.ending')),
                ('plan', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='last', to='donations.plan')),
            ],
            options={
                'indexes': [models.Index(models.F('ask_at'), condition=models.Q(('refused', '')), name='last_plan_due')],
            },
        ),
    ]
