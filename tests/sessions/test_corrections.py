"""What an entry should have said, beside what it said; and a log that a clinician has sealed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import F
from rest_framework.test import APIClient

from accounts.models import Capability, Patient, User
from core import clock
from core.actors import Actor
from core.database import as_owner
from core.errors import NotAllowed
from safety.enums import AlertStatus
from safety.models import Alert
from sessions import queries, services
from sessions.errors import LogSealed, WrongSessionState
from sessions.models import (
    Attestation,
    CheckInDeadline,
    DoseOutcome,
    Observation,
    SessionReview,
    SessionTransition,
    TreatmentSession,
)
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.test_constraints import TABLE, observation, refused_by
from tests.sessions.test_entries import entry, send
from tests.sessions.test_gate import ada_of, refusal

HOUR = timedelta(hours=1)
CRISIS = {"systolic_mmhg": 190, "diastolic_mmhg": 125}
WHY = {"reason": "I had typed the wrong number."}


def correction(**changed: Any) -> dict[str, Any]:
    """Return another blood pressure with a reason, as a phone sends it."""
    body = entry(client_seq=2, systolic_mmhg=121, **WHY) | changed
    return {name: value for name, value in body.items() if name != "observed_at"}


def correct(client: APIClient, session: TreatmentSession, old: Any, **changed: Any) -> Any:
    return send(client, session, correction(**changed), f"observations/{old}/corrections")


@pytest.fixture
def noted(session: TreatmentSession, as_dan: APIClient) -> str:
    """Dan has entered a reading; its id."""
    return str(send(as_dan, session, entry()).json()["id"])


@pytest.fixture
def sealed(ada: Patient, at: datetime) -> TreatmentSession:
    """Ada's session is over since this morning, and Ben has signed for its log an hour ago."""
    session, _ = stages.ended(ada, at=at - timedelta(hours=20))
    until = at - 2 * HOUR
    TreatmentSession.objects.filter(pk=session.pk).update(no_drive_until=until)
    services.watch(at=until)
    stages.review(session, at=at - HOUR)
    return stages.fetch(session)


def lines(client: APIClient, session: TreatmentSession) -> Any:
    return client.get(f"/api/v1/sessions/{session.pk}/log").json()


def newest(session: TreatmentSession) -> Observation:
    return Observation.objects.filter(session=session).latest("id")


