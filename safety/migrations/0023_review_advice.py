from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_policies_are_signed"),
        ("safety", "0022_screening_keeps_profile_hash"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="screeningreview",
            name="ask_again_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="screeningreview",
            name="instead",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddConstraint(
            model_name="screeningreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", "declined"),
                    models.Q(("ask_again_on", None), ("instead", "")),
                    _connector="OR",
                ),
                name="review_advice_is_for_who_is_declined",
            ),
        ),
    ]
