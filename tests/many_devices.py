"""Trains tiny societies on one device and on eight, and compares.

A script, not a test: `test_devices.py` runs it in a process of its own, which has eight devices.
"""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import tiny

from lase_jax.core import blocks
from lase_jax.loop.train import Schedule
from lase_jax.runs import devices
from lase_jax.runs.checkpoint import Checkpoints
from lase_jax.runs.parts import Plan
from lase_jax.runs.program import part_program, placed_carry, start_of
from lase_jax.runs.setup import set_up

LAYOUTS = {  # algorithm, seeds, environments: how eight devices share them
    ("lase", 2, 44): (2, 4),
    ("a2c", 11, 1): (6, 1),  # one place is left over
    ("lio", 2, 44): (2, 4),  # the games that it plays again are shared too
    ("ppo", 2, 48): (2, 4),  # and every minibatch
}


class Training:
    """Three updates at a time on the first `count` devices."""

    def __init__(self, algo, seeds, num_envs, count):
        schedule = Schedule(steps=80, num_envs=num_envs)
        # 5 steps, such that no number of samples of one device is the number of all environments
        game = replace(tiny.GAME, num_agents=3, horizon=5)
        setup = set_up(replace(tiny.config(algo, seeds=seeds), game=game, schedule=schedule))
        every = jax.devices
        jax.devices = lambda *backend: every(*backend)[:count]
        try:
            self.grid = devices.mesh(seeds, num_envs)
        finally:
            jax.devices = every
        self.seeds, self.setup = seeds, setup
        start = start_of([(setup.algorithm, setup.seeds)], self.grid)
        self.begin = placed_carry(setup.trainer, start, self.grid)
        plan = Plan(updates=3, part=3, window=1, steps=1)
        self.program, _ = part_program(setup.trainer, self.begin, plan, self.grid)

    def run(self, carry):
        """The run's own carry afterwards, and metrics."""
        after, metrics = self.program(carry)
        return devices.part(after, 0, self.seeds), devices.fetch(metrics, self.seeds)


def close(first, second):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-3, 1e-4), first, second)


def saved(carry, like):
    """The carry after a detour over the disk."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder) / "checkpoints", {})
        checkpoints.save(3, carry, 0.0)
        checkpoints.wait()
        _, restored = checkpoints.restore(like)
        checkpoints.close()
        return restored


def main() -> None:
    assert jax.device_count() == 8
    blocks.LEAST = 2  # several blocks
    for case, layout in LAYOUTS.items():
        alone, spread = Training(*case, 1), Training(*case, 8)
        assert tuple(alone.grid.shape.values()) == (1, 1)
        assert tuple(spread.grid.shape.values()) == layout, spread.grid
        text = spread.program.as_text()
        averaged = re.search(r"f32.*all-reduce\(", text)
        assert bool(averaged) == (layout[1] > 1), "only shared environments need averages"
        moved = "all-gather|all-to-all|collective-permute"
        assert not re.search(moved, text), "each keeps its environments"
        if layout[1] > 1:
            everywhere = rf"(f32|pred)\[[\d,]*\b{case[2]}\b"
            assert not re.search(everywhere, text), "no device plays for the others"
        assert not re.search(r"f32.*all-reduce\(.*/eta/while", text), "summed up after the loop"
        one, metrics = alone.run(alone.begin)
        many, others = spread.run(spread.begin)
        close(others, metrics)
        close(many.state, one.state)
        many, one = (saved(carry, alone.setup.shapes()) for carry in (many, one))
        fewer, more = devices.joined([many], alone.grid), devices.joined([one], spread.grid)
        close(alone.run(fewer)[0].state, spread.run(more)[0].state)


if __name__ == "__main__":
    main()
