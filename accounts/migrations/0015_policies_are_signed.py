"""A policy holds by the signatures of two people under exactly what it says: the database's own word on it."""

from django.db import migrations

from core.append_only import append_only
from core.walls import audited

SIGNED = """
CREATE FUNCTION accounts_policy_signature_fits() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM accounts_signature AS given JOIN core_documentversion AS read ON read.id = NEW.document_id
        WHERE given.id = NEW.signature_id AND given.signer_id = NEW.signer_id
        AND given.meaning = 'approved' AND given.document_sha256 = read.sha256
    ) THEN
        RAISE EXCEPTION 'not a signature of theirs under this version' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.as_director AND NOT EXISTS (
        SELECT FROM accounts_rolegrant AS held JOIN accounts_signature AS given ON given.id = NEW.signature_id
        WHERE held.user_id = NEW.signer_id AND held.role = 'medical_director'
        AND held.starts_at <= given.signed_at AND coalesce(held.ends_at > given.signed_at, true)
    ) THEN
        RAISE EXCEPTION 'not a medical director' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER signature_fits BEFORE INSERT OR UPDATE ON accounts_policysignature
    FOR EACH ROW EXECUTE FUNCTION accounts_policy_signature_fits();

CREATE FUNCTION accounts_policy_has_two_signatures() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    -- Without signatures: only by whoever owns the tables, for what held before they were asked for.
    IF NEW.director_id IS NULL AND current_user <> (
        SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = TG_TABLE_NAME
    ) THEN
        RAISE EXCEPTION 'a policy holds by two signatures' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.director_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM accounts_policysignature AS director, accounts_policysignature AS other
        WHERE director.id = NEW.director_id AND director.as_director AND director.document_id = NEW.document_id
        AND other.id = NEW.other_id AND other.document_id = NEW.document_id
        AND other.signer_id <> director.signer_id
    ) THEN
        RAISE EXCEPTION 'a policy holds by two signatures' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER has_two_signatures BEFORE INSERT OR UPDATE ON accounts_policyenactment
    FOR EACH ROW EXECUTE FUNCTION accounts_policy_has_two_signatures();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_policies_in_force_go_on")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        append_only("accounts_policysignature", "accounts_policyenactment"),
        audited("accounts_policysignature"),
        audited("accounts_policyenactment"),
        migrations.RunSQL(
            SIGNED,
            "DROP TRIGGER signature_fits ON accounts_policysignature;"
            "DROP TRIGGER has_two_signatures ON accounts_policyenactment;"
            "DROP FUNCTION accounts_policy_signature_fits, accounts_policy_has_two_signatures",
        ),
    ]
