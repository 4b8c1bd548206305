"""Trains two updates with whichever lase_jax is installed, from outside the repository.

A script, not a test: `test_packaging.py` runs it against a wheel, and so does the CI workflow.
"""

from pathlib import Path

import jax

import lase_jax
from lase_jax import envs
from lase_jax.algorithms import ALGORITHMS
from lase_jax.loop.society import society
from lase_jax.loop.train import Schedule, make_trainer


def main() -> None:
    repository = Path(__file__).parent.parent
    for package in (envs, lase_jax):
        assert repository not in Path(str(package.__file__)).parents, package.__file__
    game = envs.make("ssh", horizon=4)
    seats = tuple(range(game.spec.num_agents))
    agents = society(game.spec, [(ALGORITHMS["a2c"].build(game, seats), seats)])
    trainer = make_trainer(game, agents, Schedule(steps=16, num_envs=2))
    carry = trainer.init(jax.random.split(jax.random.key(0), 1), agents.hyper)
    _, metrics = jax.jit(trainer.run, static_argnums=1)(carry, 2)
    assert metrics["return/extrinsic"].shape == (2, 1, game.spec.num_agents)


if __name__ == "__main__":
    main()
