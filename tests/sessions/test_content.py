"""Content modules: what there is to read is data that two people sign, released by a session or a day."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Patient, User
from accounts.services import grant_role
from core import clock
from core.actors import Actor
from core.database import as_owner
from core.documents import publish
from core.enums import DocumentKind
from desk.catalogue import CONTENT, _read
from programs import services as programs
from programs.models import Enrollment
from safety.screening.policy import PolicyError
from sessions import services
from sessions.content import MOST_MODULES, Module, Part, Release, parse_content
from sessions.models import SessionTransition, TreatmentSession
from sessions.rules import ContentFacts, released
from sessions.rules.times import day_begins, local_day
from tests import steps
from tests.policies import enact, signers
from tests.sessions import stages
from tests.sessions.facts import NOON
from tests.statements import asked

NEW_YORK = ZoneInfo("America/New_York")
KIND = DocumentKind.CONTENT_MODULES
ROW = {"key": "one", "title": "One", "text": "Read.", "part": "preparation", "day": 0}


def document(*rows: dict[str, Any], **change: Any) -> dict[str, Any]:
    """Return a document with such modules, as a second version."""
    return _read(CONTENT) | {"version": 2, "modules": list(rows)} | change


def without(*keys: str, **change: Any) -> dict[str, Any]:
    """Return a module that lacks some keys, or says something else."""
    return {key: value for key, value in ROW.items() if key not in keys} | change


class TestReading:
    def test_what_ships_has_both_parts_and_every_way_of_release(self) -> None:
        modules = parse_content(_read(CONTENT))
        assert {module.part for module in modules} == set(Part)
        assert {module.release for module in modules} == set(Release)

    def test_a_module_is_what_its_row_says(self) -> None:
        (module,) = parse_content(document(without("day", after_session=18, part="integration")))
        assert module == Module("one", "One", "Read.", Part.INTEGRATION, Release.AFTER_SESSION, 18)

    @pytest.mark.parametrize(
        ("row", "fault"),
        [
            (without("key"), "modules[1].key: is missing"),
            (without(key="Two words"), "modules[1].key: has to look like"),
            (without("title"), "modules[1].title: is missing"),
            (without(title=" "), "modules[1].title: has to be a text"),
            (without(title="x" * 81), "modules[1].title: has to have 80 characters at most"),
            (without(title="two\nlines"), "modules[1].title: has to be plain text"),
            (without("text"), "modules[1].text: is missing"),
            (without(text=7), "modules[1].text: has to be a text"),
            (without(text="x" * 2001), "modules[1].text: has to have 2000 characters at most"),
            (without(text="seen \u202ebackwards"), "modules[1].text: has to be plain text"),
            (without("part"), "modules[1].part: is missing"),
            (without(part="during"), "modules[1].part: has to be one of preparation, integration"),
            (without("day"), "modules[1]: has to name exactly one of before_session, after_session, day"),
            (without(before_session=1), "modules[1]: has to name exactly one of"),
            (without(day=-1), "modules[1].day: has to be a whole number from 0 to 400"),
            (without(day=401), "modules[1].day: has to be a whole number from 0 to 400"),
            (without(day=1.0), "modules[1].day: has to be a whole number from 0 to 400"),
            (without(day=True), "modules[1].day: has to be a number"),
            (without(day="1"), "modules[1].day: has to be a number"),
            (without("day", before_session=0), "modules[1].before_session: has to be a whole number from 1"),
            (without("day", before_session=19), "modules[1].before_session: has to be a whole number from 1"),
            (without("day", after_session=0), "modules[1].after_session: has to be a whole number from 1 to"),
            (without("day", after_session=19), "modules[1].after_session: has to be a whole number from 1"),
            (without(video="https://example.org"), "modules[1]: unknown key video"),
            ("one", "modules[1]: has to be a table"),
            (without(key="first"), "modules[1]: first is there twice"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_its_place(self, row: Any, fault: str) -> None:
        with pytest.raises(PolicyError) as refused:
            parse_content(document(without(key="first"), row))
        assert str(refused.value).startswith(fault)

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            ({}, "id: is missing"),
            (document(ROW, version=0), "version: has to be a whole number from 1 on"),
            (document(ROW, title=""), "title: has to be a text"),
            (document(ROW, status="done"), "status: has to be one of example, confirm before use, confirmed"),
            (document(ROW, note="x"), "policy: unknown key note"),
            (document(), "modules: has to be a list of tables"),
            (document(modules={}), "modules: has to be a list of tables"),
            (document(*[ROW] * (MOST_MODULES + 1)), "modules: has to be 200 modules at most"),
            ([], "policy: has to be a table"),
        ],
    )
    def test_nor_a_document_of_another_shape(self, content: Any, fault: str) -> None:
        with pytest.raises(PolicyError) as refused:
            parse_content(content)
        assert str(refused.value) == fault


def module(key: str, release: Release, number: int) -> Module:
    """Return a module released by that."""
    return Module(key, key, "Read.", Part.PREPARATION, release, number)


def facts(**change: Any) -> ContentFacts:
    """Return that nothing has happened yet, but for `change`."""
    nothing: dict[str, Any] = {"booked_at": {}, "ended_at": {}, "active_since": None, "zone": NEW_YORK}
    return ContentFacts(**nothing | change)


def since(one: Module, found: ContentFacts, *, at: datetime) -> datetime | None:
    """Return since when one module is released, if it is."""
    answer = released([one], found, at=at)
    return answer[0].released_at if answer else None


class TestRelease:
    HOUR = timedelta(hours=1)

    @pytest.mark.parametrize(
        ("release", "known"),
        [(Release.BEFORE_SESSION, "booked_at"), (Release.AFTER_SESSION, "ended_at")],
    )
    def test_by_the_session_of_its_number_alone(self, release: Release, known: str) -> None:
        two = module("two", release, 2)
        assert since(two, facts(**{known: {1: NOON}}), at=NOON) is None
        assert since(two, facts(**{known: {1: NOON, 2: NOON}}), at=NOON) == NOON

    @pytest.mark.parametrize(
        ("release", "known"),
        [(Release.BEFORE_SESSION, "ended_at"), (Release.AFTER_SESSION, "booked_at")],
    )
    def test_one_way_is_not_the_other(self, release: Release, known: str) -> None:
        assert since(module("one", release, 1), facts(**{known: {1: NOON}}), at=NOON) is None

    def test_nothing_before_its_moment(self) -> None:
        found = facts(booked_at={1: NOON + self.HOUR})
        assert since(module("one", Release.BEFORE_SESSION, 1), found, at=NOON) is None

    def test_no_day_counts_before_the_enrollment_is_active(self) -> None:
        assert since(module("one", Release.DAY, 0), facts(), at=NOON) is None

    def test_day_nought_is_the_moment_itself(self) -> None:
        assert since(module("one", Release.DAY, 0), facts(active_since=NOON), at=NOON) == NOON

    @pytest.mark.parametrize(
        ("zone", "active_since", "days", "begins"),
        [
            # Late in the evening: the next day is minutes away, though in UTC it has long begun.
            ("America/New_York", "2026-03-02T23:50-05:00", 1, "2026-03-03T00:00-05:00"),
            # Just after midnight: a whole day, though in UTC it is the same day.
            ("Asia/Tokyo", "2026-03-03T00:10+09:00", 1, "2026-03-04T00:00+09:00"),
            # The clocks go forward between: seven days by the calendar, an hour less.
            ("America/New_York", "2026-03-02T12:00-05:00", 7, "2026-03-09T00:00-04:00"),
            # They go back between: an hour more.
            ("America/New_York", "2026-10-31T12:00-04:00", 2, "2026-11-02T00:00-05:00"),
            # A day without a midnight begins at one.
            ("Africa/Cairo", "2026-04-23T12:00+02:00", 1, "2026-04-24T01:00+03:00"),
            # A midnight that comes twice: the first.
            ("America/Havana", "2026-10-31T12:00-04:00", 1, "2026-11-01T00:00-04:00"),
        ],
    )
    def test_a_day_begins_where_the_patient_is(
        self, zone: str, active_since: str, days: int, begins: str
    ) -> None:
        one, moment = module("one", Release.DAY, days), datetime.fromisoformat(begins)
        found = facts(active_since=datetime.fromisoformat(active_since), zone=ZoneInfo(zone))
        assert since(one, found, at=moment - timedelta(seconds=1)) is None
        assert since(one, found, at=moment) == moment

    @given(
        zone=st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
        moment=st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    )
    def test_no_moment_of_a_day_is_before_its_beginning(self, zone: ZoneInfo, moment: datetime) -> None:
        day = local_day(moment, zone)
        begins = day_begins(day, zone)
        assert begins <= moment
        assert local_day(begins, zone) == day
        assert local_day(begins - timedelta(seconds=1), zone) < day

    def test_in_order_of_release_then_of_the_document(self) -> None:
        found = facts(booked_at={1: NOON}, ended_at={1: NOON + self.HOUR}, active_since=NOON - self.HOUR)
        modules = [
            module("after", Release.AFTER_SESSION, 1),
            module("second", Release.BEFORE_SESSION, 1),
            module("third", Release.BEFORE_SESSION, 1),
            module("first", Release.DAY, 0),
        ]
        answer = released(modules, found, at=NOON + self.HOUR)
        assert [one.module.key for one in answer] == ["first", "second", "third", "after"]


FIRST = ["how_this_goes"]
BEFORE_1 = ["intention", "space", "ask_your_monitor"]
BEFORE_2 = ["since_last_time"]
AFTER_1 = ["what_surfaced"]


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada's, active for a week."""
    return steps.active(ada, at=at)


