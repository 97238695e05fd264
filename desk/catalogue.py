"""What a new installation begins with: programs, example policies, texts to agree to."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from core.documents import publish
from core.enums import DocumentKind
from programs.models import Program

EFFECTIVE_AT = datetime(2026, 1, 1, tzinfo=UTC)
FILES = {
    DocumentKind.SCREENING_POLICY: "safety/screening/example_policy.toml",
    DocumentKind.SESSION_POLICY: "sessions/example_policy.toml",
    DocumentKind.TREATMENT_CONSENT: "programs/documents/treatment_consent.toml",
    DocumentKind.OFF_LABEL_DISCLOSURE: "programs/documents/off_label_disclosure.toml",
}


def load() -> Iterator[str]:
    """Publish everything, yielding a line for each; what is there already stays as it is."""
    for program in _read("programs/catalogue.toml")["programs"]:
        Program.objects.get_or_create(slug=program["slug"], defaults=program)
        yield f"program {program['slug']}"
    for kind, path in FILES.items():
        content = _read(path)
        version = content.get("version", 1)
        document = publish(kind, version=version, content=content, effective_at=EFFECTIVE_AT)
        yield f"{document} ({document.sha256[:12]})"


def _read(path: str) -> dict[str, Any]:
    return tomllib.loads((Path(settings.BASE_DIR) / path).read_text())
