"""Whether it is settled who somebody is, and that theirs is the one chart of them."""

from dataclasses import dataclass
from uuid import UUID

from core.errors import Reason


@dataclass(frozen=True)
class IdentityFacts:
    """What is known of who somebody is.

    `refuted`: the newest check of their identity did not confirm it. `has_unsettled_twin`: another chart may
    be theirs (`accounts.likeness`), and nobody has said whose it is, or it was given up and tells more since.
    `is_second_chart`: it is theirs, and the other one goes on. `joined_by`: the newest decision by which this
    chart goes on for two; its id tells what came before it. `twin_stands_still`: one that was theirs too has
    a hold or an urgent alert that stands.
    """

    refuted: bool = False
    has_unsettled_twin: bool = False
    is_second_chart: bool = False
    joined_by: UUID | None = None
    twin_stands_still: bool = False


def identity_faults(facts: IdentityFacts) -> tuple[Reason, ...]:
    """Return why nobody may be cleared, planned for or treated on this chart until a person settles it."""
    found = {
        "identity_not_confirmed": facts.refuted,
        "possible_duplicate": facts.has_unsettled_twin,
        "second_chart": facts.is_second_chart,
        "other_chart_held": facts.twin_stands_still,
    }
    return tuple(Reason(code, _WHY[code]) for code, holds in found.items() if holds)


_WHY = {
    "identity_not_confirmed": "We could not confirm who you are yet. Call us, and we do it with you.",
    "possible_duplicate": "There may be a second record of you here. Call us, and we sort it out with you.",
    "second_chart": "You have another record here that goes on. Call us, and we show you where.",
    "other_chart_held": "Something in your other record comes first. Your clinician will speak with you.",
}