def read(client: APIClient, enrollment: Enrollment) -> list[dict[str, Any]]:
    """Return what the client finds to read."""
    answer = client.get(f"/api/v1/enrollments/{enrollment.pk}/content-modules")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()
    return found


def keys(client: APIClient, enrollment: Enrollment) -> list[str]:
    """Return the keys of that, in order."""
    return [one["key"] for one in read(client, enrollment)]


class TestAlongTheWay:
    def test_each_says_what_released_it_and_since_when(
        self, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        session = stages.book(enrollment, at=at)
        found = read(as_ada, enrollment)
        assert [one["key"] for one in found] == FIRST + BEFORE_1
        active_since = enrollment.transitions.get(event="consented").at
        expected = [("day", 0, active_since)] + 3 * [("before_session", session.number, at)]
        assert [
            (one["released_by"], one["number"], datetime.fromisoformat(one["released_at"])) for one in found
        ] == expected
        assert found[1]["title"] == "One thing to look at"
        assert found[1]["part"] == "preparation"
        assert found[1]["text"].startswith("Think of your last hard week at work.")

    @pytest.mark.parametrize("status", ["cancelled", "missed", "aborted"])
    def test_what_a_booking_released_goes_with_it(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime, status: str
    ) -> None:
        stages.reached(ada, status, at=at)
        assert keys(as_ada, enrollment) == FIRST

    def test_and_comes_again_with_the_next_booking(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        """Since that one, not since the one that was called off."""
        earlier = at - timedelta(hours=2)
        first = stages.book(stages.measured(ada, at=earlier), at=earlier)
        services.cancel(first, reason="", actor=Actor.person(ada.user_id), at=earlier)
        stages.book(enrollment, at=at)
        found = read(as_ada, enrollment)
        assert [one["key"] for one in found] == FIRST + BEFORE_1
        assert datetime.fromisoformat(found[1]["released_at"]) == at

    def test_moved_to_another_time_it_stays_as_it_was(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        session = stages.book(enrollment, at=at - timedelta(hours=1))
        before = read(as_ada, enrollment)
        services.reschedule(
            session,
            scheduled_at=at + timedelta(days=1),
            timezone=session.timezone,
            actor=Actor.person(ada.user_id),
            at=at,
        )
        assert read(as_ada, enrollment) == before

    def test_nothing_to_integrate_while_the_session_runs(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        stages.dosed(ada, at=at)
        assert keys(as_ada, enrollment) == FIRST + BEFORE_1

    def test_once_it_ended_with_its_dose_there_is(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        session, _ = stages.ended(ada, at=at)
        found = read(as_ada, enrollment)
        assert [one["key"] for one in found] == FIRST + BEFORE_1 + AFTER_1
        assert (found[-1]["part"], found[-1]["released_by"], found[-1]["number"]) == (
            "integration",
            "after_session",
            1,
        )
        assert datetime.fromisoformat(found[-1]["released_at"]) == session.ended_at

    def test_what_a_session_released_stays_whatever_becomes_of_the_program(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        stages.ended(ada, at=at)
        programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
        assert keys(as_ada, enrollment) == FIRST + BEFORE_1 + AFTER_1

    def test_a_version_in_force_takes_the_place_of_the_one_before(
        self, enrollment: Enrollment, as_ada: APIClient, at: datetime
    ) -> None:
        """By days since the enrollment became active, by the clock on the patient's wall."""
        active_since = enrollment.transitions.get(event="consented").at
        days = (local_day(at, NEW_YORK) - local_day(active_since, NEW_YORK)).days
        rows = (without(key="today", day=days), without(key="tomorrow", day=days + 1))
        enact(KIND, version=2, content=document(*rows), effective_at=at, at=at)
        (today,) = read(as_ada, enrollment)
        assert today["key"] == "today"
        midnight = datetime.fromisoformat(today["released_at"]).astimezone(NEW_YORK)
        assert (midnight.date(), midnight.hour, midnight.minute) == (local_day(at, NEW_YORK), 0, 0)


class TestAccess:
    def test_her_clinician_reads_what_she_does(
        self, enrollment: Enrollment, as_ada: APIClient, as_ben: APIClient
    ) -> None:
        assert read(as_ben, enrollment) == read(as_ada, enrollment) != []

    def test_to_a_stranger_it_is_absent(self, enrollment: Enrollment, as_cyd: APIClient) -> None:
        path = f"/api/v1/enrollments/{enrollment.pk}/content-modules"
        assert as_cyd.get(path).status_code == 404

    def test_a_monitors_link_does_not_open_it(self, session: TreatmentSession, as_dan: APIClient) -> None:
        path = f"/api/v1/enrollments/{session.enrollment_id}/content-modules"
        assert as_dan.get(path).status_code == 403


def test_reading_costs_the_same_for_many_sessions(
    enrollment: Enrollment, as_ada: APIClient, at: datetime
) -> None:
    """The sign-in with its user, the enrollment, the version in force, bookings, when active, the look."""
    path = f"/api/v1/enrollments/{enrollment.pk}/content-modules"
    found = asked(lambda: as_ada.get(path))
    assert len(found) == 6, found
    for number in range(1, 7):
        session = TreatmentSession.objects.create(
            enrollment=enrollment,
            number=number,
            status="scheduled" if number == 6 else "cancelled",
            scheduled_at=at,
            timezone="America/New_York",
        )
        SessionTransition.objects.create(
            session=session, to_status="scheduled", event="booked", at=at, actor_kind="service", actor_id="x"
        )
    assert len(asked(lambda: as_ada.get(path))) == 6


class TestUnsound:
    BROKEN = document(ROW, without(key="two", day=500))
    FAULT = "modules[1].day: has to be a whole number from 0 to 400"

    def test_what_is_signed_and_cannot_be_read_is_told_of_and_breaks_nothing(
        self, ada: Patient, enrollment: Enrollment, as_ada: APIClient, at: datetime, caplog: Any
    ) -> None:
        enact(KIND, version=2, content=self.BROKEN, effective_at=at, at=at)
        with caplog.at_level(logging.ERROR, logger="sessions.queries.content"):
            assert read(as_ada, enrollment) == []
        assert "cannot be read" in caplog.text
        told = run_checks(tags=[Tags.database], include_deployment_checks=True, databases=["default"])
        assert [self.FAULT in message.msg for message in told if message.id == "treatment_sessions.W002"] == [
            True
        ]
        session, _ = stages.dosed(ada, at=at)
        assert session.dosed_at is not None
        assert as_ada.get(f"/api/v1/sessions/{session.pk}/preparation").json()["items"]

    def test_a_sound_one_is_nothing_to_be_told_of(self, db: None) -> None:
        told = run_checks(tags=[Tags.database], include_deployment_checks=True, databases=["default"])
        assert "treatment_sessions.W002" not in {message.id for message in told}

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (document(ROW), "Nothing that a version of its kind can say."),
            (BROKEN, f"Nobody is shown a module by it, because it cannot be read: {FAULT}."),
        ],
    )
    def test_who_signs_it_reads_so(
        self, client: Any, db: None, at: datetime, content: dict[str, Any], said: str
    ) -> None:
        published = publish(KIND, version=2, content=content, effective_at=at)
        client.force_login(signers(at)[0])
        assert said in client.get(f"/admin/core/documentversion/{published.pk}/change/").content.decode()


def test_two_people_sign_it_in_the_admin(
    client: Any, enrollment: Enrollment, as_ada: APIClient, at: datetime
) -> None:
    published = publish(KIND, version=2, content=document(ROW), effective_at=at)
    director, other = signers(at)
    grant_role(other, Role.CLINICIAN, granted_by=None, at=at)
    for person in (director, other):
        assert keys(as_ada, enrollment) == FIRST
        client.force_login(person)
        client.post(f"/admin/core/documentversion/{published.pk}/acts/sign/", {"sign-read": "on"})
    assert keys(as_ada, enrollment) == ["one"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM accounts_policyenactment WHERE document_id IN "
        "(SELECT id FROM core_documentversion WHERE kind = 'content_modules')",
        "UPDATE core_documentversion SET content = '{}' WHERE kind = 'content_modules'",
    ],
    ids=["nobody has signed any", "not what was signed"],
)
def test_without_one_that_holds_there_is_nothing_to_read_and_the_day_goes_on(
    ada: Patient, ben: User, at: datetime, client_of: Callable[[User], APIClient], spoil: str
) -> None:
    enrollment, as_ada = steps.active(ada, at=at), client_of(ada.user)
    assert keys(as_ada, enrollment) == FIRST
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(spoil)
    assert keys(as_ada, enrollment) == []
    assert stages.booked(ada, at=clock.now()).status == "scheduled"


def test_what_ships_is_short_and_says_nothing_of_a_medicine() -> None:
    """No dose, and no effect that is promised."""
    texts = [f"{module.title} {module.text}".lower() for module in parse_content(_read(CONTENT))]
    assert max(map(len, texts)) < 450
    claims = ("ketamine", " mg", "cure", "heals", "treat", "symptom", "depress", "brain")
    assert [word for word in claims for text in texts if word in text] == []
