from django.db import migrations

GATE, DOSE = "treatment_sessions_gatedecision", "treatment_sessions_dose"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0005_late_dose")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(
            [
                f"ALTER TABLE {GATE} ADD CONSTRAINT gate_of_its_session UNIQUE (id, session_id)",
                f"ALTER TABLE {DOSE} ADD CONSTRAINT dose_passed_its_own_gate FOREIGN KEY (gate_id, session_id)"
                f" REFERENCES {GATE} (id, session_id)",
            ],
            [
                f"ALTER TABLE {DOSE} DROP CONSTRAINT dose_passed_its_own_gate",
                f"ALTER TABLE {GATE} DROP CONSTRAINT gate_of_its_session",
            ],
        ),
    ]
