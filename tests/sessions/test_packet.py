"""The emergency packet: what help asks for, sealed at the start; who may read it when, and what is noted."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import InternalError, connection, transaction
from pypdf import PdfReader
from rest_framework.test import APIClient

from accounts.models import Patient, SignIn, User
from core import api, clock
from core.acting import acting_as
from core.actors import Actor
from core.database import as_owner
from core.documents import digest
from core.encryption import encrypt
from programs.enums import Route
from safety import services as safety
from safety.enums import AlertClass, ProfileSection, ProfileSource, ProfileState
from safety.profile import services as profile
from safety.profile.rules import Statement
from safety.roster.models import OnCallShift
from sessions import queries, services
from sessions.enums import OutcomeKind
from sessions.models import EmergencyPacket, TreatmentSession
from sessions.services import course
from tests import steps
from tests.conftest import make_clinician, make_user
from tests.core.test_looks import looks as looks_at
from tests.sessions import stages
from tests.sessions.conftest import ClientOf, by_link

pytestmark = pytest.mark.from_the_start


@pytest.fixture
def running(ada: Patient, at: datetime) -> TreatmentSession:
    """A session that runs, of somebody who takes a medicine and has said that they have no allergies."""
    said = (
        Statement(ProfileSection.MEDICATION, ProfileState.TAKEN, text="Sertraline"),
        Statement(ProfileSection.ALLERGY, ProfileState.NONE),
    )
    actor = Actor.person(ada.user_id)
    for one in said:
        profile.state_fact(ada.pk, said=one, source=ProfileSource.PATIENT, actor=actor, at=at)
    return stages.dosed(ada, at=at)[0]


@pytest.fixture
def over(ada: Patient, at: datetime) -> TreatmentSession:
    """A session of two days ago."""
    return stages.reached(ada, "completed", at=at)


@pytest.fixture
def fay(db: None, at: datetime) -> User:
    """A clinician who does not know Ada."""
    return make_clinician(make_user("fay@clinic.example", is_staff=True), "Fay Example", at=at)


@pytest.fixture
def as_fay(fay: User, client_of: ClientOf) -> APIClient:
    """Hers."""
    return client_of(fay)


def on_duty(user: User, *, at: datetime, ends_in: timedelta = timedelta(hours=8)) -> OnCallShift:
    starts_at = at - timedelta(hours=9)
    return OnCallShift.objects.create(
        user=user, entered_by=user, entered_at=at, starts_at=starts_at, ends_at=at + ends_in
    )


def read(client: APIClient, session: TreatmentSession) -> tuple[int, dict[str, Any]]:
    answer = client.get(f"/api/v1/sessions/{session.pk}/emergency-packet")
    return answer.status_code, answer.json()


def text_of(file: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages).split())


class TestWhatItSays:
    def test_where_what_and_when(self, running: TreatmentSession, as_ben: APIClient, at: datetime) -> None:
        status, packet = read(as_ben, running)
        told = packet["snapshot"]
        assert (status, packet["version"], packet["is_intact"]) == (200, 2, True)
        assert packet["sha256"] == digest(told)
        assert (told["name"], told["birth_on"], told["emergency_phone"]) == (
            "Ada Example",
            "1984-05-17",
            "911",
        )
        assert told["place"]["address"]["lines"] == ["12 Example Street"]
        assert told["contact"] == {"name": "Dan Example", "phone": "+1 518 555 0101"}
        assert told["ordered"] == {"route": "sublingual", "dose_mg": "300.0"}
        [dose] = told["doses"]
        assert datetime.fromisoformat(dose.pop("taken_at")) == at
        assert dose == {"route": "sublingual", "dose_mg": "300.0", "is_sure": True}
        assert (told["medications"], told["allergies"]) == (["Sertraline"], [])
        assert [one["systolic_mmhg"] for one in told["readings"]] == [118, 118]

    def test_on_paper_too(self, running: TreatmentSession, as_ben: APIClient) -> None:
        address = f"/api/v1/sessions/{running.pk}/emergency-packet/pdf"
        answer = as_ben.get(address, headers={"Accept": "application/pdf"})
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        shown = text_of(answer.content)
        for words in ("911", "12 Example Street, Albany, NY 12207", "300.0 mg, sublingual", "Sertraline"):
            assert words in shown
        assert EmergencyPacket.objects.get(version=2).sha256 in shown
        assert "Not what was written" not in shown

    def test_each_step_is_a_version_and_none_is_known_before_the_start(
        self, ada: Patient, as_ada: APIClient, at: datetime
    ) -> None:
        session = stages.reached(ada, "ready", at=at)
        status, refusal = read(as_ada, session)
        assert (status, refusal["code"]) == (409, "wrong_session_state")
        session = services.start_session(session, actor=Actor.person(ada.user_id), at=at)
        first = read(as_ada, session)[1]["snapshot"]
        assert first["doses"] == []
        assert (first["medications"], first["allergies"], first["pregnancy"]) == (None, None, None)
        moved = stages.HERE.__class__(stages.HERE.address, "+1 518 555 0177", "Eva", "+1 518 555 0178")
        services.give_place(session, place=moved, actor=Actor.person(ada.user_id), at=at)
        services.keep_unattributed_dose(
            session,
            route=Route.SUBLINGUAL,
            dose_mg=steps.ORDER.dose_mg,
            taken_at=at - timedelta(hours=2),
            actor=Actor.person(ada.user_id),
            at=at,
        )
        refused = OutcomeKind.REFUSED
        services.record_dose_outcome(session, kind=refused, actor=Actor.person(ada.user_id), at=at)
        packet = read(as_ada, session)[1]
        assert (packet["version"], packet["snapshot"]["contact"]["name"]) == (4, "Eva")
        assert [one["kind"] for one in packet["snapshot"]["outcomes"]] == ["refused"]
        assert [dose["is_sure"] for dose in packet["snapshot"]["doses"]] == [False]

    def test_no_start_without_it(self, ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        session = stages.reached(ada, "ready", at=at)

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(course, "keep_packet", fail)
        with pytest.raises(RuntimeError), transaction.atomic():
            services.start_session(session, actor=Actor.person(ada.user_id), at=at)
        assert stages.fetch(session).started_at is None

    def test_what_lost_its_hash_says_so(self, running: TreatmentSession, as_ben: APIClient) -> None:
        row = EmergencyPacket.objects.get(version=2)
        told = queries.told_in_emergency(running, at=row.written_at)
        forged = EmergencyPacket(patient_id=row.patient_id, session=running, version=3, sha256="0" * 64)
        forged.details = encrypt(told, place=queries.place_of_packet(forged.pk))
        forged.written_at = row.written_at
        forged.save()
        assert read(as_ben, running)[1]["is_intact"] is False
        shown = as_ben.get(f"/api/v1/sessions/{running.pk}/emergency-packet/pdf")
        assert "Not what was written" in text_of(shown.content)


class TestWhoReadsIt:
    def test_not_the_monitor_nor_a_stranger_nor_nobody(
        self, running: TreatmentSession, ben: User, as_cyd: APIClient, as_fay: APIClient, at: datetime
    ) -> None:
        on_duty(ben, at=at)
        status, told = read(by_link(stages.token_in_mail(running)), running)
        assert (status, "snapshot" in told) == (403, False)
        assert [read(client, running)[0] for client in (as_cyd, as_fay, APIClient())] == [404, 404, 401]

    def test_who_is_on_duty_and_by_that_nothing_else(
        self, running: TreatmentSession, ada: Patient, fay: User, as_fay: APIClient, at: datetime
    ) -> None:
        shift = on_duty(fay, at=at)
        assert read(as_fay, running)[0] == 200
        by_patient = as_fay.get(f"/api/v1/patients/{ada.pk}/emergency-packet")
        assert by_patient.json()["session"] == str(running.pk)
        assert looks_at(ada) == [
            (f"person:{fay.pk}", f"{named}-emergency-packet", "on_call") for named in ("session", "patient")
        ]
        for page in ("", "/log", "/places", "/preparation", "/reflections"):
            assert as_fay.get(f"/api/v1/sessions/{running.pk}{page}").status_code == 404
        with acting_as(Actor.person(fay.pk)):
            assert EmergencyPacket.objects.count() == 2
            assert not TreatmentSession.objects.exists()
            assert not Patient.objects.exists()
        OnCallShift.objects.filter(pk=shift.pk).update(cancelled_at=at)
        on_duty(fay, at=at, ends_in=timedelta(seconds=-1))
        assert read(as_fay, running)[0] == 404
        assert as_fay.get(f"/api/v1/patients/{ada.pk}/emergency-packet").status_code == 404
        with acting_as(Actor.person(fay.pk)):
            assert not EmergencyPacket.objects.exists()

    def test_on_duty_not_when_it_is_over(
        self, over: TreatmentSession, fay: User, as_fay: APIClient, as_ben: APIClient, at: datetime
    ) -> None:
        on_duty(fay, at=at)
        assert (read(as_fay, over)[0], read(as_ben, over)[0]) == (404, 200)

    def test_without_a_roster_everybody_else_who_was_called_until_it_is_closed(
        self, running: TreatmentSession, ada: Patient, ben: User, as_fay: APIClient, at: datetime
    ) -> None:
        assert read(as_fay, running)[0] == 200
        on_duty(ben, at=at)
        assert read(as_fay, running)[0] == 404
        alert = safety.raise_alert(ada.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="test", at=at)
        assert read(as_fay, running)[0] == 200
        safety.acknowledge(alert, by=ben, at=at)
        safety.close(alert, by=ben, reason="Seen.", at=at)
        assert read(as_fay, running)[0] == 404

    def test_after_it_by_an_alert_from_then_alone(
        self, over: TreatmentSession, ada: Patient, ben: User, as_fay: APIClient, at: datetime
    ) -> None:
        on_duty(ben, at=at)
        kind, then = AlertClass.ADVERSE_EVENT, over.started_at
        safety.raise_alert(ada.pk, alert_class=kind, source="later", at=at)
        assert (read(as_fay, over)[0], then is None) == (404, False)
        safety.raise_alert(ada.pk, alert_class=kind, source="then", at=then or at)
        assert read(as_fay, over)[0] == 200

    def test_never_ones_own_by_duty_nor_without_the_role(
        self, running: TreatmentSession, ada: Patient, fay: User, as_fay: APIClient, at: datetime
    ) -> None:
        on_duty(fay, at=at)
        fay.role_grants.update(ends_at=at - timedelta(seconds=1))
        assert read(as_fay, running)[0] == 404
        with connection.cursor() as cursor:
            cursor.execute("SELECT guard.called_about(%s, %s, now())", [running.pk, ada.user_id])
            assert cursor.fetchone() == (False,)


@pytest.fixture
def walled_in(transactional_db: None) -> Iterator[None]:
    """The wall round packets as the one round every chart: no way through for who is called."""
    table = "treatment_sessions_emergencypacket"
    chart = "patient_id = ANY ((SELECT guard.visible_charts())::uuid[])"
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT qual FROM pg_policies WHERE policyname = 'walls' AND tablename = %s", [table])
        [(before,)] = cursor.fetchall()
        everybody = "current_setting('rekindle.sees', true) = 'all'"
        cursor.execute(f"ALTER POLICY walls ON {table} USING ({chart} OR {everybody})")
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER POLICY walls ON {table} USING ({before})")


def test_twin_without_its_way_through_the_wall_who_is_on_duty_reads_none(
    walled_in: None, ada: Patient, as_ben: APIClient, fay: User, as_fay: APIClient, at: datetime
) -> None:
    session = stages.dosed(ada, at=at)[0]
    on_duty(fay, at=at)
    assert (read(as_fay, session)[0], read(as_ben, session)[0]) == (404, 200)


@pytest.fixture
def read_only(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Make the database take no writes on this connection, in every transaction from then on."""

    def say(value: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET default_transaction_read_only = {value}")

    yield lambda: say("on")
    say("off")


def test_while_the_database_takes_no_writes(
    read_only: Callable[[], None],
    ada: Patient,
    ben: User,
    client_of: ClientOf,
    at: datetime,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, fay = stages.dosed(ada, at=at)[0], make_clinician(make_user("fay@clinic.example"), "Fay", at=at)
    on_duty(fay, at=at)
    as_fay, as_ben = client_of(fay), client_of(ben)
    SignIn.objects.update(last_seen_at=clock.now() - timedelta(minutes=5))
    for client in (as_fay, as_ben):
        client.raise_request_exception = False
    read_only()
    with pytest.raises(InternalError):
        SignIn.objects.update(last_seen_at=at)

    status, packet = read(as_fay, session)
    assert (status, packet["snapshot"]["place"]["address"]["city"]) == (200, "Albany")
    paper = as_ben.get(f"/api/v1/sessions/{session.pk}/emergency-packet/pdf")
    assert (paper.status_code, paper.content[:5]) == (200, b"%PDF-")
    assert as_fay.get(f"/api/v1/sessions/{session.pk}").status_code == 404
    said = [record.getMessage() for record in caplog.records if record.name == "core.looks"]
    assert len(said) == 3
    assert f"person:{fay.pk} saw session-emergency-packet {session.pk}" in said[0]
    assert "Ada" not in "".join(said)
    # Other looks wait until they can be noted. Twins: so would this, without the two that ask first.
    assert as_ben.get(f"/api/v1/sessions/{session.pk}").status_code == 503
    with monkeypatch.context() as taken_away:
        taken_away.setattr("accounts.services.takes_writes", lambda: True)
        assert read(as_fay, session)[0] == 503
    with monkeypatch.context() as taken_away:
        strict = lambda self, answer, chart, **_: self.shown(answer, chart)  # noqa: E731
        taken_away.setattr(api.View, "shown_in_emergency", strict)
        assert read(as_fay, session)[0] == 503
