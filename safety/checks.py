from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from accounts.policies import queries as policies
from core import clock
from core.documents import NoDocumentInForce
from core.enums import DocumentKind
from safety.ladders import left_out
from safety.lines import LinesError, parse_lines
from safety.screening.policy import PolicyError
from safety.screening.terminology import TerminologyError, read_mapping


@register
def lines_are_sound(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse to start with lines that cannot be called: somebody in danger would be told them."""
    path = settings.CRISIS_LINES_FILE
    try:
        if path:
            parse_lines(Path(path).read_text(encoding="utf-8"))
    except (LinesError, OSError, UnicodeDecodeError) as error:
        return [Error(f"CRISIS_LINES_FILE: {error}", id="safety.E002")]
    return []


@register(Tags.database, deploy=True)
def ladders_hold(
    app_configs: Any,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ARG001
) -> Sequence[CheckMessage]:
    """Tell of alerts that page by what ships, not by what two people have signed (ADR 0030)."""
    if not databases:
        return []
    try:
        document = policies.in_force(DocumentKind.ESCALATION_LADDERS, at=clock.now())
        left = left_out(document.content)
    except NoDocumentInForce:
        return [Warning("No ladders are signed; alerts page by the example that ships.", id="safety.W001")]
    except PolicyError as error:
        return [Error(f"{document} holds and cannot be read, so it does nothing: {error}", id="safety.E003")]
    return [Warning(f"{document} holds. {sentence}", id="safety.W001") for sentence in left]


@register
def mapping_is_sound(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse to start with a mapping of codes that cannot be read: half of one would pass for the whole."""
    path = settings.TERMINOLOGY_FILE
    try:
        if path:
            read_mapping(Path(path))
    except (TerminologyError, OSError, UnicodeDecodeError) as error:
        return [Error(f"TERMINOLOGY_FILE: {error}", id="safety.E001")]
    return []
