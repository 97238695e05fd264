from django.db import migrations, models

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
STAYS = r"""
-- A chart is nobody's from its first moment or never: a real one whose pages went nowhere would be a danger.
CREATE FUNCTION guard.drill_stays()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'patient_drill_stays' USING ERRCODE = 'check_violation';
END
$$;
REVOKE ALL ON FUNCTION guard.drill_stays FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.drill_stays TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0019_signed_as_reviewed")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="patient",
            name="is_drill",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_drill", True)), fields=("is_drill",), name="patient_one_drill"
            ),
        ),
        migrations.RunSQL(
            [AS_GUARD, STAYS, "RESET ROLE"], [AS_GUARD, "DROP FUNCTION guard.drill_stays", "RESET ROLE"]
        ),
        migrations.RunSQL(
            "CREATE TRIGGER drill_stays BEFORE UPDATE OF is_drill ON accounts_patient FOR EACH ROW"
            " WHEN (OLD.is_drill <> NEW.is_drill) EXECUTE FUNCTION guard.drill_stays()",
            "DROP TRIGGER drill_stays ON accounts_patient",
        ),
    ]
