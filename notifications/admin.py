from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from notifications import queries
from notifications.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin[Delivery]):
    """How far each message has come, for operators: neither what it says nor to whom."""

    list_display = ("id", "kind", "channel", "status", "due_at", "finished_at", "outcome")
    list_filter = ("status", "kind")
    fields = (
        "id",
        "kind",
        "channel",
        "status",
        "due_at",
        "expires_at",
        "fence",
        "finished_at",
        "outcome",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:  # noqa: ARG002
        """Read through the room's query, which leaves the payload where it is."""
        return queries.deliveries()

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Refuse: messages are scheduled by the rooms that need them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse: a row says what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Refuse: a row says what happened."""
        return False
