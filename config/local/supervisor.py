"""Runs every process of the Procfile together."""

from config.local.state import State


def up(state: State, **k: object) -> int:
    raise NotImplementedError
