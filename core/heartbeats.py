"""Signs of life: a process is alive if its last row is fresh, not because something with its name runs."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import DateTimeField, DurationField, F, FloatField
from django.db.models.expressions import ExpressionWrapper, Func
from django.db.models.functions import Extract, Now

from core.models import Heartbeat

STALE_AFTER = timedelta(seconds=20)
"""Four missed beats of five seconds."""
EXPECTED = ("beat", "worker", "watchdog")


@dataclass(frozen=True)
class Pulse:
    """One process's sign of life; `age_s` is null if it never gave one."""

    name: str
    age_s: float | None

    @property
    def fresh(self) -> bool:
        """Tell whether it is recent enough."""
        return self.age_s is not None and self.age_s <= STALE_AFTER.total_seconds()


def beat(name: str) -> None:
    """Write that `name` is alive now, by the database's clock."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": Now()})


def pulse(name: str) -> Pulse:
    """Return the pulse of one expected process, by the database's clock."""
    return next(found for found in pulses() if found.name == name)


def pulses() -> list[Pulse]:
    """Return the pulse of every expected process, by the database's clock."""
    now = Func(function="clock_timestamp", output_field=DateTimeField())
    since = ExpressionWrapper(now - F("beat_at"), output_field=DurationField())
    age = Extract(since, "epoch", output_field=FloatField())
    ages = dict(Heartbeat.objects.annotate(age=age).values_list("name", "age"))
    return [Pulse(name=name, age_s=ages.get(name)) for name in EXPECTED]
