import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import core.ids
from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_medical_director_is_licensed"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="StaffInvitation",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("clinician", "Clinician"),
                            ("guide", "Guide"),
                            ("safety_officer", "Safety Officer"),
                            ("medical_director", "Medical Director"),
                            ("privacy_officer", "Privacy Officer"),
                            ("operator", "Operator"),
                        ],
                        max_length=20,
                    ),
                ),
                ("invited_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="capability",
            name="capability_scope_is_known",
        ),
        migrations.AlterField(
            model_name="capability",
            name="scope",
            field=models.CharField(
                choices=[("monitor", "Monitor"), ("invitation", "Invitation")], max_length=20
            ),
        ),
        migrations.AddConstraint(
            model_name="capability",
            constraint=models.CheckConstraint(
                condition=models.Q(("scope__in", ["monitor", "invitation"])), name="capability_scope_is_known"
            ),
        ),
        migrations.AddField(
            model_name="staffinvitation",
            name="accepted_by",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="staffinvitation",
            name="capability",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.capability"
            ),
        ),
        migrations.AddField(
            model_name="staffinvitation",
            name="invited_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="staffinvitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "role__in",
                        [
                            "clinician",
                            "guide",
                            "safety_officer",
                            "medical_director",
                            "privacy_officer",
                            "operator",
                        ],
                    )
                ),
                name="invitation_role_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="staffinvitation",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                name="invitation_email_is_lower_case",
            ),
        ),
        migrations.AddConstraint(
            model_name="staffinvitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("accepted_at", None), ("accepted_by", None)),
                    models.Q(("accepted_at__isnull", False), ("accepted_by__isnull", False)),
                    _connector="OR",
                ),
                name="invitation_accepted_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="staffinvitation",
            constraint=models.CheckConstraint(
                condition=models.Q(("invited_by__isnull", False), ("role", "operator"), _connector="OR"),
                name="invitation_of_the_installation_is_for_an_operator",
            ),
        ),
        kept("accounts_staffinvitation"),
    ]
