"""Trains a tiny society on one device and on eight, and compares.

A script, not a test: `test_devices.py` runs it in a process of its own, which has eight devices.
"""

import re
from dataclasses import replace

import jax
import numpy as np
import tiny

from lase_jax import devices, host
from lase_jax.train import Schedule

LAYOUTS = {  # algorithm, seeds, environments: how eight devices share them
    ("lase", 2, 8): (2, 4),
    ("a2c", 11, 1): (6, 1),  # one place is left over
}


def train(algo, seeds, num_envs, count):
    """Metrics, final state, how devices shared the work, and the text of the program."""
    schedule = Schedule(steps=80, num_envs=num_envs)
    config = replace(tiny.config(algo, seeds=seeds), schedule=schedule)
    setup = host.set_up(config)
    every = jax.devices
    jax.devices = lambda *backend: every(*backend)[:count]
    try:
        grid = devices.mesh(seeds, num_envs)
    finally:
        jax.devices = every
    start = host.start([(setup.algorithm, setup.seeds)], grid)
    plan = host.Plan(updates=3, part=3, window=1, steps=1)
    carry = host.begin(setup.trainer, start, grid)
    program, _ = host.compiled(setup.trainer, carry, plan, grid)
    after, metrics = program(carry)
    shape = tuple(grid.shape.values())
    own = devices.part(after, 0, seeds)
    return devices.fetch(metrics, seeds), own.state, shape, program.as_text()


def main() -> None:
    assert jax.device_count() == 8
    for case, layout in LAYOUTS.items():
        metrics, state, one, _ = train(*case, 1)
        spread, shared, shape, text = train(*case, 8)
        assert one == (1, 1) and shape == layout, (one, shape)
        for name, values in metrics.items():
            np.testing.assert_allclose(spread[name], values, 1e-4, 1e-5, err_msg=name)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-3, 1e-4), shared, state)
        averaged = re.search(r"f32.*all-reduce\(", text)
        assert bool(averaged) == (layout[1] > 1), "only shared environments need averages"


if __name__ == "__main__":
    main()
