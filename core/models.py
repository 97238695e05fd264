from django.db import models
from django.db.models.functions import Now

from core.actors import Actor, ActorKind
from core.enums import DocumentKind
from core.ids import new_id


class Heartbeat(models.Model):
    """The last sign of life of one of our processes, in real time (the demo clock does not move it)."""

    name = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField(db_default=Now())


class DemoClock(models.Model):
    """How far a rehearsal has moved time forward; read in demo mode alone."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="demo_clock_is_one_row")]


class IdempotencyRecord(models.Model):
    """The answer that one principal's key got, encrypted, kept in the transaction that did the work."""

    id = models.UUIDField(primary_key=True, default=new_id)
    principal = models.CharField(max_length=60)
    key = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=64)
    status = models.SmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    answer = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "key"], name="idempotency_one_answer_per_key")
        ]


class LimitCounter(models.Model):
    """How many of something somebody has taken in the window that ends then, in real time (`core.limits`).

    `key` is a keyed hash of what and whom: the table names nobody.
    """

    key = models.CharField(max_length=64, primary_key=True)
    taken = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)


class DocumentVersion(models.Model):
    """One version of a text or policy that decisions rest on, with the hash of exactly what it says.

    `version` counts what changes the matter, `minor` what only says it better; a text can be there in several
    languages (BCP 47), each with hash and minor version of its own.
    Append-only: the app's role may insert and read, never change. `content` is what the room that owns the
    kind defines; `sha256` is the hex digest of its canonical JSON (`core.documents.digest`).
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=40, choices=DocumentKind.choices)
    version = models.PositiveIntegerField()
    minor = models.PositiveIntegerField(default=0, db_default=0)
    language = models.CharField(max_length=8, default="en", db_default="en")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    effective_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "version", "minor", "language"], name="document_version_is_published_once"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=DocumentKind.values), name="document_kind_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} version {self.version}.{self.minor} {self.language}"


class ActedModel(models.Model):
    """Columns that name who did it; nothing is done by nobody."""

    actor_kind = models.CharField(max_length=12, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=60)

    class Meta:
        abstract = True

    @property
    def actor(self) -> Actor:
        """Return who acted."""
        return Actor(ActorKind(self.actor_kind), self.actor_id)


class Transition(ActedModel):
    """One step of a state machine, written in the transaction that took it and never changed."""

    id = models.UUIDField(primary_key=True, default=new_id)
    from_status = models.CharField(max_length=20, blank=True)
    to_status = models.CharField(max_length=20)
    event = models.CharField(max_length=40)
    at = models.DateTimeField()
    reason = models.TextField(blank=True)
    policy_version = models.PositiveIntegerField(null=True)

    class Meta:
        abstract = True
        ordering = ["at", "id"]
