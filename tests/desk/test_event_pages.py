"""Events are triaged on pages of the admin: by whoever answers for them, through the services of the API."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import Patient, User
from accounts.services import grant_role
from core.acting import acting_as
from core.actors import Actor
from core.looks import looks_at
from programs.models import Enrollment
from safety import services
from safety.events.models import EventAssessment, EventNews, ReportingClock
from safety.models import AdverseEvent, Alert, Hold
from safety.services import EventReport
from tests import steps
from tests.access.declared import ASSESSED
from tests.conftest import make_clinician, make_user

pytestmark = pytest.mark.django_db

QUEUE = "/admin/safety/adverseevent/"
SAID: dict[str, Any] = ASSESSED | {"seriousness": []}
HOUR = timedelta(hours=1)


def report(patient: Patient, at: datetime, words: str = "Threw up.", **said: Any) -> AdverseEvent:
    told = EventReport(words, **({"is_serious": False} | said))
    return services.report_event(patient.pk, report=told, actor=Actor.person(patient.user_id), at=at)


@pytest.fixture
def event(ada: Patient, at: datetime) -> AdverseEvent:
    return report(ada, at)


@pytest.fixture
def serious(ada: Patient, at: datetime) -> AdverseEvent:
    return report(ada, at, "Could not be woken.", is_serious=True)


@pytest.fixture
def eva(at: datetime) -> User:
    """The safety officer, who is no clinician."""
    user = make_user("eva@clinic.example", is_staff=True)
    grant_role(user, Role.SAFETY_OFFICER, granted_by=None, at=at - HOUR)
    return user


def seen_by(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(event: AdverseEvent) -> str:
    return f"{QUEUE}{event.pk}/change/"


def do(client: Client, event: AdverseEvent, act: str, **said: Any) -> Any:
    form = {f"{act}-{field}": value for field, value in said.items()}
    return client.post(f"{QUEUE}{event.pk}/acts/{act}/", form, follow=True)


def told(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


class TestTheQueue:
    def test_serious_ones_come_first_then_who_waited_longest(
        self, ada: Patient, ben: User, at: datetime
    ) -> None:
        newer = report(ada, at - HOUR, "Newer.")
        older = report(ada, at - 5 * HOUR, "Older.")
        alarming = report(ada, at, "Alarming.", is_serious=True)
        shown = seen_by(ben).get(QUEUE).content.decode()
        places = [shown.index(page(one)) for one in (alarming, older, newer)]
        assert places == sorted(places)

    def test_says_how_long_it_waited_and_what_stands(self, ada: Patient, ben: User, at: datetime) -> None:
        report(ada, at - 5 * HOUR, is_serious=None)
        shown = seen_by(ben).get(QUEUE).content.decode().replace("\xa0", " ")
        for words in (
            "5 hours",
            "Serious: nobody said not",
            "stands still",
            "nobody answered; calls: 1",
            "in 18 hours",
        ):
            assert words in shown.replace(", 59 minutes", "")

    def test_what_was_assessed_leaves_it(self, event: AdverseEvent, ben: User) -> None:
        client = seen_by(ben)
        do(client, event, "assess", **SAID | {"outcome": "recovering"})
        assert page(event) not in client.get(QUEUE).content.decode()
        assert page(event) in client.get(f"{QUEUE}?list=not_over").content.decode()
        assert page(event) in client.get(f"{QUEUE}?list=all").content.decode()

    def test_what_is_over_is_on_the_list_of_all_alone(self, event: AdverseEvent, ben: User) -> None:
        client = seen_by(ben)
        do(client, event, "assess", **SAID)
        assert page(event) not in client.get(f"{QUEUE}?list=not_over").content.decode()
        assert page(event) in client.get(f"{QUEUE}?list=all").content.decode()

    def test_a_list_that_there_is_not_is_the_first(self, event: AdverseEvent, ben: User) -> None:
        assert page(event) in seen_by(ben).get(f"{QUEUE}?list=zzz").content.decode()


class TestWhoSeesIt:
    def test_a_safety_officer_sees_everybodys(
        self, serious: AdverseEvent, cyd: Patient, eva: User, at: datetime
    ) -> None:
        others = report(cyd, at)
        shown = seen_by(eva).get(QUEUE).content.decode()
        assert page(serious) in shown
        assert page(others) in shown
        assert "Could not be woken." in seen_by(eva).get(page(serious)).content.decode()

    def test_but_not_one_about_themselves(self, cyd: Patient, at: datetime) -> None:
        cyd.user.is_staff = True
        cyd.user.save()
        grant_role(cyd.user, Role.SAFETY_OFFICER, granted_by=None, at=at - HOUR)
        mine = report(cyd, at)
        assert page(mine) not in seen_by(cyd.user).get(QUEUE).content.decode()
        assert seen_by(cyd.user).get(page(mine)).status_code == 302

    def test_whose_office_has_ended_sees_nothing(self, event: AdverseEvent, eva: User, at: datetime) -> None:
        eva.role_grants.update(ends_at=at - timedelta(minutes=1))
        assert seen_by(eva).get(QUEUE).status_code == 403

    def test_who_runs_the_clinic_sees_nothing(self, event: AdverseEvent) -> None:
        client = seen_by(make_user("operator@clinic.example", is_staff=True, is_superuser=True))
        assert client.get(QUEUE).status_code == 403
        assert client.get(page(event)).status_code == 403

    def test_a_patient_is_sent_to_sign_in(self, event: AdverseEvent, ada: Patient) -> None:
        assert seen_by(ada.user).get(QUEUE)["Location"].startswith("/admin/login/")

    def test_a_clinician_who_was_not_called_sees_no_such_event(
        self, event: AdverseEvent, ben: User, cyd: Patient, at: datetime
    ) -> None:
        services.close(services.acknowledge(event.alert, by=ben, at=at), by=ben, reason="Seen.", at=at)
        cyd.user.is_staff = True
        cyd.user.save()
        make_clinician(cyd.user, "Cyd Example", at=at)
        assert page(event) not in seen_by(cyd.user).get(QUEUE).content.decode()
        assert do(seen_by(cyd.user), event, "assess", **SAID).status_code == 404
        assert not EventAssessment.objects.exists()

    @pytest.mark.parametrize("holds_the_office", [True, False])
    def test_walls_open_to_the_office_for_events_and_nothing_else(
        self, serious: AdverseEvent, ada: Patient, eva: User, at: datetime, holds_the_office: bool
    ) -> None:
        steps.enrolled(ada, at=at)
        if not holds_the_office:
            eva.role_grants.update(ends_at=at - timedelta(minutes=1))
        with acting_as(Actor.person(eva.pk)):
            opened = [
                model._default_manager.exists() for model in (AdverseEvent, Hold, ReportingClock, Patient)
            ]
            assert opened == [holds_the_office] * 4
            assert not Enrollment.objects.exists()


class TestThePage:
    def test_shows_what_was_told_escaped(self, ada: Patient, ben: User, at: datetime) -> None:
        event = report(ada, at, "<script>alert(1)</script> 😵")
        shown = seen_by(ben).get(page(event)).content.decode()
        assert "<script>alert(1)" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt; 😵" in shown

    def test_shows_what_stands(self, serious: AdverseEvent, ben: User) -> None:
        shown = seen_by(ben).get(page(serious)).content.decode()
        for row in (serious.hold, serious.alert):
            assert row is not None
            assert f"/{row.pk}/change/" in shown
        assert "medical director" in shown
        assert "compounding pharmacy" in shown

    def test_leaves_a_line_that_somebody_looked(self, event: AdverseEvent, eva: User, ada: Patient) -> None:
        seen_by(eva).get(page(event))
        (look,) = looks_at(ada.pk)
        assert (look.actor, look.what, look.why) == (Actor.person(eva.pk), "admin:adverseevent", "safety")


class TestAssessing:
    def test_signs_a_version(self, event: AdverseEvent, ben: User) -> None:
        scale = {"naranjo_1": "yes", "naranjo_2": "yes", "naranjo_5": "no"}
        product = {"product_lot": "A12", "product_dose_mg": "300"}
        answer = do(seen_by(ben), event, "assess", **SAID, **scale, **product)
        assert "Signed: version 1, grade 1." in told(answer)
        row = EventAssessment.objects.get()
        assert (row.naranjo_score, row.product) == (5, {"lot": "A12", "dose_mg": "300.0"})
        assert row.signature.signer == ben

    def test_the_next_version_begins_with_what_was_signed(self, event: AdverseEvent, ben: User) -> None:
        client = seen_by(ben)
        do(client, event, "assess", **SAID | {"term": "vomiting, twice"})
        assert "vomiting, twice" in client.get(page(event)).content.decode()
        answer = do(
            client, event, "assess", **SAID | {"replaces": 1, "why_again": "Graded too low.", "grade": 2}
        )
        assert "version 2" in told(answer)
        assert list(EventAssessment.objects.values_list("version", "grade")) == [(1, 1), (2, 2)]

    def test_finding_it_serious_holds(self, event: AdverseEvent, ben: User) -> None:
        found = SAID | {"seriousness": ["hospitalisation"], "grade": 3}
        assert "Treatment stands still" in told(do(seen_by(ben), event, "assess", **found))
        assert Hold.objects.get().lifted_at is None
        assert Alert.objects.filter(source=f"event:{event.pk}").exists()

    @pytest.mark.parametrize(
        ("changed", "what"),
        [
            ({"grade": 5}, "Grade 5"),
            ({"grade": ""}, "Grade"),
            ({"outcome": "fatal"}, "death go together"),
            ({"replaces": 1}, "Say why"),
            ({"replaces": 1, "why_again": "Read it."}, "read their version first"),
            ({"meddra_code": "10028813"}, "dictionary"),
            ({"meddra_code": "nausea", "meddra_version": "27.1"}, "MedDRA code"),
            ({"product_dose_mg": "a lot"}, "number"),
            ({"product_taken_on": "yesterday"}, "Date"),
            ({"reference": ""}, "Expectedness is judged by"),
            ({"term": ""}, "What it was"),
        ],
    )
    def test_what_is_refused_is_said_and_stays_typed(
        self, changed: dict[str, Any], what: str, event: AdverseEvent, ben: User
    ) -> None:
        answer = do(seen_by(ben), event, "assess", **SAID | {"product_lot": "LOT-77"} | changed)
        assert what in told(answer)
        assert 'value="LOT-77"' in answer.content.decode()
        assert not EventAssessment.objects.exists()

    def test_a_safety_officer_who_does_not_practise_signs_nothing(
        self, serious: AdverseEvent, eva: User
    ) -> None:
        client = seen_by(eva)
        shown = client.get(page(serious)).content.decode()
        assert "acts/assess/" not in shown
        assert "acts/end-clock/" not in shown
        do(client, serious, "assess", **SAID)
        do(client, serious, "acknowledge")
        clock = str(ReportingClock.objects.all()[0].pk)
        do(client, serious, "end-clock", clock=clock, end="reported", reason="x")
        assert not EventAssessment.objects.exists()
        assert not ReportingClock.objects.exclude(ended_at=None).exists()
        assert Alert.objects.get(pk=serious.alert_id).status == "open"


class TestTheRest:
    def test_taking_in_hand(self, serious: AdverseEvent, ben: User) -> None:
        answer = do(seen_by(ben), serious, "acknowledge")
        assert "nobody is paged any more" in told(answer)
        assert "acts/acknowledge/" not in answer.content.decode()
        assert Alert.objects.get(pk=serious.alert_id).acknowledged_by == ben

    def test_news_restart_the_clocks(self, serious: AdverseEvent, eva: User, at: datetime) -> None:
        said = {"kind": "new_information", "text": "A letter.", "aware_at": at.isoformat()}
        assert "Noted." in told(do(seen_by(eva), serious, "news", **said))
        assert EventNews.objects.get().actor == Actor.person(eva.pk)
        assert ReportingClock.objects.filter(end="replaced").exists()

    @pytest.mark.parametrize("aware_at", ["", "yesterday", "2026-03-05T16:00:00", "2999-01-01T00:00:00Z"])
    def test_not_at_a_time_that_is_none(self, aware_at: str, serious: AdverseEvent, ben: User) -> None:
        said = {"kind": "new_information", "text": "A letter.", "aware_at": aware_at}
        assert told(do(seen_by(ben), serious, "news", **said))
        assert not EventNews.objects.exists()

    def test_ending_a_clock(self, serious: AdverseEvent, ben: User) -> None:
        clock = ReportingClock.objects.all()[0]
        said = {"clock": str(clock.pk), "end": "reported", "reason": "Case 7."}
        assert "Signed: reported." in told(do(seen_by(ben), serious, "end-clock", **said))
        clock.refresh_from_db()
        assert clock.end == "reported"
        assert str(clock.pk) not in seen_by(ben).get(page(serious)).content.decode()

    def test_not_another_events_clock(
        self, serious: AdverseEvent, ada: Patient, ben: User, at: datetime
    ) -> None:
        report(ada, at, is_serious=True)
        theirs = ReportingClock.objects.exclude(event=serious)[0]
        do(seen_by(ben), serious, "end-clock", clock=str(theirs.pk), end="reported", reason="x")
        assert not ReportingClock.objects.exclude(ended_at=None).exists()


class TestTheReport:
    def test_the_page_says_what_it_lacks_and_hands_out_nothing(self, event: AdverseEvent, ben: User) -> None:
        client = seen_by(ben)
        assert "Name the medicine" in client.get(page(event)).content.decode()
        answer = client.get(f"{QUEUE}{event.pk}/report/", follow=True)
        assert "Name the medicine" in told(answer)
        assert answer["Content-Type"].startswith("text/html")

    def test_whole_it_is_a_file(self, event: AdverseEvent, ben: User) -> None:
        client = seen_by(ben)
        do(client, event, "assess", **SAID, product_name="Ketamine tablets")
        assert f"{event.pk}/report/" in client.get(page(event)).content.decode()
        answer = client.get(f"{QUEUE}{event.pk}/report/")
        assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")

    def test_not_for_who_signs_nothing(self, event: AdverseEvent, eva: User) -> None:
        assert seen_by(eva).get(f"{QUEUE}{event.pk}/report/").status_code == 404
