"""A person takes a seat in a game, beside scripted or trained players, who do not learn.

Letters: N seats, F numbers of an observation.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.checks import integer
from envs.types import Env, EnvSpec
from lase_jax.algorithms.scripted import Scripted
from lase_jax.loop.rollout import begin, flat
from lase_jax.loop.society import society
from lase_jax.runs.config import Kind, seated
from lase_jax.runs.crossplay import Guest, guests, parties
from lase_jax.runs.setup import Setup
from lase_jax.types import Algorithm, Array, Carry, Mode, PyTree, World

PERSON = Kind("you", Scripted("random"))
"""Who holds the person's seat until the person's action takes the place of its own."""


class Table(NamedTuple):
    """A game with everyone who plays it."""

    env: Env
    seat: int  # the person's
    names: tuple[str, ...]  # [N]
    algorithm: Algorithm
    acting: PyTree  # what all need to act


class Turn(NamedTuple):
    """What happened in one step."""

    action: Any  # [N] int32
    reward: Any  # [N] float32, extrinsic
    active: Any  # [N] bool, took part in the step
    ends: Any  # [] bool, the episode ended with it


def beside_scripted(env: Env, seat: int, others: Sequence[Kind]) -> Table:
    """A table of scripted players.

    Args:
        env: the game.
        seat: the person's.
        others: the kinds on the other seats, in their order; a single one holds all of them.

    Raises:
        ConfigError: no such seat, too many or too few others, or a policy that the game has not.
    """
    integer("seat", seat, 0, env.spec.num_agents - 1)
    rest = list(others) * (env.spec.num_agents - 1) if len(others) == 1 else list(others)
    kinds = [*rest[:seat], PERSON, *rest[seat:]]
    algorithm = seated(env, kinds)
    state = algorithm.init(jax.random.key(0), algorithm.hyper)
    names = tuple(kind.name for kind in kinds)
    return Table(env, seat, names, algorithm, algorithm.prepare(state))


def beside_trained(setup: Setup, carry: Carry, seed_index: int, seat: int) -> Table:
    """A table of a run's agents, all but the one whose seat the person takes.

    Args:
        setup: what is built from the run's settings.
        carry: a checkpoint of it.
        seed_index: place of the seed whose agents play.
        seat: the person's.

    Raises:
        ConfigError: no such seat.
    """
    env, num = setup.env, setup.env.spec.num_agents
    integer("seat", seat, 0, num - 1)
    person = [Guest(PERSON, (place,), ()) for place in range(num)]
    row = [int(place == seat) for place in range(num)]
    found, everyone = parties([guests(setup, carry), person], row)
    groups = [
        (party.kind.agent.actors(env, party.seats, party.present), party.present) for party in found
    ]
    acting = tuple(jax.tree.map(lambda leaf: leaf[seed_index], each) for each in everyone)
    names = tuple("you" if place == seat else name for place, name in enumerate(setup.seats))
    return Table(env, seat, names, society(env.spec, groups), acting)


class Game:
    """One episode that waits for the person in every step.

    Args:
        table: who plays.
        episode: its number, the seed of its random draws.
        mode: how the others choose their actions.
    """

    def __init__(self, table: Table, episode: int, mode: Mode):
        self.table = table
        key_begin, self._key = jax.random.split(jax.random.key(episode))
        self._world = jax.jit(partial(begin, table.env, table.algorithm, num_envs=1))(key_begin)
        self._step = jax.jit(partial(step, table.env, table.algorithm, table.seat, mode=mode))

    @property
    def obs(self) -> np.ndarray:
        """``[F]`` what the person's seat sees."""
        return np.asarray(self._world.obs)[0, self.table.seat]

    def go(self, action: int) -> Turn:
        """Plays a step with the person's action."""
        self._key, key = jax.random.split(self._key)
        arguments = self.table.acting, self._world, jnp.int32(action), key
        self._world, turn = self._step(*arguments)
        return jax.device_get(turn)


def step(
    env: Env,
    algorithm: Algorithm,
    seat: int,
    acting: PyTree,
    world: World,
    action: Array,
    key: Array,
    mode: Mode,
) -> tuple[World, Turn]:
    """One step of one environment, in which a seat takes a given action. ``key`` is consumed.

    All else is as in `lase_jax.loop.rollout.play`.
    """
    key_act, key_env = jax.random.split(key)
    draws = algorithm.draw(key_act, num_envs=1)
    decision, memory = algorithm.act(acting, world.memory, world.obs, draws, mode)
    actions = decision.action.at[:, seat].set(action)
    games = jax.vmap(env.draw)(key_env[None])
    env_state, out = jax.vmap(env.transition)(world.env_state, actions, games)
    joint = jnp.where(out.active, actions, env.spec.num_actions)
    memory = algorithm.remember(acting, memory, joint, out.reward)
    after = World(env_state, flat(out.obs), memory)
    turn = Turn(actions[0], out.reward[0], out.active[0], (out.terminated | out.truncated)[0])
    return after, turn


def signs(spec: EnvSpec) -> dict[str, str]:
    """The sign of each plane of a window, by its name: seats' numbers, and letters of their own.

    Coins have letters too: "a" is a coin of agent 0, "b" one of agent 1.
    """
    found: dict[str, str] = {}
    free = [letter for letter in "abcdefghijklmnopqrstuvwxyz"]
    for name in spec.plane_names:
        kind, _, number = name.rpartition("_")
        if kind == "agent" and number.isdecimal():
            found[name] = number
        elif kind == "coin" and number.isdecimal():
            found[name] = free.pop(0)
        elif name != "inside":
            wanted = [letter for letter in name.lower() if letter in free] or free
            found[name] = wanted[0]
            free.remove(wanted[0])
    return found


def sight(spec: EnvSpec, obs: np.ndarray) -> str:
    """What a seat sees as text: a map with a sign for each thing, or the names of what holds.

    Args:
        spec: the game's facts.
        obs: ``[F]`` its observation.
    """
    if len(spec.obs_shape) != 3 or len(spec.plane_names) != spec.obs_shape[2]:
        pairs = zip(spec.plane_names, obs.ravel(), strict=False)
        return ", ".join(name for name, value in pairs if value) or "nothing"
    window, letters = obs.reshape(spec.obs_shape), signs(spec)
    inside = spec.plane_names.index("inside") if "inside" in spec.plane_names else None

    def cell(planes: np.ndarray) -> str:
        here = [
            letters[name]
            for name, on in zip(spec.plane_names, planes, strict=True)
            if on and name in letters
        ]
        empty = "." if inside is None or planes[inside] else "#"
        return "".join(here) or empty

    texts = [[cell(planes) for planes in line] for line in window]
    width = 1 + max(len(text) for line in texts for text in line)
    return "\n".join("".join(text.rjust(width) for text in line) for line in texts)
