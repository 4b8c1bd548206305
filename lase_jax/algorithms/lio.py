"""LIO, learning to incentivise other learners (Yang et al. 2020).

Every agent pays others incentives for what they do, from its own observation and their actions. All
learn by plain gradient steps on what the game and the others pay; then they play again, and every
agent improves its incentives by the gradient, through the others' steps, of what it earns itself in
the new episodes, less a cost of the incentives. Incentives are not taken from the giver's reward:
they conserve nothing.

What an agent sees: its own observation, its own reward, everyone's actions; and of the agents of
its own kind their parameters and their data, through which it differentiates.

Differences from the paper: many environments per step, over which gradients are means (sums over
the steps of an episode, as in the authors' code). Actor and critic are feed-forward networks of
equal sizes, the critic without a target network. Other kinds of agents receive incentives too, but
nothing is learnt through their steps, for their parameters are their own. Steps are counted once,
though every iteration plays twice.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax import distributions, nets, population
from lase_jax.learners import A2CConfig, Learner, LearnerState, a2c, advantages, epsilon
from lase_jax.metrics import masked_mean
from lase_jax.population import Trained
from lase_jax.rewards import no_opinion
from lase_jax.rollout import Seats, take_columns, take_seats
from lase_jax.types import SEAT_AXES, Agent, Array, Clock, Metrics, Opinion, PyTree, Rollout


class LioState(NamedTuple):
    """Policies, critics and incentive networks of n agents."""

    learner: LearnerState  # the policies, without an optimiser: plain gradient steps
    critic: Trained  # leaves [n, ...]
    giver: Trained  # leaves [n, ...]


@dataclass(frozen=True)
class Lio(A2CConfig):
    """Actor-critics that pay each other incentives."""

    lr: float = 1e-2
    """Step size of the policies' plain gradient steps."""
    critic_lr: float = 1e-3
    """Learning rate of the critics."""
    incentive_lr: float = 1e-3
    """Learning rate of the incentive networks."""
    max_incentive: float = 2.0
    """Largest incentive for one agent in one step (R_max), in units of reward."""
    cost: float = 1e-4
    """Weight of the discounted sum of incentives, before they are multiplied by R_max."""
    baseline: bool = True
    """Learn on advantages over a critic; else on plain returns (REINFORCE)."""
    normalise: bool = False
    """Has no effect: a gradient step must be differentiable in the incentives as it is."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        for field in ("critic_lr", "incentive_lr", "max_incentive"):
            checks.number(field, getattr(self, field), 0.0, open_low=True)
        checks.number("cost", self.cost, 0.0)
        checks.require(not self.normalise, "normalise", self.normalise, "leave it False for LIO")
        checks.require(not self.net.lstm, "net.lstm", self.net.lstm, "use 0 for LIO")

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        own = ("critic_lr", "incentive_lr", "max_incentive", "cost")
        return super().hyper() | {field: getattr(self, field) for field in own}

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = a2c(self, env.spec, len(seats))
        lio = Machinery(self, env, seats, learner)
        return Agent(
            hyper=self.hyper(),
            init=lio.init,
            begin=learner.begin,
            prepare=lambda state: learner.prepare(state.learner),
            draw=learner.draw,
            act=learner.act,
            shape=lio.shape,
            learn=lio.learn,
            reflect=lio.reflect,
        )


@dataclass(frozen=True)
class Machinery:
    """What LIO agents on some seats do, as functions of their state."""

    config: Lio
    env: Env
    seats: Seats
    learner: Learner

    @property
    def giver(self) -> nets.Incentive:
        """The incentive network."""
        spec = self.env.spec
        return nets.Incentive(spec.obs_shape, spec.num_actions, spec.num_agents, self.config.net)

    @property
    def tx(self) -> Any:
        """The optimiser of critics and incentive networks."""
        return population.optimiser(self.config.max_grad_norm)

    def init(self, key: Array, hyper: PyTree) -> LioState:
        """Fresh agents. ``key`` is consumed."""
        spec, count = self.env.spec, len(self.seats)
        key_actor, key_critic, key_giver = jax.random.split(key, 3)
        actor = self.learner.init(key_actor, hyper)
        critic = self.learner.init(key_critic, hyper).trained.params
        blank = jnp.zeros((1, math.prod(spec.obs_shape)))
        joint = jnp.zeros((1, spec.num_agents), jnp.int32)
        return LioState(
            learner=actor._replace(trained=Trained(actor.trained.params, ())),
            critic=Trained(critic, jax.vmap(self.tx.init)(critic)),
            giver=population.init_stacked(
                lambda k: self.giver.init(k, blank, joint), self.tx, key_giver, count
            ),
        )

    def offers(self, params: PyTree, seat: Array, obs: Array, rollout: Rollout) -> Array:
        """One agent's incentives as shares of the largest, ``[T, B, N]``; 0 for itself.

        Args:
            params: of its incentive network.
            seat: ``[]`` int32.
            obs: ``[T, B, F]`` its own observations.
            rollout: everyone's.
        """
        num, hidden = self.env.spec.num_agents, self.env.spec.num_actions
        other = jnp.arange(num) != seat
        shown = rollout.active & other[None, None]
        joint = jnp.where(shown, rollout.action, hidden)
        offered = self.giver.apply(params, obs.astype(jnp.float32), joint)
        there = jnp.take(rollout.active, seat, axis=2)[..., None]
        return jnp.where(shown & there, jnp.asarray(offered), 0.0)

    def everyones_offers(self, state: LioState, rollout: Rollout) -> Array:
        """``[n, T, B, N]``."""
        own = take_seats(rollout, self.seats)
        each = jax.vmap(self.offers, (0, 0, 2, None))
        return each(state.giver.params, self.ids, own.obs, rollout)

    @property
    def ids(self) -> Array:
        """``[n]`` int32 seats."""
        return jnp.asarray(np.array(self.seats, np.int32))

    def shape(self, state: LioState, rollout: Rollout, key: Array) -> Opinion:
        """Incentives are added to what others earn; nobody pays for them in reward."""
        del key
        largest = state.learner.hyper["max_incentive"]
        paid = largest * self.everyones_offers(state, rollout)
        episodes = rollout.reward.shape[1] * len(rollout.reward) / self.env.spec.horizon
        return no_opinion(rollout, len(self.seats))._replace(
            delta=paid.sum(0), metrics={"incentive/paid": paid.sum((1, 2)) / episodes}
        )

    def advantage(self, value: Array, reward: Array, rollout: Rollout, hyper: dict) -> Array:
        """One agent's advantages ``[T, B]``, linear in ``reward [T, B]``, the critic held fixed."""
        known = jax.lax.stop_gradient(value) * float(self.config.baseline)
        lam = hyper["lam"] if self.config.baseline else jnp.float32(1.0)
        return advantages(self.config, known, reward, rollout, hyper["gamma"], lam)

    def policy_loss(
        self, params: PyTree, value: Array, rollout: Rollout, reward: Array, rest: tuple
    ) -> tuple[Array, Array]:
        """One agent's loss, a sum over steps and a mean over episodes, and its entropy."""
        hyper, eps = rest
        logits = self.learner.look(params, rollout).logits[: len(reward)]
        adv = self.advantage(value, reward, rollout, hyper)
        gain = distributions.policy(logits, eps).log_prob(rollout.action) * adv
        entropy = distributions.policy(logits).entropy()
        each = jnp.where(rollout.active, gain + hyper["entropy"] * entropy, 0.0)
        return -each.sum() / reward.shape[1], masked_mean(entropy, rollout.active)

    def step(
        self, params: PyTree, value: Array, rollout: Rollout, reward: Array, rest: tuple
    ) -> tuple[PyTree, tuple]:
        """One agent's parameters after a plain gradient step; loss, entropy, gradient."""
        (loss, entropy), grads = jax.value_and_grad(self.policy_loss, has_aux=True)(
            params, value, rollout, reward, rest
        )
        after = jax.tree.map(lambda p, g: p - rest[0]["lr"] * g, params, grads)
        return after, (loss, entropy, grads)

    def values(self, state: LioState, own: Rollout) -> Array:
        """Critics' values ``[n, T or T + 1, B]``."""
        return jax.vmap(self.learner.look, (0, SEAT_AXES))(state.critic.params, own).value

    def learn(
        self, state: LioState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LioState, Metrics]:
        """Policies and critics learn on all that is paid to them."""
        del key, clock
        own, paid = take_seats(rollout, self.seats), take_columns(reward, self.seats)
        learnt, eps = state.learner, epsilon(state.learner)
        hyper = learnt.hyper
        values = self.values(state, own)
        each = jax.vmap(self.step, (0, 0, SEAT_AXES, 2, None))
        after, (losses, entropy, grads) = each(
            learnt.trained.params, values, own, paid, (hyper, eps)
        )

        def total(params: PyTree) -> tuple[Array, Array]:
            def one(params: PyTree, own: Rollout, paid: Array) -> Array:
                value = self.learner.look(params, own).value
                adv = self.advantage(value, paid, own, hyper)
                target = jax.lax.stop_gradient(adv + value[: len(paid)])
                return masked_mean((target - value[: len(paid)]) ** 2, own.active)

            errors = jax.vmap(one, (0, SEAT_AXES, 2))(params, own, paid)
            return errors.sum(), errors

        critic_grads, errors = jax.grad(total, has_aux=True)(state.critic.params)
        critic, _ = population.descend(self.tx, state.critic, critic_grads, hyper["critic_lr"])
        norm = jax.vmap(population.norm)(grads)
        finished = rollout.done.sum().astype(jnp.float32)
        learnt = LearnerState(Trained(after, ()), learnt.episodes + finished, hyper)
        return state._replace(learner=learnt, critic=critic), {
            "learn/policy_loss": losses,
            "learn/value_loss": errors,
            "learn/entropy": entropy,
            "learn/grad_norm": norm,
            "learn/epsilon": jnp.broadcast_to(eps, (len(self.seats),)),
            "health/actor": population.finite(norm, losses, errors),
        }

    def giving_loss(
        self,
        params: PyTree,
        index: Array,
        before: LioState,
        first: tuple[Rollout, Array],
        second: tuple[Rollout, Array],
    ) -> Array:
        """What agent `index` loses by its incentives (Yang et al. 2020, equations 3 to 7).

        Args:
            params: of its incentive network.
            index: ``[]`` int32, its place among this kind's seats.
            before: everyone's state when the first episodes were played.
            first: those episodes, and the reward ``[T, B, n]`` that was learnt on.
            second: episodes played after everyone's step, and this agent's own extrinsic
                advantages ``[T, B]`` in them.

        Returns:
            ``[]``.
        """
        (rollout, reward), (later, adv) = first, second
        hyper, eps = before.learner.hyper, epsilon(before.learner)
        own, seat = take_seats(rollout, self.seats), self.ids[index]
        mine = jnp.take(own.obs, index, axis=2)
        offered = self.offers(params, seat, mine, rollout)
        extra = hyper["max_incentive"] * take_columns(offered, self.seats)
        paid = reward + extra - jax.lax.stop_gradient(extra)
        step = jax.vmap(self.step, (0, 0, SEAT_AXES, 2, None))
        values = self.values(before, own)
        after, _ = step(before.learner.trained.params, values, own, paid, (hyper, eps))
        now = take_seats(later, self.seats)
        logits = jax.vmap(self.learner.look, (0, SEAT_AXES))(after, now).logits[:, : len(adv)]
        taken = distributions.policy(logits, eps).log_prob(jnp.moveaxis(now.action, 2, 0))
        counts = (
            jnp.moveaxis(now.active, 2, 0) & (jnp.arange(len(self.seats)) != index)[:, None, None]
        )
        gain = jnp.where(counts, taken * adv[None], 0.0).sum() / adv.shape[1]
        discount = hyper["gamma"] ** jnp.arange(len(adv), dtype=jnp.float32)
        cost = (discount[:, None, None] * offered).sum() / adv.shape[1]
        return hyper["cost"] * cost - gain

    def reflect(
        self,
        before: LioState,
        after: LioState,
        rollout: Rollout,
        reward: Array,
        again: Any,
        key: Array,
    ) -> tuple[LioState, Metrics]:
        """Incentives learn from the episodes that follow everyone's step."""
        later = again(self.learner.prepare(after.learner), key)
        now, hyper = take_seats(later, self.seats), before.learner.hyper
        earned = jax.vmap(self.advantage, (0, 2, SEAT_AXES, None))(
            self.values(after, now), now.reward, now, hyper
        )
        paid = take_columns(reward, self.seats)

        def total(params: PyTree) -> tuple[Array, Array]:
            def one(params: PyTree, index: Array, adv: Array) -> Array:
                return self.giving_loss(params, index, before, (rollout, paid), (later, adv))

            losses = jax.vmap(one)(params, jnp.arange(len(self.seats)), earned)
            return losses.sum(), losses

        grads, losses = jax.grad(total, has_aux=True)(before.giver.params)
        giver, norm = population.descend(self.tx, before.giver, grads, hyper["incentive_lr"])
        return after._replace(giver=giver), {
            "incentive/grad_norm": norm,
            "health/incentive": population.finite(norm, losses),
        }
