from django.db import migrations

from core.walls import ACTOR, By, audited, walled


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_sign_ins"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("core", "0006_guard"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        audited("accounts_user", By.USER, column="id", secret=("password",)),
        audited("accounts_user_groups", By.USER),
        audited("accounts_user_user_permissions", By.USER),
        audited("account_emailaddress", By.USER),
        audited("mfa_authenticator", By.USER, secret=("data",)),
        audited("accounts_rolegrant", By.USER),
        audited("accounts_staffinvitation"),
        audited("accounts_clinician", By.USER),
        audited("accounts_licence"),
        audited("accounts_servedstate"),
        audited("accounts_signature", By.USER, column="signer_id"),
        audited("accounts_capability", By.CAPABILITY, column="id", secret=("token_sha256",)),
        # A clinician who is called about somebody sees who it is; a person makes their own chart.
        *walled(
            "accounts_patient",
            By.PATIENT,
            column="id",
            or_where=f"'person:' || user_id = {ACTOR} OR id = ANY ((SELECT guard.alerted_charts())::uuid[])"
            " OR (SELECT guard.assigns_care())",
        ),
        *walled("accounts_patientaddress", By.PATIENT, or_where="(SELECT guard.assigns_care())"),
        *walled(
            "accounts_careteammembership",
            By.PATIENT,
            or_where=f"'person:' || member_id = {ACTOR} OR (SELECT guard.assigns_care())",
        ),
    ]
