import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from core.database import as_owner, privileges_held
from tests.conftest import role_in_use

ROOMS = ("core", "accounts", "notifications", "programs", "safety", "assessments", "sessions")
pytestmark = pytest.mark.django_db


def test_tests_run_as_the_role_that_serves():
    assert role_in_use() == "rekindle_app"
    assert privileges_held() == []


@pytest.mark.django_db(transaction=True)
def test_the_owner_is_told_apart():
    with as_owner():
        assert privileges_held() == ["owns tables"]


@pytest.mark.parametrize(
    "verb", ["UPDATE core_documentversion SET version = 2", "DELETE FROM core_documentversion"]
)
def test_a_published_document_cannot_be_changed(verb):
    refused = pytest.raises(DatabaseError, match="permission denied")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(verb)


def test_nothing_can_be_emptied_or_altered():
    for verb in (
        "TRUNCATE core_heartbeat",
        "ALTER TABLE core_heartbeat ADD COLUMN more int",
        "CREATE TABLE mine (x int)",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(verb)


def test_no_row_of_ours_can_be_deleted_by_the_role_that_serves():
    ours = {model._meta.db_table for model in apps.get_models() if model.__module__.split(".")[0] in ROOMS}
    ours -= {"accounts_signin", "notifications_device"}  # who signs out is signed out, and told no more
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.role_table_grants "
            "WHERE grantee = 'rekindle_app' AND privilege_type = 'DELETE' AND table_schema = 'public'"
        )
        deletable = {row[0] for row in cursor.fetchall()}
    assert {"accounts_signin", "notifications_device"} <= deletable
    assert ours & deletable == {"core_limitcounter"}, "counters are no record, and windows end"


def test_the_database_check_is_clean_for_the_serving_role():
    call_command("check", databases=["default"])
