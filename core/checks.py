from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from core.database import privileges_held


@register(Tags.security, deploy=True)
def no_demo_in_production(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse the demo clock, demo accounts and relaxed limits where real people are treated."""
    if not settings.DEMO:
        return []
    return [Error("DEMO is set: time can be moved and demo accounts exist.", id="core.E001")]


@register(Tags.database)
def serves_without_privileges(
    app_configs: Any,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ARG001
) -> Sequence[CheckMessage]:
    """Refuse to serve as a role that could rewrite history or see past row-level security."""
    held = privileges_held() if databases else []
    return [
        Error(f"DATABASE_URL's role {privilege}; serve as a role that owns nothing.", id="core.E002")
        for privilege in held
    ]
