from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    Func,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
)
from django.db.models.functions import Lower
from django.utils import timezone

from accounts import rules
from accounts.enums import AccountNeed, FactorStep, Role
from accounts.models import (
    Capability,
    CareTeamMembership,
    Clinician,
    Licence,
    Patient,
    PatientAddress,
    RoleGrant,
    ServedState,
    SignIn,
    StaffInvitation,
    User,
)
from accounts.rules import SignInFacts
from core.acting import seeing_all_charts
from core.actors import Actor, ActorKind
from core.encryption import decrypt
from core.errors import NotFound

_Row = TypeVar("_Row", bound=Model)
_BOOLEAN: BooleanField[bool, bool] = BooleanField()


def roles_of(user_id: UUID, *, at: datetime) -> frozenset[Role]:
    """Return the roles that somebody holds at `at`; a medical director's rests on a licence of that day."""
    with connection.cursor() as cursor:
        cursor.execute(_ROLES, {"user": user_id, "at": at, "day": _day(at)})
        return frozenset(Role(role) for (role,) in cursor.fetchall())


_ROLES = """
    SELECT role FROM accounts_rolegrant AS held
    WHERE user_id = %(user)s AND starts_at <= %(at)s AND (ends_at IS NULL OR ends_at > %(at)s)
    AND (role <> 'medical_director' OR EXISTS (
        SELECT FROM accounts_licence AS licence
        JOIN accounts_clinician AS clinician ON clinician.id = licence.clinician_id
        WHERE clinician.user_id = held.user_id AND %(day)s BETWEEN licence.starts_on AND licence.ends_on
    ))
"""
"""Written out, because every request of somebody who works here asks."""


def holders(*roles: Role, at: datetime) -> list[User]:
    """Return the active people who hold any of `roles` at `at`."""
    held = RoleGrant.objects.filter(_in_force(at), role__in=roles)
    return list(User.objects.filter(is_active=True, id__in=held.values("user_id")).order_by("id"))


def patient_of(user_id: UUID) -> Patient | None:
    """Return the chart of a signed-in person, if they have one."""
    return Patient.objects.filter(user_id=user_id).first()


def has_chart(user_id: UUID) -> bool:
    """Tell whether a signed-in person is a patient."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.charts_owned(%s) <> '{}'", [user_id])
        return bool((cursor.fetchone() or [False])[0])


def clinician_of(user_id: UUID) -> Clinician | None:
    """Return somebody's name and credentials as a clinician, if they are one."""
    return Clinician.objects.filter(user_id=user_id).first()


class Charts(Func):
    """A set of charts, as one of the guard's functions gives their ids (accounts.migrations.0016).

    SQL that is planned once a connection: conditions built anew for every request cost more than the rest of
    it. A subquery, so that it runs once a statement.
    """

    template = "(SELECT guard.%(function)s(%(expressions)s))::uuid[]"
    output_field = UUIDField()


def within(charts: Charts, chart: str) -> Func:
    """Return the condition that a row's chart, found along the path `chart`, is one of `charts`."""
    return Func(F(chart), charts, template="%(expressions)s)", arg_joiner=" = ANY(", output_field=_BOOLEAN)


def visible_charts(actor: Actor, *, at: datetime) -> Charts:
    """Return the charts that `actor` may see at `at`: one's own, in one's care, or opened by break-glass.

    With those it is made of, the one place that says so: every room narrows its reads by them. The holder
    of a link sees no chart.
    """
    return Charts(_person(actor), Value(at), function="charts_seen")


def charts_read(actor: Actor, *, at: datetime) -> Charts:
    """Return the charts that `actor` may read as a clinician: in their care, or open by break-glass.

    No licence is asked for where one is open: reading in an emergency is not treating (ADR 0017). What a
    clinician signs, clears, lifts or records is narrowed by `charts_in_care` alone.
    """
    return Charts(_person(actor), Value(at), function="charts_read")


def charts_in_care(actor: Actor, *, at: datetime) -> Charts:
    """Return the charts in a clinician's care at `at`, never their own: nobody treats themselves.

    A chart whose address of that day lies where the clinician holds no licence is not among them; one
    without an address is, so that it can be asked for (ADR 0013).
    """
    return Charts(_person(actor), Value(at), function="charts_in_care")


def charts_owned(actor: Actor) -> Charts:
    """Return the signed-in person's own chart: what a patient does, they do to this one."""
    return Charts(_person(actor), function="charts_owned")


def _person(actor: Actor) -> Value:
    """Return who is asked about; for a link or a process nobody, who sees nothing."""
    return Value(actor.id if actor.kind == ActorKind.PERSON else None)


