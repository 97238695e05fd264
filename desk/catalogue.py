"""What a new installation begins with: programs, example policies, texts to agree to."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.policies import queries as policies
from core import clock
from core.documents import NoDocumentInForce, digest, publish
from core.enums import DocumentKind
from core.models import DocumentVersion
from programs.models import Program
from safety.screening.policy import EXAMPLES, example_policy
from sessions.policy import left_out

EFFECTIVE_AT = datetime(2026, 1, 1, tzinfo=UTC)
SESSION_POLICIES = (
    "sessions/example_policy.toml",
    "sessions/example_policy_2.toml",
    "sessions/example_policy_3.toml",
    "sessions/example_policy_4.toml",
)
AUTHORITY = "safety/example_authority.toml"
LADDERS = "safety/example_ladders.toml"
CONTENT = "sessions/example_content.toml"
TEXTS = "programs/documents"
"""A folder a kind, and in it a file a version: `2.1.en.toml` is version 2, corrected once, in English."""


@dataclass(frozen=True)
class Text:
    """One version of a text to agree to, as it comes with the software."""

    kind: DocumentKind
    version: int
    minor: int
    language: str
    content: dict[str, Any]


def load() -> Iterator[str]:
    """Publish everything, yielding a line for each; what is there already stays as it is."""
    at = clock.now()
    for program in _read("programs/catalogue.toml")["programs"]:
        Program.objects.get_or_create(slug=program["slug"], defaults=program)
        yield f"program {program['slug']}"
    screening = [example_policy(version) for version in sorted(EXAMPLES)]
    yield from _publish_policies(DocumentKind.SCREENING_POLICY, screening, at=at)
    sessions = [_read(path) for path in SESSION_POLICIES]
    yield from _publish_policies(DocumentKind.SESSION_POLICY, sessions, at=at)
    yield from _what_is_left_out(at=at)
    yield from _publish_policies(DocumentKind.PRESCRIBING_AUTHORITY, [_read(AUTHORITY)], at=at)
    yield from _publish_policies(DocumentKind.ESCALATION_LADDERS, [_read(LADDERS)], at=at)
    yield from _publish_policies(DocumentKind.CONTENT_MODULES, [_read(CONTENT)], at=at)
    yield from _publish_texts(at=at)


def texts() -> list[Text]:
    """Return every text to agree to that comes with the software, oldest version first."""
    found = []
    for path in (Path(settings.BASE_DIR) / TEXTS).glob("*/*.toml"):
        version, minor, language, _ = path.name.split(".")
        content = tomllib.loads(path.read_text())
        found.append(Text(DocumentKind(path.parent.name), int(version), int(minor), language, content))
    return sorted(found, key=lambda text: (text.kind, text.version, text.minor, text.language))


def _publish_policies(kind: DocumentKind, ours: list[dict[str, Any]], *, at: datetime) -> Iterator[str]:
    """Publish every example to a new installation, and to one that runs on them newer ones as of `at`.

    A clinic that has published a policy of its own keeps it. What was decided stays with its version.
    """
    known = list(DocumentVersion.objects.filter(kind=kind))
    if {document.sha256 for document in known} - {digest(content) for content in ours}:
        yield f"{kind.label}: the clinic's own policy stays"
        return
    for content in ours:
        effective_at = at if known else EFFECTIVE_AT
        document = publish(kind, version=content["version"], content=content, effective_at=effective_at)
        yield _line(document)


def _what_is_left_out(*, at: datetime) -> Iterator[str]:
    """Say which guards are off by the session policy that holds."""
    try:
        document = policies.in_force(DocumentKind.SESSION_POLICY, at=at)
    except NoDocumentInForce:
        return
    for sentence in left_out(document.content):
        yield f"WARNING {document} holds: {sentence}"


def _publish_texts(*, at: datetime) -> Iterator[str]:
    """Publish the texts of a new installation, and to one that runs on our examples, newer ones as of `at`.

    A clinic that has published a text of its own keeps it: an example never comes into force over it.
    """
    ours = texts()
    known = list(DocumentVersion.objects.filter(kind__in={text.kind for text in ours}))
    examples = {digest(text.content) for text in ours}
    own = {document.kind for document in known if document.sha256 not in examples}
    for text in ours:
        if text.kind in own:
            yield f"{text.kind.label}: the clinic's own text stays"
            continue
        document = publish(
            text.kind,
            version=text.version,
            minor=text.minor,
            language=text.language,
            content=text.content,
            effective_at=at if known else EFFECTIVE_AT,
        )
        yield _line(document)


def _line(document: DocumentVersion) -> str:
    return f"{document} ({document.sha256[:12]})"


def _read(path: str) -> dict[str, Any]:
    return tomllib.loads((Path(settings.BASE_DIR) / path).read_text())
