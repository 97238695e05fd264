from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from accounts.policies import queries as policies
from core import clock
from core.documents import NoDocumentInForce
from core.enums import DocumentKind
from sessions.content import unread
from sessions.policy import left_out


@register(Tags.database, deploy=True)
def policy_leaves_nothing_out(
    app_configs: Any,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ARG001
) -> Sequence[CheckMessage]:
    """Warn of each guard that the session policy in force leaves out; where none holds, no session starts."""
    if not databases:
        return []
    try:
        document = policies.in_force(DocumentKind.SESSION_POLICY, at=clock.now())
    except NoDocumentInForce:
        return []
    return [
        Warning(f"{document} holds. {sentence}", id="treatment_sessions.W001")
        for sentence in left_out(document.content)
    ]


@register(Tags.database, deploy=True)
def content_can_be_read(
    app_configs: Any,  # noqa: ARG001
    databases: Sequence[str] | None = None,
    **kwargs: Any,  # noqa: ARG001
) -> Sequence[CheckMessage]:
    """Warn of content modules that two people have signed and nobody is shown."""
    if not databases:
        return []
    try:
        document = policies.in_force(DocumentKind.CONTENT_MODULES, at=clock.now())
    except NoDocumentInForce:
        return []
    return [
        Warning(f"{document} holds. {sentence}", id="treatment_sessions.W002")
        for sentence in unread(document.content)
    ]
