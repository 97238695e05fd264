from django.db import migrations

GUARD = """
CREATE FUNCTION accounts_medical_director_is_licensed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.role = 'medical_director' AND NOT EXISTS (
        SELECT FROM accounts_licence JOIN accounts_clinician ON accounts_clinician.id = clinician_id
        WHERE accounts_clinician.user_id = NEW.user_id
        AND (NEW.starts_at AT TIME ZONE 'UTC')::date BETWEEN starts_on AND ends_on
    ) THEN
        RAISE check_violation USING CONSTRAINT = 'medical_director_is_licensed',
            MESSAGE = 'medical_director_is_licensed: this role needs a licence on the day it begins';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER medical_director_is_licensed BEFORE INSERT OR UPDATE OF user_id, role, starts_at
ON accounts_rolegrant FOR EACH ROW EXECUTE FUNCTION accounts_medical_director_is_licensed();
"""
AWAY = """
DROP TRIGGER medical_director_is_licensed ON accounts_rolegrant;
DROP FUNCTION accounts_medical_director_is_licensed();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_address_history")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, AWAY),
    ]