class TestACorrection:
    def test_stands_beside_what_it_corrects(
        self, session: TreatmentSession, as_dan: APIClient, as_ada: APIClient, noted: str
    ) -> None:
        answer = correct(as_dan, session, noted)
        assert answer.status_code == 201, answer.content
        old, new = lines(as_ada, session)["lines"][-2:]
        assert (old["content"]["systolic_mmhg"], new["content"]["systolic_mmhg"]) == (118, 121)
        assert (old["replaced_by"], new["replaces"], new["reason"]) == (new["id"], noted, WHY["reason"])
        assert (old["at"], old["replaces"], new["replaced_by"]) == (new["at"], None, None)

    def test_sent_twice_is_stored_once(
        self, session: TreatmentSession, as_dan: APIClient, noted: str
    ) -> None:
        same = correction()
        answers = [send(as_dan, session, same, f"observations/{noted}/corrections") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert Observation.objects.count() == 2

    def test_is_itself_corrected_and_not_its_elder_again(
        self, session: TreatmentSession, as_dan: APIClient, noted: str
    ) -> None:
        first = correct(as_dan, session, noted).json()["id"]
        again = correct(as_dan, session, noted, client_seq=3)
        assert (again.status_code, again.json()["code"]) == (409, "entry_replaced")
        assert correct(as_dan, session, first, client_seq=4).status_code == 201

    @pytest.mark.parametrize(
        "changed", [{"reason": " "}, {"reason": None}, {"kind": "comfort"}, {"systolic_mmhg": 12}]
    )
    def test_needs_a_reason_and_what_can_be_meant(
        self, session: TreatmentSession, as_dan: APIClient, noted: str, changed: dict[str, Any]
    ) -> None:
        assert correct(as_dan, session, noted, **changed).status_code == 400
        assert Observation.objects.count() == 1

    def test_is_of_its_kind(self, session: TreatmentSession, as_dan: APIClient, noted: str) -> None:
        body = correction(kind="heart_rate", heart_rate_bpm=64)
        only = {name: value for name, value in body.items() if not name.endswith("mmhg")}
        answer = send(as_dan, session, only, f"observations/{noted}/corrections")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "other_kind")

    def test_is_for_who_wrote_it_or_a_clinician(
        self,
        session: TreatmentSession,
        as_ada: APIClient,
        as_ben: APIClient,
        as_cyd: APIClient,
        noted: str,
    ) -> None:
        assert [correct(who, session, noted).status_code for who in (as_ada, as_cyd)] == [403, 404]
        assert correct(as_ben, session, noted).status_code == 201

    def test_of_another_sessions_entry_is_of_none(
        self, session: TreatmentSession, as_dan: APIClient, cyd: Patient, at: datetime
    ) -> None:
        theirs = stages.booked(cyd, at=at)
        services.observe(theirs, entry=stages.reading(at=at, seq=1), actor=ada_of(theirs), at=at)
        assert correct(as_dan, session, newest(theirs).pk).status_code == 404

    def test_fires_what_a_new_reading_would(
        self, session: TreatmentSession, as_dan: APIClient, noted: str
    ) -> None:
        assert correct(as_dan, session, noted, **CRISIS).status_code == 201
        assert Alert.objects.get().alert_class == "serious_event"

    def test_that_is_refused_is_heard(self, session: TreatmentSession, as_dan: APIClient, noted: str) -> None:
        answer = as_dan.post(
            f"/api/v1/sessions/{session.pk}/observations/{noted}/corrections",
            correction(**CRISIS) | {"reason": ""},
            format="json",
        )
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (400, "call_emergency")
        assert Alert.objects.count() == 1

    def test_erases_nothing(self, ada: Patient, at: datetime) -> None:
        """The alert stays open, and the gate goes by both."""
        session = stages.booked(ada, at=at)
        link = stages.prepared(session, at=at)
        dan = Actor.capability(link.pk)
        high = stages.reading(at=at, seq=8, pressure=(190, 125))
        old, _ = services.observe(stages.fetch(session), entry=high, actor=dan, at=at)
        normal = stages.reading(at=at, seq=9)
        services.correct(stages.fetch(session), old, entry=normal, reason="A slip.", actor=dan, at=at)
        assert Alert.objects.get().status == AlertStatus.OPEN
        assert {"alert_open", "blood_pressure_crisis"} <= refusal(stages.fetch(session), at=at)

    def test_does_not_make_a_second_measurement(self, ada: Patient, at: datetime) -> None:
        session = stages.booked(ada, at=at)
        first = stages.reading(at=at, seq=1)
        old, _ = services.observe(session, entry=first, actor=ada_of(session), at=at)
        new = stages.reading(at=at, seq=2)
        services.correct(session, old, entry=new, reason="Left arm.", actor=ada_of(session), at=at)
        assert "too_few_readings" in refusal(stages.fetch(session), at=at)


