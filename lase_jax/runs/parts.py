"""How training is cut into parts, and the metrics of a part.

A part always has the same number of updates, and checkpoints lie between parts only. A resumed run
therefore executes the same compiled program on the same carry as a run that was never interrupted,
and gives the same numbers bit for bit (on the same machine).

Letters: S seeds, U updates of a part, R rows of metrics, N seats.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from envs import checks
from envs.checks import ConfigError
from lase_jax.reports import stats
from lase_jax.reports.record import Record
from lase_jax.runs.config import RunConfig


class Plan(NamedTuple):
    """How training is cut into parts."""

    updates: int  # in total: a multiple of `part`, at least as many as the schedule asks for
    part: int  # updates of a part
    window: int  # updates averaged to one row of metrics; a divisor of `part`
    steps: int  # environment steps of an update, per seed


class DivergedError(ConfigError):
    """A loss or gradient is no longer finite."""


def make_plan(updates: int, steps: int, chunks: int, points: int, phases: int = 1) -> Plan:
    """Cuts `updates` updates of `steps` environment steps into about `chunks` equal parts.

    Args:
        updates: in total.
        steps: environment steps of an update, per seed.
        chunks: parts, about.
        points: rows of metrics, about.
        phases: updates in which environments play an episode. Rows are means over whole episodes,
            unless parts are shorter: different phases of an episode pay differently.
    """

    def part_of(window: int) -> int:
        return window * max(1, round(updates / (chunks * window)))

    window = -(-updates // max(points, 1))
    whole = -(-window // phases) * phases
    window = whole if whole <= part_of(window) else window
    part = part_of(window)
    return Plan(-(-updates // part) * part, part, window, steps)


def plan_of(config: RunConfig) -> Plan:
    """How a run is cut into parts."""
    spec, schedule = config.game.spec(), config.schedule
    updates, steps = schedule.num_updates(spec), schedule.steps_per_update(spec)
    phases = spec.horizon * schedule.num_envs // steps
    return make_plan(updates, steps, config.chunks, config.points, phases)


def extended(config: RunConfig, steps: int) -> RunConfig:
    """The same run with more environment steps, rounded up to whole parts.

    Parts and rows of metrics stay as long as they were. Schedules (exploration, learning rate,
    entropy bonus, curricula) count episodes or steps, never shares of the whole run: what has
    reached its end stays there, what has not goes on as it would have in a longer run.

    Args:
        config: the run.
        steps: environment steps per seed, in all.

    Raises:
        ConfigError: fewer steps than the run has.
    """
    plan = plan_of(config)
    wanted = dataclasses.replace(config.schedule, steps=steps)
    updates = -(-wanted.num_updates(config.game.spec()) // plan.part) * plan.part
    remedy = f"the run has {plan.updates * plan.steps}, use more to extend it or leave it out"
    checks.require(updates >= plan.updates, "steps", steps, remedy)
    if updates == plan.updates:
        return config
    return dataclasses.replace(
        config,
        chunks=updates // plan.part,
        points=updates // plan.window,
        schedule=dataclasses.replace(config.schedule, steps=updates * plan.steps),
    )


def to_record(metrics: dict[str, np.ndarray], done: int, plan: Plan) -> Record:
    """Averages a part's metrics ``[U, S, ...]`` to rows ``[R, S, ...]``, leaving out NaN."""

    def rows(values: np.ndarray) -> np.ndarray:
        windows = values.reshape(-1, plan.window, *values.shape[1:])
        return stats.mean(windows, 1).astype(np.float32)

    update = done + plan.window * np.arange(1, plan.part // plan.window + 1)
    return Record(update, update * plan.steps, {k: rows(v) for k, v in metrics.items()})


def collective(record: Record) -> float:
    """The newest collective return, mean over seeds."""
    return float(np.mean(record.metrics["return/collective"][-1]))


def check_health(metrics: dict[str, np.ndarray], done: int, seeds: range) -> None:
    """Requires finite losses and gradients: the metrics ``health/<network>`` must not be 0.

    Args:
        metrics: the metrics of a part, ``[U, S, N]``.
        done: updates finished before the part.
        seeds: number of each seed.

    Raises:
        DivergedError: something is not finite; names the first update, its seed, agent and network.
    """
    failures = [
        (int(update), seeds[seed], int(agent), name.removeprefix("health/"))
        for name, values in metrics.items()
        if name.startswith("health/")
        for update, seed, agent in np.argwhere(values == 0)[:1]
    ]
    if failures:
        update, seed, agent, network = min(failures)
        raise DivergedError(
            f"loss is not finite in update {done + update + 1}: "
            f"it is network {network!r} of agent {agent}, seed {seed}; "
            "use a lower learning rate or max_grad_norm."
        )
