"""Scripted seats: the game's own cooperator, defector and random player, which never learn.

What an agent sees: its own observation. Scripted agents receive gifts but give none. An agent may
follow one policy in some episodes and another one in the others, or change from one to the other
during training.

Letters: T steps, B environments, N seats, n seats of these agents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout

Policy = Callable[[Array, Array, Array], Array]
"""``(key, window, seat) -> action``."""


@dataclass(frozen=True)
class Scripted:
    """Agents that follow one of the game's scripted policies."""

    policy: str = "random"
    """Name of the policy: "random", "cooperator", "defector", or another that the game offers."""
    other: str = ""
    """Name of the policy that it follows otherwise (see `share`, `until`); "" for none."""
    share: float = 1.0
    """Probability of an episode in which it follows `policy`, in [0, 1]; in the others it follows
    `other`."""
    until: int = 0
    """Episodes of training after which it follows `other` for good; 0 for never."""

    WHOLE_EPISODES: ClassVar[bool] = False
    """Whether the agents need rollouts of whole episodes."""
    TOGETHER: ClassVar[bool] = False
    """Whether they see or hear each other beside the game."""

    def __post_init__(self) -> None:
        """Checks the settings; raises `ConfigError` on one that cannot work."""
        checks.probability("share", self.share)
        checks.integer("until", self.until, 0)
        changes = self.share < 1.0 or self.until > 0
        remedy = "name the policy that it follows otherwise"
        checks.require(bool(self.other) or not changes, "other", self.other, remedy)

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced: none."""
        return {}

    def check(self, spec: EnvSpec, length: int, num_envs: int) -> None:
        """Accepts rollouts of every size, as nothing is learnt from them."""
        del spec, length, num_envs

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: the game has no such policy.
        """
        checks.choice("policy", self.policy, env.scripted)
        first = env.scripted[self.policy]
        if self.other:
            checks.choice("other", self.other, env.scripted)
            second = env.scripted[self.other]
            actors = Changing(first, env.spec, seats, second, self.share, self.until)
        else:
            actors = Actors(first, env.spec, seats)
        return Agent(
            hyper=self.hyper(),
            init=actors.init,
            begin=actors.begin,
            prepare=lambda state: state,
            draw=actors.draw,
            act=actors.act,
            shape=actors.shape,
            learn=actors.learn,
        )

    def actors(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """The agents on those of their seats that they take."""
        del seats
        return self.build(env, present)


@dataclass(frozen=True)
class Actors:
    """The functions of scripted agents on some seats, which have no state."""

    policy: Policy
    spec: EnvSpec
    seats: Seats

    def init(self, key: Array, hyper: PyTree) -> PyTree:
        """No state. ``key`` is consumed."""
        del key, hyper
        return ()

    def begin(self, num_envs: int) -> PyTree:
        """No memory."""
        del num_envs
        return ()

    def draw(self, key: Array, num_envs: int) -> Array:
        """A key ``[B, n]`` for every action. ``key`` is consumed."""
        return jax.random.split(key, (num_envs, len(self.seats)))

    def act(
        self, acting: PyTree, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        """Follows the policy in every mode."""
        del acting, mode
        return decided(self.followed(self.policy, obs, draws)), memory

    def followed(self, policy: Policy, obs: Array, keys: Array) -> Array:
        """Actions ``[B, n]`` int32 of a policy. ``keys [B, n]`` are consumed."""
        windows = obs.reshape(*obs.shape[:2], *self.spec.obs_shape)
        ids = jnp.asarray(np.array(self.seats, np.int32))
        action = jax.vmap(jax.vmap(policy), (0, 0, None))(keys, windows, ids)
        return action.astype(jnp.int32)

    def shape(self, state: PyTree, rollout: Rollout, key: Array) -> Opinion:
        """Leaves everyone's reward as it is. ``key`` is consumed."""
        del state, key
        return no_opinion(rollout, len(self.seats))

    def learn(
        self, state: PyTree, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[PyTree, Metrics]:
        """Learns nothing. ``key`` is consumed."""
        del rollout, reward, key, clock
        return state, {}


class Turn(NamedTuple):
    """Which policy is followed in an episode."""

    drawn: Array  # [B, n] bool, whether the episode's policy has been drawn
    first: Array  # [B, n] bool, whether it is `policy`


@dataclass(frozen=True)
class Changing(Actors):
    """The functions of scripted agents that follow one of two policies in each episode.

    Their state is the number ``[n]`` float32 of episodes that were trained.
    """

    other: Policy
    share: float
    until: int

    def init(self, key: Array, hyper: PyTree) -> PyTree:
        """No episodes. ``key`` is consumed."""
        del key, hyper
        return jnp.zeros(len(self.seats))

    def begin(self, num_envs: int) -> PyTree:
        """No policy is drawn yet."""
        blank = jnp.zeros((num_envs, len(self.seats)), bool)
        return Turn(blank, blank)

    def act(
        self, acting: PyTree, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        """Follows the episode's policy, which the first step draws, in every mode."""
        del mode
        keys = jax.vmap(jax.vmap(lambda key: jax.random.split(key, 3)))(draws)
        coin = jax.vmap(jax.vmap(lambda key: jax.random.bernoulli(key, self.share)))(keys[..., 0])
        first = jnp.where(memory.drawn, memory.first, coin)
        early = (acting < self.until) | (self.until == 0)
        ours = self.followed(self.policy, obs, keys[..., 1])
        others = self.followed(self.other, obs, keys[..., 2])
        action = jnp.where(first & early[None], ours, others)
        return decided(action), Turn(jnp.ones_like(first), first)

    def learn(
        self, state: PyTree, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[PyTree, Metrics]:
        """Counts episodes and learns nothing else. ``key`` is consumed."""
        del reward, key, clock
        return state + rollout.done.sum().astype(jnp.float32), {}


def decided(action: Array) -> Decision:
    """The decision for actions ``[B, n]`` whose probabilities nobody learns from."""
    return Decision(action, jnp.zeros(action.shape))
