from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0008_second_channel_audited"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(model_name="delivery", name="appeared_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="delivery", name="read_at", field=models.DateTimeField(null=True)),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("read_at", None), ("appeared_at__isnull", False), _connector="OR"),
                name="delivery_read_where_it_appeared",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("appeared_at__isnull", False)),
                fields=["user", "-appeared_at", "-id"],
                name="delivery_inbox",
            ),
        ),
    ]
