"""Small helpers for calling the API in tests."""

from typing import Any
from uuid import uuid4

from rest_framework.test import APIClient


def post(client: APIClient, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> Any:
    """POST JSON to a path under /api/v1/ with an Idempotency-Key, a new one unless given."""
    headers = {"Idempotency-Key": key or str(uuid4())}
    return client.post(f"/api/v1/{path}", body or {}, format="json", headers=headers)
