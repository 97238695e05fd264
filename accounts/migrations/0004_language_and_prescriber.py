from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_kept")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="clinician",
            name="dea_number",
            field=models.CharField(blank=True, db_default="", max_length=9),
        ),
        migrations.AddField(
            model_name="clinician",
            name="profession",
            field=models.CharField(
                blank=True,
                choices=[
                    ("physician", "Physician"),
                    ("nurse_practitioner", "Nurse Practitioner"),
                    ("physician_associate", "Physician Associate"),
                    ("psychologist", "Psychologist"),
                    ("nurse", "Nurse"),
                ],
                db_default="",
                max_length=24,
            ),
        ),
        migrations.AddField(
            model_name="patient",
            name="language",
            field=models.CharField(
                choices=[("en-US", "English"), ("es-US", "Spanish")], db_default="en-US", max_length=12
            ),
        ),
        migrations.AddConstraint(
            model_name="clinician",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "profession__in",
                        [
                            "",
                            "physician",
                            "nurse_practitioner",
                            "physician_associate",
                            "psychologist",
                            "nurse",
                        ],
                    )
                ),
                name="clinician_profession_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="clinician",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("dea_number", ""), ("dea_number__regex", "^[A-Z][A-Z9][0-9]{7}$"), _connector="OR"
                ),
                name="clinician_dea_number_has_its_form",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.CheckConstraint(
                condition=models.Q(("language__in", ["en-US", "es-US"])), name="patient_language_is_known"
            ),
        ),
    ]
