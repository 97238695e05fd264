"""Versioned documents: publish one, find the one in force."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.enums import DocumentKind
from core.models import DocumentVersion


class DocumentChanged(Exception):
    """A version that was published before now says something else; publish a new version instead."""


class NoDocumentInForce(LookupError):
    """No version of this document is in force yet."""


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 hex digest of the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def publish(
    kind: DocumentKind, *, version: int, content: Mapping[str, Any], effective_at: datetime
) -> DocumentVersion:
    """Store a version of a document; storing the same again is harmless.

    Raises `DocumentChanged` when that version exists with another content.
    """
    document, _ = DocumentVersion.objects.get_or_create(
        kind=kind,
        version=version,
        defaults={"content": content, "sha256": digest(content), "effective_at": effective_at},
    )
    if document.sha256 != digest(content):
        raise DocumentChanged(f"{kind} version {version} is published with another content")
    return document


def in_force(kind: DocumentKind, *, at: datetime) -> DocumentVersion:
    """Return the version of `kind` that holds at `at`; raises `NoDocumentInForce`."""
    document = (
        DocumentVersion.objects.filter(kind=kind, effective_at__lte=at).order_by("-effective_at", "-version")
    ).first()
    if document is None:
        raise NoDocumentInForce(f"no {kind} is in force")
    return document
