"""What flows through the trainer, and the bundles of functions that make it flow.

Letters: S seeds, T steps of a rollout, B parallel environments, N seats of the game, n seats of one
kind of agent, A actions, F numbers of a flattened observation.

Facts, opinions, learning: a `Rollout` holds facts and is never edited. What agents make of it are
*opinions*: a reward delta for every seat, always computed from the extrinsic reward; opinions add
up. Learners see extrinsic reward plus the sum of all deltas.
"""

from typing import Any, Literal, NamedTuple, Protocol

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


class Init(Protocol):
    """Fresh state of n seats: what a checkpoint stores, without an axis of environments."""

    def __call__(self, key: Array, hyper: PyTree, /) -> Any:
        """The state. ``key`` is consumed; ``hyper`` are the traced settings, which it keeps."""
        ...


class Begin(Protocol):
    """What n seats carry through an episode, before its first step."""

    def __call__(self, num_envs: int, /) -> Any:
        """The memory, leaves ``[B, ...]``: recurrent states, messages, traces."""
        ...


class Prepare(Protocol):
    """What acting needs of a state."""

    def __call__(self, state: Any, /) -> Any:
        """What `Act` gets, computed once per rollout."""
        ...


class Draw(Protocol):
    """The chance of one step, drawn for all steps of a rollout at once."""

    def __call__(self, key: Array, num_envs: int) -> Any:
        """The draws, leaves ``[B, ...]``. ``key`` is consumed."""
        ...


class Act(Protocol):
    """What n seats do in one step; deterministic."""

    def __call__(
        self, acting: Any, memory: Any, obs: Array, draws: Any, mode: Mode, /
    ) -> tuple[Decision, Any]:
        """Decision and memory of those who see ``obs [B, n, F]``."""
        ...


class Remember(Protocol):
    """What n seats, who see more of others than their windows show, keep of a step."""

    def __call__(self, acting: Any, memory: Any, action: Array, reward: Array, /) -> Any:
        """The memory after a step.

        ``action [B, N]`` int32 is what everyone did, A for those who took no part; ``reward [B,
        N]`` float32 is what the game paid.
        """
        ...


class Shape(Protocol):
    """What n seats change in everyone's reward."""

    def __call__(self, state: Any, rollout: Rollout, key: Array, /) -> Opinion:
        """An opinion about the whole society's rollout. ``key`` is consumed."""
        ...


class Learn(Protocol):
    """What n seats make of a rollout for the next one."""

    def __call__(
        self, state: Any, rollout: Rollout, reward: Array, key: Array, clock: Clock, /
    ) -> tuple[Any, Metrics]:
        """State and metrics after it.

        ``reward [T, B, N]`` float32 is what is learnt on: extrinsic plus all opinions. ``key`` is
        consumed.
        """
        ...


class Again(Protocol):
    """Plays further episodes, for `Reflect`."""

    def __call__(self, acting: Any, key: Array, /) -> Rollout:
        """A rollout in which n seats act by ``acting``, all others by what they have learnt."""
        ...


class Reflect(Protocol):
    """What n seats learn from what others have just learnt."""

    def __call__(
        self, before: Any, after: Any, rollout: Rollout, reward: Array, again: Again, key: Array, /
    ) -> tuple[Any, Metrics]:
        """State and metrics after it.

        ``before`` and ``after`` are the seats' states around `Learn`; ``rollout`` and ``reward [T,
        B, N]`` are what was learnt from. ``key`` is consumed.
        """
        ...


def keep_memory(acting: Any, memory: Any, action: Array, reward: Array, /) -> Any:
    """The `Remember` of those who remember nothing of others: the memory as it is."""
    del acting, action, reward
    return memory


class Agent(NamedTuple):
    """What the holders of n seats do. All functions are pure; parameters lead with the seat axis.

    A rollout means the whole society's, but its memory and notes are these seats' own.

    Metrics are ``[n]``, one number per seat, or ``[n, N]``, from each of these seats to every seat.
    """

    hyper: PyTree  # settings that may be traced and swept, floats; a state carries its own
    init: Init
    begin: Begin
    prepare: Prepare
    draw: Draw
    act: Act
    shape: Shape
    learn: Learn
    remember: Remember = keep_memory
    reflect: Reflect | None = None


class Collect(Protocol):
    """Plays, for `Iterate`."""

    def __call__(
        self, acting: Any, world: World, key: Array, clock: Clock, /
    ) -> tuple[World, Rollout]:
        """The world after a rollout, and the rollout. ``key`` is consumed."""
        ...


class Iterate(Protocol):
    """One iteration of a whole society."""

    def __call__(
        self, state: Any, collect: Collect, world: World, key: Array, clock: Clock, /
    ) -> tuple[Any, World, Metrics]:
        """State, world and metrics after it.

        ``collect`` is lent by the loop and may be called any number of times. ``key`` is consumed.
        """
        ...


class Algorithm(NamedTuple):
    """What a whole society does in one iteration. The training loop knows only this.

    Functions are those of `Agent`, for all N seats; states and memories are tuples with an entry
    per kind of agent.
    """

    hyper: PyTree  # of all kinds of agents together
    whole_episodes: bool  # whether some kind reflects, which takes rollouts of whole episodes
    init: Init
    begin: Begin
    prepare: Prepare
    draw: Draw
    act: Act
    remember: Remember
    weigh: Shape  # all opinions added up, weights [T, B, N, N] whose rows sum to 1
    iterate: Iterate


class Carry(NamedTuple):
    """All that training carries from update to update; what a checkpoint holds."""

    state: PyTree  # [S, ...]
    world: World  # [S, ...]
    key: Array  # [S] typed PRNG keys
    clock: Clock  # not batched
