import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from core.database import as_owner, privileges_held
from tests.conftest import role_in_use

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


def test_the_database_check_is_clean_for_the_serving_role():
    call_command("check", databases=["default"])
