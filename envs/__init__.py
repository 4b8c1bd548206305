"""Social dilemmas as pure step functions: ``envs.make("ssh")``."""

from envs.checks import ConfigError
from envs.registry import GAMES, GameConfig, config, make, names
from envs.types import Env, EnvSpec, Step

__lase_jax__ = True
"""Marks this package as lase_jax's, since other packages are called `envs` too."""

__all__ = [
    "GAMES",
    "ConfigError",
    "Env",
    "EnvSpec",
    "GameConfig",
    "Step",
    "config",
    "make",
    "names",
]
