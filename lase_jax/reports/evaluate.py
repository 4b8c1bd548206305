"""Playing without learning: episodes, a table per agent, and what an animation needs.

Letters: E episodes side by side, T steps, N seats, S seeds.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import jax
import numpy as np

from envs.types import Env
from lase_jax.core import metrics
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.train import by_seed
from lase_jax.reports import animate, stats, tables
from lase_jax.types import Algorithm, Array, Metrics, Mode, PyTree, Rollout

MODES: tuple[Mode, ...] = ("greedy", "sample")
COLUMNS = {
    "return/extrinsic": "return",
    "gift/given": "given",
    "gift/received": "received",
    "return/after_gifts": "after gifts",
}
"""Metrics per agent that the table shows, and their titles there; events follow."""


class Played(NamedTuple):
    """Whole episodes of one society."""

    rollout: Rollout  # [T, E, N]
    delta: Array  # [T, E, N] sum of the deltas of all opinions
    weights: Array  # [T, E, N, N] share given, giver first; rows sum to 1
    env_states: PyTree  # [T + 1, E, ...], or None where they were not kept


def episodes(
    env: Env,
    algorithm: Algorithm,
    state: PyTree,
    key: Array,
    num_episodes: int,
    mode: Mode,
    keep_states: bool = False,
) -> Played:
    """Plays whole episodes; pure, can be jitted and vmapped over seeds.

    Args:
        env: the game.
        algorithm: the society.
        state: the society's state, of one seed.
        key: consumed.
        num_episodes: E.
        mode: how actions are chosen.
        keep_states: whether to keep the game's states, for pictures.
    """
    key_begin, key_play, key_weigh = jax.random.split(key, 3)
    world = begin(env, algorithm, key_begin, num_episodes)
    keep: Callable[[PyTree], Any] = (lambda now: now) if keep_states else (lambda now: None)
    acting = algorithm.prepare(state)
    after, rollout, states = play(
        env, algorithm, acting, world, key_play, env.spec.horizon, mode, keep
    )
    opinion = algorithm.weigh(state, rollout, key_weigh)
    if keep_states:
        states = jax.tree.map(
            lambda many, last: jax.numpy.concatenate([many, last[None]]), states, after.env_state
        )
    return Played(rollout, opinion.delta, opinion.weights, states)


def picture(env: Env, played: Played, episode: int, time: int) -> np.ndarray:
    """The game ``[h, w, 3]`` uint8 after some steps of an episode whose states were kept."""
    return np.asarray(env.render(jax.tree.map(itemgetter((time, episode)), played.env_states)))


def scores(
    env: Env, algorithm: Algorithm, state: PyTree, key: Array, num_episodes: int, mode: Mode
) -> Metrics:
    """Means over some episodes, under the names of `metrics.TABLE`; pure. ``key`` is consumed."""
    played = episodes(env, algorithm, state, key, num_episodes, mode)
    return metrics.of_rollout(played.rollout, played.delta, played.weights, env.spec.horizon)


def evaluate(
    env: Env,
    algorithm: Algorithm,
    state: PyTree,
    seeds: int,
    num_episodes: int,
    seed: int = 0,
    modes: Sequence[Mode] = MODES,
    admit: Callable[[Any], None] = lambda executable: None,
) -> dict[str, dict[str, np.ndarray]]:
    """Episodes of every seed without exploration, by default greedy and sampled ones.

    Args:
        env: the game.
        algorithm: the society.
        state: the society's state, leaves ``[S, ...]``; no leaves if all seats are scripted.
        seeds: S.
        num_episodes: episodes per seed and mode.
        seed: seed of the episodes.
        modes: how actions are chosen.
        admit: called with every compiled program, before it runs.

    Returns:
        For each mode, every metric as ``[S]``, ``[S, N]`` or ``[S, N, N]``.
    """
    results = {}
    for mode in modes:
        one = partial(scores, env, algorithm, num_episodes=num_episodes, mode=mode)
        keys = jax.random.split(jax.random.key(seed), seeds)
        program = jax.jit(partial(by_seed, one)).lower(state, keys).compile()
        admit(program)
        results[mode] = jax.device_get(program(state, keys))
    return results


def report(
    found: dict[str, dict[str, np.ndarray]], seats: Sequence[str], seeds: Sequence[int]
) -> dict[str, Any]:
    """The result of `evaluate` as JSON: means over seeds per agent, and every seed's numbers.

    Beside the means stand half the widths of their 95 % intervals over seeds (Student's t). A
    number that does not exist (equality where nothing was earned, the interval of one seed) is
    null.
    """

    def means(numbers: dict[str, np.ndarray]) -> dict[str, Any]:
        """Means of metrics ``[S]``, and under "ci95" their intervals."""
        found = {
            name: [stats.number(part[0]) for part in stats.mean_and_band(values[None])]
            for name, values in sorted(numbers.items())
        }
        intervals = {name: half for name, (_, half) in found.items()}
        return {name: mean for name, (mean, _) in found.items()} | {"ci95": intervals}

    return {
        mode: {
            "agents": [
                {"seat": seat, "kind": kind}
                | means({n: values[:, seat] for n, values in numbers.items() if values.ndim == 2})
                for seat, kind in enumerate(seats)
            ],
            "group": means({n: values for n, values in numbers.items() if values.ndim == 1}),
            "seeds": {
                str(seed): {
                    name: _numbers(values[index]) for name, values in sorted(numbers.items())
                }
                for index, seed in enumerate(seeds)
            },
        }
        for mode, numbers in found.items()
    }


def _numbers(values: np.ndarray) -> Any:
    return [_numbers(part) for part in values] if np.ndim(values) else stats.number(values)


def show(
    found: dict[str, Any], num_seeds: int, num_episodes: int, most: float | None = None
) -> None:
    """Prints the result of `report` as one table per mode.

    Args:
        found: the result of `report`.
        num_seeds: S.
        num_episodes: episodes per seed.
        most: an upper bound of the collective return, to be shown beside it; None for none.
    """
    from rich.table import Table

    console = tables.console()
    for mode, result in found.items():
        group = result["group"]
        interval = ", ± its 95 % interval over seeds" if num_seeds > 1 else ""
        title = f"{mode}: mean of {num_episodes} episodes x {num_seeds} seeds{interval}"
        table = Table(title=title)
        events = [name for name in result["agents"][0] if name.startswith("event/")]
        names = COLUMNS | {name: name.removeprefix("event/") for name in events}
        table.add_column("agent")
        table.add_column("kind")
        for column in names.values():
            table.add_column(column, justify="right")
        for agent in result["agents"]:
            table.add_row(str(agent["seat"]), agent["kind"], *(_cell(agent, n) for n in names))
        tables.show(table, console)
        possible = "" if most is None else f" of {most:g}"
        console.print(
            f"collective return {_cell(group, 'return/collective')}{possible}, "
            f"equality {_cell(group, 'social/equality')}, "
            f"after gifts {_cell(group, 'social/equality_after')}\n"
        )


def _cell(means: dict[str, Any], name: str) -> str:
    """A mean with its interval, e.g. ``"4.20 ± 0.13"``, or a dash."""
    mean, half = means[name], means["ci95"][name]
    if mean is None:
        return "-"
    return f"{mean:.2f}" if half is None else f"{mean:.2f} ± {half:.2f}"


def scene(
    env: Env,
    algorithm: Algorithm,
    state: PyTree,
    key: Array,
    mode: Mode,
    seats: Sequence[str],
    title: str,
) -> animate.Scene:
    """Plays one episode and prepares it for `animate.gif`.

    Args:
        env: the game.
        algorithm: the society.
        state: the society's state, of one seed.
        key: consumed.
        mode: how actions are chosen.
        seats: name of the agent on each seat.
        title: above the animation.
    """
    one = partial(episodes, env, algorithm, num_episodes=1, mode=mode, keep_states=True)
    played = jax.device_get(jax.jit(one)(state, key))
    reward, weights = played.rollout.reward[:, 0], played.weights[:, 0]
    gift = reward[:, :, None] * weights * (1.0 - np.eye(len(seats)))
    return animate.Scene(partial(picture, env, played, 0), reward, gift, tuple(seats), title)
