from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def paging_gateway_is_whole(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse to start with half a gateway: pages would go nowhere, or their receipts would."""
    url = settings.PAGING_GATEWAY_URL
    if not url:
        return []
    found = [
        Error(f"PAGING_GATEWAY_URL is set, and {name} is not.", id="notifications.E001")
        for name in ("PAGING_GATEWAY_KEY", "PAGING_GATEWAY_CALLBACK_KEY")
        if not getattr(settings, name)
    ]
    on_this_machine = url.startswith(("http://127.0.0.1:", "http://localhost:"))
    if not url.startswith("https://") and not on_this_machine:
        found.append(Error("PAGING_GATEWAY_URL has to begin with https://.", id="notifications.E002"))
    return found
