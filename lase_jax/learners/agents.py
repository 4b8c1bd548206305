"""From learners to agents: settings, the plain agent, and what several mechanisms need.

Letters: T steps, B environments, N seats, n seats of one kind of agent, E numbers.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from envs import checks
from envs.types import EnvSpec
from lase_jax.core import distributions, population
from lase_jax.core.metrics import masked_mean
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.core.settings import Inline
from lase_jax.learners import A2C, LearnerConfig
from lase_jax.learners.actor_critic import Learner, LearnerState
from lase_jax.learners.policy import Policy
from lase_jax.types import Agent, Array, Clock, Metrics, Opinion, PyTree, Rollout, Shape


@dataclass(frozen=True)
class AgentConfig:
    """Settings of agents that learn: their learner's, and in subclasses those of a mechanism."""

    learner: Inline[LearnerConfig] = A2C()
    """How policy and critic learn."""

    TRACED: ClassVar[tuple[str, ...]] = ()
    """The mechanism's own fields that may be traced."""
    WHOLE_EPISODES: ClassVar[bool] = False
    """Whether the agents take rollouts of whole episodes."""

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


def check_plain(learner: LearnerConfig, name: str) -> None:
    """Requires A2C, for agents that differentiate through the steps of learners.

    Args:
        learner: what is set.
        name: of the algorithm, for the message.

    Raises:
        ConfigError: another learner.
    """
    remedy = f"use 'a2c' for {name}, which differentiates through single steps of the gradient"
    kind = type(learner).__name__.lower()
    checks.require(isinstance(learner, A2C), "learner", kind, remedy)


@dataclass(frozen=True)
class Plain:
    """What agents do who are nothing but learners, as functions of their state."""

    learner: Learner
    seats: Seats

    def shape(self, state: PyTree, rollout: Rollout, key: Array) -> Opinion:
        """Leaves everyone's reward as it is. ``key`` is consumed."""
        del state, key
        return no_opinion(rollout, len(self.seats))

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        """Learns from the own part of a rollout. ``key`` is consumed."""
        del clock
        own, paid = take_seats(rollout, self.seats), take_columns(reward, self.seats)
        return self.learner.learn(state, own, paid, key)


def agent(learner: Learner, seats: Seats, hyper: PyTree, opinion: Shape | None = None) -> Agent:
    """The agent that is nothing but a learner with, perhaps, an opinion about rewards.

    Args:
        learner: who acts and learns.
        seats: the seats it holds.
        hyper: its traced settings.
        opinion: what it makes of rewards, given the learner's state; None for nothing.
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


def extend(obs: Array, told: Array) -> Array:
    """``obs [..., n, F]`` of n seats with what all of them are told, ``[..., E]``, appended."""
    same = jnp.broadcast_to(told[..., None, :], (*obs.shape[:-1], told.shape[-1]))
    return jnp.concatenate([obs.astype(jnp.float32), same], axis=-1)


def imitation(policy: Policy, params: PyTree, rollout: Rollout, eps: Array) -> Array:
    """How badly a policy explains what one agent did: cross-entropy ``[]`` in nats.

    Args:
        policy: whose parameters they are.
        params: of one agent.
        rollout: the rollout as it concerns that agent.
        eps: ``[]`` share of uniform actions in its behaviour.
    """
    guess = distributions.policy(policy.evaluate(params, rollout).logits, eps)
    return masked_mean(-guess.log_prob(rollout.action), rollout.active)


def of_models(losses: Array, norms: Array, num_actions: int) -> Metrics:
    """What is measured of agents' models of others, n agents.

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
