"""The next screening policy is drafted in the admin: a form for each rule, and nobody's words get lost."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.policies import queries as policies
from core.enums import DocumentKind
from core.errors import Stale
from core.models import DocumentVersion
from safety.drafts import queries, services
from safety.drafts.models import PolicyDraft
from safety.screening.files import write_policy
from tests.conftest import make_user
from tests.policies import enact, signers
from tests.safety.conftest import ABSENT
from tests.safety.test_admin import signed_in, told

pytestmark = pytest.mark.django_db
NESTED = ("blood_pressure_on_record_at_crisis_level", "pregnancy", "age_under_18")
BASE = "/admin/safety/policydraft/"


@pytest.fixture
def draft(ben, at):
    return services.begin_draft(from_example=False, by=ben, at=at)


@pytest.fixture
def admin(ben):
    return signed_in(ben)


@pytest.fixture
def dee(at):
    return signers(at)[0]


def key_of(draft, rule_id):
    return next(entry["key"] for entry in draft.rules if entry["rule"]["id"] == rule_id)


def rule_page(draft, rule_id):
    return f"{BASE}{draft.pk}/rules/{rule_id if rule_id == 'new' else key_of(draft, rule_id)}/"


def typed(page):
    """Return what a browser would send from a page without a change."""
    form, rows = page.context["form"], page.context["rows"]
    sent = {f.html_name: f.value() for each in (form, rows.management_form, *rows.forms) for f in each}
    return {name: str(value) for name, value in sent.items() if value is not None and value is not False}


def opened(client, draft, rule_id):
    return typed(client.get(rule_page(draft, rule_id)))


def stored(draft):
    return queries.drafts().get(pk=draft.pk)


def rule_now(draft, rule_id):
    return queries.rule_of(stored(draft), key_of(draft, rule_id))


def act(client, draft, name, **said):
    said = {"read": stored(draft).version} | said
    form = {f"{name}-{field}": value for field, value in said.items()}
    return client.post(f"{BASE}{draft.pk}/acts/{name}/", form, follow=True)


class TestWhoMay:
    @pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
    def test_staff_who_sign_no_policies_may_not(self, draft, fields):
        client = signed_in(make_user("operator@clinic.example", **fields))
        for page in ("", "begin/", f"{draft.pk}/head/", f"{draft.pk}/file/", f"{draft.pk}/rules/new/"):
            assert client.get(BASE + page).status_code == 403
        assert client.post(f"{BASE}begin/", {"source": "example"}).status_code == 403
        assert client.post(f"{BASE}{draft.pk}/rules/new/", {}).status_code == 403
        assert client.get(f"{BASE}{draft.pk}/change/").status_code == 403
        assert act(client, draft, "put-aside").status_code in (403, 404)
        assert (PolicyDraft.objects.count(), stored(draft).closed_at) == (1, None)

    def test_a_patient_and_nobody_are_sent_to_sign_in(self, draft, ada):
        for client in (signed_in(ada.user), Client()):
            assert client.get(f"{BASE}{draft.pk}/head/")["Location"].startswith("/admin/login/")

    def test_what_is_not_there(self, admin, draft):
        for page in (f"{ABSENT}/head/", f"{ABSENT}/file/", f"{ABSENT}/rules/new/", f"{draft.pk}/rules/gone/"):
            assert admin.get(BASE + page).status_code == 404

    def test_a_draft_does_not_vanish(self, draft):
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            draft.delete()

    def test_one_put_up_is_closed(self, draft):
        document = DocumentVersion.objects.filter(kind=DocumentKind.SCREENING_POLICY).first()
        with pytest.raises(IntegrityError, match="draft_put_up_is_closed"), transaction.atomic():
            PolicyDraft.objects.filter(pk=draft.pk).update(became=document)

    def test_a_change_is_in_the_trail(self, draft, ben, at):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'safety_policydraft'::regclass")
            assert cursor.fetchone()[0] >= 1


class TestBeginning:
    def test_from_what_is_in_force_with_the_next_number(self, admin, at):
        page = admin.post(f"{BASE}begin/", {"source": "in_force"}, follow=True)
        draft = PolicyDraft.objects.get()
        held = policies.in_force(DocumentKind.SCREENING_POLICY, at=at)
        assert draft.began_from == held
        assert draft.head["version"] > held.version
        assert "Nothing to mend" in page.content.decode()
        assert f"{BASE}{draft.pk}/change/" in admin.get(BASE).content.decode()

    @pytest.mark.parametrize("source", ["", "nothing", "in_force\x00"])
    def test_from_nothing_known(self, admin, source):
        assert admin.post(f"{BASE}begin/", {"source": source}).status_code == 200
        assert not PolicyDraft.objects.exists()


class TestARule:
    def test_saved_untouched_a_rule_is_as_it_was_to_the_byte(self, admin, draft):
        before = admin.get(f"{BASE}{draft.pk}/file/").content
        for rule_id in NESTED:
            assert admin.post(rule_page(draft, rule_id), opened(admin, draft, rule_id)).status_code == 302
        assert stored(draft).version == 1 + len(NESTED)
        assert admin.get(f"{BASE}{draft.pk}/file/").content == before
        held = dict(draft.began_from.content) | {"version": draft.head["version"]}
        assert before.decode() == write_policy(held)

    def test_one_sentence_changes_and_nothing_else(self, admin, draft):
        sent = opened(admin, draft, "blood_pressure_on_record_at_crisis_level")
        answer = admin.post(
            rule_page(draft, "blood_pressure_on_record_at_crisis_level"),
            sent | {"patient": "Please call a doctor.\r\nToday."},
            follow=True,
        )
        assert told(answer) == ["Saved."]
        before = queries.rule_of(draft, key_of(draft, "blood_pressure_on_record_at_crisis_level"))
        now = rule_now(draft, "blood_pressure_on_record_at_crisis_level")
        assert before is not None
        assert now == before | {"patient": "Please call a doctor.\nToday."}
        assert stored(draft).rules[0] == draft.rules[0]

    def test_a_row_is_added_and_another_taken_out(self, admin, draft):
        sent = opened(admin, draft, "pregnancy")
        sent |= {"part-1-DELETE": "on", "part-3-looks_at": "question/age_years", "part-3-how": "below"}
        sent |= {"part-3-bound": "19", "threshold_status": "example"}
        assert admin.post(rule_page(draft, "pregnancy"), sent).status_code == 302
        parts = rule_now(draft, "pregnancy")["when"]["any"]
        assert parts == [
            {"question": "pregnant", "is": "yes"},
            {"condition": "pregnancy", "status": ["active"]},
            {"question": "age_years", "below": 19},
        ]

    def test_a_new_rule_stands_at_the_end(self, admin, draft):
        sent = opened(admin, draft, "new") | {"id": "over_90", "code": "over_90", "level": "review"}
        sent |= {"patient": "We look at this together.", "clinician": "Over 90.", "source": "Ours."}
        sent |= {"part-0-looks_at": "question/age_years", "part-0-how": "at_least", "part-0-bound": "90"}
        answer = admin.post(rule_page(draft, "new"), sent | {"threshold_status": "confirmed"}, follow=True)
        assert told(answer) == ["Saved."]
        assert stored(draft).rules[-1]["rule"]["when"] == {"question": "age_years", "at_least": 90}

    def test_a_rule_is_taken_out(self, admin, draft):
        sent = {"read": "1", "remove": "Take this rule out"}
        answer = admin.post(rule_page(draft, "age_under_18"), sent, follow=True)
        assert told(answer) == ["Taken out."]
        assert "age_under_18" not in [entry["rule"]["id"] for entry in stored(draft).rules]
        assert admin.get(rule_page(draft, "age_under_18")).status_code == 404


class TestFaults:
    @pytest.mark.parametrize(
        ("rule_id", "changed", "field", "why"),
        [
            ("pregnancy", {"id": "Not A Name"}, "field-id", "has to look like"),
            ("pregnancy", {"patient": "   "}, "field-patient", "has to be a text"),
            ("pregnancy", {"source": ""}, "field-source", "is missing"),
            ("pregnancy", {"code": "Ü"}, "field-code", "has to look like"),
            (
                "age_under_18",
                {"threshold_status": ""},
                "field-threshold_status",
                "belongs to a rule with a number",
            ),
            (
                "pregnancy",
                {"overridable": "True", "level": "note"},
                "field-overridable",
                "only what excludes",
            ),
            (
                "pregnancy",
                {"part-0-words": "perhaps"},
                "part-0-words",
                "not a choice",
            ),
            ("age_under_18", {"part-0-bound": "young"}, 'data-column="bound"', "has to be a number"),
            ("age_under_18", {"part-0-bound": "9000"}, "", "outside"),
            ("age_under_18", {"part-0-DELETE": "on"}, "", "is missing"),
        ],
    )
    def test_it_stands_beside_its_field_and_what_was_typed_is_kept(
        self, admin, draft, rule_id, changed, field, why
    ):
        sent = opened(admin, draft, rule_id) | changed
        page = admin.post(rule_page(draft, rule_id), sent, follow=True).content.decode()
        assert stored(draft).version == 2
        below = page.partition(field)[2] if field else page
        assert any(each in below for each in why.split("|"))
        assert "to mend</strong>" in admin.get(f"{BASE}{draft.pk}/change/").content.decode()
        assert "acts/put-up/" not in admin.get(f"{BASE}{draft.pk}/change/").content.decode()
        again = opened(admin, stored(draft), rule_now(draft, rule_id).get("id") or rule_id)
        for name, value in changed.items():
            if "DELETE" not in name:
                assert again.get(name, "").strip() == value.strip()

    @pytest.mark.parametrize(
        "changed",
        [
            {"level": "perhaps"},
            {"joined": "one"},
            {"patient": "x" * 5000},
            {"patient": "a\x00b"},
            {"read": "soon"},
            {"read": ""},
            {"part-TOTAL_FORMS": "x"},
            {"part-0-kept": "forged"},
            {"part-0-looks_at": "question/nobody"},
            {"part-0-looks_at": ""},
            {"part-0-max_age_days": "30"},
            {"part-1-bound": "12"},
            {"part-5-words": "lost?"},
        ],
    )
    def test_what_no_rule_can_say_comes_back_unsaved(self, admin, draft, changed):
        sent = opened(admin, draft, "pregnancy") | changed
        answer = admin.post(rule_page(draft, "pregnancy"), sent | {"clinician": "My own words."})
        assert answer.status_code == 200
        assert "My own words." in answer.content.decode()
        assert stored(draft).version == 1

    def test_what_concerns_the_whole_stands_on_top(self, admin, draft):
        sent = {"read": "1", "remove": "on"}
        key = key_of(draft, "mania_now_or_before")
        admin.post(f"{BASE}{draft.pk}/rules/{key}/", sent)
        page = admin.get(f"{BASE}{draft.pk}/change/").content.decode()
        assert "no rule looks at mania" in page.partition("Rules, in their order")[0]
        answer = act(admin, draft, "drop-unused")
        assert told(answer)[0].startswith("Taken out: mania")
        assert "Nothing to mend" in answer.content.decode()

    def test_words_are_shown_and_never_run(self, admin, draft):
        sent = opened(admin, draft, "pregnancy") | {"patient": "<script>alert(1)</script>"}
        admin.post(rule_page(draft, "pregnancy"), sent)
        for page in (f"{BASE}{draft.pk}/change/", rule_page(draft, "pregnancy")):
            assert "<script>alert(1)" not in admin.get(page).content.decode()

    def test_rules_are_bounded(self, draft, ben, at, monkeypatch):
        monkeypatch.setattr(services, "MAX_RULES", len(draft.rules))
        with pytest.raises(Exception, match="at most"):
            services.save_rule(draft, version=1, key=None, rule={}, by=ben, at=at)


class TestTwoAtOnce:
    def test_the_second_is_told_and_keeps_what_was_typed(self, admin, draft, dee):
        first, second = opened(admin, draft, "pregnancy"), signed_in(dee)
        theirs = opened(second, draft, "pregnancy") | {"patient": "Dee's words."}
        admin.post(rule_page(draft, "pregnancy"), first | {"patient": "Ben's words."})
        answer = second.post(rule_page(draft, "pregnancy"), theirs)
        assert answer.status_code == 412
        page = answer.content.decode()
        assert "Ben Example, MD changed this draft on" in page
        assert "Dee&#x27;s words." in page.partition("<textarea")[2]
        assert "Ben&#x27;s words." in page.partition("The rule says now")[2].partition("</pre>")[0]
        assert rule_now(draft, "pregnancy")["patient"] == "Ben's words."
        again = second.post(rule_page(draft, "pregnancy"), typed(answer), follow=True)
        assert told(again) == ["Saved."]
        assert rule_now(draft, "pregnancy")["patient"] == "Dee's words."

    def test_of_the_head_too(self, admin, draft):
        head = {"read": 1, "version": 40, "title": "Mine", "note": "n"}
        assert admin.post(f"{BASE}{draft.pk}/head/", head).status_code == 302
        answer = admin.post(f"{BASE}{draft.pk}/head/", head | {"title": "Theirs"})
        assert answer.status_code == 412
        assert "Theirs" in answer.content.decode()
        assert stored(draft).head["title"] == "Mine"

    def test_of_a_rule_taken_out_meanwhile(self, admin, draft):
        sent = opened(admin, draft, "pregnancy")
        admin.post(rule_page(draft, "pregnancy"), {"read": 1, "remove": "on"})
        answer = admin.post(rule_page(draft, "pregnancy"), sent | {"patient": "Still here."})
        assert answer.status_code == 404
        assert "Still here." in answer.content.decode()
        assert len(stored(draft).rules) == len(draft.rules) - 1

    def test_what_was_read_before_the_other_wrote_is_refused_at_the_write(self, draft, ben, at):
        theirs = stored(draft)
        services.save_head(draft, version=1, said={"title": "First"}, by=ben, at=at)
        for version in (1, 2):
            with pytest.raises(Stale, match="Ben Example, MD changed this draft"):
                services.save_head(theirs, version=version, said={"title": "Second"}, by=ben, at=at)
        assert stored(draft).head["title"] == "First"

    @pytest.mark.parametrize("name", ["put-up", "put-aside", "drop-unused"])
    def test_acts_too(self, admin, draft, ben, at, name):
        services.save_head(draft, version=1, said={"title": "First"}, by=ben, at=at)
        answer = act(admin, draft, name, read=1, not_before="2026-03-01 09:00")
        assert "changed this draft" in told(answer)[0]
        assert stored(draft).closed_at is None
        assert not DocumentVersion.objects.filter(
            version=draft.head["version"], kind="screening_policy"
        ).exists()


class TestPuttingUp:
    def test_it_becomes_a_version_as_its_file_would(self, admin, draft):
        file = admin.get(f"{BASE}{draft.pk}/file/").content.decode()
        answer = act(admin, draft, "put-up", not_before="2026-03-01 09:00")
        became = stored(draft).became
        assert told(answer) == [
            f"Version {became.version} can be read and signed now, under policies, by two people."
        ]
        assert write_policy(became.content) == file
        assert policies.signed_enactment(became.pk) is None

    def test_closed_it_takes_nothing_any_more(self, admin, draft):
        sent = opened(admin, draft, "pregnancy")
        act(admin, draft, "put-aside")
        answer = admin.post(rule_page(draft, "pregnancy"), sent | {"read": "2"})
        assert answer.status_code == 409
        assert "This draft is closed" in answer.content.decode()
        assert (
            admin.post(f"{BASE}{draft.pk}/head/", {"read": 2, "version": 9, "title": "x"}).status_code == 409
        )
        assert stored(draft).version == 2

    def test_a_number_that_is_taken(self, admin, draft, ben, at):
        services.save_head(draft, version=1, said={"version": 1, "title": "Another"}, by=ben, at=at)
        answer = act(admin, draft, "put-up", not_before="2026-03-01 09:00")
        assert "There is a version with this number" in told(answer)[0]
        assert stored(draft).closed_at is None

    def test_one_that_took_effect_meanwhile_is_not_undone_by_nobodys_wish(self, admin, draft, at):
        kind, number = DocumentKind.SCREENING_POLICY, draft.head["version"]
        content = dict(policies.in_force(kind, at=at).content) | {"version": number}
        enact(kind, version=number, content=content, effective_at=at, at=at)
        services.save_head(
            draft, version=1, said={"version": number + 1, "title": "Later"}, by=draft.begun_by, at=at
        )
        answer = act(admin, draft, "put-up", not_before="2026-03-01 09:00")
        assert "Another version holds since this draft was begun" in told(answer)[0]
        assert (stored(draft).closed_at, stored(draft).became) == (None, None)

    @pytest.mark.parametrize("said", [{"not_before": "soon"}, {"not_before": ""}, {"read": "x"}])
    def test_without_a_date_or_the_state_that_was_read(self, admin, draft, said):
        act(admin, draft, "put-up", **{"not_before": "2026-03-01 09:00"} | said)
        assert stored(draft).closed_at is None

    def test_with_a_fault_by_whoever_asks_all_the_same(self, admin, draft, ben, at):
        key = key_of(draft, "pregnancy")
        rule = (queries.rule_of(draft, key) or {}) | {"patient": ""}
        services.save_rule(draft, version=1, key=key, rule=rule, by=ben, at=at)
        answer = act(admin, draft, "put-up", not_before="2026-03-01 09:00")
        assert "patient: has to be a text" in told(answer)[0]
        assert (stored(draft).closed_at, stored(draft).became) == (None, None)
