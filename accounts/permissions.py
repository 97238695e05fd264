from typing import Any, ClassVar
from uuid import UUID

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import queries
from accounts.authentication import CapabilityHolder
from accounts.enums import CapabilityScope, Role
from accounts.errors import ReauthenticationRequired
from accounts.models import User
from accounts.sign_ins import is_recent
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
        return super().has_permission(request, view) and queries.has_chart(user_of(request).pk)


class HoldsRole(IsPerson):
    """Somebody signed in who holds one of `roles` now: a change of roles acts on the next request."""

    roles: ClassVar[frozenset[Role]]

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the user holds such a role now."""
        return super().has_permission(request, view) and bool(
            self.roles & queries.roles_of(user_of(request).pk, at=clock.now())
        )


class IsClinician(HoldsRole):
    """Somebody signed in who holds the clinician's role now."""

    roles = frozenset({Role.CLINICIAN})


class IsOperator(HoldsRole):
    """Somebody signed in who runs the clinic now."""

    roles = frozenset({Role.OPERATOR})


class IsPrivacyOfficer(HoldsRole):
    """Somebody signed in who reviews who looked at what."""

    roles = frozenset({Role.PRIVACY_OFFICER})


class AssignsCare(HoldsRole):
    """Somebody signed in who may say who cares for whom now."""

    roles = frozenset({Role.OPERATOR, Role.MEDICAL_DIRECTOR})


class IsMedicalDirector(HoldsRole):
    """Somebody signed in who answers for the policies now."""

    roles = frozenset({Role.MEDICAL_DIRECTOR})


class SignsPolicies(HoldsRole):
    """Somebody signed in who may read policies whole and be one of the two who sign them."""

    roles = frozenset({Role.CLINICIAN, Role.MEDICAL_DIRECTOR})


class IsInvited(BasePermission):
    """Whoever holds an invitation's link."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        """Tell whether an invitation's link is acting."""
        holder = request.user
        return isinstance(holder, CapabilityHolder) and holder.capability.scope == CapabilityScope.INVITATION


def invited_to(request: Request) -> UUID:
    """Return the invitation behind a request that `IsInvited` let in; else raises `NotAuthenticated`."""
    if not isinstance(request.user, CapabilityHolder):
        raise NotAuthenticated
    return request.user.capability.target_id


class RecentlyAuthenticated(BasePermission):
    """Whoever signs, or changes who can do what, has just shown that it is them; reading asks for nothing.

    For people: a link has its own end, and nobody watches a session with a password at hand.
    """

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        """Let pass who has; raises `ReauthenticationRequired`, which tells the app what to ask for."""
        if request.method not in SAFE_METHODS and isinstance(request.user, User) and not is_recent(request):
            raise ReauthenticationRequired
        return True


class RecentlyAuthenticatedToRead(BasePermission):
    """Whoever takes a whole record away has just shown that it is them: a phone left open gives none."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        """Let pass who has; raises `ReauthenticationRequired`, which tells the app what to ask for."""
        if isinstance(request.user, User) and not is_recent(request):
            raise ReauthenticationRequired
        return True


def link_of(request: Request) -> CapabilityHolder:
    """Return who holds the link behind a request that `IsMonitor` let in; else raises `NotAuthenticated`."""
    if not isinstance(request.user, CapabilityHolder):
        raise NotAuthenticated
    return request.user


def require_device(request: Request) -> None:
    """Raise why the device that shows a link may do nothing with it, if there is a reason."""
    if isinstance(request.user, CapabilityHolder) and request.user.refusal is not None:
        raise request.user.refusal


class IsMonitor(BasePermission):
    """Whoever holds a session's link; for which session is the query's business."""

    def has_permission(self, request: Request, view: Any) -> bool:  # noqa: ARG002
        """Tell whether a monitor's link is acting."""
        holder = request.user
        return isinstance(holder, CapabilityHolder) and holder.capability.scope == CapabilityScope.MONITOR
