"""Social dilemmas as pure step functions: ``envs.make("ssh")``."""

from envs.checks import ConfigError
from envs.registry import GAMES, config, make, names, register
from envs.types import Env, EnvSpec, GameConfig, Step

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
    "register",
]
