"""Gifting, influence and other mechanisms of cooperation for independent learners, in JAX."""

from lase_jax._guard import check_envs

__version__ = "0.1.0"

check_envs()
