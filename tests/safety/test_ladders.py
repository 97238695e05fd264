"""How an alert pages is data by its class, signed by two people; what ships holds where nothing is signed."""

import copy
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, PolicyEnactment, User
from accounts.services import end_role, grant_role
from core import clock
from core.database import as_owner
from core.documents import publish
from core.enums import DocumentKind
from desk.catalogue import LADDERS, _read
from notifications.enums import MessageKind
from notifications.models import Delivery
from safety import queries, services
from safety.enums import BLOCKS_STARTING, AlertClass
from safety.ladders import Ladder, Step, Whom, parse_ladders, read_ladder, shipped
from safety.models import Alert
from safety.screening.policy import PolicyError
from sessions import services as sessions
from tests.conftest import make_user
from tests.policies import enact, signers
from tests.sessions import stages
from tests.sessions.facts import POLICY

MINUTE = timedelta(minutes=1)
OPENED_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SILENCE, RISK = AlertClass.MISSED_CHECK_IN, AlertClass.SUICIDE_RISK


def example() -> dict[str, Any]:
    """Return what ships, as it is published."""
    return _read(LADDERS)


def changed(**change: Any) -> dict[str, Any]:
    """Return what ships with something else in the ladder of a silence, as a second version."""
    content = copy.deepcopy(example()) | {"version": 2}
    content["ladders"][0] |= change
    return content


def steps(*minutes: int, **first: Any) -> list[dict[str, Any]]:
    """Return steps for a silence at such minutes, the packet at the last of them."""
    made: list[dict[str, Any]] = [{"after_minutes": after, "calls": "all_on_call"} for after in minutes]
    made[0] |= {"tells_guide": True} | first
    made[-1] |= {"hands_packet": True}
    return made


