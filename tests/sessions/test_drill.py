"""A drill measures the running system, calls nobody, and is counted nowhere."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, RoleGrant, User
from accounts.services import drill_chart, grant_role
from core.actors import Actor
from core.database import as_owner
from desk.rates.queries import event_rates
from notifications import services as notifications
from notifications.enums import Channel, DeliveryStatus, MessageKind
from notifications.messages import UnfitMessage, link
from notifications.models import Delivery
from notifications.queries import unheard_pages
from notifications.rules import Nobody
from safety import queries as safety_queries
from safety import services as safety
from safety.enums import AlertClass, AlertStatus
from safety.identity.queries import unsettled_duplicates
from safety.models import Alert
from sessions import queries as session_queries
from sessions import services
from sessions.drills import services as drills
from sessions.drills.models import Drill
from sessions.drills.rules import CALLED, FOUND, Step, advice
from sessions.models import TreatmentSession
from tests.conftest import make_user

COMMAND = "sessions.management.commands.drill"
TICK = timedelta(seconds=25)


class World:
    """The processes that run beside a drill, each look of theirs taken while the drill waits."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.watches = self.sends = True
        self.lag = timedelta(0)
        self.said: list[str] = []

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def wait(self, span: timedelta) -> None:
        """Let time pass, more than was asked for, so that a test is over soon."""
        self.at += max(span, TICK)
        if self.watches:
            services.watch(at=self.at - self.lag)
            safety.page_unacknowledged(at=self.at - self.lag)
        if self.sends:
            notifications.deliver_due(at=self.at)

    @property
    def hands(self) -> drills.Hands:
        """Return what a drill needs of it."""
        return drills.Hands(self.now, self.wait, self.said.append)

    def drill(self, pages: int = 2) -> Drill:
        """Hold a drill."""
        return drills.run(pages=pages, run_by=None, hands=self.hands, steps=[])


@pytest.fixture
def world(ben: User, ada: Patient, at: datetime) -> World:
    """A clinic in which Ben is on call, and has an address."""
    mail.outbox.clear()
    return World(at)


def test_every_step_is_found_measured_and_filed(world: World) -> None:
    report = world.drill(pages=3)
    assert report.passed
    whats = [FOUND, CALLED, "page 1, to who is first on call", "page 2, to everybody on call"]
    assert [step["what"] for step in report.steps] == [
        *whats,
        "page 3, the emergency packet, to everybody on call",
    ]
    assert [len(step["left_at"]) for step in report.steps] == [1, 2, 1, 1, 1]
    assert timedelta(minutes=10) < report.ended_at - report.began_at < timedelta(minutes=11)
    assert any("waiting until" in line for line in world.said)


def test_nothing_of_it_leaves(world: World) -> None:
    world.drill()
    assert mail.outbox == []
    told = Delivery.objects.filter(about__is_drill=True)
    assert {(row.channel, row.status) for row in told} == {(Channel.RECORD, DeliveryStatus.SENT)}
    assert told.count() == 4
    assert "nothing left" in told[0].outcome


def test_a_guide_of_its_chart_is_told_nothing(world: World, at: datetime) -> None:
    """Somebody has handed the drill's chart to a real guide."""
    guide = make_user("gus@clinic.example")
    grant_role(guide, Role.GUIDE, granted_by=None, at=at - timedelta(days=9))
    CareTeamMembership.objects.create(
        patient=drill_chart(), member=guide, role=Role.GUIDE, starts_at=at - timedelta(days=9)
    )
    assert world.drill(pages=3).passed
    assert mail.outbox == []
    told = Delivery.objects.get(user=guide)
    assert (told.kind, told.channel) == (MessageKind.GUIDE_TOLD, Channel.RECORD)


