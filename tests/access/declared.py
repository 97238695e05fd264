"""Who may do what, to whose: every operation of our API, by route and method. What is not here is refused.

`gate` are the roles that the operation is for at all: others get 403. Of those, `own` may do it to Ada's
chart (or where there is nobody's chart), `stranger` to Cyd's too; `party` are refused with 403 as the wrong
side of a chart they may see. All others get 404, the same as for what doesn't exist.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.conftest import birth_of

VISITOR, REVOKED, UNFACTORED = "visitor", "revoked link", "staff without second factor"
PATIENT, CLINICIAN, FORMER, ENDED = "patient", "clinician", "former clinician", "ended role"
GUIDE, SAFETY, DIRECTOR, PRIVACY = "guide", "safety officer", "medical director", "privacy officer"
OPERATOR, NOBODY, MONITOR, INVITED = "operator", "nobody", "monitor link", "invitation link"

Roles = frozenset[str]
NONE: Roles = frozenset()
PERSONS: Roles = frozenset(
    {PATIENT, CLINICIAN, FORMER, ENDED, GUIDE, SAFETY, DIRECTOR, PRIVACY, OPERATOR, NOBODY}
)
EVERYBODY: Roles = PERSONS | {VISITOR, REVOKED, UNFACTORED, MONITOR, INVITED}
UNKNOWN: Roles = frozenset({VISITOR, REVOKED})
SELF: Roles = frozenset({PATIENT})
CARE: Roles = frozenset({CLINICIAN})
BOTH: Roles = SELF | CARE
PRACTISING: Roles = frozenset({CLINICIAN, FORMER})
PATIENT_OR_CLINICIAN: Roles = SELF | PRACTISING
OPERATORS: Roles = frozenset({OPERATOR})
PRIVATE: Roles = frozenset({PRIVACY})
DIRECTORS: Roles = frozenset({DIRECTOR})
SIGNING: Roles = PRACTISING | DIRECTORS
ASSIGNING: Roles = frozenset({OPERATOR, DIRECTOR})
FOLLOWING: Roles = PRACTISING | {SAFETY}
STAFF: Roles = PRACTISING | {GUIDE, SAFETY, DIRECTOR, PRIVACY, OPERATOR}
IN_SESSION: Roles = PERSONS | {MONITOR}
DAY: Roles = BOTH | {MONITOR}


@dataclass(frozen=True)
class Op:
    """One operation, who may do it, in which stage of a treatment it can be done, and what is sent."""

    route: str
    method: str
    gate: Roles
    own: Roles
    stranger: Roles = NONE
    party: Roles = NONE
    stage: str = "dosed"
    body: dict[str, Any] = field(default_factory=dict)
    shows: bool = True
    """Whether a GET shows charts, and so leaves lines in their trails."""
    otherwise: int = 404
    """What who passes the gate and may not gets, where no chart is named."""


DEVIATION = {
    "kind": "missed_reading",
    "expected": "A blood pressure 60 minutes after the dose.",
    "happened": "None was measured.",
    "occurred_at": "<now>",
}
DEVIATION_SEEN = {
    "replaces": 0,
    "finding": "minor",
    "assessment": "Well throughout.",
    "corrective_action": "Spare batteries go along.",
}
REASON = {"reason": "Seen; all is well."}
PHONE = {"code": "000000", "device": "the-key-of-dans-phone-0000"}
ENTRY_AGAIN = {"client_id": "<uuid>", "client_seq": 91, "reason": "A slip."}
ENTRY = {"client_id": "<uuid>", "client_seq": 90, "observed_at": "<now>"}
PROFILE = {
    "legal_name": "A Example",
    "preferred_name": "A",
    "birth_on": "1984-05-17",
    "timezone": "America/New_York",
}
NEWCOMER = {
    "password": "a long sentence of one's own",
    "full_name": "Ina Example",
    "credentials": "NP",
    "profession": "nurse_practitioner",
}
IDENTITY = {"method": "video", "document": "passport", "outcome": "confirmed", "checked_at": "<now>"}
OVERRIDE = {"reason": "A specialist agrees.", "screen_again_on": "2998-01-01", "ends_on": "2999-01-01"}
REGISTERS = {"states": ["NY"], "queried_at": "<now>", "result": "no_concern", "note": ""}
EMERGENCY = {
    "legal_name": "Cyd Example",
    "birth_on": birth_of("Cyd Example").isoformat(),
    "purpose": "danger",
    "reason": "An ambulance crew called.",
}
FOUND = {"finding": "justified", "note": "The call is in the log."}
LICENCE = {
    "user": "<clinician>",
    "state": "MA",
    "number": "1",
    "starts_on": "2026-01-01",
    "ends_on": "2036-01-01",
}
MEDICINE = {"section": "medication", "state": "taken", "text": "Sertraline"}
NEWS = {"kind": "new_information", "text": "A letter.", "aware_at": "<now>"}
ASSESSED = {
    "replaces": 0,
    "term": "vomiting",
    "seriousness": [],
    "grade": 1,
    "causality": "probable",
    "expectedness": "expected",
    "reference": "Ketamine injection, US label",
    "reference_version": "2024-05",
    "outcome": "recovered",
    "action_taken": "dose_not_changed",
    "dechallenge": "not_tried",
    "rechallenge": "not_tried",
}
WELL = {
    "alcohol_or_intoxication": "no",
    "fever_or_vomiting": "no",
    "sedatives_or_stimulants": "no",
    "new_medicine": "no",
    "pregnancy_possible": "no",
}
HERE = {
    "address": {
        "lines": ["12 Example Street"],
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207",
    },
    "phone": "+1 518 555 0100",
    "contact": {"name": "Dan Example", "phone": "+1 518 555 0101"},
}

OPERATIONS = (
    # accounts
    Op("me", "GET", PERSONS | {UNFACTORED}, PERSONS | {UNFACTORED}),
    Op("me", "PUT", PERSONS | {UNFACTORED}, PERSONS | {UNFACTORED}, body=PROFILE),
    Op("role-grants", "GET", OPERATORS, OPERATORS, shows=False),
    Op("role-grants", "POST", OPERATORS, OPERATORS, body={"user": "<nobody>", "role": "guide"}),
    Op("role-grant-ends", "POST", OPERATORS, OPERATORS, OPERATORS),
    Op("licences", "GET", OPERATORS, OPERATORS, shows=False),
    Op("licences", "POST", OPERATORS, OPERATORS, body=LICENCE),
    Op("licence-ends", "POST", OPERATORS, OPERATORS, OPERATORS, body={"ends_on": "2035-01-01"}),
    Op("served-states", "GET", OPERATORS, OPERATORS, shows=False),
    Op("served-states", "POST", OPERATORS, OPERATORS, body={"state": "MA", "starts_on": "2026-01-01"}),
    Op("served-state-ends", "POST", OPERATORS, OPERATORS, OPERATORS, body={"ends_on": "2036-01-01"}),
    Op("break-glass", "POST", PRACTISING, PRACTISING, body=EMERGENCY),
    Op("my-break-glass", "GET", SELF, SELF),
    Op("break-glass-ends", "POST", PRACTISING, CARE, CARE),
    Op("break-glass-to-review", "GET", PRIVATE, PRIVATE),
    Op("break-glass-reviews", "POST", PRIVATE, PRIVATE, PRIVATE, body=FOUND),
    Op("policies", "GET", SIGNING, SIGNING, shows=False),
    Op("policy", "GET", SIGNING, SIGNING, SIGNING, shows=False),
    Op("policies-in-force", "GET", SIGNING, SIGNING, shows=False),
    Op("screening-policies", "POST", SIGNING, SIGNING, body={"<policy file>": ""}),
    Op("screening-policy-file", "GET", SIGNING, SIGNING, SIGNING, shows=False),
    Op("policy-signatures", "POST", SIGNING, SIGNING, SIGNING, body={"<signature>": ""}),
    Op("policy-rollbacks", "POST", DIRECTORS, DIRECTORS, body={"<rollback>": ""}),
    # programs
    Op("programs", "GET", EVERYBODY, EVERYBODY, shows=False),
    Op("enrollments", "GET", PERSONS, PERSONS),
    Op("enrollments", "POST", PERSONS, SELF, stage="new", body={"program": "burnout-6"}, otherwise=422),
    Op("enrollment", "GET", PERSONS, BOTH),
    Op("treatment-plans", "POST", PRACTISING, CARE, stage="accepted", body={"<plan>": ""}),
    Op("comprehension-attempts", "POST", SELF, SELF, stage="planned", body={"<attempt>": ""}),
    # assessments
    Op("assessments", "GET", PATIENT_OR_CLINICIAN, PATIENT_OR_CLINICIAN),
    Op("assessment", "GET", PATIENT_OR_CLINICIAN, BOTH),
    Op("assessment", "PATCH", SELF, SELF, stage="active", body={"<draft>": ""}),
    Op("assessment-submission", "POST", SELF, SELF, stage="answered"),
    Op("offline-submissions", "GET", PATIENT_OR_CLINICIAN, BOTH, stage="answered"),
    Op("offline-submissions", "POST", SELF, SELF, stage="answered", body={"<offline>": ""}),
    Op("trends", "GET", PATIENT_OR_CLINICIAN, BOTH),
    Op("worse-forms", "GET", PRACTISING, PRACTISING, stage="worse"),
    Op("worse-form-looks", "POST", PRACTISING, CARE, stage="worse", body={"note": "Called her."}),
    Op("consents", "POST", SELF, SELF, stage="planned", body={"<agreements>": ""}),
    Op("consent-documents", "GET", PATIENT_OR_CLINICIAN, BOTH, stage="planned"),
    # safety
    Op("fit-checks", "POST", EVERYBODY, EVERYBODY, body={"answers": {"age_years": 17}}),
    Op("screening-questions", "GET", EVERYBODY, EVERYBODY, shows=False),
    Op("enrollment-screenings", "POST", SELF, SELF, stage="screened", body={"answers": {"pregnant": "no"}}),
    Op("screenings", "GET", PRACTISING, PRACTISING, stage="screened"),
    Op("screening", "GET", PATIENT_OR_CLINICIAN, BOTH),
    Op("screening-explanation", "GET", PRACTISING, CARE, stage="screened"),
    Op("screening-overrides", "POST", PRACTISING, CARE, stage="excluded", body=OVERRIDE),
    Op(
        "screening-reviews",
        "POST",
        PRACTISING,
        CARE,
        stage="screened",
        body={**REASON, "outcome": "accepted"},
    ),
    Op("alerts", "GET", PRACTISING, PRACTISING),
    Op("alert", "GET", PRACTISING, PRACTISING, PRACTISING),
    Op("alert-acknowledgements", "POST", PRACTISING, PRACTISING, PRACTISING),
    Op("alert-closures", "POST", PRACTISING, PRACTISING, PRACTISING, stage="in hand", body=REASON),
    Op("handovers", "POST", ASSIGNING, ASSIGNING, body={"<handover>": ""}),
    Op("memberships", "GET", ASSIGNING, ASSIGNING),
    Op("unseen-patients", "GET", ASSIGNING, ASSIGNING),
    Op("identity-checks", "GET", PRACTISING, CARE),
    Op("identity-checks", "POST", PRACTISING, CARE, body=IDENTITY),
    Op("monitoring-queries", "GET", PRACTISING, CARE),
    Op("monitoring-queries", "POST", PRACTISING, CARE, body=REGISTERS),
    Op("health-profile", "GET", PATIENT_OR_CLINICIAN, BOTH),
    Op("health-profile-history", "GET", PATIENT_OR_CLINICIAN, BOTH),
    Op("health-statements", "POST", PATIENT_OR_CLINICIAN, BOTH, body=MEDICINE),
    Op("health-confirmations", "POST", PRACTISING, CARE, body={"<statement>": ""}),
    Op("health-imports", "POST", PRACTISING, CARE, body={"<bundle>": ""}),
    Op("holds", "GET", PRACTISING, PRACTISING),
    Op("hold-lifts", "POST", PRACTISING, PRACTISING, PRACTISING, body=REASON),
    Op("patient-holds", "POST", PRACTISING, PRACTISING, PRACTISING, body=REASON),
    Op("on-call-shifts", "GET", PRACTISING | ASSIGNING, PRACTISING | ASSIGNING, shows=False),
    Op("on-call-shifts", "POST", ASSIGNING, ASSIGNING, body={"<shift>": ""}),
    Op("on-call-shift-cancellations", "POST", ASSIGNING, ASSIGNING, ASSIGNING),
    Op("on-call-gaps", "GET", PRACTISING | ASSIGNING, PRACTISING | ASSIGNING, shows=False),
    Op("on-call-test-pages", "POST", PRACTISING, PRACTISING),
    Op("event-scales", "GET", PRACTISING, PRACTISING, shows=False),
    Op("event-news", "POST", PRACTISING, PRACTISING, PRACTISING, body=NEWS),
    Op("reporting-clocks", "GET", PRACTISING, PRACTISING),
    Op(
        "clock-ends",
        "POST",
        PRACTISING,
        PRACTISING,
        PRACTISING,
        stage="serious",
        body=REASON | {"end": "reported"},
    ),
    Op("event-assessments", "GET", PRACTISING, PRACTISING, PRACTISING),
    Op("event-assessments", "POST", PRACTISING, PRACTISING, PRACTISING, body=ASSESSED),
    Op("event-report", "GET", PRACTISING, PRACTISING, PRACTISING, stage="assessed"),
    Op("event-report-pdf", "GET", PRACTISING, PRACTISING, PRACTISING, stage="assessed"),
    Op("follow-ups", "GET", FOLLOWING, FOLLOWING, stage="settling"),
    Op("event-follow-ups", "POST", FOLLOWING, FOLLOWING, FOLLOWING, body={"<follow-up>": ""}),
    Op(
        "follow-up-ends",
        "POST",
        FOLLOWING,
        FOLLOWING,
        FOLLOWING,
        stage="settling",
        body={"end": "done", "found": "Well again."},
    ),
    # sessions
    Op("sessions", "GET", PERSONS, BOTH),
    Op("sessions", "POST", PERSONS, SELF, stage="measured", body={"<booking>": ""}),
    Op("content-modules", "GET", PERSONS, BOTH),
    Op("session-proposals", "GET", PERSONS, BOTH | {GUIDE}, stage="proposed"),
    Op("session-proposals", "POST", PERSONS, CARE | {GUIDE}, stage="proposed", body={"<booking>": ""}),
    Op("session-proposal-confirmations", "POST", SELF, SELF, stage="proposed"),
    Op("session-proposal-declines", "POST", SELF, SELF, stage="proposed"),
    Op("session-proposal-withdrawals", "POST", PERSONS, CARE | {GUIDE}, stage="proposed"),
    Op("session", "GET", IN_SESSION, DAY),
    Op(
        "session-reschedule",
        "POST",
        IN_SESSION,
        SELF,
        party=CARE | {MONITOR},
        stage="booked",
        body={"<booking>": ""},
    ),
    Op("session-cancel", "POST", IN_SESSION, SELF, party=CARE | {MONITOR}, stage="booked"),
    Op("session-calendar", "GET", IN_SESSION, DAY),
    Op(
        "session-call-link",
        "POST",
        IN_SESSION,
        CARE,
        party=SELF | {MONITOR},
        stage="booked",
        body={"url": "https://video.example/j/42"},
    ),
    Op("deviations", "GET", FOLLOWING, FOLLOWING, stage="deviated"),
    Op("session-deviations", "POST", IN_SESSION, CARE, party=SELF | {MONITOR}, body=DEVIATION),
    Op("deviation-assessments", "POST", PRACTISING, CARE, stage="deviated", body=DEVIATION_SEEN),
    Op("session-preparation", "GET", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op(
        "session-preparation",
        "PATCH",
        IN_SESSION,
        SELF,
        party=CARE | {MONITOR},
        stage="booked",
        body={"items": {"space": True}},
    ),
    Op(
        "monitor-invitations",
        "POST",
        IN_SESSION,
        SELF,
        party=CARE | {MONITOR},
        stage="booked",
        body={"first_name": "Dan", "email": "dan@example.org"},
    ),
    Op("session-emergency-packet", "GET", PERSONS, BOTH | PRACTISING, PRACTISING),
    Op("patient-emergency-packet", "GET", PERSONS, BOTH | PRACTISING, PRACTISING),
    Op("session-emergency-packet-pdf", "GET", PERSONS, BOTH | PRACTISING, PRACTISING),
    Op("session-log", "GET", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op("session-monitor", "GET", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op("session-monitor-releases", "POST", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op("monitor-devices", "POST", frozenset({MONITOR}), frozenset({MONITOR}), body=PHONE),
    Op(
        "attestations",
        "POST",
        IN_SESSION,
        SELF,
        party=CARE | {MONITOR},
        stage="booked",
        body={"kind": "patient_today", "answers": WELL},
    ),
    Op("session-places", "GET", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op("session-places", "POST", IN_SESSION, SELF, party=CARE | {MONITOR}, stage="booked", body=HERE),
    Op("prescriptions", "GET", PERSONS, BOTH),
    Op("prescriptions", "POST", PERSONS, CARE, stage="stocked", body={"<prescription>": ""}),
    Op("stock", "GET", PERSONS, BOTH, stage="stocked"),
    Op("stock", "POST", PERSONS, BOTH, stage="stocked", body={"kind": "lost", "lot": "K-1", "units": 1}),
    Op("stock-counts", "GET", PERSONS, BOTH, stage="stocked"),
    Op("stock-counts", "POST", PERSONS, BOTH, stage="stocked", body={"lot": "K-1", "counted_units": 9}),
    Op(
        "overrules",
        "POST",
        IN_SESSION,
        CARE,
        party=SELF | {MONITOR},
        stage="mistaken",
        body={"question": "new_medicine", "reason": "Talked; she meant last week."},
    ),
    Op("reading-overrides", "POST", PRACTISING, CARE, stage="raised", body={"<readings>": ""}),
    Op("session-start", "POST", IN_SESSION, SELF | {MONITOR}, party=CARE, stage="ready"),
    Op(
        "doses",
        "POST",
        IN_SESSION,
        SELF | {MONITOR},
        party=CARE,
        stage="started",
        body={"route": "sublingual", "dose_mg": "300.0"},
    ),
    Op("late-doses", "POST", IN_SESSION, DAY, stage="late", body={"<late>": ""}),
    Op("dose-outcomes", "POST", IN_SESSION, DAY, body={"kind": "vomited"}),
    Op("session-end", "POST", IN_SESSION, DAY, stage="started", body=REASON),
    Op("observations", "POST", IN_SESSION, DAY, body=ENTRY | {"kind": "heart_rate", "heart_rate_bpm": 64}),
    Op(
        "observation-corrections",
        "POST",
        IN_SESSION,
        CARE | {MONITOR},
        party=SELF,
        body=ENTRY_AGAIN | {"kind": "blood_pressure", "systolic_mmhg": 120, "diastolic_mmhg": 70},
    ),
    Op("check-ins", "POST", IN_SESSION, SELF | {MONITOR}, party=CARE, body=ENTRY | {"all_well": True}),
    Op("reflections", "GET", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op("reflections", "POST", IN_SESSION, SELF, party=CARE | {MONITOR}, body={"text": "A river."}),
    Op("effects", "GET", IN_SESSION, BOTH, party=frozenset({MONITOR})),
    Op("effects", "POST", IN_SESSION, DAY, body={"answers": {"nausea": "yes"}}),
    Op(
        "morning-answers",
        "POST",
        IN_SESSION,
        SELF,
        party=CARE | {MONITOR},
        stage="over",
        body={"slept": True, "is_alert": False},
    ),
    Op("sessions-to-review", "GET", PRACTISING, PRACTISING, stage="over"),
    Op("session-review", "GET", PRACTISING, CARE, stage="over"),
    Op("session-review", "POST", PRACTISING, CARE, stage="over", body={"<review>": ""}),
    Op("effects-to-triage", "GET", PRACTISING, PRACTISING),
    Op("effects-triages", "POST", PRACTISING, CARE, body={**REASON, "outcome": "expected"}),
    Op("closure", "POST", PERSONS, SELF | {NOBODY, ENDED}, otherwise=422),
    Op("pauses", "POST", SELF, SELF),
    Op("resumptions", "POST", SELF, SELF, stage="paused"),
    Op("withdrawals", "POST", SELF, SELF, stage="active"),
    Op("consent-withdrawals", "POST", SELF, SELF, stage="active", body={"kind": "messaging_consent"}),
    Op(
        "adverse-events",
        "POST",
        IN_SESSION,
        SELF | {MONITOR},
        body={"description": "Not well."},
        otherwise=400,
    ),
    Op("adverse-event", "GET", IN_SESSION, DAY | PRACTISING, PRACTISING),
    # desk
    Op("export", "GET", SELF, SELF),
    Op("export-readable", "GET", SELF, SELF),
    Op("looks", "GET", SELF, SELF),
    Op("event-rates", "GET", frozenset({SAFETY, DIRECTOR}), frozenset({SAFETY, DIRECTOR}), shows=False),
    Op("paging-number", "GET", STAFF, STAFF, shows=False),
    Op("paging-number", "PUT", STAFF, STAFF, body={"number": "+15550100"}),
    Op("reminder-wishes", "GET", SELF, SELF, shows=False),
    Op("reminder-wishes", "PATCH", SELF, SELF, body={"quiet_until": "10:00"}),
    Op("reminder-stops", "POST", EVERYBODY, EVERYBODY, body={"token": "no.token"}),
    Op("devices", "GET", SELF, SELF, shows=False),
    Op("devices", "POST", SELF, SELF, body={"channel": "fcm", "token": "the-token-of-a-phone-0000"}),
    Op("device", "DELETE", SELF, SELF),
    Op("text-number", "GET", SELF, SELF, shows=False),
    Op("text-number", "PUT", SELF, SELF, body={"number": ""}),
    Op("text-number-confirmation", "POST", SELF, SELF, body={"code": "408213"}),
    Op("inbox", "GET", SELF, SELF, shows=False),
    Op("inbox-read", "POST", SELF, SELF, body={"until": "<now>"}),
    Op("inbox-message-read", "POST", SELF, SELF),
    Op("reminders", "GET", SELF, SELF, shows=False),
    Op("reminder", "GET", SELF | OPERATORS, SELF | OPERATORS, OPERATORS, shows=False),
    Op("unheard-pages", "GET", OPERATORS, OPERATORS, shows=False),
    Op("silent-patients", "GET", PRACTISING, PRACTISING),
    Op("possible-duplicates", "GET", OPERATORS, OPERATORS),
    Op("chart-comparisons", "POST", OPERATORS, OPERATORS, body={"<two charts>": ""}),
    Op("invitations", "GET", OPERATORS, OPERATORS, shows=False),
    Op("invitations", "POST", OPERATORS, OPERATORS, body={"email": "new@clinic.example", "role": "guide"}),
    Op("invitation-acceptances", "POST", frozenset({INVITED}), frozenset({INVITED}), body=NEWCOMER),
    Op("invitation-revocations", "POST", OPERATORS, OPERATORS, OPERATORS),
    Op("timeline", "GET", PERSONS, BOTH),
    Op("next-step", "GET", PERSONS, BOTH),
)
