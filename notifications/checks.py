import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from notifications.channels.push import private_key
from notifications.channels.stand_in import CONSOLE, SINK

FCM_NEEDS = ("client_email", "private_key", "project_id", "token_uri")


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


@register
def push_is_whole(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse to start with half a way to tell phones or browsers something."""
    found = []
    if settings.FCM_ACCOUNT and not _is_account(settings.FCM_ACCOUNT):
        found.append(Error("FCM_ACCOUNT is no key of a service account.", id="notifications.E003"))
    if settings.APNS_KEY:
        found += [
            Error(f"APNS_KEY is set, and {name} is not.", id="notifications.E004")
            for name in ("APNS_KEY_ID", "APNS_TEAM", "APNS_TOPIC")
            if not getattr(settings, name)
        ]
    if settings.WEB_PUSH_KEY and not _is_private_key(settings.WEB_PUSH_KEY):
        found.append(Error("WEB_PUSH_KEY has to be 32 bytes in base64url.", id="notifications.E005"))
    if settings.WEB_PUSH_KEY and not settings.WEB_PUSH_CONTACT.startswith(("mailto:", "https://")):
        found.append(Error("WEB_PUSH_CONTACT has to begin with mailto:.", id="notifications.E006"))
    if settings.PATIENT_TEXTS and not (settings.PAGING_GATEWAY_URL or settings.CHANNEL_STAND_IN):
        found.append(Error("PATIENT_TEXTS needs PAGING_GATEWAY_URL.", id="notifications.E009"))
    if settings.CHANNEL_STAND_IN not in ("", CONSOLE, SINK):
        found.append(Error(f"CHANNEL_STAND_IN is {CONSOLE} or {SINK}.", id="notifications.E007"))
    return found


@register(Tags.security, deploy=True)
def nothing_stands_in(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Refuse stand-ins where real people wait for messages."""
    if not settings.CHANNEL_STAND_IN:
        return []
    return [Error("CHANNEL_STAND_IN is set: no text and no notice leaves.", id="notifications.E008")]


def _is_account(text: str) -> bool:
    try:
        said = json.loads(text)
        return all(isinstance(said[name], str) for name in FCM_NEEDS)
    except (ValueError, KeyError, TypeError):
        return False


def _is_private_key(text: str) -> bool:
    try:
        private_key(text)
    except ValueError:
        return False
    return True
