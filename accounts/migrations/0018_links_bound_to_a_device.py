from django.db import migrations, models


class Migration(migrations.Migration):
    """What the trail keeps of the new columns is a ciphertext and the hash of a random key."""

    dependencies = [("accounts", "0017_patients_by_birth_date")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="capability",
            name="code",
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name="capability",
            name="device_sha256",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="capability",
            name="bound_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="capability",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("bound_at", None), ("device_sha256", "")),
                    models.Q(
                        models.Q(("device_sha256", ""), _negated=True),
                        ("bound_at__isnull", False),
                        ("code", None),
                    ),
                    _connector="OR",
                ),
                name="capability_bound_to_one_device",
            ),
        ),
    ]
