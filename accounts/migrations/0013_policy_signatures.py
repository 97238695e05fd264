import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

import core.ids

MEANINGS = [
    ("decided", "Decided"),
    ("ordered", "Ordered"),
    ("agreed", "Agreed"),
    ("closed", "Closed"),
    ("approved", "Approved"),
]


def key(to, *, null=False, related_name="+", kind=models.ForeignKey):
    return kind(null=null, on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=to)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_break_glass_walls"), ("core", "0008_looks")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="signature",
            name="meaning",
            field=models.CharField(choices=MEANINGS, max_length=12),
        ),
        migrations.RemoveConstraint(model_name="signature", name="signature_meaning_is_known"),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=Q(meaning__in=[name for name, _ in MEANINGS]), name="signature_meaning_is_known"
            ),
        ),
        migrations.CreateModel(
            name="PolicySignature",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("as_director", models.BooleanField()),
                ("document", key("core.documentversion", related_name="policy_signatures")),
                ("signature", key("accounts.signature", kind=models.OneToOneField)),
                ("signer", key(settings.AUTH_USER_MODEL)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["document", "signer"], name="policy_signed_once_by_each")
                ]
            },
        ),
        migrations.CreateModel(
            name="PolicyEnactment",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("effective_at", models.DateTimeField()),
                ("enacted_at", models.DateTimeField()),
                ("reason", models.TextField(blank=True)),
                ("document", key("core.documentversion", related_name="enactments")),
                ("director", key("accounts.policysignature", null=True)),
                ("other", key("accounts.policysignature", null=True)),
                ("rollback", key("accounts.signature", null=True, kind=models.OneToOneField)),
            ],
            options={
                "ordering": ["enacted_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(director=None, other=None)
                        | Q(director__isnull=False, other__isnull=False),
                        name="policy_enacted_by_both_signatures",
                    ),
                    models.CheckConstraint(
                        condition=~Q(director=F("other")), name="policy_enacted_by_two_signatures"
                    ),
                    models.CheckConstraint(
                        condition=Q(effective_at__gte=F("enacted_at")), name="policy_enacted_for_no_past"
                    ),
                    models.CheckConstraint(
                        condition=Q(rollback=None, reason="")
                        | Q(rollback__isnull=False, director__isnull=False) & ~Q(reason=""),
                        name="policy_rolled_back_with_reason",
                    ),
                ],
            },
        ),
    ]
