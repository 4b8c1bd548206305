"""Gifting, influence and other mechanisms of cooperation for independent learners, in JAX."""

from typing import TYPE_CHECKING

from lase_jax._games import settle

if TYPE_CHECKING:
    import envs as envs

__version__ = "0.1.0"

settle()
