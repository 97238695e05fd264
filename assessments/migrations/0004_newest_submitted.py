from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assessments", "0003_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="assessment",
            index=models.Index(
                condition=models.Q(submitted_at__isnull=False),
                fields=["enrollment", "-submitted_at", "-id"],
                name="assessment_newest_submitted",
            ),
        ),
    ]
