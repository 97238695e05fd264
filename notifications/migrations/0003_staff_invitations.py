from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_kept"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="delivery",
            name="delivery_kind_is_known",
        ),
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[
                    ("verify_email", "Verify Email"),
                    ("account_notice", "Account Notice"),
                    ("assessment_due", "Assessment Due"),
                    ("news", "News"),
                    ("session_tomorrow", "Session Tomorrow"),
                    ("monitor_invitation", "Monitor Invitation"),
                    ("staff_invitation", "Staff Invitation"),
                    ("alert_page", "Alert Page"),
                    ("triage_page", "Triage Page"),
                    ("check_in_missed", "Check In Missed"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            model_name="suppression",
            name="kind",
            field=models.CharField(
                choices=[
                    ("verify_email", "Verify Email"),
                    ("account_notice", "Account Notice"),
                    ("assessment_due", "Assessment Due"),
                    ("news", "News"),
                    ("session_tomorrow", "Session Tomorrow"),
                    ("monitor_invitation", "Monitor Invitation"),
                    ("staff_invitation", "Staff Invitation"),
                    ("alert_page", "Alert Page"),
                    ("triage_page", "Triage Page"),
                    ("check_in_missed", "Check In Missed"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "verify_email",
                            "account_notice",
                            "assessment_due",
                            "news",
                            "session_tomorrow",
                            "monitor_invitation",
                            "staff_invitation",
                            "alert_page",
                            "triage_page",
                            "check_in_missed",
                        ],
                    )
                ),
                name="delivery_kind_is_known",
            ),
        ),
    ]
