"""PPO: several epochs of minibatches per rollout; the policy stays near the one that played it.

Source: Schulman et al. 2017 (arXiv 1707.06347); Huang et al. 2022, "The 37 implementation details
of PPO", for the value clip and for advantages that are normalised per minibatch. A minibatch holds
whole rollouts of some environments, so that recurrent networks are unrolled as in play.

Letters: T steps, B environments, n seats of this kind, K gradient steps.

Differences from the paper: actions are drawn from an epsilon mixture, whose probabilities the ratio
compares where `log_prob` is "behaviour".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from envs import checks
from lase_jax.core import distributions
from lase_jax.core.metrics import explained, masked_mean, over_steps
from lase_jax.core.seats import map_envs, num_envs_of
from lase_jax.learners.actor_critic import (
    ActorCriticConfig,
    Carry,
    Step,
    advantages,
    normalised,
)
from lase_jax.learners.policy import Views
from lase_jax.types import Array, Metrics, PyTree, Rollout


class Targets(NamedTuple):
    """What is fixed before the first gradient step on a rollout."""

    advantage: Array  # [T, B]
    value: Array  # [T, B], of the old critic
    logits: Array  # [T, B, A], of the old policy


@dataclass(frozen=True)
class PPO(ActorCriticConfig):
    """Proximal policy optimisation with the clipped surrogate."""

    epochs: int = 4
    """How often an update goes over its rollout, 1 or more."""
    minibatches: int = 4
    """Minibatches per epoch, one gradient step each, 1 or more; a divisor of `num_envs`."""
    clip: float = 0.2
    """Clip of the ratio of new and old probability, above 0: no gain beyond 1 +- this."""
    value_clip: float = 0.0
    """Clip of the critic: no gain if a value moves further than this from the old one, in units of
    the scale of returns (see `scale_values`); 0 for no clip."""

    TRACED: ClassVar[tuple[str, ...]] = (*ActorCriticConfig.TRACED, "clip")

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.integer("epochs", self.epochs, 1)
        checks.integer("minibatches", self.minibatches, 1)
        checks.number("clip", self.clip, 0.0, open_low=True)
        checks.number("value_clip", self.value_clip, 0.0)

    def check(self, num_envs: int) -> None:
        """Requires that minibatches are of equal size.

        Raises:
            ConfigError: they are not.
        """
        remedy = f"use a divisor of num_envs, {num_envs}"
        checks.require(num_envs % self.minibatches == 0, "minibatches", self.minibatches, remedy)

    def targets(
        self, evaluate: Callable[[], Views], rollout: Rollout, reward: Array, hyper: dict
    ) -> Targets:
        """Advantages, and the values and logits before the first gradient step."""
        views = jax.lax.stop_gradient(evaluate())
        gamma, lam = hyper["gamma"], hyper["lam"]
        adv = advantages(views.values, reward, rollout, gamma, lam, self.bootstrap_at_horizon)
        return Targets(adv, views.values.now, views.logits)

    def objective(
        self,
        views: Views,
        rollout: Rollout,
        reward: Array,
        targets: Targets,
        hyper: dict,
        eps: Array | float,
    ) -> tuple[Array, Metrics]:
        """Clipped surrogate, error of the critic, entropy bonus."""
        del reward
        mean = partial(masked_mean, mask=rollout.active)
        adv = targets.advantage
        scaled = normalised(adv, rollout.active) if self.normalise else adv
        share = eps if self.log_prob == "behaviour" else 0.0

        def log_prob(logits: Array) -> Array:
            return distributions.policy(logits, share).log_prob(rollout.action)

        moved = log_prob(views.logits) - log_prob(targets.logits)
        ratio, clip = jnp.exp(moved), hyper["clip"]
        near = jnp.clip(ratio, 1.0 - clip, 1.0 + clip)
        policy_loss = mean(-jnp.minimum(ratio * scaled, near * scaled))
        value, goal = views.values.now, adv + targets.value
        error = ((goal - value) / views.scale) ** 2
        if self.value_clip:
            bound = self.value_clip * views.scale
            step = jnp.clip(value - targets.value, -bound, bound)
            bounded = (goal - targets.value - step) / views.scale
            error = jnp.maximum(error, bounded**2)
        value_loss = mean(error)
        entropy = mean(distributions.policy(views.logits).entropy())
        total = policy_loss + hyper["critic"] * value_loss - hyper["entropy"] * entropy
        return total, {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "explained": explained(goal - value, goal, rollout.active),
            "divergence": mean(ratio - 1.0 - moved),
            "clipped": mean((jnp.abs(ratio - 1.0) > clip).astype(jnp.float32)),
        }

    def go_over(
        self, step: Step, trained: Carry, data: PyTree, key: Array
    ) -> tuple[Carry, Metrics]:
        """Goes over minibatches of environments `epochs` times, drawn anew each time.

        Of every `minibatches` consecutive environments, each minibatch gets one. Devices that share
        environments then have their part of every minibatch among their own environments, and the
        minibatches do not depend on the number of devices.
        """
        envs = num_envs_of(data)
        self.check(envs)
        groups = jnp.broadcast_to(
            jnp.arange(self.minibatches)[None], (envs // self.minibatches, self.minibatches)
        )
        shuffled = jax.vmap(partial(jax.random.permutation, x=groups, axis=1, independent=True))
        order = shuffled(jax.random.split(key, self.epochs))  # [epochs, groups, minibatches]
        order = order.swapaxes(1, 2).reshape(-1, len(groups))

        def minibatch(index: Array) -> PyTree:
            def pick(leaf: Array, axis: int) -> Array:
                lead, rest = leaf.shape[:axis], leaf.shape[axis + 1 :]
                grouped = leaf.reshape(*lead, *groups.shape, *rest)
                one = partial(jax.lax.dynamic_index_in_dim, axis=axis, keepdims=False)
                return jax.vmap(one, (axis, 0), axis)(grouped, index)

            return map_envs(pick, data)

        def one(carry: Carry, index: Array) -> tuple[Carry, Metrics]:
            return step(carry, minibatch(index))

        trained, metrics = jax.lax.scan(one, trained, order)
        return trained, over_steps(metrics)
