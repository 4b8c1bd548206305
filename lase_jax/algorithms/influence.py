"""SI, social influence with a model of other agents (Jaques et al. 2019, section 6).

Every agent learns to predict what each co-player does next from its own observation and everyone's
present actions. Its influence on j in a step is how far its action moved that prediction away from
what it would have expected of j on average over its own policy. It learns on

    r_i + weight sum_j influence_ij.

What an agent sees: its own observation, its own reward, everyone's actions.

Differences from the paper: synchronous actor-critics instead of A3C; the model of others has eyes
and an optimiser of its own instead of sharing the policy's convolutions; its memory begins anew
with every rollout, which is an episode by default; the policy in the marginal is the behaviour
policy that actions were drawn from, epsilon included. The last step of an episode has no next
action and pays no influence.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax import distributions, influence, population
from lase_jax.influence import MEASURES, Measure, Model
from lase_jax.learners import A2CConfig, LearnerState, a2c, as_agent, epsilon, of_models
from lase_jax.metrics import masked_mean
from lase_jax.population import Trained
from lase_jax.rewards import no_opinion
from lase_jax.rollout import (
    Seats,
    check_visible,
    co_players,
    put_columns,
    take_columns,
    take_seats,
    to_seats,
)
from lase_jax.types import SEAT_AXES, Agent, Array, Clock, Metrics, Opinion, PyTree, Rollout


class InfluenceState(NamedTuple):
    """An actor-critic and its model of other agents."""

    learner: LearnerState
    model: Trained  # leaves [n, ...]


@dataclass(frozen=True)
class Influence(A2CConfig):
    """Actor-critics that are paid for influencing others."""

    weight: float = 1.0
    """Weight of the influence reward, 0 or more."""
    measure: Measure = "kl"
    """Influence as a divergence of conditional and marginal: "kl", "jsd" (Jensen-Shannon), or "pmi"
    (pointwise mutual information)."""
    clip: float = 10.0
    """Upper bound of the influence on one co-player in one step, in nats."""
    influence_visible: bool = True
    """Count influence only on co-players in the own window."""
    train_visible: bool = True
    """Train the model of others only on co-players in the own window."""
    moa_lr: float = 1e-3
    """Learning rate of the model of other agents."""
    curriculum_steps: tuple[float, ...] = (0.0,)
    """Environment steps at which the multiples of `curriculum` are reached; linear between."""
    curriculum: tuple[float, ...] = (1.0,)
    """Multiples of `weight` at `curriculum_steps`; constant before the first and after the last."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.number("weight", self.weight, 0.0)
        checks.choice("measure", self.measure, MEASURES)
        checks.number("clip", self.clip, 0.0, open_low=True)
        checks.number("moa_lr", self.moa_lr, 0.0, open_low=True)
        times, values = self.curriculum_steps, self.curriculum
        for field in ("curriculum_steps", "curriculum"):
            for value in getattr(self, field):
                checks.number(field, value, 0.0)
        same = f"give as many as curriculum_steps, {len(times)}, one or more"
        checks.require(len(times) == len(values) > 0, "curriculum", values, same)
        rising = all(a < b for a, b in zip(times, times[1:], strict=False))
        checks.require(rising, "curriculum_steps", times, "give rising numbers of steps")

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        return super().hyper() | {"weight": self.weight, "moa_lr": self.moa_lr}

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        spec, num = env.spec, env.spec.num_agents
        check_visible("influence_visible", self.influence_visible, spec)
        check_visible("train_visible", self.train_visible, spec)
        learner = a2c(self, spec, len(seats))
        model = Model(spec, self.net)
        tx = population.optimiser(self.max_grad_norm)
        others = co_players(num, seats)
        ids = jnp.asarray(np.array(seats, np.int32))

        def init(key: Array, hyper: PyTree) -> InfluenceState:
            key_learner, key_model = jax.random.split(key)
            example = jnp.zeros((1, int(np.prod(spec.obs_shape))))
            trained = population.init_stacked(
                lambda k: model.module.init(k, example), tx, key_model, len(seats)
            )
            return InfluenceState(learner.init(key_learner, hyper), trained)

        def own_policy(state: LearnerState, rollout: Rollout) -> Array:
            """Log-probabilities ``[n, T, B, A]`` of the behaviour policy."""
            views = jax.vmap(learner.look, (0, SEAT_AXES))(state.trained.params, rollout)
            logits = views.logits[:, : len(rollout.action)]
            return distributions.policy(logits, epsilon(state)).logits

        def now(state: LearnerState) -> Array:
            """``[]`` the weight at this point of the curriculum."""
            steps = state.episodes * spec.horizon
            times, values = jnp.array(self.curriculum_steps), jnp.array(self.curriculum)
            return state.hyper["weight"] * jnp.interp(steps, times, values)

        def shape(state: InfluenceState, rollout: Rollout, key: Array) -> Opinion:
            del key
            seen = influence.look(rollout, spec, seats, self.influence_visible)
            log_pi = own_policy(state.learner, take_seats(rollout, seats))
            measured = jax.vmap(partial(model.influence, measure=self.measure))
            moved = measured(state.model.params, ids, seen, log_pi)
            paid = jnp.minimum(moved, self.clip).sum(-1)
            reward = jnp.moveaxis(now(state.learner) * paid, 0, 2)
            delta = put_columns(reward, seats, num)
            pairs = masked_mean(moved, seen.counts, (1, 2), jnp.nan)
            own = take_columns(rollout.active, seats)
            return no_opinion(rollout, len(seats))._replace(
                delta=delta,
                metrics={
                    "influence/reward": masked_mean(reward, own, (0, 1), jnp.nan),
                    "influence/pair": to_seats(pairs[:, None], others, num, jnp.nan)[:, 0],
                },
            )

        def learn(
            state: InfluenceState, rollout: Rollout, reward: Array, key: Array, clock: Clock
        ) -> tuple[InfluenceState, Metrics]:
            del key, clock
            own = take_seats(rollout, seats)
            learnt, metrics = learner.learn(state.learner, own, take_columns(reward, seats))
            seen = influence.look(rollout, spec, seats, self.train_visible)

            def total(params: PyTree) -> tuple[Array, Array]:
                losses = jax.vmap(model.loss)(params, ids, seen)
                return losses.sum(), losses

            grads, losses = jax.grad(total, has_aux=True)(state.model.params)
            trained, norm = population.descend(
                tx, state.model, grads, state.learner.hyper["moa_lr"]
            )
            counted = seen.counts.any((1, 2, 3))
            numbers = of_models(losses, norm, spec.num_actions)
            numbers["moa/cross_entropy"] = jnp.where(counted, losses, jnp.nan)
            return InfluenceState(learnt, trained), metrics | numbers

        return as_agent(learner, self.hyper(), seats, shape)._replace(
            init=init, prepare=lambda state: learner.prepare(state.learner), learn=learn
        )
