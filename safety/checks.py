from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from safety.screening.terminology import TerminologyError, read_mapping


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
