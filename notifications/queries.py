from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery, Suppression
from notifications.rules import SendingFacts


def deliveries() -> QuerySet[Delivery]:
    """Return all deliveries for operators, newest first, without what was in them."""
    return Delivery.objects.defer("payload").order_by("-due_at", "-id")


def sending_facts(delivery: Delivery, *, address: str, in_doubt: bool) -> SendingFacts:
    """Return what decides whether `delivery` may leave now, read at this moment.

    `address` is the one it was scheduled for, if it was; else the account's verified primary address is read.
    """
    user = delivery.user
    if user is not None:
        verified = EmailAddress.objects.filter(user=user, primary=True, verified=True)
        address = verified.values_list("email", flat=True).first() or ""
    suppressed = Suppression.objects.filter(user=user, kind=delivery.kind, lifted_at=None)
    return SendingFacts(
        kind=MessageKind(delivery.kind),
        attempt=delivery.fence,
        in_doubt=in_doubt,
        expires_at=delivery.expires_at,
        account_closed=user is not None and not user.is_active,
        address=address,
        suppressed_by=suppressed.values_list("cause", flat=True).first() or "",
    )


def kinds_sent(*, since: datetime) -> list[str]:
    """Return the kind of every message written down since then, in real time, that has left."""
    sent = Delivery.objects.filter(created_at__gte=since, status=DeliveryStatus.SENT)
    return list(sent.values_list("kind", flat=True))
