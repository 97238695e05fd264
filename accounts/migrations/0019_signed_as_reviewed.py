from django.db import migrations, models
from django.db.models import Q

MEANINGS = [
    ("decided", "Decided"),
    ("ordered", "Ordered"),
    ("agreed", "Agreed"),
    ("closed", "Closed"),
    ("reviewed", "Reviewed"),
    ("approved", "Approved"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_links_bound_to_a_device")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="signature",
            name="meaning",
            field=models.CharField(choices=MEANINGS, max_length=12),
        ),
        migrations.RemoveConstraint(model_name="signature", name="signature_meaning_is_known"),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=Q(meaning__in=[name for name, _ in MEANINGS]), name="signature_meaning_is_known"
            ),
        ),
    ]
