"""Versioned documents: publish one, find the one in force."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from core.enums import DocumentKind
from core.models import DocumentVersion

LANGUAGE = "en"
"""The language that every text is there in."""

_NEWEST_FIRST = ("-effective_at", "-version", "-minor")


class DocumentChanged(Exception):
    """A version that was published before now says something else; publish a new version instead."""


class NoDocumentInForce(LookupError):
    """No version of this document is in force yet."""


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 hex digest of the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def publish(
    kind: DocumentKind,
    *,
    version: int,
    content: Mapping[str, Any],
    effective_at: datetime,
    minor: int = 0,
    language: str = LANGUAGE,
) -> DocumentVersion:
    """Store a version of a document; storing the same again is harmless.

    Raises `DocumentChanged` when that version exists with another content.
    """
    document, _ = DocumentVersion.objects.get_or_create(
        kind=kind,
        version=version,
        minor=minor,
        language=language,
        defaults={"content": content, "sha256": digest(content), "effective_at": effective_at},
    )
    if document.sha256 != digest(content):
        raise DocumentChanged(f"{document} is published with another content")
    return document


def in_force(kind: DocumentKind, *, at: datetime) -> DocumentVersion:
    """Return the version of `kind` that holds at `at`; raises `NoDocumentInForce`."""
    document = (
        DocumentVersion.objects.filter(kind=kind, language=LANGUAGE, effective_at__lte=at).order_by(
            *_NEWEST_FIRST
        )
    ).first()
    if document is None:
        raise NoDocumentInForce(f"no {kind} is in force")
    return document


def all_in_force(kinds: Collection[DocumentKind], *, at: datetime) -> list[DocumentVersion]:
    """Return, for each of `kinds` that is published, its version in force in every language it has.

    Without their content, which is long. A language whose text is of an older version has none in force.
    """
    published = DocumentVersion.objects.filter(kind__in=kinds, effective_at__lte=at).defer("content")
    newest: dict[str, int] = {}
    found: dict[tuple[str, str], DocumentVersion] = {}
    for document in published.order_by(*_NEWEST_FIRST):
        if document.version == newest.setdefault(document.kind, document.version):
            found.setdefault((document.kind, document.language), document)
    return list(found.values())