class TestTheSeal:
    def test_says_who_signed_what(self, sealed: TreatmentSession, as_ada: APIClient, at: datetime) -> None:
        shown = lines(as_ada, sealed)
        seal = shown["seal"]
        assert (seal["signed_by"], seal["meaning"], seal["is_intact"]) == (
            "Ben Example, MD",
            "reviewed",
            True,
        )
        assert seal["sha256"] == shown["sha256"] == SessionReview.objects.get().log_sha256

    def test_below_it_a_clinician_alone_corrects(
        self, sealed: TreatmentSession, as_ada: APIClient, as_ben: APIClient, at: datetime
    ) -> None:
        old = newest(sealed)
        answer = correct(as_ada, sealed, old.pk)
        assert (answer.status_code, answer.json()["code"]) == (409, "log_sealed")
        assert correct(as_ben, sealed, old.pk).status_code == 201
        shown = lines(as_ben, sealed)
        (new,) = [line for line in shown["lines"] if line["replaces"]]
        assert (new["after_seal"], shown["seal"]["is_intact"]) == (True, True)

    def test_what_waited_in_a_phone_is_kept_and_marked(
        self, sealed: TreatmentSession, as_ada: APIClient, at: datetime
    ) -> None:
        assert sealed.ended_at is not None
        made = (sealed.ended_at - HOUR).isoformat()
        assert send(as_ada, sealed, entry(observed_at=made, systolic_mmhg=133)).status_code == 201
        shown = lines(as_ada, sealed)
        (late,) = [line for line in shown["lines"] if line["content"].get("systolic_mmhg") == 133]
        assert (late["is_late"], late["after_seal"], shown["seal"]["is_intact"]) == (True, True, True)

    def test_so_is_what_waited_in_the_monitors(self, sealed: TreatmentSession) -> None:
        """Whose link this policy has let live that long."""
        links = Capability.objects.filter(target_id=sealed.pk)
        links.update(expires_at=clock.now() + HOUR)
        assert sealed.ended_at is not None
        dan = by_link(stages.token_in_mail(sealed))
        body = {"client_id": str(uuid4()), "client_seq": 1, "all_well": False}
        made = (sealed.ended_at - HOUR).isoformat()
        assert send(dan, sealed, body | {"observed_at": made}, "check-ins").status_code == 201
        assert sealed.check_ins.get(all_well=False).after_seal
        assert Alert.objects.count() == 1

    def test_the_same_sent_again_is_the_one_that_is_there(
        self, sealed: TreatmentSession, as_ada: APIClient
    ) -> None:
        assert sealed.ended_at is not None
        body = entry(observed_at=(sealed.ended_at - HOUR).isoformat())
        assert [send(as_ada, sealed, body).status_code for _ in range(2)] == [201, 200]

    def test_nothing_new_is_added(
        self, sealed: TreatmentSession, as_ada: APIClient, as_ben: APIClient
    ) -> None:
        assert sealed.ended_at is not None
        made = (sealed.ended_at - HOUR).isoformat()
        answers = [send(as_ada, sealed, entry()), send(as_ben, sealed, entry(observed_at=made))]
        assert [answer.json()["code"] for answer in answers] == ["wrong_session_state"] * 2

    def test_a_report_of_harm_is_taken(self, sealed: TreatmentSession, as_ada: APIClient) -> None:
        said = {"session": str(sealed.pk), "description": "A headache since.", "is_serious": "no"}
        headers = {"Idempotency-Key": str(uuid4())}
        answer = as_ada.post("/api/v1/adverse-events", said, format="json", headers=headers)
        assert answer.status_code == 201, answer.content


BY = {"actor_kind": "person", "actor_id": "x"}
FORGED: dict[str, Callable[[TreatmentSession], Any]] = {
    "an attestation": lambda sealed: Attestation.objects.create(
        session=sealed, kind="patient_today", attested_at=clock.now(), **BY
    ),
    "an outcome": lambda sealed: DoseOutcome.objects.create(
        session=sealed, kind="refused", recorded_at=clock.now(), **BY
    ),
    "a step": lambda sealed: SessionTransition.objects.create(
        session=sealed, to_status="completed", event="completed", at=clock.now(), **BY
    ),
    "a deadline": lambda sealed: CheckInDeadline.objects.filter(session=sealed).update(met_at=None),
    "the session": lambda sealed: TreatmentSession.objects.filter(pk=sealed.pk).update(
        dosed_at=F("dosed_at") + HOUR
    ),
}
"""What somebody with the app's role might write into a sealed log."""


