"""A2C: the policy gradient with generalised advantages, one gradient step per rollout.

Letters: T steps, B environments, n seats of this kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax

from lase_jax.core import distributions
from lase_jax.core.metrics import explained, masked_mean
from lase_jax.learners.actor_critic import (
    ActorCriticConfig,
    Carry,
    Step,
    advantages,
    normalised,
)
from lase_jax.learners.policy import Views
from lase_jax.types import Array, Metrics, PyTree, Rollout


@dataclass(frozen=True)
class A2C(ActorCriticConfig):
    """Advantage actor-critic."""

    def targets(
        self, evaluate: Callable[[], Views], rollout: Rollout, reward: Array, hyper: dict
    ) -> PyTree:
        """Returns (): the only gradient step evaluates policy and critic itself."""
        del evaluate, rollout, reward, hyper
        return ()

    def objective(
        self,
        views: Views,
        rollout: Rollout,
        reward: Array,
        targets: PyTree,
        hyper: dict,
        eps: Array | float,
    ) -> tuple[Array, Metrics]:
        """Policy gradient, squared error of the critic, entropy bonus."""
        del targets
        value, fixed_values = views.values.now, jax.lax.stop_gradient(views.values)
        gamma, lam = hyper["gamma"], hyper["lam"]
        adv = advantages(fixed_values, reward, rollout, gamma, lam, self.bootstrap_at_horizon)
        mean = partial(masked_mean, mask=rollout.active)
        scaled = normalised(adv, rollout.active) if self.normalise else adv
        pi = distributions.policy(views.logits)
        drawn_from = pi
        if self.log_prob == "behaviour":
            drawn_from = distributions.policy(views.logits, eps)
        policy_loss = mean(-drawn_from.log_prob(rollout.action) * scaled)
        value_loss = mean(((adv + fixed_values.now - value) / views.scale) ** 2)
        entropy = mean(pi.entropy())
        total = policy_loss + hyper["critic"] * value_loss - hyper["entropy"] * entropy
        return total, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "explained": explained(adv, adv + fixed_values.now, rollout.active),
        }

    def go_over(
        self, step: Step, trained: Carry, data: PyTree, key: Array
    ) -> tuple[Carry, Metrics]:
        """Takes one gradient step on the whole rollout."""
        del key
        return step(trained, data)
