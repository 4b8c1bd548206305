"""Data types of the trainer, and the interfaces of agents and of whole societies.

Letters: S seeds, T steps of a rollout, B parallel environments, N seats of the game, n seats of one
kind of agent, A actions, F numbers of a flattened observation.

Facts, opinions, learning: a `Rollout` holds facts and is never edited. From it agents form
*opinions*. An opinion is a change (delta) of every seat's reward, always computed from the
extrinsic reward. Learners are trained on the extrinsic reward plus the sum of all deltas.
"""

from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import jax

from envs.types import Env, EnvSpec

Array = jax.Array
PyTree = Any
Metrics = dict[str, Array]
ENVS = "envs"
"""Name of a mesh's axis whose devices share environments."""
Mode = Literal["explore", "sample", "greedy"]
"""How to act: "explore" as in training, "sample" from the policy, "greedy" its likeliest action."""


class Decision(NamedTuple):
    """Choices of some seats in one step; every field ``[B, n, ...]``."""

    action: Array  # int32
    log_prob: Array  # float32, log-probability of the action under the behaviour policy
    notes: PyTree = ()  # what else this kind of agent stores in its rollout, e.g. symbols sent


class Rollout(NamedTuple):
    """Facts of T steps in B environments, for all N seats. Never edited."""

    obs: Array  # [T, B, N, F] what each seat saw before it acted, in the game's dtype
    action: Array  # [T, B, N] int32
    log_prob: Array  # [T, B, N] float32, under the behaviour policy; 0 for scripted seats
    reward: Array  # [T, B, N] float32, extrinsic
    active: Array  # [T, B, N] bool, whether the seat took part in this step
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
    """How some seats change the rewards of a rollout."""

    delta: Array  # [T, B, N] float32, added to everyone's extrinsic reward
    weights: Array  # [T, B, n, N] float32, share of own reward given to each; own column ignored
    metrics: Metrics


class Account(NamedTuple):
    """What n seats make of each seat in every step of a rollout, for reports; never for training.

    Letters as above; the last axes are those of the seat that is thought of. NaN where there is no
    such number: for the own seat, for seats that take no part, for seats of other kinds. A field is
    () where agents have nothing of the kind.
    """

    value: Any = ()  # [T, B, n, N, A] own return to expect of each action that it could have taken
    foreseen: Any = ()  # [T, B, n, N, A] probabilities of its actions, as the values are weighted
    relation: Any = ()  # [T, B, n, N] share of own reward that follows, whether it is given or not
    view: Any = ()  # [T, B, n, N, F] the observation that it is imagined to have
    paid: Any = ()  # [T, B, n, N] reward paid to it, besides shares of the own
    influence: Any = ()  # [T, B, n, N] nats, influence on it


class World(NamedTuple):
    """Everything with an environment axis that is carried from one rollout to the next."""

    env_state: PyTree
    obs: Array  # [B, N, F]
    memory: PyTree


class Clock(NamedTuple):
    """Progress of training; not batched over seeds, so that `lax.cond` does not become a select."""

    update: Array  # [] int32, updates finished before this one


class Init(Protocol):
    """Makes the initial state of n seats, which checkpoints store; it has no environment axis."""

    def __call__(self, key: Array, hyper: PyTree, /) -> Any:
        """Returns the state, which includes the traced settings ``hyper``. ``key`` is consumed."""
        ...


class Begin(Protocol):
    """Makes the memory of n seats before the first step of an episode."""

    def __call__(self, num_envs: int, /) -> Any:
        """Returns the memory, leaves ``[B, ...]``: recurrent states, messages, traces."""
        ...


class Prepare(Protocol):
    """Computes from a state what acting needs."""

    def __call__(self, state: Any, /) -> Any:
        """Returns what `Act` gets as ``acting``; called once per rollout."""
        ...


class Draw(Protocol):
    """Draws the random numbers of one step; vmapped over all steps before a rollout starts."""

    def __call__(self, key: Array, num_envs: int) -> Any:
        """Returns the random numbers, leaves ``[B, ...]``. ``key`` is consumed."""
        ...


class Act(Protocol):
    """Chooses the actions of n seats in one step; deterministic for given draws."""

    def __call__(
        self, acting: Any, memory: Any, obs: Array, draws: Any, mode: Mode, /
    ) -> tuple[Decision, Any]:
        """Returns the decision of seats that observe ``obs [B, n, F]``, and their new memory."""
        ...


class Remember(Protocol):
    """Updates the memory of n seats that observe more of others than their windows show."""

    def __call__(self, acting: Any, memory: Any, action: Array, reward: Array, /) -> Any:
        """Returns the memory after a step.

        ``action [B, N]`` int32 holds everyone's actions, A for seats that took no part; ``reward
        [B, N]`` float32 is the extrinsic reward.
        """
        ...


class Shape(Protocol):
    """Computes how n seats change everyone's reward."""

    def __call__(self, state: Any, rollout: Rollout, key: Array, /) -> Opinion:
        """Returns an opinion about the whole society's rollout. ``key`` is consumed."""
        ...


