"""Every table is behind a wall and in the trail, or somebody has written down why not."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection

from core.database import as_owner

NOT_WALLED = {
    "accounts_capability": "says what a link opens; the chart is where the link leads",
    "accounts_clinician": "the clinic's own people",
    "accounts_licence": "the clinic's own people",
    "accounts_policyenactment": "which policy holds, which everybody may know",
    "accounts_policysignature": "the clinic's own people, under its own policies",
    "accounts_rolegrant": "who may do what, of the clinic's own people",
    "accounts_servedstate": "the clinic's own terms",
    "accounts_signature": "a name, a time, a meaning and a hash",
    "accounts_signin": "sign-ins; no chart",
    "accounts_staffinvitation": "the clinic's own people",
    "accounts_user": "an account, not a chart",
    "accounts_user_groups": "an account, not a chart",
    "accounts_user_user_permissions": "an account, not a chart",
    "account_emailaddress": "an account, not a chart",
    "account_emailconfirmation": "an account, not a chart",
    "auth_group": "the framework's",
    "auth_group_permissions": "the framework's",
    "auth_permission": "the framework's",
    "core_democlock": "no chart",
    "core_documentversion": "texts and policies, which everybody may read",
    "core_heartbeat": "no chart",
    "core_limitcounter": "hashes that are counted",
    "django_admin_log": "the framework's; our pages write none",
    "django_content_type": "the framework's",
    "django_session": "sign-ins; no chart",
    "mfa_authenticator": "an account, not a chart",
    "notifications_pagingnumber": "the clinic's own people, and encrypted",
    "notifications_providercircuit": "no chart",
    "programs_program": "the catalogue",
    "safety_policydraft": "a policy on its way; no chart",
    "safety_oncallshift": "when the clinic's own people are on duty",
    "treatment_sessions_drill": "when pages left that went nowhere, about a chart that is nobody's",
    "usersessions_usersession": "devices; no chart",
}
NOT_AUDITED = {
    "accounts_signin": "that somebody signed in is in their account's chain",
    "account_emailconfirmation": "a code on its way, not the record",
    "auth_group": "the framework's; unused",
    "auth_group_permissions": "the framework's; unused",
    "auth_permission": "made by migrations",
    "core_democlock": "a rehearsal's",
    "core_heartbeat": "signs of life are not the record",
    "core_idempotencyrecord": "repeats an answer; what was done is in the record",
    "core_limitcounter": "counters are not the record",
    "django_admin_log": "the framework's; our pages write none",
    "django_content_type": "made by migrations",
    "django_session": "sign-ins are in the account's chain",
    "usersessions_usersession": "devices; no record",
    "notifications_providercircuit": "how a provider did is not the record",
    "notifications_delivery": "leases and attempts; each row tells its own story",
    "notifications_device": "belongs to a sign-in, and is gone with it",
}


def tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)}


def found(query: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def unwalled() -> set[str]:
    walled = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    return tables() - found(walled)


def unaudited() -> set[str]:
    audited = (
        "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE tgname = 'audit' AND tgenabled = 'O' AND tgdeferrable AND tginitdeferred AND tgtype = 29"
    )
    return tables() - found(audited)


@pytest.mark.django_db
def test_every_table_is_walled_or_says_why_not() -> None:
    assert unwalled() == set(NOT_WALLED)


@pytest.mark.django_db
def test_every_table_is_audited_or_says_why_not() -> None:
    assert unaudited() == set(NOT_AUDITED)


@pytest.fixture
def a_hole(transactional_db: None) -> Iterator[None]:
    """A table that has lost its wall and its trigger."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE safety_hold NO FORCE ROW LEVEL SECURITY")
        cursor.execute("ALTER TABLE safety_hold DISABLE TRIGGER audit")
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE safety_hold FORCE ROW LEVEL SECURITY")
        cursor.execute("ALTER TABLE safety_hold ENABLE TRIGGER audit")


def test_a_hole_is_found(a_hole: None) -> None:
    assert "safety_hold" in unwalled()
    assert "safety_hold" in unaudited()


@pytest.mark.django_db
def test_side_doors_are_the_ones_we_know() -> None:
    """Views and SECURITY DEFINER functions see past walls: each is the guard's, its search path fixed."""
    assert found("SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace > 16383") == set()
    definers = """
        SELECT proname FROM pg_proc JOIN pg_roles ON pg_roles.oid = proowner
        WHERE prosecdef AND pg_proc.oid > 16383
    """
    ours = definers + "AND rolname = 'rekindle_guard' AND 'search_path=pg_catalog' = ANY (proconfig)"
    assert found(definers) == found(ours) != set()
