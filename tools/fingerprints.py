"""Hashes of short runs of every algorithm and game, to check that a refactoring changes none.

    python tools/fingerprints.py before.json                    # before the change: writes them
    python tools/fingerprints.py after.json --like before.json  # after it: names what differs

Every algorithm plays Cleanup and, as a game of two, the iterated prisoner's dilemma; A2C plays
every game. A hash covers all metrics and the carry after two updates, bit for bit, so both files
must come from the same machine, packages and XLA_FLAGS.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

import envs
from envs.checks import ConfigError
from lase_jax import algorithms
from lase_jax.presets import preset
from lase_jax.runs.setup import set_up

UPDATES = 2


def fingerprint(env: str, algo: str) -> str:
    """The hash of a short run of an algorithm's preset, with two seeds and four environments."""
    run = preset(env, algo)
    setup = set_up(replace(run, seeds=2, schedule=replace(run.schedule, num_envs=4)))
    carry, metrics = jax.jit(setup.trainer.run, static_argnums=1)(setup.initial_carry(), UPDATES)
    carry = carry._replace(key=jax.random.key_data(carry.key))
    parts = sorted(map(digest, jax.tree.leaves(carry)))  # independent of the fields' names
    parts += [f"{name} {digest(values)}" for name, values in sorted(metrics.items())]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def digest(leaf: jax.Array) -> str:
    """The hash of an array's type, shape and bits."""
    content = f"{leaf.dtype} {leaf.shape}".encode() + np.asarray(leaf).tobytes()
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    """Writes the file, and returns 1 if it differs from the file of ``--like``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--like", type=Path)
    arguments = parser.parse_args()
    pairs = [(env, algo) for env in ("cleanup", "ipd") for algo in algorithms.names()]
    pairs += [(env, "a2c") for env in envs.names()]
    hashes = {}
    for env, algo in dict.fromkeys(pairs):
        try:
            hashes[f"{env} {algo}"] = fingerprint(env, algo)
        except ConfigError as error:  # LOLA needs two agents
            print(f"{env} {algo}: {error}")
        jax.clear_caches()
    arguments.file.write_text(json.dumps(hashes, indent=2) + "\n")
    if not arguments.like:
        return 0
    before = json.loads(arguments.like.read_text())
    differ = sorted(name for name in hashes | before if hashes.get(name) != before.get(name))
    print(f"{len(hashes)} runs, {len(differ)} differ", *differ, sep="\n")
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