class Explain(Protocol):
    """Tells what n seats make of each other in a rollout, for reports."""

    def __call__(self, state: Any, rollout: Rollout, /) -> Account:
        """Returns an account of the whole society's rollout, by the functions of training."""
        ...


class Learn(Protocol):
    """Trains n seats on a rollout."""

    def __call__(
        self, state: Any, rollout: Rollout, reward: Array, key: Array, clock: Clock, /
    ) -> tuple[Any, Metrics]:
        """Returns the new state, and metrics.

        ``reward [T, B, N]`` float32 is the reward to learn from: extrinsic plus all deltas. ``key``
        is consumed.
        """
        ...


class Again(Protocol):
    """Plays further episodes, for `Reflect`."""

    def __call__(self, acting: Any, key: Array, /) -> Rollout:
        """Returns a rollout where n seats act by ``acting``, others by newly learnt policies."""
        ...


class Reflect(Protocol):
    """Trains n seats on how the others have changed by learning."""

    def __call__(
        self, before: Any, after: Any, rollout: Rollout, reward: Array, again: Again, key: Array, /
    ) -> tuple[Any, Metrics]:
        """Returns the new state, and metrics.

        ``before`` and ``after`` are the seats' states before and after `Learn`; ``rollout`` and
        ``reward [T, B, N]`` are those that `Learn` got. ``key`` is consumed.
        """
        ...


def keep_memory(acting: Any, memory: Any, action: Array, reward: Array, /) -> Any:
    """The `Remember` of agents that store nothing about others: returns the memory unchanged."""
    del acting, action, reward
    return memory


class Agent(NamedTuple):
    """One kind of agent on n seats, as pure functions; the first axis of parameters is the seat.

    Rollouts are those of the whole society, but with the memory and notes of these seats only.

    Metrics are ``[n]``, one number per seat, or ``[n, N]``, from each of these seats to every seat.
    """

    hyper: PyTree  # floats, settings that may be traced and swept; each state holds a copy
    init: Init
    begin: Begin
    prepare: Prepare
    draw: Draw
    act: Act
    shape: Shape
    learn: Learn
    remember: Remember = keep_memory
    reflect: Reflect | None = None
    explain: Explain | None = None


@runtime_checkable
class AlgorithmConfig(Protocol):
    """Settings of a kind of agent: a frozen dataclass of plain values, which builds the agents.

    Its fields become options of the command line, with the docstrings below them as help.
    `lase_jax.learners.agents.AgentConfig` has all methods but `build`. Two facts may stand in the
    class beside the fields, as ``ClassVar[bool]``: ``WHOLE_EPISODES``, the agents need rollouts of
    whole episodes, and ``TOGETHER``, they see or hear each other beside the game.
    """

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced, and so swept under one compiled program."""
        ...

    def check(self, spec: EnvSpec, length: int, num_envs: int) -> None:
        """Requires that the agents can learn from rollouts of ``length`` steps, ``num_envs`` wide.

        Raises:
            ConfigError: they cannot.
        """
        ...

    def build(self, env: Env, seats: tuple[int, ...]) -> Agent:
        """The agents on ``seats``.

        Raises:
            ConfigError: they cannot be on these seats.
        """
        ...

    def actors(self, env: Env, seats: tuple[int, ...], present: tuple[int, ...]) -> Agent:
        """Agents that were trained on ``seats`` and only act, on those that are ``present``."""
        ...


class Collect(Protocol):
    """Plays one rollout, for `Iterate`."""

    def __call__(
        self, acting: Any, world: World, key: Array, clock: Clock, /
    ) -> tuple[World, Rollout]:
        """Returns the world after the rollout, and the rollout. ``key`` is consumed."""
        ...


class Iterate(Protocol):
    """One iteration of a whole society."""

    def __call__(
        self, state: Any, collect: Collect, world: World, key: Array, clock: Clock, /
    ) -> tuple[Any, World, Metrics]:
        """Returns state, world and metrics after the iteration.

        ``collect`` is provided by the training loop and may be called any number of times. ``key``
        is consumed.
        """
        ...


class Algorithm(NamedTuple):
    """A whole society as pure functions, which are all that the training loop knows of it.

    The functions are those of `Agent`, for all N seats; states and memories are tuples with an
    entry per kind of agent.
    """

    hyper: PyTree  # a tuple with an entry per kind of agent
    whole_episodes: bool  # whether some kind reflects, which needs rollouts of whole episodes
    init: Init
    begin: Begin
    prepare: Prepare
    draw: Draw
    act: Act
    remember: Remember
    weigh: Shape  # all opinions added up, weights [T, B, N, N] whose rows sum to 1
    iterate: Iterate
    explain: Explain  # accounts of all kinds of agents in one, each ``n`` an N


class Carry(NamedTuple):
    """All that training carries from update to update; what a checkpoint holds."""

    state: PyTree  # [S, ...]
    world: World  # [S, ...]
    key: Array  # [S] typed PRNG keys
    clock: Clock  # not batched
