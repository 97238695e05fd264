"""The demo clinic: a few people to look around as. Never where a real person exists."""

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from allauth.account.models import EmailAddress
from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.conf import settings

from accounts import services as accounts
from accounts.enums import Profession, Role
from accounts.models import Patient, User
from accounts.policies import queries as policies
from accounts.policies.services import sign_policy
from accounts.rules import Address
from core.actors import Actor
from core.database import atomic
from core.documents import publish
from core.enums import DocumentKind
from core.models import DocumentVersion
from desk.catalogue import AUTHORITY
from programs import services as programs
from safety import services as safety

PASSWORD = "demo clinic, not secret"  # noqa: S105 - printed for everybody to see
TOTP_SECRET = "NFZW4J3UEBQSA43FMNZGK5BAMF2CAYLM"  # noqa: S105 - likewise, for an authenticator app
DOMAIN = "demo.example"


class DemoRefused(Exception):
    """The demo clinic is for an empty database in demo mode."""


@dataclass(frozen=True)
class SignIn:
    """Who to look around as."""

    email: str
    role: str
    where: str


STATES = ("NY", "IL")
"""Where it treats, and both clinicians are licensed; its patients live in the first."""
LICENSED_FOR = timedelta(days=10 * 365)
"""Longer than any rehearsal."""
STAFF = (
    ("ben", "Ben Ochoa", "MD", Profession.PHYSICIAN, (Role.CLINICIAN, Role.MEDICAL_DIRECTOR)),
    ("dora", "Dora Lind", "NP", Profession.NURSE_PRACTITIONER, (Role.CLINICIAN, Role.SAFETY_OFFICER)),
)
PATIENTS = (("ada", "Ada Moreno", date(1984, 5, 17)), ("cyd", "Cyd Park", date(1991, 11, 3)))


def load(*, at: datetime) -> list[SignIn]:
    """Make the demo clinic's people, unless they are there; return who one can sign in as.

    Raises `DemoRefused` outside demo mode, or where somebody exists who is not of the demo.
    """
    if not settings.DEMO:
        raise DemoRefused("DEMO is not set.")
    if not User.objects.filter(email=_email(STAFF[0][0])).exists():
        if User.objects.exists():
            raise DemoRefused("There are people in this database; the demo clinic is for an empty one.")
        with atomic():
            _make(at=at)
    _sign_policies(at=at)
    staff = [SignIn(_email(name), "clinician", "/admin/") for name, *_ in STAFF]
    return staff + [SignIn(_email(name), "patient", "/api/v1/auth/") for name, *_ in PATIENTS]


def code(*, at: datetime) -> str:
    """Return what an authenticator app that knows the demo staff's secret shows at `at`."""
    return str(format_hotp_value(hotp_value(TOTP_SECRET, int(at.timestamp()) // app_settings.TOTP_PERIOD)))


def _make(*, at: datetime) -> None:
    for state in STATES:
        accounts.serve_state(state, starts_on=at.date(), set_by=None)
    for name, full_name, credentials, profession, roles in STAFF:
        user = _user(name, is_staff=True)
        TOTP.activate(user, TOTP_SECRET)
        clinician = accounts.register_clinician(
            user, full_name=full_name, credentials=credentials, profession=profession
        )
        for state in STATES:
            accounts.add_licence(
                clinician,
                state=state,
                number=f"DEMO-{name.upper()}",
                starts_on=at.date(),
                ends_on=(at + LICENSED_FOR).date(),
                recorded_by=None,
                at=at,
            )
        for role in roles:
            accounts.grant_role(user, role, granted_by=None, at=at)
    _sign_policies(at=at)
    ada, _ = [_patient(name, full_name, birth_on, at=at) for name, full_name, birth_on in PATIENTS]
    enrollment = programs.enroll(ada.user, program_slug="burnout-6", at=at)
    safety.screen(
        enrollment.pk,
        answers={"current_medicines": ["sertraline"], "pregnant": "no"},
        actor=Actor.person(ada.user_id),
        at=at,
    )


def _sign_policies(*, at: datetime) -> None:
    """Let the clinic's two people sign the newest version of each policy that two have not signed yet."""
    _publish_authority(at=at)
    for document in policies.unsigned():
        for name, *_ in STAFF:
            signer = User.objects.get(email=_email(name))
            if not any(given.signer_id == signer.pk for given in policies.signatures(document.pk)):
                sign_policy(document.pk, sha256=document.sha256, signer=signer, at=at)


def _publish_authority(*, at: datetime) -> None:
    """Let the demo clinic prescribe whatever day it is: by a law of its own, made up and marked so."""
    content = tomllib.loads((Path(settings.BASE_DIR) / AUTHORITY).read_text())
    kind = DocumentKind.PRESCRIBING_AUTHORITY
    if DocumentVersion.objects.filter(kind=kind, version=2).exists():
        return
    ends_on = (at + LICENSED_FOR).date().isoformat()
    made_up = {"version": 2, "note": "demo", "basis": "The demo clinic's, made up", "ends_on": ends_on}
    publish(kind, version=2, content=content | made_up, effective_at=at)


def _patient(name: str, full_name: str, birth_on: date, *, at: datetime) -> Patient:
    patient = accounts.save_profile(
        _user(name),
        legal_name=full_name,
        preferred_name=full_name.split()[0],
        birth_on=birth_on,
        timezone="America/New_York",
    )
    address = Address(
        lines=("12 Example Street",),
        city="Albany",
        state=STATES[0],
        postal_code="12207",
        country="US",
        starts_on=at.date(),
    )
    accounts.save_address(patient, address, actor=Actor.person(patient.user_id), at=at)
    return patient


def _user(name: str, *, is_staff: bool = False) -> User:
    user = User.objects.create_user(_email(name), PASSWORD, is_staff=is_staff)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    return user


def _email(name: str) -> str:
    return f"{name}@{DOMAIN}"
