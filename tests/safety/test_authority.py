"""By what law we prescribe: whatever day these tests run on, each sets its own last day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.enums import Role
from accounts.services import grant_role
from core.enums import DocumentKind
from notifications.models import Delivery
from safety import errors, queries, services
from safety.authority import parse_authority
from safety.enums import ReviewOutcome
from safety.screening.policy import PolicyError
from tests.conftest import make_user
from tests.policies import enact, example_authority, signers
from tests.steps import accepted, clinician


def ending(ends_on: date, at: datetime, version: int = 3) -> None:
    """Sign a law that ends on a day."""
    content = example_authority() | {"version": version, "ends_on": ends_on.isoformat()}
    enact(DocumentKind.PRESCRIBING_AUTHORITY, version=version, content=content, effective_at=at, at=at)


class TestReading:
    def test_what_ships_ends_with_the_year_2026(self):
        found = parse_authority(example_authority())
        assert (found.ends_on, found.warn_days_before) == (date(2026, 12, 31), (60, 30, 7))
        assert found.ends_at == datetime(2027, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("left", "warning"), [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7), (-1, None)]
    )
    def test_which_warning_is_due(self, left, warning):
        found = parse_authority(example_authority())
        assert found.warning(today=found.ends_on - timedelta(days=left)) == warning

    @pytest.mark.parametrize(
        ("changed", "place"),
        [
            ({"ends_on": "31.12.2026"}, "ends_on"),
            ({"ends_on": None}, "ends_on"),
            ({"warn_days_before": [0]}, "warn_days_before"),
            ({"warn_days_before": [True]}, "warn_days_before"),
            ({"warn_days_before": 60}, "warn_days_before"),
            ({"basis": " "}, "basis"),
            ({"source": ""}, "source"),
            ({"starts_on": "2026-01-01"}, "starts_on"),
        ],
    )
    def test_a_fault_is_named_by_its_place(self, changed, place):
        with pytest.raises(PolicyError, match=place):
            parse_authority(example_authority() | changed)

    def test_a_missing_key_is_a_fault(self):
        content = example_authority()
        del content["ends_on"]
        with pytest.raises(PolicyError, match="ends_on"):
            parse_authority(content)


@pytest.mark.django_db
class TestClearing:
    @pytest.mark.parametrize(("left", "valid"), [(1, True), (0, True), (-1, False)])
    def test_a_clearance_does_not_outlive_it(self, ada, at, left, valid):
        enrollment = accepted(ada, at=at)
        ending(at.date() + timedelta(days=left), at)
        found = queries.clearance(enrollment.pk, at=at)
        assert [reason.code for reason in found.reasons] == ([] if valid else ["no_authority"])
        assert found.expires_at == datetime.combine(
            at.date() + timedelta(days=left + 1), datetime.min.time(), tzinfo=UTC
        )

    def test_after_it_nobody_is_cleared_anew(self, screening, ben, at):
        ending(at.date() - timedelta(days=1), at)
        with pytest.raises(errors.NoAuthority):
            services.review(screening.pk, outcome=ReviewOutcome.ACCEPTED, reason="Fine.", reviewer=ben, at=at)

    def test_but_somebody_can_be_declined(self, screening, ada, at):
        ending(at.date() - timedelta(days=1), at)
        by = clinician(ada)
        services.review(screening.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=by, at=at)

    def test_a_longer_one_clears_again(self, ada, at):
        enrollment = accepted(ada, at=at)
        ending(at.date() - timedelta(days=1), at)
        ending(at.date() + timedelta(days=99), at, version=4)
        assert queries.clearance(enrollment.pk, at=at).valid

    def test_before_any_law_is_signed_there_is_none(self, at):
        assert queries.authority_ends_at(at=at.replace(year=2020)) is None


@pytest.mark.django_db
class TestWarning:
    def told(self, at: datetime) -> list[str]:
        services.warn_of_the_end(at=at)
        return sorted(
            Delivery.objects.filter(dedupe_key__startswith="authority:").values_list("user__email", flat=True)
        )

    def test_directors_and_operators_once_each(self, at):
        director, _ = signers(at)
        operator = make_user("olga@clinic.example", is_staff=True)
        grant_role(operator, Role.OPERATOR, granted_by=None, at=at - timedelta(days=1))
        ending(at.date() + timedelta(days=60), at)
        both = sorted([director.email, operator.email])
        assert self.told(at) == both
        assert self.told(at + timedelta(days=29)) == both
        assert self.told(at + timedelta(days=30)) == sorted(both * 2)
        assert self.told(at + timedelta(days=53)) == sorted(both * 3)
        assert self.told(at + timedelta(days=61)) == sorted(both * 3)

    def test_nobody_long_before(self, at):
        ending(at.date() + timedelta(days=61), at)
        assert self.told(at) == []
