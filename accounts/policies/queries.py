"""Which version of a policy holds, when and by whose signatures."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from logging import getLogger
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import PolicyEnactment, PolicySignature
from core.documents import LANGUAGE, NoDocumentInForce, digest
from core.enums import POLICIES, DocumentKind
from core.errors import NotFound
from core.models import DocumentVersion

logger = getLogger(__name__)


class PolicyChangedSinceSigned(NoDocumentInForce):
    """What is stored is not what was signed, so nothing is decided by it."""


def in_force(kind: DocumentKind, *, at: datetime) -> DocumentVersion:
    """Return the version of a policy that holds at `at`, if it still says what was signed.

    Raises `NoDocumentInForce`, or its kind `PolicyChangedSinceSigned` with one byte changed.
    """
    for document in DocumentVersion.objects.raw(_IN_FORCE, {"kind": kind.value, "at": at}):
        signed = {vars(document)[name] for name in ("director_signed", "other_signed")} - {None}
        if signed | {document.sha256} != {digest(document.content)}:
            logger.error("%s is not what was signed; nothing is decided by it", document)
            raise PolicyChangedSinceSigned(f"{document} has changed")
        return document
    raise NoDocumentInForce(f"no {kind} is in force")


def enactment(kind: DocumentKind, *, at: datetime) -> PolicyEnactment | None:
    """Return by what act a version holds at `at`: what began last, and not before the last rollback."""
    return next(iter(PolicyEnactment.objects.raw(_ENACTED, {"kind": kind.value, "at": at})), None)


_HOLDS = """
    SELECT {columns} FROM accounts_policyenactment AS enacted
    JOIN core_documentversion AS document ON document.id = enacted.document_id
    WHERE document.kind = %(kind)s AND enacted.effective_at <= %(at)s
    AND enacted.enacted_at >= coalesce((
        SELECT back.enacted_at FROM accounts_policyenactment AS back
        JOIN core_documentversion AS former ON former.id = back.document_id
        WHERE former.kind = %(kind)s AND back.effective_at <= %(at)s AND back.rollback_id IS NOT NULL
        ORDER BY back.effective_at DESC, back.enacted_at DESC LIMIT 1
    ), '-infinity')
    ORDER BY enacted.effective_at DESC, enacted.enacted_at DESC, document.version DESC, document.minor DESC,
        enacted.id DESC
    LIMIT 1
"""
"""Written out, because every request about a session asks: the ORM took longer to say it than it to run."""
_SIGNED = """(
    SELECT document_sha256 FROM accounts_policysignature AS by
    JOIN accounts_signature AS signature ON signature.id = by.signature_id WHERE by.id = enacted.{who}_id
) AS {who}_signed"""
_ENACTED = _HOLDS.format(columns="enacted.*")
_IN_FORCE = _HOLDS.format(
    columns=f"document.*, {_SIGNED.format(who='director')}, {_SIGNED.format(who='other')}"
)


@dataclass(frozen=True)
class Held:
    """That a version held from one moment to another; `None`: until something else does."""

    enactment: PolicyEnactment
    starts_at: datetime
    ends_at: datetime | None


def held_on(kind: DocumentKind, day: date) -> list[Held]:
    """Return what held at any moment of a day (by UTC), in order: mostly one version."""
    begins = datetime.combine(day, time.min, tzinfo=UTC)
    ends = begins + timedelta(days=1)
    changes = PolicyEnactment.objects.filter(
        document__kind=kind, effective_at__gt=begins, effective_at__lt=ends
    )
    moments = sorted({begins, *changes.values_list("effective_at", flat=True)})
    held: list[Held] = []
    for moment in moments:
        enacted = enactment(kind, at=moment)
        if enacted is None or (held and held[-1].enactment == enacted):
            continue
        held.append(Held(enacted, enacted.effective_at, _superseded_at(enacted)))
    return held


def _superseded_at(enacted: PolicyEnactment) -> datetime | None:
    """Return when something else took its place."""
    kind = DocumentKind(enacted.document.kind)
    later = PolicyEnactment.objects.filter(
        document__kind=kind, effective_at__gte=enacted.effective_at
    ).order_by("effective_at")
    return next(
        (
            moment
            for moment in later.values_list("effective_at", flat=True)
            if enactment(kind, at=moment) != enacted
        ),
        None,
    )


def versions() -> QuerySet[DocumentVersion]:
    """Return every version of every policy, with who signed it and when it took effect."""
    found = DocumentVersion.objects.filter(kind__in=POLICIES, language=LANGUAGE)
    return found.prefetch_related("policy_signatures__signature", "enactments__rollback")


def version(document_id: UUID) -> DocumentVersion:
    """Return one version of a policy; raises `NotFound`."""
    found = versions().filter(pk=document_id).first()
    if found is None:
        raise NotFound
    return found


def unsigned() -> QuerySet[DocumentVersion]:
    """Return the newest version of each policy, where two people have yet to sign it."""
    same_kind = DocumentVersion.objects.filter(kind=OuterRef("kind"), language=LANGUAGE)
    newest = Subquery(same_kind.order_by("-version", "-minor").values("pk")[:1])
    signed = PolicyEnactment.objects.exclude(director=None).values("document_id")
    return versions().filter(pk=newest).exclude(pk__in=signed)


def signatures(document_id: UUID) -> list[PolicySignature]:
    """Return who has signed a version, first signature first."""
    found = PolicySignature.objects.filter(document_id=document_id).select_related("signature")
    return list(found.order_by("id"))


def signed_enactment(document_id: UUID) -> PolicyEnactment | None:
    """Return the last enactment of a version by two signatures, if there was one."""
    found = PolicyEnactment.objects.filter(document_id=document_id).exclude(director=None)
    return found.order_by("-enacted_at", "-id").first()


def newest_enacted(kind: str) -> DocumentVersion | None:
    """Return the highest version of a kind that ever took effect, or will."""
    enacted = PolicyEnactment.objects.filter(document__kind=kind).values("document_id")
    return DocumentVersion.objects.filter(pk__in=enacted).order_by("-version", "-minor").first()