class TestReading:
    def test_what_ships_has_a_ladder_for_every_class(self):
        assert set(shipped()) == set(AlertClass)

    @pytest.mark.parametrize("alert_class", AlertClass)
    def test_what_ships_comes_at_once_and_then_step_by_step(self, alert_class):
        ladder = shipped()[alert_class]
        assert [ladder.since_opening(page) / MINUTE for page in range(7)] == [0, 5, 10, 15, 30, 45, 60]
        assert [ladder.step(page).calls == Whom.FIRST for page in range(6)] == [True, *[False] * 5]

    def test_a_silence_tells_the_guide_and_hands_the_packet_over_once_each(self):
        ladder = shipped()[SILENCE]
        assert [page for page in range(50) if ladder.step(page).tells_guide] == [0]
        assert [page for page in range(50) if ladder.step(page).hands_packet] == [2]

    @pytest.mark.parametrize("alert_class", AlertClass)
    def test_what_an_alert_keeps_reads_as_what_it_was(self, alert_class):
        assert read_ladder(shipped()[alert_class].as_json(), alert_class) == shipped()[alert_class]

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"steps": steps(1, 5, 10)}, "must begin at once"),
            ({"steps": steps(0, 10, 5)}, "in order"),
            ({"steps": steps(0, 5, 5)}, "in order"),
            ({"steps": steps(0, 5, 16)}, "within within_minutes"),
            ({"within_minutes": 9}, "within within_minutes"),
            ({"steps": steps(0, 5, 31), "within_minutes": 31}, "within_minutes: can only be meant"),
            ({"steps": []}, "1 to 10 steps"),
            ({"steps": steps(*range(11))}, "1 to 10 steps"),
            ({"steps": steps(0, calls="first_on_call")}, "everybody on call"),
            ({"steps": steps(0, 5, tells_guide=False)}, "must tell the guide, and hand"),
            ({"steps": steps(0, 5)[:1]}, "must tell the guide, and hand"),
            ({"steps": steps(0, 5, hands_packet=True)}, "packet over once"),
            ({"steps": [*steps(0, 5), steps(7)[0] | {"hands_packet": False}]}, "guide once"),
            ({"steps": steps(0, calls="nobody")}, "steps.0.calls"),
            ({"steps": steps(0, tells_guide="yes")}, "steps.0.tells_guide"),
            ({"steps": steps(0, after_minutes=True)}, "steps.0.after_minutes"),
            ({"steps": steps(0, sings=True)}, "steps.0.sings"),
            ({"steps": ["now"]}, "steps.0"),
            ({"then_every_minutes": 0}, "then_every_minutes"),
            ({"opened_again_every_minutes": "5"}, "opened_again_every_minutes"),
            ({"source": ""}, "source"),
            ({"within": 5}, "within"),
            ({"classes": []}, "classes"),
            ({"classes": ["silence"]}, "silence"),
            ({"classes": ["missed_check_in", "missed_check_in"]}, "has a ladder"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_its_place(self, change, place):
        with pytest.raises(PolicyError, match=place):
            parse_ladders(changed(**change))

    @pytest.mark.parametrize(
        "content", [example() | {"ladders": []}, example() | {"also": 1}, {"id": "x"}, {"ladders": "none"}]
    )
    def test_nor_a_document_of_another_shape(self, content):
        with pytest.raises(PolicyError):
            parse_ladders(content)

    @pytest.mark.parametrize(
        ("alert_class", "said", "place"),
        [
            (RISK, {"tells_guide": True}, "guide of a silence alone"),
            (AlertClass.WORSENING, {"hands_packet": True}, "only where somebody may be in danger"),
        ],
    )
    def test_no_guide_hears_of_anything_else_and_help_is_sent_only_into_danger(
        self, alert_class, said, place
    ):
        step = {"after_minutes": 0, "calls": "all_on_call"} | said
        ladder = {"classes": [alert_class], "steps": [step]}
        with pytest.raises(PolicyError, match=place):
            parse_ladders(example() | {"ladders": [example()["ladders"][1] | ladder]})

    def test_what_may_be_danger_is_bounded_closer(self):
        late = example()["ladders"][2] | {"within_minutes": 600, "steps": steps(0, 600)}
        late["steps"][-1]["hands_packet"] = late["steps"][0]["tells_guide"] = False
        assert parse_ladders(example() | {"ladders": [late]})
        for alert_class in BLOCKS_STARTING:
            with pytest.raises(PolicyError, match="between 1 and 30"):
                parse_ladders(example() | {"ladders": [late | {"classes": [alert_class]}]})


class TestLadder:
    LADDER = shipped()[RISK]

    def test_in_time_the_next_page_falls_due_by_the_opening(self):
        at = OPENED_AT + timedelta(minutes=5, seconds=4)
        assert self.LADDER.next_page_at(OPENED_AT, pages_sent=2, at=at) == OPENED_AT + 10 * MINUTE

    def test_one_that_is_opened_again_pages_at_its_own_pace(self):
        at = OPENED_AT + timedelta(hours=3)
        again = self.LADDER.next_page_at(OPENED_AT, pages_sent=2, opened_again=True, at=at)
        assert again == at + 5 * MINUTE

    def test_after_a_standstill_it_catches_up_a_minute_at_a_time(self):
        at = OPENED_AT + timedelta(hours=3)
        assert self.LADDER.next_page_at(OPENED_AT, pages_sent=2, at=at) == at + MINUTE

    @given(pages=st.integers(1, 500), late_s=st.integers(0, 10**6))
    def test_there_is_always_a_next_page_and_never_at_once(self, pages, late_s):
        at = OPENED_AT + self.LADDER.since_opening(pages - 1) + timedelta(seconds=late_s)
        wait = self.LADDER.next_page_at(OPENED_AT, pages_sent=pages, at=at) - at
        assert MINUTE <= wait <= 15 * MINUTE

    @given(
        minutes=st.lists(st.integers(1, 30), min_size=1, max_size=9, unique=True),
        every=st.integers(1, 30),
    )
    def test_whatever_is_let_in_comes_in_order_within_its_bound(self, minutes, every):
        said = steps(0, *sorted(minutes))
        spans = {"within_minutes": 30, "then_every_minutes": every, "opened_again_every_minutes": 5}
        ladder = read_ladder(spans | {"steps": said}, SILENCE)
        moments = [ladder.since_opening(page) for page in range(20)]
        assert all(one < next_ for one, next_ in pairwise(moments))
        assert moments[len(said) - 1] <= ladder.within

    def test_the_first_then_everybody(self):
        assert Step(MINUTE, Whom.FIRST).called(["ben", "cyd"]) == ["ben"]
        assert Step(MINUTE, Whom.ALL).called(["ben", "cyd"]) == ["ben", "cyd"]
        assert [Step(MINUTE, whom).called([]) for whom in Whom] == [[], []]


@pytest.fixture
def gus(ada: Patient, at: datetime) -> User:
    """Ada's guide."""
    guide = make_user("gus@clinic.example")
    grant_role(guide, Role.GUIDE, granted_by=None, at=at - timedelta(days=9))
    CareTeamMembership.objects.create(
        patient=ada, member=guide, role=Role.GUIDE, starts_at=at - timedelta(days=9)
    )
    return guide


def silent(ada: Patient, at: datetime) -> Alert:
    """A session of Ada's has gone silent."""
    return services.raise_alert(ada.pk, alert_class=SILENCE, source="check-in:1", at=at)


def sent(alert: Alert) -> list[tuple[int, str, str]]:
    """Return after how many minutes who is told what."""
    found = Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:")
    rows = [((row.due_at - alert.opened_at) // MINUTE, row.kind, row.user) for row in found]
    return sorted((minute, kind, user.email) for minute, kind, user in rows if user is not None)


BEN, CYD, GUS = "ben@clinic.example", "cyd@example.org", "gus@clinic.example"


@pytest.mark.django_db
class TestPaging:
    def test_a_silence_from_the_missed_check_in_to_the_packet(self, ada, ben, cyd_practises, gus, at):
        """Two detectors look every minute; each step comes at its own time, once."""
        stages.started(ada, at=at)
        missed_at = at + POLICY.check_in_interval + timedelta(seconds=1)
        for seconds in range(0, 21 * 60, 30):
            for _ in range(2):
                sessions.watch(at=missed_at + timedelta(seconds=seconds))
                services.page_unacknowledged(at=missed_at + timedelta(seconds=seconds))
        alert = Alert.objects.get()
        assert Delivery.objects.filter(kind=MessageKind.CHECK_IN_MISSED, due_at=missed_at).count() == 2
        assert sent(alert) == [
            (0, "alert_page", BEN),
            (0, "guide_told", GUS),
            (5, "alert_page", BEN),
            (5, "alert_page", CYD),
            (10, "packet_page", BEN),
            (10, "packet_page", CYD),
            (15, "alert_page", BEN),
            (15, "alert_page", CYD),
        ]

    def test_each_step_at_its_own_time(self, ada, ben, gus, at):
        enacted(changed(steps=steps(0, 2, 7), within_minutes=7, then_every_minutes=3), at)
        alert = silent(ada, at)
        for minute in range(14):
            services.page_unacknowledged(at=at + minute * MINUTE)
        assert sent(alert) == [
            (0, "alert_page", BEN),
            (0, "guide_told", GUS),
            (2, "alert_page", BEN),
            (7, "packet_page", BEN),
            (10, "alert_page", BEN),
            (13, "alert_page", BEN),
        ]

    def test_a_heap_that_can_wait_keeps_no_pass_from_its_end(self, ada, ben, gus, at, monkeypatch):
        """No time is left for those that can wait: what may be danger is paged for all the same."""
        for number in range(3):
            kind = AlertClass.ADVERSE_EVENT
            services.raise_alert(ada.pk, alert_class=kind, source=f"{number}", at=at - timedelta(hours=1))
        alert = silent(ada, at)
        monkeypatch.setattr(services, "PAGES_FOR_S", 0)
        assert services.page_unacknowledged(at=at + 5 * MINUTE) == 1
        assert (5, "alert_page", BEN) in sent(alert)
        monkeypatch.undo()
        assert services.page_unacknowledged(at=at + 5 * MINUTE) == 3

    def test_until_a_named_human_has_it(self, ada, ben, gus, at):
        alert = silent(ada, at)
        services.acknowledge(alert, by=ben, at=at + 9 * MINUTE)
        services.page_unacknowledged(at=at + timedelta(hours=1))
        assert not Delivery.objects.filter(kind=MessageKind.PACKET_PAGE).exists()

    def test_opened_again_it_goes_on_up_the_ladder(self, ada, ben, gus, at):
        alert = silent(ada, at)
        services.acknowledge(alert, by=ben, at=at + MINUTE)
        silent(ada, at + 2 * MINUTE)
        services.page_unacknowledged(at=at + 7 * MINUTE)
        assert sent(alert)[2:] == [(2, "alert_page", BEN), (7, "packet_page", BEN)]

    def test_no_guide_hears_of_anything_clinical(self, ada, ben, gus, at):
        for alert_class in set(AlertClass) - {SILENCE}:
            services.raise_alert(ada.pk, alert_class=alert_class, source=alert_class, at=at)
        services.page_unacknowledged(at=at + timedelta(hours=1))
        assert not Delivery.objects.filter(user=gus).exists()

    def test_who_guides_no_more_is_not_told(self, ada, ben, gus, at):
        end_role(gus, Role.GUIDE, at=at)
        silent(ada, at)
        assert not Delivery.objects.filter(user=gus).exists()

    def test_with_nobody_on_call_the_guide_is_told_once(self, ada, ben, gus, at):
        end_role(ben, Role.CLINICIAN, at=at)
        alert = silent(ada, at)
        for minute in range(1, 4):
            services.page_unacknowledged(at=at + minute * MINUTE)
        assert sent(alert) == [(0, "guide_told", GUS)]


def enacted(content: dict[str, Any], at: datetime) -> None:
    enact(
        DocumentKind.ESCALATION_LADDERS, version=content["version"], content=content, effective_at=at, at=at
    )


@pytest.mark.django_db
class TestInForce:
    def test_what_two_people_sign_holds_for_the_next_alert_and_not_for_the_one_that_runs(self, ada, ben, at):
        before = silent(ada, at)
        enacted(changed(steps=steps(0, 2, 3)), at)
        after = services.raise_alert(ada.pk, alert_class=SILENCE, source="check-in:2", at=at)
        assert [after.next_page_at, before.next_page_at] == [at + 2 * MINUTE, at + 5 * MINUTE]
        services.page_unacknowledged(at=at + 5 * MINUTE)
        before.refresh_from_db()
        assert before.next_page_at == at + 10 * MINUTE

    def test_a_class_that_a_version_does_not_know_pages_by_what_ships(self, ada, ben, at, caplog):
        content = changed()
        content["ladders"] = content["ladders"][:1]
        enacted(content, at)
        assert queries.ladder_in_force(RISK, at=at) == shipped()[RISK]
        assert "No ladder of suicide_risk is signed" in caplog.text

    def test_what_is_signed_and_unsound_does_nothing_and_is_told_of(self, ada, ben, at, caplog):
        enacted(changed(steps=steps(0, 5, 60)), at)
        with caplog.at_level(logging.ERROR, logger="safety.queries"):
            alert = silent(ada, at)
        assert alert.next_page_at == at + 5 * MINUTE
        assert "cannot be read" in caplog.text
        told = run_checks(tags=[Tags.database], include_deployment_checks=True, databases=["default"])
        assert "safety.E003" in {message.id for message in told}

    def test_before_anything_is_signed_it_pages_by_what_ships(self, ada, ben, at):
        long_ago = at - timedelta(days=3650)
        assert queries.ladder_in_force(SILENCE, at=long_ago) == shipped()[SILENCE]

    def test_one_from_before_ladders_were_kept_pages_by_what_ships(self, ada, ben, at):
        alert = Alert.objects.create(
            patient=ada, alert_class=SILENCE, source="old", opened_at=at, next_page_at=at
        )
        assert services.page_unacknowledged(at=at) == 1
        alert.refresh_from_db()
        assert alert.next_page_at == at + 5 * MINUTE

    @pytest.mark.parametrize("kept", [{"steps": 1}, [1], "at once", 5])
    def test_what_an_alert_keeps_and_nobody_can_read_silences_nothing(self, ada, ben, at, kept):
        alert = Alert.objects.create(
            patient=ada, alert_class=SILENCE, source="old", opened_at=at, next_page_at=at, ladder=kept
        )
        assert services.page_unacknowledged(at=at) == 1
        assert sent(alert) == [(0, "alert_page", BEN)]

    def test_the_database_keeps_a_ladder_as_it_was(self, ada, ben, at):
        alert = silent(ada, at)
        with pytest.raises(DatabaseError, match="alert_stays_what_it_was"), transaction.atomic():
            Alert.objects.filter(pk=alert.pk).update(ladder=None)


@pytest.mark.django_db
class TestSigning:
    """What a version leaves to the one that ships stands on its page, before anybody signs it."""

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (changed(), "Nothing that a version of its kind can say."),
            (
                changed() | {"ladders": [one for one in example()["ladders"] if RISK not in one["classes"]]},
                "It names no ladder of suicide_risk: the one that ships holds.",
            ),
            (
                changed(steps=steps(0, 5, 60)),
                "It cannot be read, so all alerts page by the one that ships: ladders.0.steps",
            ),
        ],
    )
    def test_it_is_said_in_plain_words(self, client, at, content, said):
        kind = DocumentKind.ESCALATION_LADDERS
        document = publish(kind, version=2, content=content, effective_at=at)
        client.force_login(signers(at)[0])
        page = f"/admin/core/documentversion/{document.pk}"
        assert said in client.get(f"{page}/change/").content.decode()

    def test_two_people_sign_it_there(self, client, ada, ben, at):
        kind, content = DocumentKind.ESCALATION_LADDERS, changed(steps=steps(0, 2, 3))
        document = publish(kind, version=2, content=content, effective_at=at)
        assert queries.ladder_in_force(SILENCE, at=at) == shipped()[SILENCE]
        director, other = signers(at)
        grant_role(other, Role.CLINICIAN, granted_by=None, at=at)
        for person in (director, other):
            client.force_login(person)
            client.post(f"/admin/core/documentversion/{document.pk}/acts/sign/", {"sign-read": "on"})
        now = clock.now()
        assert queries.ladder_in_force(SILENCE, at=now).since_opening(2) == 3 * MINUTE


@pytest.mark.django_db(transaction=True)
def test_a_clinic_that_has_signed_none_is_told_so_and_pages(ada: Patient, ben: User, at: datetime) -> None:
    with as_owner():
        PolicyEnactment.objects.filter(document__kind=DocumentKind.ESCALATION_LADDERS).delete()
    assert isinstance(queries.ladder_in_force(SILENCE, at=at), Ladder)
    told = run_checks(tags=[Tags.database], include_deployment_checks=True, databases=["default"])
    assert "safety.W001" in {message.id for message in told}


@pytest.fixture
def no_guide_told(transactional_db: None) -> Iterator[None]:
    """The database lets no message to a guide be written."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE notifications_delivery ADD CONSTRAINT none_told CHECK (kind <> 'guide_told')"
        )
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notifications_delivery DROP CONSTRAINT none_told")


def test_a_guide_who_cannot_be_told_keeps_no_page(
    no_guide_told: None, ada: Patient, ben: User, gus: User, at: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    alert = silent(ada, at)
    assert sent(alert) == [(0, "alert_page", BEN)]
    assert "the guide could not be told" in caplog.text
