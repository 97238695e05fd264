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
    ("monitor_invitation", "Monitor Invitation"),
    ("staff_invitation", "Staff Invitation"),
    ("alert_page", "Alert Page"),
    ("packet_page", "Packet Page"),
    ("guide_told", "Guide Told"),
    ("triage_page", "Triage Page"),
    ("check_in_missed", "Check In Missed"),
]
FIRST = ["alert_page", "check_in_missed", "guide_told", "packet_page"]


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0017_pauses_before_put_off_too"),
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
        migrations.RemoveIndex(model_name="delivery", name="delivery_claimed_first"),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("kind__in", FIRST), ("status__in", ["due", "leased"])),
                fields=["due_at"],
                name="delivery_claimed_first",
            ),
        ),
    ]
