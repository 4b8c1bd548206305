"""From learners to agents: settings, the plain agent, and what several mechanisms need.

Letters: T steps, B environments, N seats, n seats of one kind of agent, E extra inputs.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.core import distributions, population
from lase_jax.core.metrics import masked_mean
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.core.settings import Inline
from lase_jax.learners import A2C, LearnerConfig
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.learners.policy import Policy
from lase_jax.types import (
    Agent,
    Array,
    Clock,
    Decision,
    Metrics,
    Mode,
    Opinion,
    PyTree,
    Rollout,
    Shape,
)


@dataclass(frozen=True)
class AgentConfig:
    """Settings of agents that learn: their learner's, and in subclasses those of a mechanism."""

    learner: Inline[LearnerConfig] = A2C()
    """How policy and critic learn."""

    TRACED: ClassVar[tuple[str, ...]] = ()
    """The mechanism's own fields that may be traced."""
    WHOLE_EPISODES: ClassVar[bool] = False
    """Whether the agents need rollouts of whole episodes."""
    TOGETHER: ClassVar[bool] = False
    """Whether agents of one society see or hear each other beside the game."""

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced, and so swept under one compiled program."""
        return self.learner.hyper() | {name: float(getattr(self, name)) for name in self.TRACED}

    def check(self, spec: EnvSpec, length: int, num_envs: int) -> None:
        """Requires that the agents can learn from rollouts of this size.

        Args:
            spec: the game's facts.
            length: steps of a rollout.
            num_envs: environments of a rollout.

        Raises:
            ConfigError: they cannot.
        """
        del spec, length
        self.learner.check(num_envs)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`, which each mechanism builds.

        Raises:
            ConfigError: they cannot be on these seats.
        """
        raise NotImplementedError

    def actors(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """Trained agents that only act, on some of their seats.

        Args:
            env: the game.
            seats: all seats that the agents were trained on.
            present: those of them that are taken; all other seats have strangers.

        Returns:
            Functions of what these agents need to act: if `TOGETHER` of all `seats`, else of those
            that are present.
        """
        del seats
        return self.build(env, present)


def check_plain(learner: LearnerConfig, name: str) -> None:
    """Requires A2C, for agents that differentiate through the steps of learners.

    Args:
        learner: the one that is set.
        name: of the algorithm, for the message.

    Raises:
        ConfigError: another learner.
    """
    remedy = f"use 'a2c' for {name}, which differentiates through single steps of the gradient"
    kind = type(learner).__name__.lower()
    checks.require(isinstance(learner, A2C), "learner", kind, remedy)


@dataclass(frozen=True)
class Plain:
    """The functions `shape` and `learn` of agents that are only learners, without a mechanism."""

    learner: Learner
    seats: Seats

    def shape(self, state: PyTree, rollout: Rollout, key: Array) -> Opinion:
        """Leaves everyone's reward unchanged. ``key`` is consumed."""
        del state, key
        return no_opinion(rollout, len(self.seats))

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        """Learns from these seats' part of a rollout. ``key`` is consumed."""
        del clock
        own_rollout, paid = take_seats(rollout, self.seats), take_columns(reward, self.seats)
        return self.learner.learn(state, own_rollout, paid, key)


def agent(learner: Learner, seats: Seats, hyper: PyTree, opinion: Shape | None = None) -> Agent:
    """An agent that consists of a learner and, optionally, an opinion about rewards.

    Args:
        learner: acts and learns.
        seats: the seats it holds.
        hyper: its traced settings.
        opinion: how it changes rewards, given the learner's state; None for no change.
    """
    plain = Plain(learner, seats)
    return Agent(
        hyper=hyper,
        init=learner.init,
        begin=learner.begin,
        prepare=learner.prepare,
        draw=learner.draw,
        act=learner.act,
        shape=opinion or plain.shape,
        learn=plain.learn,
    )


def only(agent: Agent, seats: Seats, present: Seats) -> Agent:
    """An agent of which some seats alone are taken: it acts there and sees nothing elsewhere."""
    places = np.array([seats.index(seat) for seat in present])

    def act(
        acting: PyTree, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        blank = jnp.zeros((obs.shape[0], len(seats), *obs.shape[2:]), obs.dtype)
        decision, memory = agent.act(acting, memory, blank.at[:, places].set(obs), draws, mode)
        return jax.tree.map(lambda leaf: leaf[:, places], decision), memory

    return agent._replace(act=act)


def extend(obs: Array, told: Array) -> Array:
    """``obs [..., n, F]`` of n seats with ``told [..., E]``, the same for all of them, appended."""
    same = jnp.broadcast_to(told[..., None, :], (*obs.shape[:-1], told.shape[-1]))
    return jnp.concatenate([obs.astype(jnp.float32), same], axis=-1)


def imitation(policy: Policy, params: PyTree, rollout: Rollout, eps: Array) -> Array:
    """Cross-entropy ``[]``, in nats, of one agent's actions under a policy.

    Args:
        policy: the policy that predicts the actions.
        params: its parameters, of one agent.
        rollout: the part of the rollout of the agent that acted.
        eps: ``[]`` share of uniform actions in the behaviour of that agent.
    """
    guess = distributions.policy(policy.evaluate(params, rollout).logits, eps)
    return masked_mean(-guess.log_prob(rollout.action), rollout.active)


def of_models(losses: Array, norms: Array, num_actions: int) -> Metrics:
    """Metrics of the models of others of n agents.

    Args:
        losses: ``[n]`` cross-entropy of what others did, in nats.
        norms: ``[n]`` norms of the gradients.
        num_actions: A.
    """
    return {
        "moa/cross_entropy": losses,
        "moa/uniform_cross_entropy": jnp.full(losses.shape, jnp.log(num_actions)),
        "moa/grad_norm": norms,
        "health/moa": population.finite(norms, losses),
    }
