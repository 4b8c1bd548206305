"""The menu of algorithms: a name for every ready-made kind of agent."""

from lase_jax.algorithms.a2c import A2C

AlgorithmConfig = A2C
ALGORITHMS: dict[str, AlgorithmConfig] = {"a2c": A2C()}
