import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids

STATES = tuple(
    "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT "  # noqa: SIM905
    "NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY".split()
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_language_and_prescriber")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Licence",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=2)),
                ("number", models.CharField(max_length=40)),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField()),
                ("recorded_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["state", "starts_on", "id"],
            },
        ),
        migrations.CreateModel(
            name="PatientAddress",
            fields=[
                (
                    "actor_kind",
                    models.CharField(
                        choices=[("person", "Person"), ("capability", "Capability"), ("service", "Service")],
                        max_length=12,
                    ),
                ),
                ("actor_id", models.CharField(max_length=60)),
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("country", models.CharField(max_length=2)),
                ("state", models.CharField(blank=True, max_length=2)),
                ("details", models.BinaryField()),
                ("starts_on", models.DateField()),
                ("recorded_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ServedState",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=2)),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField(null=True)),
            ],
            options={
                "ordering": ["state", "starts_on", "id"],
            },
        ),
        migrations.AddField(
            model_name="licence",
            name="clinician",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="licences", to="accounts.clinician"
            ),
        ),
        migrations.AddField(
            model_name="licence",
            name="recorded_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="patientaddress",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="addresses", to="accounts.patient"
            ),
        ),
        migrations.AddField(
            model_name="servedstate",
            name="set_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="licence",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", STATES)), name="licence_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="licence",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                name="licence_ends_after_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="licence",
            constraint=models.CheckConstraint(
                condition=models.Q(("number", ""), _negated=True), name="licence_has_a_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="licence",
            constraint=models.UniqueConstraint(
                fields=("clinician", "state", "number", "starts_on"), name="licence_recorded_once"
            ),
        ),
        migrations.AddIndex(
            model_name="patientaddress",
            index=models.Index(fields=["patient", "-starts_on", "-id"], name="address_of_a_day"),
        ),
        migrations.AddConstraint(
            model_name="patientaddress",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("country", "US"), ("state__in", STATES)),
                    models.Q(models.Q(("country", "US"), _negated=True), ("state", "")),
                    _connector="OR",
                ),
                name="address_in_the_us_has_a_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="patientaddress",
            constraint=models.CheckConstraint(
                condition=models.Q(("country__regex", "^[A-Z]{2}$")), name="address_country_is_a_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="servedstate",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", STATES)), name="served_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="servedstate",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_on", None), ("ends_on__gte", models.F("starts_on")), _connector="OR"
                ),
                name="served_state_ends_after_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="servedstate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ends_on", None)), fields=("state",), name="served_state_open_once"
            ),
        ),
    ]
