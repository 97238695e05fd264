"""Reads: which charts may be one person's."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from accounts.likeness.rules import Likeness, Person, days_near, home, likeness
from accounts.models import Patient
from accounts.queries import addresses_ever

Pair = tuple[UUID, UUID]


def charts_like(patient: Patient) -> set[UUID]:
    """Return the other charts that may be a patient's, as far as whoever acts may see; none for a drill."""
    if patient.is_drill:
        return set()
    # Plain columns alone: whatever a function makes of one is looked for behind the walls, row by row.
    near = Q(birth_on__in=days_near(patient.birth_on)) | Q(legal_name=patient.legal_name)
    people = _people(near | Q(pk=patient.pk))
    return {other for _, other in _alike(people, ((patient.pk, pk) for pk in people if pk != patient.pk))}


def pairs_alike() -> set[Pair]:
    """Return every two charts that may be one person's, the older first, as far as whoever acts may see."""
    people = _people(Q())
    born, named = defaultdict(set), defaultdict(set)
    for pk, person in people.items():
        born[person.birth_on].add(pk)
        named[person.legal_name].add(pk)
    return _alike(
        people,
        (
            (pk, other)
            for pk, person in people.items()
            for other in named[person.legal_name].union(
                *(born[day] for day in days_near(person.birth_on) & born.keys())
            )
            if pk < other
        ),
    )


def _people(which: Q) -> dict[UUID, Person]:
    rows = Patient.objects.filter(which, is_drill=False)
    said = rows.values_list("pk", "legal_name", "birth_on", "user__email")
    return {pk: Person(legal_name, birth_on, email) for pk, legal_name, birth_on, email in said}


def _alike(people: dict[UUID, Person], pairs: Iterable[Pair]) -> set[Pair]:
    found = defaultdict(set)
    for one, other in pairs:
        found[likeness(people[one], people[other])].add((one, other))
    doubtful = found[Likeness.IF_AT_ONE_HOME]
    homes = _homes({pk for pair in doubtful for pk in pair})
    return found[Likeness.ALIKE] | {pair for pair in doubtful if homes[pair[0]] & homes[pair[1]]}


def _homes(patient_ids: set[UUID]) -> defaultdict[UUID, set[tuple[str, ...]]]:
    """Return where each of some patients has ever said to live."""
    homes: defaultdict[UUID, set[tuple[str, ...]]] = defaultdict(set)
    for patient_id, address in addresses_ever(patient_ids) if patient_ids else ():
        homes[patient_id].add(home(address))
    return homes
