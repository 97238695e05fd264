"""Writes: two people sign a version of a policy; a medical director goes back to an earlier one."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts import errors
from accounts import queries as people
from accounts.enums import Role, SignatureMeaning
from accounts.models import PolicyEnactment, PolicySignature, User
from accounts.policies import queries
from accounts.services import sign
from core.database import atomic
from core.documents import digest
from core.enums import DocumentKind
from core.models import DocumentVersion


def sign_policy(document_id: UUID, *, sha256: str, signer: User, at: datetime) -> DocumentVersion:
    """Sign exactly the version with that hash; with the second person's it takes effect, one a director.

    It holds from its own date, or from the last signature if that is later. Signatures under one kind of
    policy wait for each other. Raises `NotFound`, `OtherPolicy` where one byte is not as it was read,
    `SignedAlready`, `PolicyTakesEffect`, `PolicySuperseded`, or `NoName`.
    """
    with atomic():
        document = _locked(document_id)
        _require_read(document, sha256)
        given = queries.signatures(document.pk)
        if any(one.signer_id == signer.pk for one in given):
            raise errors.SignedAlready
        _require_awaited(document)
        signature = sign(signer, meaning=SignatureMeaning.APPROVED, document_sha256=document.sha256, at=at)
        added = PolicySignature.objects.create(
            document=document,
            signer=signer,
            signature=signature,
            as_director=Role.MEDICAL_DIRECTOR in people.roles_of(signer.pk, at=at),
        )
        _enact_if_signed(document, [*given, added], at=at)
        return queries.version(document.pk)


def roll_back(
    document_id: UUID, *, sha256: str, reason: str, director: User, at: datetime
) -> PolicyEnactment:
    """Let an earlier version hold again from now on, by one signature: two people have signed what it says.

    What was to take effect later does not any more. Raises `MedicalDirectorAlone`, `NotFound`, `OtherPolicy`,
    or `CannotRollBack`.
    """
    if Role.MEDICAL_DIRECTOR not in people.roles_of(director.pk, at=at):
        raise errors.MedicalDirectorAlone
    with atomic():
        document = _locked(document_id)
        _require_read(document, sha256)
        earlier = queries.signed_enactment(document.pk)
        holds = queries.enactment(DocumentKind(document.kind), at=at)
        if earlier is None or (holds is not None and holds.document_id == document.pk):
            raise errors.CannotRollBack
        content = {"policy_sha256": document.sha256, "rolled_back": True, "reason": reason}
        signature = sign(director, meaning=SignatureMeaning.DECIDED, document_sha256=digest(content), at=at)
        return PolicyEnactment.objects.create(
            document=document,
            director_id=earlier.director_id,
            other_id=earlier.other_id,
            effective_at=at,
            enacted_at=at,
            rollback=signature,
            reason=reason,
        )


def _locked(document_id: UUID) -> DocumentVersion:
    """Return a version while nobody else signs one of its kind.

    Versions are append-only, so the app's role can't lock their rows.
    """
    document = queries.version(document_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"policy:{document.kind}"])
    return document


def _require_read(document: DocumentVersion, sha256: str) -> None:
    if not sha256 == document.sha256 == digest(document.content):
        raise errors.OtherPolicy


def _require_awaited(document: DocumentVersion) -> None:
    if queries.signed_enactment(document.pk) is not None:
        raise errors.PolicyTakesEffect
    newest = queries.newest_enacted(document.kind)
    if newest is not None and (newest.version, newest.minor) > (document.version, document.minor):
        raise errors.PolicySuperseded


def _enact_if_signed(document: DocumentVersion, given: list[PolicySignature], *, at: datetime) -> None:
    director = next((one for one in given if one.as_director), None)
    other = next((one for one in given if one != director), None)
    if director is None or other is None:
        return
    PolicyEnactment.objects.create(
        document=document,
        director=director,
        other=other,
        effective_at=max(document.effective_at, at),
        enacted_at=at,
    )