def visible_patients(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return the patients of `visible_charts`."""
    return Patient.objects.filter(within(visible_charts(actor, at=at), "pk"))


def patients_read(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return the patients of `charts_read`."""
    return Patient.objects.filter(within(charts_read(actor, at=at), "pk"))


def patients_in_care(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return the patients of `charts_in_care`."""
    return Patient.objects.filter(within(charts_in_care(actor, at=at), "pk"))


def own_chart(actor: Actor) -> QuerySet[Patient]:
    """Return the patient of `charts_owned`."""
    return Patient.objects.filter(within(charts_owned(actor), "pk"))


def patients_guided(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return whom a guide coaches at `at`, never themselves.

    Not part of `visible_charts`: what a guide is shown of them is for each room to say, field by field.
    """
    if actor.kind != ActorKind.PERSON:
        return Patient.objects.none()
    holding = RoleGrant.objects.filter(_in_force(at), user_id=actor.id, role=Role.GUIDE)
    assigned = CareTeamMembership.objects.filter(
        _in_force(at), role=Role.GUIDE, member_id__in=holding.values("user_id")
    )
    return Patient.objects.filter(id__in=assigned.values("patient_id")).exclude(user_id=actor.id)


def current_clinician(patient_id: UUID) -> User | None:
    """Return the clinician in whose care a patient is, on paper: they may have lost role or licence since."""
    found = current_membership(patient_id, Role.CLINICIAN)
    return found.member if found else None


def current_membership(patient_id: UUID, role: Role) -> CareTeamMembership | None:
    """Return who looks after a patient in a role, and since when."""
    memberships = CareTeamMembership.objects.filter(patient_id=patient_id, role=role, ends_at=None)
    return memberships.select_related("member").first()


def current_memberships(*, member_id: UUID | None = None) -> QuerySet[CareTeamMembership]:
    """Return who looks after whom on paper, of one member if named: for those who assign care."""
    memberships = CareTeamMembership.objects.filter(ends_at=None).select_related("patient", "member")
    return memberships if member_id is None else memberships.filter(member_id=member_id)


def in_nobodys_sight(*, at: datetime) -> QuerySet[Patient]:
    """Return the patients whose chart no clinician can see at `at`: no member, or none with role and licence.

    The same conditions as `charts_in_care`, asked from the patient's side.
    """
    practising = RoleGrant.objects.filter(_in_force(at), user=OuterRef("member"), role=Role.CLINICIAN)
    good_there = _licences(at).filter(clinician__user=OuterRef(OuterRef("member")), state=OuterRef("state"))
    elsewhere = _addresses_of_the_day(at).filter(~Exists(good_there), patient=OuterRef("patient"))
    seeing = CareTeamMembership.objects.filter(
        _in_force(at),
        Exists(practising),
        ~Exists(elsewhere),
        patient=OuterRef("pk"),
        role=Role.CLINICIAN,
        member__is_active=True,
    ).exclude(member=OuterRef("user"))
    return Patient.objects.filter(~Exists(seeing))


def person(user_id: UUID) -> User | None:
    """Return an active account, for those who assign care and give roles."""
    return User.objects.filter(pk=user_id, is_active=True).first()


def code_of(link: Capability) -> str:
    """Return the code that a link waits for, empty where it waits for none."""
    if link.code is None:
        return ""
    return str(decrypt(bytes(link.code), place=code_place(link.pk)))


def code_place(capability_id: UUID) -> str:
    """Return the place that a link's code is encrypted for."""
    return f"accounts_capability.code:{capability_id}"


def operator_exists(*, at: datetime) -> bool:
    """Tell whether somebody who can sign in runs the clinic at `at`."""
    return RoleGrant.objects.filter(_in_force(at), role=Role.OPERATOR, user__is_active=True).exists()


def addresses_known(emails: Collection[str]) -> set[str]:
    """Return those of some lower-case addresses that an account has."""
    users = User.objects.filter(email__in=emails).values_list("email", flat=True)
    others = EmailAddress.objects.annotate(lower=Lower("email")).filter(lower__in=emails)
    return {*users, *others.values_list("lower", flat=True)}


def invitations() -> QuerySet[StaffInvitation]:
    """Return the offers that operators made, for operators."""
    return StaffInvitation.objects.select_related("capability").exclude(invited_by=None)


def name_and_birth(legal_name: str, birth_on: date) -> tuple[str, date]:
    """Return what two charts of one person have in common, whatever the case and the spaces of the name."""
    return " ".join(legal_name.casefold().split()), birth_on


def charts_by_person(*, born_on: Collection[date]) -> dict[tuple[str, date], list[Patient]]:
    """Return the charts of those born on certain days, by name and birth date."""
    found: dict[tuple[str, date], list[Patient]] = {}
    for patient in Patient.objects.filter(birth_on__in=born_on).order_by("id"):
        found.setdefault(name_and_birth(patient.legal_name, patient.birth_on), []).append(patient)
    return found


def one(rows: QuerySet[_Row], row_id: UUID) -> _Row:
    """Return one of `rows`; raises `NotFound`."""
    try:
        return rows.get(pk=row_id)
    except ObjectDoesNotExist:
        raise NotFound from None


def grants() -> QuerySet[RoleGrant]:
    """Return every role that anybody held or holds, for operators."""
    return RoleGrant.objects.select_related("user")


def licences() -> QuerySet[Licence]:
    """Return every licence on file, for operators."""
    return Licence.objects.select_related("clinician")


def served() -> QuerySet[ServedState]:
    """Return where the clinic takes or took patients."""
    return ServedState.objects.all()


def person_by_email(email: str) -> User | None:
    """Return the active account with that address."""
    return User.objects.filter(email=email.lower(), is_active=True).first()


def cares_for(user: User, patient_id: UUID, *, at: datetime) -> bool:
    """Tell whether a clinician who is in the care team can also see the chart and act on it."""
    return user.is_active and patients_in_care(Actor.person(user.pk), at=at).filter(pk=patient_id).exists()


def on_call(patient_id: UUID, *, at: datetime) -> list[User]:
    """Return whom to call about a patient, first the clinician in whose care they are, then every other."""
    own = current_clinician(patient_id)
    return sorted(practising_at(at), key=lambda user: (own is None or user.pk != own.pk, user.pk))


def caring_for(patient_id: UUID, *, at: datetime) -> list[User]:
    """Return who looks after a patient, on paper and by a role that they still hold, clinicians first."""
    current = CareTeamMembership.objects.filter(patient_id=patient_id, ends_at=None)
    found = current.filter(member__is_active=True).select_related("member").order_by("role", "id")
    return [one.member for one in found if one.role in roles_of(one.member_id, at=at)]


def practising_at(at: datetime) -> QuerySet[User]:
    """Return every clinician who may work at `at`."""
    grants = RoleGrant.objects.filter(_in_force(at), role=Role.CLINICIAN)
    return User.objects.filter(id__in=grants.values("user_id"), is_active=True)


def least_busy_clinician(patient: Patient, *, at: datetime) -> User | None:
    """Return the active clinician with the fewest patients who may care for `patient`, if there is one.

    Licensed for where the patient lives, if that is known; never the patient.
    """
    practising = practising_at(at).filter(clinician__isnull=False).exclude(pk=patient.user_id)
    state = current_state(patient.pk, at=at)
    if state is not None:
        practising = practising.filter(pk__in=_licences(at).filter(state=state).values("clinician__user_id"))
    busy = Count("care_team_memberships", filter=Q(care_team_memberships__ends_at=None))
    with seeing_all_charts():
        return practising.annotate(patients=busy).order_by("patients", "id").first()


# --- addresses, licences, states -------------------------------------------------------------------------


def addresses_of(patient: Patient, *, at: datetime) -> list[rules.Address]:
    """Return where a patient lives at `at`, if that is known, and then where they will."""
    today = _day(at)
    rows = {row.starts_on: row for row in patient.addresses.order_by("starts_on", "id")}
    current = max((day for day in rows if day <= today), default=None)
    return [_address(row) for day, row in sorted(rows.items()) if day == current or day > today]


def address_on(patient: Patient, day: date) -> rules.Address | None:
    """Return where a patient lives on a day, if that is known."""
    begun = patient.addresses.filter(starts_on__lte=day).order_by("-starts_on", "-id").first()
    return None if begun is None else _address(begun)


def addresses_ever(patient_ids: Collection[UUID]) -> Iterator[tuple[UUID, rules.Address]]:
    """Yield every address that some patients ever gave, with whose it is."""
    for row in PatientAddress.objects.filter(patient__in=patient_ids):
        yield row.patient_id, _address(row)


def current_state(patient_id: UUID, *, at: datetime) -> str | None:
    """Return the state a patient lives in at `at`: empty abroad, `None` without an address on file."""
    return _addresses_of_the_day(at).filter(patient=patient_id).values_list("state", flat=True).first()


def whereabouts(patient_id: UUID, *, at: datetime) -> tuple[str, str]:
    """Return the country and the state where a patient lives at `at`, each empty where it is not known.

    For the words that they read: whoever shows those need not see where somebody lives.
    """
    with seeing_all_charts():
        held = _addresses_of_the_day(at).filter(patient=patient_id)
        return held.values_list("country", "state").first() or ("", "")


def address_place(address_id: UUID) -> str:
    """Return the place that an address is encrypted for."""
    return f"accounts_patientaddress.details:{address_id}"


def treating_facts(clinician: User, patient_id: UUID, *, at: datetime) -> rules.TreatingFacts:
    """Gather whether a clinician may sign for a patient: where they live, and what is allowed there."""
    return rules.TreatingFacts(
        state=current_state(patient_id, at=at),
        served=served_states(at=at),
        licensed=licensed_states(clinician.pk, at=at),
    )


def served_states(*, at: datetime) -> frozenset[str]:
    """Return where the clinic takes patients at `at`."""
    day = _day(at)
    served = ServedState.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)
    return frozenset(served.values_list("state", flat=True))


def licensed_states(user_id: UUID, *, at: datetime) -> frozenset[str]:
    """Return where somebody may practise at `at`."""
    return frozenset(_licences(at).filter(clinician__user_id=user_id).values_list("state", flat=True))


def licensed_spans(state: str, *, users: QuerySet[User]) -> list[tuple[UUID, datetime, datetime]]:
    """Return who of `users` may practise in a state, and from which instant until before which other."""
    held = Licence.objects.filter(state=state, clinician__user__in=users).order_by("starts_on", "id")
    days = held.values_list("clinician__user_id", "starts_on", "ends_on")
    return [(user, _midnight(first), _midnight(_day_after(last))) for user, first, last in days]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _day_after(day: date) -> date:
    return min(day, date.max - timedelta(days=1)) + timedelta(days=1)


def _addresses_of_the_day(at: datetime) -> QuerySet[PatientAddress]:
    """Return for each patient the address that holds at `at`: the last of those that began last."""
    begun = PatientAddress.objects.filter(patient=OuterRef("patient"), starts_on__lte=_day(at))
    return PatientAddress.objects.filter(pk=Subquery(begun.order_by("-starts_on", "-id").values("pk")[:1]))


def _licences(at: datetime) -> QuerySet[Licence]:
    return Licence.objects.filter(starts_on__lte=_day(at), ends_on__gte=_day(at))


def _address(row: PatientAddress) -> rules.Address:
    details = decrypt(row.details, place=address_place(row.pk))
    return rules.Address(
        lines=tuple(details["lines"]),
        city=details["city"],
        state=row.state,
        postal_code=details["postal_code"],
        country=row.country,
        starts_on=row.starts_on,
    )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def account_needs(user: User, *, step: FactorStep | None, at: datetime) -> list[AccountNeed]:
    """Return what somebody's account still needs; `step` is what this sign-in lacks of a second factor."""
    return rules.account_needs(
        is_verified=EmailAddress.objects.filter(user=user, verified=True).exists(),
        step=step,
        works_here=_is_let_into_admin(user) or bool(roles_of(user.pk, at=at)),
        has_chart=patient_of(user.pk) is not None,
    )


def sign_in(session_key: str, *, at: datetime) -> tuple[SignIn, SignInFacts] | None:
    """Return a device's sign-in with its user, and what decides whether it still holds: one statement."""
    grants = RoleGrant.objects.filter(user_id=OuterRef("user_id"))
    factors = Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES)
    row = (
        SignIn.objects.select_related("user")
        .annotate(
            holds_role=Exists(grants.filter(_in_force(at))),
            has_lost_a_role=Exists(grants.filter(ends_at__gt=OuterRef("signed_in_at"), ends_at__lte=at)),
            has_factor=Exists(factors.filter(user_id=OuterRef("user_id"))),
        )
        # Django sets this end, by the real clock.
        .filter(session_key=session_key, expire_date__gt=timezone.now())
        .first()
    )
    if row is None:
        return None
    facts = SignInFacts(
        signed_in_at=row.signed_in_at,
        last_seen_at=row.last_seen_at,
        works_here=row.holds_role or _is_let_into_admin(row.user),
        has_lost_a_role=row.has_lost_a_role,
        has_factor=row.has_factor,
    )
    return row, facts


def _is_let_into_admin(user: User | None) -> bool:
    return user is not None and (user.is_staff or user.is_superuser)


def _in_force(at: datetime) -> Q:
    return Q(starts_at__lte=at) & (Q(ends_at=None) | Q(ends_at__gt=at))
