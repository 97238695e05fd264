"""Lines for the way to the bathroom, for the guide's call, and for the patient's own rating of dissociation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("treatment_sessions", "0037_reading_override_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="observation",
            name="observation_kind_is_known",
        ),
        migrations.AddField(
            model_name="observation",
            name="dissociation",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="observation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("blood_pressure", "Blood Pressure"),
                    ("heart_rate", "Heart Rate"),
                    ("oxygen_saturation", "Oxygen Saturation"),
                    ("alertness", "Alertness"),
                    ("comfort", "Comfort"),
                    ("dissociation", "Dissociation"),
                    ("bathroom", "Bathroom"),
                    ("guide_call", "Guide Call"),
                    ("note", "Note"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "blood_pressure",
                            "heart_rate",
                            "oxygen_saturation",
                            "alertness",
                            "comfort",
                            "dissociation",
                            "bathroom",
                            "guide_call",
                            "note",
                        ],
                    )
                ),
                name="observation_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("dissociation", None), models.Q(("kind", "dissociation"), _negated=True)),
                    models.Q(
                        ("actor_kind", "person"),
                        ("dissociation__isnull", False),
                        ("dissociation__range", (0, 10)),
                        ("kind", "dissociation"),
                    ),
                    _connector="OR",
                ),
                name="observation_dissociation_is_the_persons_own",
            ),
        ),
    ]
