from typing import Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import queries
from accounts.authentication import CapabilityHolder
from accounts.enums import CapabilityScope, Role
from accounts.models import User
from core import clock


def user_of(request: Request) -> User:
    """Return the signed-in user behind a request that `IsPerson` let in; else raises `NotAuthenticated`."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


class IsPerson(BasePermission):
    """Somebody signed in to an account."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        """Tell whether a user, not a link, is acting."""
        return isinstance(request.user, User)


class IsPatient(IsPerson):
    """Somebody signed in who has a chart."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the user is a patient."""
        return super().has_permission(request, view) and queries.patient_of(user_of(request).pk) is not None


class IsClinician(IsPerson):
    """Somebody signed in who holds the clinician's role now."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the user is a clinician now."""
        return super().has_permission(request, view) and Role.CLINICIAN in queries.roles_of(
            user_of(request).pk, at=clock.now()
        )


class IsMonitor(BasePermission):
    """Whoever holds a session's link; for which session is the query's business."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        """Tell whether a monitor's link is acting."""
        holder = request.user
        return isinstance(holder, CapabilityHolder) and holder.capability.scope == CapabilityScope.MONITOR
