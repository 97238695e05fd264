from django.db import migrations

from core.walls import By, audited, walled


class Migration(migrations.Migration):
    dependencies = [("programs", "0005_append_only"), ("accounts", "0010_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        audited("programs_program"),
        *walled("programs_enrollment", By.PATIENT, or_where="(SELECT guard.assigns_care())"),
        *walled("programs_enrollmenttransition", By.ENROLLMENT),
        *walled("programs_treatmentplan", By.ENROLLMENT),
        *walled("programs_consent", By.ENROLLMENT),
        *walled("programs_consentwithdrawal", By.CONSENT),
        *walled("programs_comprehensionattempt", By.ENROLLMENT),
    ]
