from typing import Any

from drf_spectacular.openapi import AutoSchema

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/conflict"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
        "reasons": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {name: {"type": "string"} for name in ("code", "detail")},
            },
        },
        "contact": {
            "description": "Whom to call; in every 409 and 422.",
            "type": "object",
            "required": ["clinic_phone", "emergency_phone", "crisis_phone"],
            "properties": {
                name: {"type": "string"} for name in ("clinic_phone", "emergency_phone", "crisis_phone")
            },
        },
    },
}


class Schema(AutoSchema):
    """OpenAPI of one operation: its room is its tag."""

    def get_tags(self) -> list[str]:
        """Group operations by the room whose code answers them."""
        return [type(self.view).__module__.split(".")[0]]


def add_problem_responses(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:  # noqa: ARG001
    """Declare on every operation that it may answer with a problem document."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "A problem document (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["4XX"] = operation["responses"]["5XX"] = answer
    return result
