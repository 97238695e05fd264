import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0010_prescribing_authority"),
        ("programs", "0009_newest_first"),
        ("safety", "0034_stock_alerts"),
        ("treatment_sessions", "0016_overrule_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Prescription",
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
                ("number", models.CharField(max_length=40)),
                ("prescriber", models.CharField(max_length=120)),
                (
                    "route",
                    models.CharField(
                        choices=[("sublingual", "Sublingual"), ("subcutaneous", "Subcutaneous")],
                        max_length=20,
                    ),
                ),
                ("unit_mg", models.DecimalField(decimal_places=1, max_digits=6)),
                ("units", models.PositiveIntegerField()),
                ("refills", models.PositiveSmallIntegerField()),
                ("issued_on", models.DateField()),
                ("expires_on", models.DateField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "authority",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.documentversion",
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prescriptions",
                        to="programs.enrollment",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="StockCount",
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
                ("lot", models.CharField(max_length=40)),
                ("counted_units", models.PositiveIntegerField()),
                ("expected_units", models.PositiveIntegerField()),
                ("counted_at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="safety.alert",
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stock_counts",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "prescription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="counts",
                        to="treatment_sessions.prescription",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="StockEntry",
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
                ("lot", models.CharField(max_length=40)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("dispensed", "Dispensed"),
                            ("taken", "Taken"),
                            ("lost", "Lost"),
                            ("returned", "Returned"),
                            ("destroyed", "Destroyed"),
                            ("found", "Found"),
                        ],
                        max_length=12,
                    ),
                ),
                ("units", models.PositiveIntegerField()),
                ("seq", models.PositiveIntegerField()),
                ("balance_units", models.IntegerField()),
                ("note", models.TextField(blank=True)),
                ("recorded_at", models.DateTimeField()),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stock",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "prescription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stock",
                        to="treatment_sessions.prescription",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stock",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddConstraint(
            model_name="prescription",
            constraint=models.UniqueConstraint(
                fields=("enrollment", "number"), name="prescription_recorded_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="prescription",
            constraint=models.CheckConstraint(
                condition=models.Q(("route__in", ["sublingual", "subcutaneous"])),
                name="prescription_route_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="prescription",
            constraint=models.CheckConstraint(
                condition=models.Q(("unit_mg__gt", 0), ("units__gt", 0), ("units__lte", 1000)),
                name="prescription_has_an_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="prescription",
            constraint=models.CheckConstraint(
                condition=models.Q(("refills__lte", 5)), name="prescription_refills_at_most"
            ),
        ),
        migrations.AddConstraint(
            model_name="prescription",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_on__gte", models.F("issued_on"))),
                name="prescription_expires_after_its_issue",
            ),
        ),
        migrations.AddConstraint(
            model_name="prescription",
            constraint=models.CheckConstraint(
                condition=models.Q(("number", ""), _negated=True), name="prescription_has_a_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockcount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("counted_units", models.F("expected_units")), ("alert__isnull", False), _connector="OR"
                ),
                name="stock_difference_means_alert",
            ),
        ),
        migrations.AddConstraint(
            model_name="stockcount",
            constraint=models.CheckConstraint(
                condition=models.Q(("counted_units__lte", 1000)), name="stock_count_is_plausible"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["dispensed", "taken", "lost", "returned", "destroyed", "found"])
                ),
                name="stock_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("units__gt", 0), ("units__lte", 1000)), name="stock_moves_some_units"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance_units__gte", 0)), name="stock_never_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "taken"), ("session__isnull", False)),
                    models.Q(models.Q(("kind", "taken"), _negated=True), ("session", None)),
                    _connector="OR",
                ),
                name="stock_taken_in_a_session",
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.UniqueConstraint(
                fields=("prescription", "lot", "seq"), name="stock_one_after_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.UniqueConstraint(
                fields=("session", "prescription", "lot"), name="stock_taken_once_in_a_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("lot", ""), _negated=True), name="stock_has_a_lot"
            ),
        ),
        migrations.AddConstraint(
            model_name="stockentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "found"), _negated=True),
                    models.Q(("note", ""), _negated=True),
                    _connector="OR",
                ),
                name="stock_found_says_how",
            ),
        ),
    ]
