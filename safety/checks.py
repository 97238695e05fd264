from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from safety.lines import LinesError, parse_lines
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