@pytest.fixture
def no_trigger(transactional_db: None) -> Iterator[None]:
    """The database without what keeps a drill's messages from leaving."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notifications_delivery DISABLE TRIGGER drill_goes_nowhere")
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notifications_delivery ENABLE TRIGGER drill_goes_nowhere")


def test_twin_without_the_trigger_people_are_paged(no_trigger: None, world: World) -> None:
    world.drill()
    assert {address for message in mail.outbox for address in message.to} >= {"ben@clinic.example"}


def test_somebody_in_danger_is_paged_for_meanwhile(world: World, ada: Patient) -> None:
    safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=world.at)
    world.drill()
    assert [message.subject for message in mail.outbox][:1] == ["Please look now"]
    assert Alert.objects.get(patient=ada).status == AlertStatus.OPEN


def test_it_leaves_nothing_open(world: World) -> None:
    world.drill()
    alert = Alert.objects.get(patient__is_drill=True)
    assert (alert.status, alert.close_reason) == (AlertStatus.CLOSED, drills.CLOSED)
    session = TreatmentSession.objects.get(enrollment__patient__is_drill=True)
    assert not session_queries.open_deadlines(session).exists()
    assert session_queries.current_link(session.pk, at=world.at) is None
    assert services.watch(at=world.at + timedelta(days=9)) == services.watching.Watched(0, 0, 0, 0)


def test_nobody_sees_its_alert_among_their_work(world: World, ben: User) -> None:
    actor = Actor.person(ben.pk)
    seen: list[Any] = []

    def look(_: str) -> None:
        seen.extend(safety_queries.alerts_for(actor, at=world.at))
        seen.extend(safety_queries.patients_answered_for(actor, at=world.at).filter(is_drill=True))

    assert drills.run(pages=1, run_by=None, hands=drills.Hands(world.now, world.wait, look), steps=[]).passed
    assert Alert.objects.filter(patient__is_drill=True).exists()
    assert seen == []


def test_it_is_counted_nowhere(world: World) -> None:
    before = event_rates()
    world.drill()
    world.drill()
    assert event_rates() == before
    assert unsettled_duplicates() == []
    assert not safety_queries.unseen_patients(at=world.at).filter(is_drill=True).exists()
    assert not unheard_pages(since=world.at - timedelta(days=1), at=world.at).exists()
    assert Patient.objects.filter(is_drill=True).count() == 1


def test_a_system_that_does_not_look_fails_at_once(world: World) -> None:
    world.watches = False
    report = world.drill()
    assert not report.passed
    assert all(step["faults"] for step in report.steps)
    assert report.ended_at - report.began_at < timedelta(minutes=3)
    world.watches = True
    assert services.watch(at=world.at).check_ins_missed == 0


def test_a_late_step_fails(world: World) -> None:
    world.lag = timedelta(seconds=45)
    report = world.drill(pages=1)
    assert not report.passed
    assert any("late" in fault for step in report.steps for fault in step["faults"])


def test_pages_that_nobody_sends_fail_and_are_called_back(world: World) -> None:
    world.sends = False
    assert not world.drill(pages=1).passed
    told = Delivery.objects.filter(about__is_drill=True)
    assert set(told.values_list("status", flat=True)) == {DeliveryStatus.CANCELLED}
    assert not unheard_pages(since=world.at - timedelta(days=1), at=world.at).exists()


def test_nobody_on_call_fails(world: World) -> None:
    RoleGrant.objects.update(ends_at=world.at)
    report = world.drill(pages=1)
    assert not report.passed
    assert report.steps[-1]["faults"] == ["page 1, to who is first on call: 0 were called, not 1"]


def test_ended_from_outside_it_is_filed_and_closed(world: World) -> None:
    def end(line: str) -> None:
        if line.startswith(CALLED):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drills.run(pages=1, run_by=None, hands=drills.Hands(world.now, world.wait, end), steps=[])
    report = Drill.objects.get()
    assert not report.passed
    assert len(report.steps) == 2
    assert Alert.objects.get(patient__is_drill=True).status == AlertStatus.CLOSED


def test_one_at_a_time(world: World) -> None:
    drills.begin(at=world.at)
    with pytest.raises(drills.DrillRefused, match="Wait until it is over"):
        drills.begin(at=world.at + timedelta(minutes=30))


def test_one_that_was_killed_is_filed_by_the_next(world: World) -> None:
    drills.begin(at=world.at)
    world.wait(timedelta(minutes=1))
    world.at += drills.OVER_AFTER
    assert world.drill(pages=1).passed
    assert [one.passed for one in Drill.objects.order_by("id")] == [False, True]
    assert not Alert.objects.exclude(status=AlertStatus.CLOSED).exists()


def test_a_strangers_address_keeps_no_drill_away(world: World) -> None:
    stranger = User.objects.create_user("drill@drill.invalid", "a long password")
    chart = drill_chart()
    assert (chart.is_drill, chart.user.is_active) == (True, False)
    assert chart.user != stranger
    assert drill_chart() == chart


def test_a_chart_never_becomes_a_drill_nor_stops_being_one(world: World, ada: Patient) -> None:
    chart = drill_chart()
    for patient in (ada, chart):
        refused = pytest.raises(DatabaseError, match="patient_drill_stays")
        with refused, transaction.atomic():
            Patient.objects.filter(pk=patient.pk).update(is_drill=not patient.is_drill)


def test_a_message_to_the_drills_account_goes_nowhere_by_sql_too(world: World) -> None:
    chart = drill_chart()
    notifications.schedule(
        MessageKind.NEWS,
        dedupe_key="news",
        user=chart.user,
        due_at=world.at,
        expires_at=world.at + timedelta(hours=1),
    )
    Delivery.objects.filter(dedupe_key="news").update(channel=Channel.EMAIL)
    assert Delivery.objects.get(dedupe_key="news").channel == Channel.RECORD


@pytest.mark.parametrize("about", [None, Nobody.CHART])
def test_an_urgent_message_has_to_say_whom_it_is_about(world: World, ben: User, about: Any) -> None:
    def page() -> None:
        notifications.schedule(
            MessageKind.ALERT_PAGE,
            dedupe_key="page",
            user=ben,
            due_at=world.at,
            expires_at=world.at + timedelta(hours=1),
            words={"link": link("alerts", "1")},
            about=about,
        )

    if about is None:
        with pytest.raises(UnfitMessage, match="whose chart"):
            page()
    else:
        page()
        assert Delivery.objects.get(dedupe_key="page").channel == Channel.EMAIL


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def here(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The command in that world."""
    monkeypatch.setattr(f"{COMMAND}.clock.now", world.now)
    monkeypatch.setattr(f"{COMMAND}.time.sleep", lambda span_s: world.wait(timedelta(seconds=span_s)))
    monkeypatch.setattr(f"{COMMAND}.signal.signal", lambda *_: None)
    return world


def test_the_command_prints_each_step_and_passes(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("drill", "--pages", "1", "--by", "ben@clinic.example")
    out, told = capsys.readouterr()
    assert "the silence found: programmed 0:00.0" in out
    assert "Passed" in out
    assert "no page is sent" in told
    assert str(Drill.objects.get().run_by) == "ben@clinic.example"


def test_the_command_fails_and_says_what_to_do(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    here.watches = False
    with pytest.raises(CommandError, match="has failed"):
        call_command("drill", "--pages", "1")
    out = capsys.readouterr().out
    assert "never" in out
    assert "FAILED the silence found: 0 were called, not 1" in out
    assert "watchdog" in out


@pytest.mark.parametrize("said", [["--pages", "0"], ["--pages", "99"], ["--by", "nobody@clinic.example"]])
def test_the_command_refuses_what_makes_no_sense(here: World, said: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("drill", *said)
    assert not Drill.objects.exists()


def test_advice_names_the_first_place_to_look(at: datetime) -> None:
    assert "watchdog" in advice(Step(FOUND, at, 1, ()))
    assert "on-call-gaps" in advice(Step("page 1", at, 1, ()))
    assert "deliver" in advice(Step(CALLED, at, 2, ()))
