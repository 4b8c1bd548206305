"""Trains two updates with whichever lase_jax is installed, from outside the repository.

A script, not a test: `test_packaging.py` runs it against a wheel, and so does the CI workflow.
"""

from pathlib import Path

import envs
import lase_jax


def main() -> None:
    repository = Path(__file__).parent.parent
    for package in (envs, lase_jax):
        assert repository not in Path(str(package.__file__)).parents, package.__file__
    game = envs.make("ipd", horizon=4)
    society = lase_jax.society(game.spec, "a2c")
    result = lase_jax.train(game, society, steps=16, num_envs=2, seeds=1)
    assert result.metrics["return/collective"].shape[0] == 2


if __name__ == "__main__":
    main()
