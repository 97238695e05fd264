from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0011_escalation_ladders"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="documentversion",
            name="document_kind_is_known",
        ),
        migrations.AlterField(
            model_name="documentversion",
            name="kind",
            field=models.CharField(
                choices=[
                    ("screening_policy", "Screening Policy"),
                    ("session_policy", "Session Policy"),
                    ("prescribing_authority", "Prescribing Authority"),
                    ("escalation_ladders", "Escalation Ladders"),
                    ("content_modules", "Content Modules"),
                    ("treatment_consent", "Treatment Consent"),
                    ("off_label_disclosure", "Off Label Disclosure"),
                    ("telehealth_consent", "Telehealth Consent"),
                    ("schedule_iii_information", "Schedule Iii Information"),
                    ("privacy_notice", "Privacy Notice"),
                    ("messaging_consent", "Messaging Consent"),
                    ("data_use_consent", "Data Use Consent"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddConstraint(
            model_name="documentversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "screening_policy",
                            "session_policy",
                            "prescribing_authority",
                            "escalation_ladders",
                            "content_modules",
                            "treatment_consent",
                            "off_label_disclosure",
                            "telehealth_consent",
                            "schedule_iii_information",
                            "privacy_notice",
                            "messaging_consent",
                            "data_use_consent",
                        ],
                    )
                ),
                name="document_kind_is_known",
            ),
        ),
    ]