class TestTheDatabase:
    @pytest.mark.parametrize("what", FORGED)
    def test_keeps_what_is_below_the_seal(self, sealed: TreatmentSession, what: str) -> None:
        with refused_by("log_is_sealed"):
            FORGED[what](sealed)

    def test_lets_what_no_log_tells_be_encrypted_anew(self, sealed: TreatmentSession) -> None:
        """As the rotation of a key does, with the whole clinic."""
        assert TreatmentSession.objects.filter(pk=sealed.pk).update(call_url=b"anew") == 1

    def test_marks_what_comes_after_whatever_it_says_of_itself(self, sealed: TreatmentSession) -> None:
        observation(sealed, kind="note", note="Slipped in.", after_seal=False)
        assert newest(sealed).after_seal
        seal = queries.log(sealed, at=clock.now()).seal
        assert seal is not None
        assert seal.is_intact

    def test_seals_nothing_that_goes_on(self, ada: Patient, ben: User, at: datetime) -> None:
        reviewed = stages.reached(ada, "completed", at=at)
        signature = stages.review(reviewed, at=at).signature
        running = stages.book_regardless(reviewed.enrollment, at=at)
        with refused_by("session_is_not_over"):
            SessionReview.objects.create(
                session=running, signature=signature, log_sha256="0" * 64, note="x", reviewed_at=at
            )

    @pytest.mark.parametrize("reason", ["", "A slip."])
    def test_keeps_no_correction_without_reason_or_of_another_kind(
        self, session: TreatmentSession, at: datetime, reason: str
    ) -> None:
        """With a reason, it is the kind that is wrong."""
        old, _ = services.observe(session, entry=stages.reading(at=at, seq=1), actor=ada_of(session), at=at)
        values = {"note": "x", "replaces_id": old.pk, "reason": reason}
        kind = "note" if reason else "blood_pressure"
        numbers = {} if reason else {"systolic_mmhg": 118, "diastolic_mmhg": 76}
        name = "observation_replaces_its_like" if reason else "observation_is_replaced_for_a_reason"
        with refused_by(name):
            observation(session, kind=kind, **values, **numbers)


@pytest.mark.django_db(transaction=True)
def test_twin_without_the_trigger_a_line_slips_below_the_seal(sealed: TreatmentSession) -> None:
    try:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE}observation DISABLE TRIGGER seal")
        observation(sealed, kind="note", note="Slipped in.")
        seal = queries.log(sealed, at=clock.now()).seal
        assert seal is not None
        assert not seal.is_intact
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE}observation ENABLE TRIGGER seal")


def test_the_form_of_what_is_hashed_does_not_change(at: datetime) -> None:
    """A change of it would break every seal there is: this is how a line was hashed at the first one."""
    moment = datetime.fromisoformat("2026-03-02T17:00:00.000001+01:00")
    line = queries.Line(UUID(int=1), "note", moment, moment, "monitor", {"note": "é"}, "device", 3)
    assert line.content == {
        "id": "00000000-0000-0000-0000-000000000001",
        "kind": "note",
        "at": "2026-03-02T16:00:00.000001+00:00",
        "received_at": "2026-03-02T16:00:00.000001+00:00",
        "by": "monitor",
        "says": {"note": "é"},
        "client_id": "device",
        "client_seq": 3,
    }


def test_a_clinician_without_care_and_a_stranger_correct_nothing(
    sealed: TreatmentSession, ben: User, at: datetime
) -> None:
    """By the service itself, whatever a view lets through."""
    old = newest(sealed)
    new = stages.reading(at=at, seq=3)
    with stages.refused(LogSealed):
        services.correct(sealed, old, entry=new, reason="x", actor=ada_of(sealed), at=at)
    with stages.refused(WrongSessionState):
        services.observe(sealed, entry=new, actor=Actor.person(ben.pk), at=at)


def test_before_the_seal_only_ones_own(session: TreatmentSession, as_dan: APIClient, at: datetime) -> None:
    send(as_dan, session, entry())
    new = stages.reading(at=at, seq=3)
    with stages.refused(NotAllowed):
        services.correct(session, newest(session), entry=new, reason="x", actor=ada_of(session), at=at)
