"""The menu of games: a name for every ready-made choice of settings."""

import dataclasses
from typing import Any

from envs import checks
from envs.stag_hunt import StagHunt
from envs.types import Env

GameConfig = StagHunt

GAMES: dict[str, GameConfig] = {
    "ssh": StagHunt(),
    "ssh_strict": StagHunt(hunt="choose"),
}


def names() -> tuple[str, ...]:
    """Names of all ready-made games, sorted."""
    return tuple(sorted(GAMES))


def config(name: str, **overrides: Any) -> GameConfig:
    """The settings of a ready-made game, some of them changed.

    Raises:
        ConfigError: unknown name or field (with the nearest ones), or a value that cannot work.
    """
    checks.choice("game", name, GAMES)
    fields = {field.name for field in dataclasses.fields(GAMES[name])}
    for field in overrides:
        checks.choice(f"field of {name}", field, fields)
    return dataclasses.replace(GAMES[name], **overrides)


def make(name: str, **overrides: Any) -> Env:
    """Builds a ready-made game: ``make("ssh", rows=5, columns=5)``. Raises as `config` does."""
    return config(name, **overrides).build()
