from celery import shared_task

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from desk import services, silence


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
@acting_as(Actor.service(ServiceName.ANCHOR))
def verify_trail() -> None:
    """Check the audit trail, and call whoever answers for it where it is not as written; may run twice."""
    services.verify_trail(at=clock.now())


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.WATCH))
def tell_of_silence() -> None:
    """Tell whoever looks after somebody who has stopped answering; may run twice."""
    silence.tell_of_silence(at=clock.now())
