"""Episodes with all that a replay shows of them.

Letters: T steps, N seats, A actions, F numbers of an observation. Giver first, receiver second.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from envs.render import TILE, agent_centres
from envs.types import Env
from lase_jax.reports import evaluate
from lase_jax.types import Account, Algorithm, Mode, PyTree


class Label(NamedTuple):
    """Which episode a recording is of."""

    seed: int
    update: int  # updates of training before it
    steps: int  # environment steps of training before it
    episode: int  # its number, the seed of its random draws


class Recording(NamedTuple):
    """One episode."""

    label: Label
    pictures: list[np.ndarray]  # T + 1 of [h, w, 3] uint8, before every step and at the end
    centres: np.ndarray | tuple[()]  # [T + 1, N, 2] pixels of each agent; () without a map
    obs: np.ndarray  # [T, N, F] what each seat saw before the step
    action: np.ndarray  # [T, N] int32
    reward: np.ndarray  # [T, N] extrinsic
    active: np.ndarray  # [T, N] bool
    given: np.ndarray  # [T, N, N] reward given as a share of the own, zero on the diagonal
    delta: np.ndarray  # [T, N] change of each reward by all agents' opinions
    events: dict[str, np.ndarray]  # [T, N] each
    account: Account  # leaves [T, N, N, ...]


Recorder = Callable[[PyTree, Label], Recording]


def recorder(env: Env, algorithm: Algorithm, mode: Mode) -> Recorder:
    """What records episodes of a society, compiled once for all of its states.

    Args:
        env: the game.
        algorithm: the society.
        mode: how actions are chosen.

    Returns:
        ``(state, label) -> Recording``, where ``state`` is the society's, of one seed. Equal
        episode numbers of ``label`` give the episodes of `evaluate.scene` with that key.
    """

    @jax.jit
    def play(state: PyTree, key: jax.Array) -> tuple[evaluate.Played, Account]:
        one = partial(evaluate.episodes, num_episodes=1, mode=mode, keep_states=True)
        played = one(env, algorithm, state, key)
        return played, algorithm.explain(state, played.rollout)

    def record(state: PyTree, label: Label) -> Recording:
        played, account = jax.device_get(play(state, jax.random.key(label.episode)))
        facts, weights = played.rollout, played.weights[:, 0]
        steps, _, seats = facts.action.shape
        given = facts.reward[:, 0, :, None] * weights * (1.0 - np.eye(seats, dtype=np.float32))
        return Recording(
            label=label,
            pictures=[evaluate.picture(env, played, 0, time) for time in range(steps + 1)],
            centres=_centres(played.env_states),
            obs=facts.obs[:, 0],
            action=facts.action[:, 0],
            reward=facts.reward[:, 0],
            active=facts.active[:, 0],
            given=given,
            delta=played.delta[:, 0],
            events={name: count[:, 0] for name, count in facts.events.items()},
            account=jax.tree.map(lambda leaf: leaf[:, 0], account),
        )

    return record


def _centres(states: Any) -> np.ndarray | tuple[()]:
    """Where the agents stand in the pictures of games that keep ``position`` in their states."""
    position = getattr(states, "position", None)
    if position is None or np.ndim(position) != 4:
        return ()
    where = np.asarray(position)[:, 0]
    present = getattr(states, "present", None)
    there = np.ones(where.shape[:2], bool) if present is None else np.asarray(present)[:, 0]
    return np.stack([agent_centres(*each) for each in zip(where, there, strict=True)])


def in_tiles(picture: np.ndarray) -> np.ndarray:
    """A picture ``[h, w, 3]`` cut into square tiles ``[rows, columns, TILE, TILE, 3]``.

    A picture that is no multiple of a tile gets white edges on the right and below.
    """
    height, width, channels = picture.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    edges = ((0, rows * TILE - height), (0, columns * TILE - width), (0, 0))
    whole = np.pad(picture, edges, constant_values=255)
    return whole.reshape(rows, TILE, columns, TILE, channels).swapaxes(1, 2)
