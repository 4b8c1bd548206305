"""What a run is, in a few lines, before it begins.

Letters: S seeds, n seats of one kind of agent.
"""

import jax
import numpy as np

from lase_jax.runs.config import Kind, WandbMode
from lase_jax.runs.parts import Plan
from lase_jax.runs.setup import Setup


def lines(setup: Setup, plan: Plan, wandb: WandbMode) -> list[str]:
    """Game, seats, seeds, steps, parameters, devices and where metrics go, a line for each.

    Args:
        setup: what is built from a run's settings.
        plan: how its training is cut into parts.
        wandb: W&B's mode.
    """
    config, spec = setup.config, setup.env.spec
    most = "" if spec.max_return is None else f", at most {spec.max_return:g} for all together"
    last = f" to {setup.seeds[-1]}" if len(setup.seeds) > 1 else ""
    steps, parts = plan.updates * plan.steps, plan.updates // plan.part
    counts = ", ".join(f"{kind} {count:,}" for kind, count in parameters(setup).items())
    facts = {
        "Game": f"{config.env}, {spec.num_agents} seats, episodes of {spec.horizon} steps{most}",
        "Seats": seats(setup.seats),
        "Seeds": f"{len(setup.seeds)} ({setup.seeds[0]}{last}), side by side",
        "Steps": f"{steps:,} per seed, in {config.schedule.num_envs} environments",
        "Updates": f"{plan.updates:,} in {parts} parts; between parts it saves and can be stopped",
        "Parameters": f"{counts} per agent",
        "Devices": devices(),
        "W&B": W_AND_B[wandb],
    }
    return [f"{name + ':':12}{fact}" for name, fact in facts.items()]


W_AND_B: dict[WandbMode, str] = {
    "offline": "offline, kept in the run's folder (--wandb online or disabled)",
    "online": "online",
    "disabled": "disabled",
}
"""What is said of W&B's modes."""


def seats(names: tuple[str, ...]) -> str:
    """Who sits where, e.g. ``"4 x lase"`` or ``"lase (0), a2c (1, 2, 3)"``."""
    kinds = list(dict.fromkeys(names))
    if len(kinds) == 1:
        return f"{len(names)} x {kinds[0]}"
    places = {
        kind: ", ".join(str(seat) for seat, name in enumerate(names) if name == kind)
        for kind in kinds
    }
    return ", ".join(f"{kind} (seat {place})" for kind, place in places.items())


def devices() -> str:
    """The devices that jax finds, e.g. ``"2 x cpu"``."""
    kinds = [device.device_kind for device in jax.devices()]
    return ", ".join(f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds))


def parameters(setup: Setup) -> dict[str, int]:
    """How many parameters one agent of each kind has, in all of its networks."""
    algorithm, kinds = setup.algorithm, setup.config.kinds()
    state = jax.eval_shape(algorithm.init, jax.random.key(0), algorithm.hyper)

    def count(kind: Kind, group: object) -> int:
        leaves = jax.tree_util.tree_leaves_with_path(group)
        sizes = (np.prod(leaf.shape) for path, leaf in leaves if ".params" in map(str, path))
        return int(sum(sizes)) // kinds.count(kind)

    groups = zip(dict.fromkeys(kinds), state, strict=True)
    return {kind.name: count(kind, group) for kind, group in groups}
