from django.conf import settings
from django.db import migrations, models

KINDS = [
    ("verify_email", "Verify Email"),
    ("verify_number", "Verify Number"),
    ("nobody_reads", "Nobody Reads"),
    ("account_notice", "Account Notice"),
    ("assessment_due", "Assessment Due"),
    ("news", "News"),
    ("session_tomorrow", "Session Tomorrow"),
    ("time_proposed", "Time Proposed"),
    ("monitor_invitation", "Monitor Invitation"),
    ("staff_invitation", "Staff Invitation"),
    ("alert_page", "Alert Page"),
    ("packet_page", "Packet Page"),
    ("guide_told", "Guide Told"),
    ("triage_page", "Triage Page"),
    ("check_in_missed", "Check In Missed"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0018_packet_and_guide"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_kind_is_known"),
        migrations.AlterField(
            model_name="delivery", name="kind", field=models.CharField(choices=KINDS, max_length=24)
        ),
        migrations.AlterField(
            model_name="suppression", name="kind", field=models.CharField(choices=KINDS, max_length=24)
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", [value for value, _ in KINDS])), name="delivery_kind_is_known"
            ),
        ),
    ]
