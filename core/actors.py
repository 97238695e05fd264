from dataclasses import dataclass
from uuid import UUID

from django.db.models import TextChoices


class ActorKind(TextChoices):
    """Who can do something: nothing is done by nobody."""

    PERSON = "person"
    """A signed-in user, `id` is the user's."""
    CAPABILITY = "capability"
    """Whoever holds a link that allows one thing, `id` is the link's."""
    SERVICE = "service"
    """A process of ours acting by a clock, `id` is its name."""


class ServiceName(TextChoices):
    """Every process of ours that acts by itself, each under its own name and no other's."""

    WATCH = "watch"
    """Looks for sessions and check-ins that need something."""
    SCHEDULE = "schedule"
    """Asks for assessments as their time comes."""
    DELIVER = "deliver"
    """Sends messages that are due."""
    ANCHOR = "anchor"
    """Notes where the audit trail stands, and checks it."""
    INSTALL = "install"
    """A command that somebody with the server in their hands runs."""
    CATALOGUE = "catalogue"
    """Publishes the programs, policies and texts that come with the software."""
    DRILL = "drill"
    """Lets a monitor who does not exist fall silent, to see who would be called, and when."""
    DEMO = "demo"
    """Makes the demo clinic."""
    VISITOR = "visitor"
    """Answers a request of nobody who is signed in."""


@dataclass(frozen=True)
class Actor:
    """Whoever acts, as it is written beside everything that was done."""

    kind: ActorKind
    id: str

    @classmethod
    def person(cls, user_id: UUID) -> "Actor":
        """Return the actor for a signed-in user."""
        return cls(ActorKind.PERSON, str(user_id))

    @classmethod
    def capability(cls, capability_id: UUID) -> "Actor":
        """Return the actor for the holder of a capability link."""
        return cls(ActorKind.CAPABILITY, str(capability_id))

    @classmethod
    def service(cls, name: ServiceName) -> "Actor":
        """Return the actor for one of our own processes; raises `ValueError` for a name not listed."""
        return cls(ActorKind.SERVICE, ServiceName(name).value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"
