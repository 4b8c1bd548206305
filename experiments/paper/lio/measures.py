"""For which deeds trained agents pay each other (Yang et al. 2020, the figures of incentives).

Letters: S seeds, T steps, E episodes, N seats.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.findings import Numbers, of_each_seed
from lase_jax import api
from lase_jax.core.metrics import Metrics, by_deed, masked_mean
from lase_jax.reports.evaluate import Played
from lase_jax.types import Algorithm, Array, Decision, Mode, Opinion, PyTree, Rollout

HELPERS = ("cleaner", "cooperator")
"""Scripted players that help; the first that a game has."""
RECIPIENTS = ("helper", "defector")
"""Scripted players among trained agents."""


def measure(path: Path, result: api.Result, gives: bool) -> Numbers:
    """What is measured of trained agents; `gives`: by a choice of their own, in their own play."""
    del path
    return deeds(result) | ({} if gives else scripted(result))


def deeds(result: api.Result) -> dict[str, np.ndarray]:
    """What an agent receives in a step in which it does what helps, and in any other step.

    Incentives that are paid for are counted net of their price.

    Returns:
        ``paid/deed`` and ``paid/else``, each ``[S, N]`` reward per step without epsilon; NaN where
        there is no such step.
    """
    spec = result.game.spec

    def received(state: PyTree, played: Played) -> Metrics:
        del state
        seats = range(spec.num_agents)
        return by_deed(played.delta, played.rollout, spec.helps, seats)

    found = of_each_seed(result, result.society.algorithm, received)
    return {name.replace("incentive", "paid"): np.asarray(of) for name, of in found.items()}


def scripted(result: api.Result) -> dict[str, np.ndarray]:
    """What trained agents pay to a scripted player among them.

    Returns:
        ``paid/helper`` and ``paid/defector``, each ``[S, N]``, incentives received per step without
        epsilon by that player in each seat, beside trained agents in all others.
    """
    game, trained = result.game, result.society.algorithm
    helper = next(name for name in HELPERS if name in game.scripted)
    found = {}
    for name, player in {"helper": helper, "defector": "defector"}.items():
        strangers = api.society(game, player).algorithm
        of_seats = []
        for seat in range(game.spec.num_agents):

            def received(state: PyTree, played: Played, seat: int = seat) -> Array:
                del state
                paid, there = (of[..., seat] for of in (played.delta, played.rollout.active))
                return masked_mean(paid, there, (0, 1), jnp.nan)

            of_seats.append(of_each_seed(result, joined(trained, strangers, seat), received))
        found[f"paid/{name}"] = np.stack(of_seats, -1)
    return found


def joined(trained: Algorithm, strangers: Algorithm, seat: int) -> Algorithm:
    """A society of which one seat does what strangers without parameters do there.

    Args:
        trained: the society; its opinion is that of all its agents, on what is done.
        strangers: on all seats, of whom one counts.
        seat: where it sits.
    """
    state = strangers.init(jax.random.key(0), strangers.hyper)

    def begin(num_envs: int) -> PyTree:
        return trained.begin(num_envs), strangers.begin(num_envs)

    def prepare(own: PyTree) -> PyTree:
        return trained.prepare(own), strangers.prepare(state)

    def draw(key: Array, num_envs: int) -> PyTree:
        both = zip((trained, strangers), jax.random.split(key), strict=True)
        return tuple(society.draw(own, num_envs) for society, own in both)

    def act(
        acting: PyTree, memory: PyTree, obs: Array, draws: PyTree, mode: Mode
    ) -> tuple[Decision, PyTree]:
        ours, after = trained.act(acting[0], memory[0], obs, draws[0], mode)
        theirs, beside = strangers.act(acting[1], memory[1], obs, draws[1], mode)
        action = ours.action.at[:, seat].set(theirs.action[:, seat])
        return ours._replace(action=action), (after, beside)

    def remember(acting: PyTree, memory: PyTree, action: Array, reward: Array) -> PyTree:
        both = zip((trained, strangers), acting, memory, strict=True)
        return tuple(society.remember(a, m, action, reward) for society, a, m in both)

    def weigh(own: PyTree, rollout: Rollout, key: Array) -> Opinion:
        return trained.weigh(own, rollout._replace(memory=rollout.memory[0]), key)

    return trained._replace(
        begin=begin, prepare=prepare, draw=draw, act=act, remember=remember, weigh=weigh
    )
