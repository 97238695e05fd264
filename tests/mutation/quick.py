"""A pytest plugin: Hypothesis tries the same each time, and does not look for the smallest failure."""

from hypothesis import Phase, settings

settings.register_profile(
    "mutation", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
