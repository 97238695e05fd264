"""Patients from elsewhere: every fault by line and column, all of them or none, nobody merged."""

import csv
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts import queries, services
from accounts.enums import Role
from accounts.errors import AddressTaken
from accounts.models import Patient, User
from desk.clinic import importing
from tests.conftest import make_patient, make_user

pytestmark = pytest.mark.django_db

EVE = {
    "email": "Eve@example.org",
    "legal_name": "Eve Example",
    "preferred_name": "",
    "birth_on": "1979-02-28",
    "timezone": "America/New_York",
    "language": "es-US",
    "street": "1 Main St",
    "street_2": "Apt 2",
    "city": "Boston",
    "state": "MA",
    "postal_code": "02108",
    "country": "",
}
FAY = EVE | {"email": "fay@example.org", "legal_name": "Fay Example", "language": "", "country": "US"}


@pytest.fixture
def file(tmp_path):
    """Return a function that writes rows to a file and returns its path."""

    def write(*rows, header=importing.COLUMNS):
        path = tmp_path / "patients.csv"
        with path.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerow(header)
            for row in rows:
                writer.writerow([row.get(name, "") for name in header] if isinstance(row, dict) else row)
        return path

    return write


def run(path, how="--commit"):
    """Return what the command said, and what it refused with."""
    out, err = StringIO(), StringIO()
    try:
        call_command("import_patients", str(path), how, stdout=out, stderr=err)
    except CommandError as refusal:
        return out.getvalue(), str(refusal)
    return out.getvalue(), err.getvalue()


def test_everybody_comes_with_chart_and_address(file, at):
    said, progress = run(file(EVE, FAY))
    assert "2 patients imported" in said
    assert "2 of 2" in progress
    eve = Patient.objects.get(user__email="eve@example.org")
    assert (eve.legal_name, eve.language) == ("Eve Example", "es-US")
    address = queries.addresses_of(eve, at=at)[0]
    assert (address.lines, address.city, address.state) == (("1 Main St", "Apt 2"), "Boston", "MA")
    assert str(eve.addresses.get().actor) == "service:install"
    assert not eve.user.has_usable_password()
    assert not EmailAddress.objects.get(user=eve.user).verified
    assert Patient.objects.get(user__email="fay@example.org").language == "en-US"


def test_a_dry_run_writes_nothing(file):
    assert "2 patients could be imported" in run(file(EVE, FAY), "--dry-run")[0]
    assert not User.objects.exists()


def test_columns_may_stand_in_any_order(file):
    run(file(EVE, header=tuple(reversed(importing.COLUMNS))))
    assert Patient.objects.get().legal_name == "Eve Example"


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"email": "eve"}, "email"),
        ({"email": ""}, "email"),
        ({"legal_name": ""}, "legal_name"),
        ({"legal_name": "x" * 121}, "legal_name"),
        ({"legal_name": "Eve\u202eexample"}, "legal_name"),
        ({"legal_name": "Eve\x07"}, "legal_name"),
        ({"birth_on": "28.02.1979"}, "birth_on"),
        ({"birth_on": "1850-01-01"}, "birth_on"),
        ({"timezone": "Boston"}, "timezone"),
        ({"language": "tlh"}, "language"),
        ({"street": ""}, "street"),
        ({"city": ""}, "city"),
        ({"state": "XX"}, "state"),
        ({"state": ""}, "state"),
        ({"postal_code": "210"}, "postal_code"),
        ({"country": "DE"}, "state"),
    ],
)
def test_a_fault_is_named_by_line_and_column_and_nothing_is_written(change, column, file):
    said, refused = run(file(FAY, EVE | change))
    assert f"line 3, {column}: " in said
    assert refused == "1 faults; nothing was written."
    assert not User.objects.exists()


def test_what_stands_there_is_not_repeated(file):
    said, _ = run(file(EVE | {"birth_on": "secret-date", "state": "QQ"}))
    assert "secret" not in said
    assert "QQ" not in said


@pytest.mark.parametrize("header", [(), ("email",), (*importing.COLUMNS, "notes"), ("email",) * 12])
def test_another_header(header, file):
    said, refused = run(file(header=header))
    assert "line 1: The first line names these columns: email, legal_name" in said
    assert "nothing was written" in refused


def test_a_line_too_short_or_long(file):
    said, _ = run(file(["eve@example.org"], [*EVE.values(), "more"]))
    assert said.count("A line has 12 cells.") == 2


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'"unclosed', b""])
def test_no_csv_at_all(content, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert "nothing was written" in run(path)[1]


def test_no_file(tmp_path):
    assert "cannot be read" in run(tmp_path / "absent.csv")[1]


class TestDuplicates:
    def test_by_name_and_birth_date_in_the_file(self, file):
        said, _ = run(file(EVE, EVE | {"email": "e2@example.org", "legal_name": "eve  EXAMPLE"}))
        assert said.count("is in the file more than once") == 2
        assert "line 2, legal_name" in said
        assert "line 3, legal_name" in said

    def test_by_address_in_the_file(self, file):
        said, _ = run(file(EVE, FAY | {"email": "EVE@example.org"}))
        assert said.count("This address is in the file more than once.") == 2

    def test_with_a_chart_on_file(self, file):
        make_patient("ada@example.org", "Ada Example")
        said, _ = run(file(EVE | {"legal_name": "ADA Example", "birth_on": "1984-05-17"}))
        assert "line 2, legal_name: Somebody with this name and birth date has a chart already." in said
        assert Patient.objects.count() == 1

    def test_with_an_account_on_file(self, file):
        make_user("eve@example.org")
        assert "line 2, email: There is an account with this address already." in run(file(EVE))[0]

    def test_two_with_one_name_born_on_other_days_are_two(self, file):
        run(file(EVE, FAY | {"legal_name": "Eve Example", "birth_on": "1980-02-28"}))
        assert Patient.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_whoever_signs_up_meanwhile_undoes_the_whole(file, at):
    with file(EVE, FAY).open(newline="") as opened:
        lines, faults = importing.read(opened, today=at.date())
    assert not faults
    make_user("fay@example.org")
    with pytest.raises(AddressTaken):
        importing.store(lines, at=at, tell=lambda done: None)
    assert [user.email for user in User.objects.all()] == ["fay@example.org"]


class TestPossibleDuplicates:
    def test_are_shown_to_operators(self, ada, cyd, client_of, at):
        olga = make_user("olga@clinic.example")
        services.grant_role(olga, Role.OPERATOR, granted_by=None, at=at)
        assert client_of(olga).get("/api/v1/possible-duplicates").json() == {"groups": []}
        again = make_patient("ada2@example.org", "ADA  Example")
        groups = client_of(olga).get("/api/v1/possible-duplicates").json()["groups"]
        assert [[chart["id"] for chart in group["charts"]] for group in groups] == [
            [str(ada.pk), str(again.pk)]
        ]

    def test_and_nobody_else(self, ada, ben, client_of):
        for user in (ada.user, ben):
            assert client_of(user).get("/api/v1/possible-duplicates").status_code == 403
