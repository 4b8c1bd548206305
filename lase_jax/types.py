"""What flows through the trainer, and the bundles of functions that make it flow.

Letters: S seeds, T steps of a rollout, B parallel environments, N seats of the game, n seats of one
kind of agent, A actions, F numbers of a flattened observation.

Facts, opinions, learning: a `Rollout` holds facts and is never edited. What agents make of it are
*opinions*: a reward delta for every seat, always computed from the extrinsic reward; opinions add
up. Learners see extrinsic reward plus the sum of all deltas.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax

Array = jax.Array
PyTree = Any
Metrics = dict[str, Array]
ENVS = "envs"
"""Name of a mesh's axis whose devices share environments."""
Mode = Literal["explore", "sample", "greedy"]
"""How to act: "explore" as in training, "sample" from the policy, "greedy" takes its mode."""


class Decision(NamedTuple):
    """What some seats chose in one step; every field ``[B, n, ...]``."""

    action: Array  # int32
    log_prob: Array  # float32, log-probability of the action under the behaviour policy
    notes: PyTree = ()  # what this kind of agent wants to find in its rollout, such as symbols sent


class Rollout(NamedTuple):
    """Facts of T steps in B environments, for all N seats. Never edited."""

    obs: Array  # [T, B, N, F] what each seat saw before it acted, in the game's dtype
    action: Array  # [T, B, N] int32
    log_prob: Array  # [T, B, N] float32, under the behaviour policy; 0 for scripted seats
    reward: Array  # [T, B, N] float32, extrinsic
    active: Array  # [T, B, N] bool, took part in this step
    done: Array  # [T, B] bool, the episode ended with this step
    events: dict[str, Array]  # [T, B, N] float32 each
    last_obs: Array  # [B, N, F] seen after the last step
    memory: PyTree  # memory at the first step, [B, n, ...] per kind of agent
    notes: PyTree = ()  # notes of every step, [T, B, n, ...] per kind of agent


_AXES: dict[str, Any] = {
    **dict.fromkeys(("obs", "action", "log_prob", "reward", "active", "events", "notes"), 2),
    **dict.fromkeys(("last_obs", "memory"), 1),
    "done": None,
}
SEAT_AXES = Rollout(**_AXES)
"""Where the seat axis stands in each field of a rollout, for ``jax.vmap`` and for taking seats."""


class Opinion(NamedTuple):
    """What some seats make of a rollout's rewards."""

    delta: Array  # [T, B, N] float32, added to everyone's extrinsic reward
    weights: Array  # [T, B, n, N] float32, share of own reward given; own column ignored
    metrics: Metrics


class World(NamedTuple):
    """Everything that has an environment axis and lives from one rollout to the next."""

    env_state: PyTree
    obs: Array  # [B, N, F]
    memory: PyTree


class Clock(NamedTuple):
    """How far training is; not batched over seeds, so that `lax.cond` on it stays a branch."""

    update: Array  # [] int32, updates finished before this one


def keep_memory(acting: PyTree, memory: PyTree, action: Array, reward: Array) -> PyTree:
    """The `remember` of those who remember nothing of others: the memory as it is."""
    del acting, action, reward
    return memory


class Agent(NamedTuple):
    """What the holders of n seats do. All functions are pure; parameters lead with the seat axis.

    `Rollout` means the whole society's; what belongs to these seats alone is taken with `seats`.

    Attributes:
        hyper: settings that may be traced and swept, a pytree of floats; a state carries its own.
        init: ``(key, hyper) -> state``, what a checkpoint stores; no B axis. ``key`` is consumed.
        begin: ``(num_envs) -> memory``, with a B axis: recurrent states, messages, traces.
        prepare: ``(state) -> acting``, what `act` needs, computed once per rollout.
        draw: ``(key, num_envs) -> draws``, the chance of one step, with a B axis; drawn for all
            steps of a rollout at once. ``key`` is consumed.
        act: ``(acting, memory, obs[B, n, F], draws, mode) -> (Decision, memory)``, deterministic.
        shape: ``(state, Rollout, key) -> Opinion``: what these seats change in everyone's reward.
        learn: ``(state, Rollout, reward[T, B, N], key, clock) -> (state, Metrics)``.
        remember: ``(acting, memory, action[B, N], reward[B, N]) -> memory``, called after each step
            with everyone's actions, A for those who took no part, and extrinsic rewards, for agents
            who see more of others than their windows show.
        reflect: ``(before, after, Rollout, reward[T, B, N], again, key) -> (state, Metrics)``, for
            agents who learn from what others have just learnt, else None. `before` and `after` are
            their states around `learn`; ``again(acting, key) -> Rollout`` plays further episodes in
            which these seats act by `acting` and all others by what they have learnt.

    Metrics are ``[n]``, one number per seat, or ``[n, N]``, from each of these seats to every seat.
    """

    hyper: PyTree
    init: Callable[..., PyTree]
    begin: Callable[[int], PyTree]
    prepare: Callable[[PyTree], PyTree]
    draw: Callable[..., PyTree]
    act: Callable[..., tuple[Decision, PyTree]]
    shape: Callable[..., Opinion]
    learn: Callable[..., tuple[PyTree, Metrics]]
    remember: Callable[..., PyTree] = keep_memory
    reflect: Callable[..., tuple[PyTree, Metrics]] | None = None


class Algorithm(NamedTuple):
    """What a whole society does in one iteration. The training loop knows only this.

    Attributes:
        hyper: as in `Agent`, for all kinds of agents together.
        whole_episodes: whether some kind reflects, which takes rollouts of whole episodes.
        init: ``(key, hyper) -> state``. ``key`` is consumed.
        begin: ``(num_envs) -> memory``.
        prepare: ``(state) -> acting``.
        draw: ``(key, num_envs) -> draws``, as in `Agent`.
        act: ``(acting, memory, obs[B, N, F], draws, mode) -> (Decision, memory)``.
        remember: ``(acting, memory, action[B, N], reward[B, N]) -> memory``, as in `Agent`.
        weigh: ``(state, Rollout, key) -> Opinion``: all opinions added up, with weights
            ``[T, B, N, N]`` whose rows sum to 1; for training and evaluation alike.
        iterate: ``(state, collect, world, key, clock) -> (state, world, Metrics)``, where
            ``collect(acting, world, key, clock) -> (world, Rollout)`` is lent by the loop and may
            be called any number of times.
    """

    hyper: PyTree
    whole_episodes: bool
    init: Callable[..., PyTree]
    begin: Callable[[int], PyTree]
    prepare: Callable[[PyTree], PyTree]
    draw: Callable[..., PyTree]
    act: Callable[..., tuple[Decision, PyTree]]
    remember: Callable[..., PyTree]
    weigh: Callable[..., Opinion]
    iterate: Callable[..., tuple[PyTree, World, Metrics]]


class Carry(NamedTuple):
    """All that training carries from update to update; what a checkpoint holds."""

    state: PyTree  # [S, ...]
    world: World  # [S, ...]
    key: Array  # [S] typed PRNG keys
    clock: Clock  # not batched
