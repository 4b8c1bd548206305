"""LIO, learning to incentivise other learners (Yang et al. 2020).

Every agent pays others incentives, computed from its own observation and their actions. All agents
take a gradient step on the game's reward plus the incentives received; then they play again, and
every agent improves its incentives by the gradient, through the others' steps, of its own return in
the new episodes, less a cost of the incentives. Incentives are not taken from the giver's reward,
so the sum of rewards is not conserved.

What an agent sees: its own observation, its own reward, everyone's actions. With
``opponents="known"`` it also knows the parameters and the data of agents of its own kind, through
which it differentiates; nothing is learnt through other kinds' steps. With ``opponents="learned"``,
the decentralised variant, it sees the observations and rewards of all co-players, of any kind, and
fits a model of each co-player's policy to that co-player's observations and actions. It assumes
that the model learns by plain gradient steps, with this agent's critic, on the co-player's
extrinsic reward and this agent's incentives alone.

Differences from the paper: many environments per step, over which gradients are means (sums over
the steps of an episode, as in the authors' code). Actor and critic are feed-forward networks of
equal sizes, the critic without a target network. Models of others are fitted to the behaviour
policy, epsilon included. With ``optimiser="adam"`` policies take the steps that all algorithms here
take; the gradient through such a step holds Adam's second moments fixed and counts what its
momentum defers as done at once. Steps are counted once, though every iteration plays twice.

Differences from the authors' code: the entropy bonus is that of the policy, without epsilon, and
the outer score function uses the probabilities that actions were drawn from, epsilon included;
theirs are the other way round. Others' actions join the incentive network at its second layer
instead of its first. The cost of incentives has no optimiser of its own, as theirs has in the
Escape Room.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from envs import checks
from envs.types import Env
from lase_jax.algorithms.lio.nets import Incentive
from lase_jax.core import distributions, population
from lase_jax.core.metrics import by_deed, masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import (
    Seats,
    co_players,
    put_columns,
    some_envs,
    take_columns,
    take_envs,
    take_seats,
    to_seats,
)
from lase_jax.core.settings import Inline
from lase_jax.learners import A2C, LearnerConfig
from lase_jax.learners.actor_critic import (
    Acting,
    Learner,
    LearnerState,
    advantages,
    count_episodes,
    epsilon,
    rate,
)
from lase_jax.learners.agents import AgentConfig, agent, check_plain, imitation, of_models
from lase_jax.learners.policy import Policy, Values
from lase_jax.types import (
    SEAT_AXES,
    Account,
    Again,
    Agent,
    Array,
    Clock,
    Metrics,
    Opinion,
    PyTree,
    Rollout,
)


class LioState(NamedTuple):
    """Policies, critics, incentive networks and perhaps models of opponents of n agents."""

    learner: LearnerState  # the policies
    critic: Trained  # leaves [n, ...]
    giver: Trained  # leaves [n, ...]
    model: Trained | tuple[()]  # leaves [n, N - 1, ...]; () where opponents are known


@dataclass(frozen=True)
class Lio(AgentConfig):
    """Actor-critics that pay each other incentives.

    Of the learner, which has to be A2C, `critic` and `log_prob` have no effect, and `max_grad_norm`
    bounds the gradients of critics, incentive networks and models, but not of policies.
    """

    learner: Inline[LearnerConfig] = A2C(lr=1e-2, normalise=False)
    """How policies learn."""
    optimiser: Literal["sgd", "adam"] = "sgd"
    """How policies follow their gradients: "sgd", plain steps (the paper); "adam"."""
    critic_lr: float = 1e-3
    """Learning rate of the critics, above 0."""
    incentive_lr: float = 1e-3
    """Learning rate of the incentive networks, above 0."""
    max_incentive: float = 2.0
    """Largest incentive for one agent in one step (R_max), in units of reward, above 0."""
    cost: float = 1e-4
    """Weight of the discounted sum of incentives, before they are multiplied by R_max, 0 or
    more."""
    incentive_episodes: int = 0
    """Episodes before the step, and as many after it, from which incentives learn per update, at
    most `num_envs`; 0 for all."""
    baseline: bool = True
    """Learn on advantages over a critic; else on plain returns (REINFORCE)."""
    opponents: Literal["known", "learned"] = "known"
    """Whose steps incentives learn through: "known", agents of the same kind, whose parameters are
    shared; "learned", models of all co-players' policies."""
    model_lr: float = 1e-3
    """Learning rate of the models of opponents, above 0."""
    incentive_width: int = 64
    """Width of the dense layers of the incentive network, 1 or more."""

    TRACED: ClassVar[tuple[str, ...]] = (
        *("critic_lr", "incentive_lr", "max_incentive", "cost", "model_lr"),
    )
    WHOLE_EPISODES: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks every field."""
        check_plain(self.learner, "LIO")
        for field in ("critic_lr", "incentive_lr", "max_incentive", "model_lr"):
            checks.number(field, getattr(self, field), 0.0, open_low=True)
        checks.number("cost", self.cost, 0.0)
        checks.integer("incentive_episodes", self.incentive_episodes, 0)
        checks.choice("optimiser", self.optimiser, ("sgd", "adam"))
        checks.choice("opponents", self.opponents, ("known", "learned"))
        checks.integer("incentive_width", self.incentive_width, 1)
        lstm = self.learner.net.lstm
        checks.require(not lstm, "net.lstm", lstm, "use 0 for LIO")
        plain = self.opponents == "known" or self.optimiser == "sgd"
        remedy = "use 'sgd' with opponents 'learned', whose models take plain steps"
        checks.require(plain, "optimiser", self.optimiser, remedy)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: there is only one seat, and opponents are "known".
        """
        remedy = "use 'learned', with optimiser 'sgd', where only one seat is LIO's"
        useful = self.opponents == "learned" or len(seats) > 1
        checks.require(useful, "opponents", self.opponents, remedy)
        lio = Payers(self, env, seats, self._learner(env, seats))
        return agent(lio.learner, seats, self.hyper(), lio.shape)._replace(
            init=lio.init,
            prepare=lio.prepare,
            learn=lio.learn,
            reflect=lio.reflect,
            explain=lio.explain,
        )

    def actors(self, env: Env, seats: Seats, present: Seats) -> Agent:
        """Policies alone, which need no recipients."""
        del seats
        return agent(self._learner(env, present), present, self.hyper())

    def _learner(self, env: Env, seats: Seats) -> Learner:
        """Policies and critics, which are networks apart, of which each uses one head."""
        one_trunk = replace(self.learner, critic_trunk="shared")
        return Learner(one_trunk, env.spec, len(seats))


class Recipient(NamedTuple):
    """One recipient of incentives, with the data that its giver has of it."""

    before: PyTree  # its parameters when the first episodes were played
    after: PyTree  # its parameters after its step
    scale: PyTree  # each parameter's change per unit of gradient, divided by the step size
    values: Values  # a critic's in the first episodes
    paid: Array  # [T, B], the reward in the first episodes that it learnt on
    first: Rollout  # its part of the first episodes
    later: Rollout  # its part of the episodes played after the step


_AXES: dict[str, Any] = {
    **dict.fromkeys(("before", "after", "scale", "values"), 0),
    "paid": 2,
    **dict.fromkeys(("first", "later"), SEAT_AXES),
}
RECIPIENT_AXES = Recipient(**_AXES)
"""Where the axis of recipients stands in each field, for ``jax.vmap``."""


@dataclass(frozen=True)
class Payers:
    """How LIO agents on some seats act and learn, as functions of their state."""

    config: Lio
    env: Env
    seats: Seats
    learner: Learner

    @property
    def giver(self) -> Incentive:
        """The incentive network."""
        spec = self.env.spec
        sizes = spec.obs_shape, spec.num_actions, spec.num_agents
        return Incentive(*sizes, self.config.learner.net, self.config.incentive_width)

    @property
    def tx(self) -> optax.GradientTransformation:
        """The optimiser of critics, incentive networks and models."""
        return self.learner.plain_tx

    @property
    def policy(self) -> Policy:
        """One agent's policy; critics are networks of the same form."""
        return self.learner.policy

    @property
    def policy_tx(self) -> optax.GradientTransformation:
        """The optimiser of policies."""
        return population.optimiser(math.inf, self.config.optimiser == "adam")

    @property
    def others(self) -> np.ndarray:
        """``[n, N - 1]`` int32, each agent's co-players."""
        return co_players(self.env.spec.num_agents, self.seats)

    @property
    def of_others(self) -> tuple[Seats, ...]:
        """Each agent's co-players, for `take_seats`."""
        return tuple(tuple(row) for row in self.others.tolist())

    @property
    def ids(self) -> Array:
        """``[n]`` int32 seats."""
        return jnp.asarray(np.array(self.seats, np.int32))

    def init(self, key: Array, hyper: PyTree) -> LioState:
        """Fresh agents. ``key`` is consumed."""
        spec, count = self.env.spec, len(self.seats)
        key_actor, key_critic, key_giver, key_model = jax.random.split(key, 4)
        actor = self.learner.init(key_actor, hyper)
        policy = actor.trained.params
        critic = self.learner.init(key_critic, hyper).trained.params
        blank = jnp.zeros((1, math.prod(spec.obs_shape)))
        joint = jnp.zeros((1, spec.num_agents), jnp.int32)
        return LioState(
            learner=actor._replace(trained=Trained(policy, jax.vmap(self.policy_tx.init)(policy))),
            critic=Trained(critic, jax.vmap(self.tx.init)(critic)),
            giver=population.init_stacked(
                lambda k: self.giver.init(k, blank, joint), self.tx, key_giver, count
            ),
            model=self.strangers(key_model, hyper) if self.config.opponents == "learned" else (),
        )

    def prepare(self, state: LioState) -> Acting:
        """What acting needs: the policies alone."""
        return self.learner.prepare(state.learner)

    def strangers(self, key: Array, hyper: PyTree) -> Trained:
        """Fresh models of every agent's co-players, leaves ``[n, N - 1, ...]``."""
        lead = self.others.shape
        everyone = Learner(self.learner.config, self.env.spec, self.others.size)
        one = everyone.init(key, hyper).trained
        return jax.tree.map(lambda leaf: leaf.reshape(*lead, *leaf.shape[1:]), one)

    def offers(self, params: PyTree, seat: Array, obs: Array, rollout: Rollout) -> Array:
        """One agent's incentives as shares of the largest, ``[T, B, N]``; 0 for itself.

        Args:
            params: of its incentive network.
            seat: ``[]`` int32.
            obs: ``[T, B, F]`` its own observations.
            rollout: the rollout of all agents.
        """
        num, hidden = self.env.spec.num_agents, self.env.spec.num_actions
        other = jnp.arange(num) != seat
        active_others = rollout.active & other[None, None]
        joint = jnp.where(active_others, rollout.action, hidden)
        offered = self.giver.apply(params, obs.astype(jnp.float32), joint)
        there = jnp.take(rollout.active, seat, axis=2)[..., None]
        return jnp.where(active_others & there, jnp.asarray(offered), 0.0)

    def everyones_offers(self, params: PyTree, rollout: Rollout) -> Array:
        """The `offers` of all agents ``[n, T, B, N]``, from stacked parameters."""
        own_rollout = take_seats(rollout, self.seats)
        return jax.vmap(self.offers, (0, 0, 2, None))(params, self.ids, own_rollout.obs, rollout)

    def incentives(self, state: LioState, rollout: Rollout) -> Array:
        """What each agent pays each seat, ``[n, T, B, N]``, in units of reward."""
        largest = state.learner.hyper["max_incentive"]
        return largest * self.everyones_offers(state.giver.params, rollout)

    def explain(self, state: LioState, rollout: Rollout) -> Account:
        """The incentives that each agent pays to each seat."""
        return Account(paid=jnp.moveaxis(self.incentives(state, rollout), 0, 2))

    def shape(self, state: LioState, rollout: Rollout, key: Array) -> Opinion:
        """Adds incentives to the recipients' rewards; they cost the givers no reward."""
        del key
        paid = self.incentives(state, rollout)
        episodes = rollout.reward.shape[1] * len(rollout.reward) / self.env.spec.horizon
        return no_opinion(rollout, len(self.seats))._replace(
            delta=paid.sum(0),
            metrics={"incentive/paid": paid.sum((1, 2)) / episodes}
            | by_deed(paid.sum(0), rollout, self.env.spec.helps, self.seats),
        )

    def baseline(self, values: Values) -> Values:
        """The baseline of advantages: the critic's values, held fixed, or 0."""
        weight = float(self.config.baseline)
        return jax.tree.map(lambda value: jax.lax.stop_gradient(value) * weight, values)

    def advantage(self, values: Values, reward: Array, rollout: Rollout, hyper: dict) -> Array:
        """One agent's advantages ``[T, B]``, linear in ``reward [T, B]``, the critic held fixed."""
        baseline, lam = self.baseline(values), hyper["lam"]
        lam = lam if self.config.baseline else jnp.float32(1.0)
        cut = self.config.learner.bootstrap_at_horizon
        return advantages(baseline, reward, rollout, hyper["gamma"], lam, cut)

    def policy_advantage(
        self, values: Values, reward: Array, rollout: Rollout, hyper: dict
    ) -> Array:
        """The advantages ``[T, B]`` that a policy learns on."""
        adv = self.advantage(values, reward, rollout, hyper)
        if not self.config.learner.normalise:
            return adv
        centred = adv - masked_mean(adv, rollout.active)
        deviation = jnp.sqrt(masked_mean(centred**2, rollout.active) + 1e-16)
        return centred / deviation

    def logits(self, params: PyTree, rollout: Rollout) -> Array:
        """One agent's policy at every step, ``[T, B, A]``."""
        return self.policy.evaluate(params, rollout).logits

    def scores(self, params: PyTree, rollout: Rollout, eps: Array) -> Array:
        """`chosen` for the policy with these parameters."""
        return chosen(self.logits(params, rollout), rollout, eps)

    def policy_loss(
        self, params: PyTree, values: Values, rollout: Rollout, reward: Array, rest: tuple
    ) -> tuple[Array, Array]:
        """One agent's loss, a sum over steps and a mean over episodes, and its entropy."""
        hyper, eps = rest
        logits = self.logits(params, rollout)
        adv = self.policy_advantage(values, reward, rollout, hyper)
        gain = chosen(logits, rollout, eps) * adv
        entropy = distributions.policy(logits).entropy()
        bonus = hyper["entropy"] * jnp.where(rollout.active, entropy, 0.0)
        loss = -(gain + bonus).sum() / reward.shape[1]
        return loss, masked_mean(entropy, rollout.active)

    def slope(
        self, params: PyTree, values: Values, rollout: Rollout, reward: Array, rest: tuple
    ) -> tuple[PyTree, tuple]:
        """Gradient of one agent's loss, the loss and the entropy."""
        numbers, grads = jax.value_and_grad(self.policy_loss, has_aux=True)(
            params, values, rollout, reward, rest
        )
        return grads, numbers

    def values(self, state: LioState, own: Rollout) -> Values:
        """Critics' values, leaves ``[n, T, B]``."""
        each = jax.vmap(self.policy.evaluate, (0, SEAT_AXES, 0))
        return each(state.critic.params, own, self.learner.scale(state.learner)).values

    def learn(
        self, state: LioState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LioState, Metrics]:
        """Trains policies and critics on rewards with incentives. ``key`` is consumed."""
        del key, clock
        own_rollout, paid = take_seats(rollout, self.seats), take_columns(reward, self.seats)
        state = self.rescaled(state, own_rollout, paid)
        learnt, eps = state.learner, epsilon(state.learner)
        hyper = self.learner.current(learnt)
        grads, (losses, entropy) = jax.vmap(self.slope, (0, 0, SEAT_AXES, 2, None))(
            learnt.trained.params, self.values(state, own_rollout), own_rollout, paid, (hyper, eps)
        )
        trained, norm = population.descend(self.policy_tx, learnt.trained, grads, rate(learnt))

        def total(params: PyTree) -> tuple[Array, Array]:
            def one(params: PyTree, own: Rollout, paid: Array, scale: Array) -> Array:
                values = self.policy.evaluate(params, own, scale).values
                adv = self.advantage(values, paid, own, hyper)
                target = jax.lax.stop_gradient(adv) + self.baseline(values).now
                return masked_mean(((target - values.now) / scale) ** 2, own.active)

            scale = self.learner.scale(learnt)
            errors = jax.vmap(one, (0, SEAT_AXES, 2, 0))(params, own_rollout, paid, scale)
            return errors.sum(), errors

        critic_grads, errors = jax.grad(total, has_aux=True)(state.critic.params)
        critic, _ = population.descend(self.tx, state.critic, critic_grads, hyper["critic_lr"])
        learnt = count_episodes(learnt._replace(trained=trained), rollout)
        return state._replace(learner=learnt, critic=critic), {
            "learn/policy_loss": losses,
            "learn/value_loss": errors,
            "learn/entropy": entropy,
            "learn/grad_norm": norm,
            "learn/epsilon": jnp.broadcast_to(eps, (len(self.seats),)),
            "health/actor": population.finite(norm, losses, errors),
        }

    def rescaled(self, state: LioState, own: Rollout, paid: Array) -> LioState:
        """The state with the critics' scale of returns brought up to date."""
        critics = state.learner._replace(trained=state.critic)
        after = self.learner.rescaled(critics, own, [paid])
        learner = state.learner._replace(scales=after.scales)
        return state._replace(learner=learner, critic=after.trained)

    def worth(self, recipient: Recipient, earned: Array, rest: tuple) -> Array:
        """Value to m givers of paying a recipient one more unit of reward in each step.

        The gradient of a giver's return, through the recipient's step (Yang et al. 2020, equation
        7): its gradient in the recipient's new parameters ("pull"), times the change of these
        parameters per unit of reward in the first episodes ("push"). As the step is linear in
        advantages, no second derivative of the policy is needed.

        Args:
            recipient: the recipient and its data.
            earned: ``[m, T, B]`` the givers' own extrinsic advantages in the later episodes.
            rest: see `around`.

        Returns:
            ``[m, T, B]``.
        """
        hyper, eps, eps_later = rest
        who = recipient
        pull = jax.vjp(lambda params: self.scores(params, who.later, eps_later), who.after)[1]
        push = jax.linearize(lambda params: self.scores(params, who.first, eps), who.before)[1]
        credit = jax.vjp(
            lambda r: self.policy_advantage(who.values, r, who.first, hyper), who.paid
        )[1]

        def one(earned: Array) -> Array:
            pulled = pull(earned / earned.shape[1])[0]
            moved = jax.tree.map(lambda slope, scale: slope * scale, pulled, who.scale)
            return credit(push(moved))[0]

        return hyper["lr"] / who.paid.shape[1] * jax.vmap(one)(earned)

    def worth_of_known(
        self,
        before: LioState,
        after: LioState,
        rollout: Rollout,
        reward: Array,
        later: Rollout,
        earned: Array,
    ) -> Array:
        """``[n, T, B, N]``: `worth` through the steps that agents really took.

        It is 0 for other kinds of agents, and for the own seat.

        Args:
            before: everyone's state when the first episodes were played.
            after: everyone's state after their steps.
            rollout: the first episodes.
            reward: ``[T, B, N]`` the rewards that the steps were taken on.
            later: episodes played after the steps.
            earned: ``[n, T, B]`` see `worth`.
        """
        first, now = take_seats(rollout, self.seats), take_seats(later, self.seats)
        trained = after.learner.trained
        adam = self.config.optimiser == "adam"
        scale = (
            jax.vmap(population.adam_scale)(trained.opt)
            if adam
            else jax.tree.map(jnp.ones_like, trained.params)
        )
        recipients = Recipient(
            before.learner.trained.params,
            trained.params,
            scale,
            self.values(before, first),
            take_columns(reward, self.seats),
            first,
            now,
        )
        rest, count = around(before.learner, after.learner), len(self.seats)
        givers = co_players(count, tuple(range(count)))
        each = jax.vmap(self.worth, (RECIPIENT_AXES, 0, None))(recipients, earned[givers], rest)
        per_seat = by_seat(each, givers, count).swapaxes(0, -1)
        return put_columns(per_seat, self.seats, self.env.spec.num_agents)

    def worth_of_modelled(
        self,
        model: Trained,
        before: LioState,
        after: LioState,
        rollout: Rollout,
        later: Rollout,
        earned: Array,
    ) -> Array:
        """``[n, T, B, N]``: `worth` through the steps that every agent expects of its co-players.

        Args:
            model: the models of co-players, leaves ``[n, N - 1, ...]``.
            before: everyone's state when the first episodes were played.
            after: everyone's state after their steps.
            rollout: the first episodes.
            later: episodes played after everyone's steps.
            earned: ``[n, T, B]`` see `worth`.
        """
        rest = around(before.learner, after.learner)
        offers = self.everyones_offers(before.giver.params, rollout)
        offered = rest[0]["max_incentive"] * jnp.take_along_axis(
            offers, jnp.asarray(self.others)[:, None, None], axis=3
        )

        def one(
            params: PyTree,
            critic: tuple[PyTree, Array],
            mine: Array,
            first: Rollout,
            now: Rollout,
            earned: Array,
        ) -> Array:
            """One model of one agent: ``[T, B]``."""
            judge, scale = critic
            values, paid = self.policy.evaluate(judge, first, scale).values, first.reward + mine
            grads, _ = self.slope(params, values, first, paid, rest[:2])
            stepped = jax.tree.map(lambda p, g: p - rest[0]["lr"] * g, params, grads)
            scale = jax.tree.map(jnp.ones_like, params)
            recipient = Recipient(params, stepped, scale, values, paid, first, now)
            return self.worth(recipient, earned[None], rest)[0]

        def of_agent(
            params: PyTree,
            critic: tuple[PyTree, Array],
            offered: Array,
            first: Rollout,
            now: Rollout,
            earned: Array,
        ) -> Array:
            """All models of one agent: ``[N - 1, T, B]``."""
            each = jax.vmap(one, (0, None, 2, SEAT_AXES, SEAT_AXES, None))
            return each(params, critic, offered, first, now, earned)

        per_model = jax.vmap(of_agent, (0, 0, 0, SEAT_AXES, SEAT_AXES, 0))(
            model.params,
            (before.critic.params, self.learner.scale(before.learner)),
            offered,
            take_seats(rollout, self.of_others),
            take_seats(later, self.of_others),
            earned,
        )
        return by_seat(per_model, self.others, self.env.spec.num_agents)

    def fit(
        self, model: Trained, learnt: LearnerState, rollout: Rollout, eps: Array
    ) -> tuple[Trained, Metrics]:
        """Trains the models to predict co-players' actions from the co-players' observations."""
        each = jax.vmap(partial(imitation, self.policy, eps=eps), (0, SEAT_AXES))
        theirs = take_seats(rollout, self.of_others)

        def total(params: PyTree) -> tuple[Array, Array]:
            losses = jax.vmap(each, (0, SEAT_AXES))(params, theirs)
            return losses.sum(), losses.mean(1)

        grads, losses = jax.grad(total, has_aux=True)(model.params)
        step = jax.vmap(partial(population.descend, self.tx), (0, 0, None))
        model, norms = step(model, grads, learnt.hyper["model_lr"])
        return model, of_models(losses, norms.max(1), self.env.spec.num_actions)

    def giving_loss(
        self, params: PyTree, worth: Array, rollout: Rollout, hyper: dict
    ) -> tuple[Array, Array]:
        """The losses of the incentive networks (Yang et al. 2020, equations 3 to 7).

        Args:
            params: of all incentive networks, leaves ``[n, ...]``.
            worth: ``[n, T, B, N]`` value to each agent of a unit of reward to each other agent.
            rollout: the episodes in which incentives were paid.
            hyper: settings.

        Returns:
            Their sum ``[]``, and each agent's ``[n]``.
        """
        offered = self.everyones_offers(params, rollout)
        discount = hyper["gamma"] ** jnp.arange(len(rollout.reward), dtype=jnp.float32)
        price = hyper["cost"] * discount[None, :, None, None] / rollout.reward.shape[1]
        losses = (offered * (price - hyper["max_incentive"] * worth)).sum((1, 2, 3))
        return losses.sum(), losses

    def reflect(
        self,
        before: LioState,
        after: LioState,
        rollout: Rollout,
        reward: Array,
        again: Again,
        key: Array,
    ) -> tuple[LioState, Metrics]:
        """Trains incentives on episodes played after everyone's step. ``key`` is consumed."""
        later = again(self.learner.prepare(after.learner), key)
        model, numbers = before.model, {}
        if isinstance(model, Trained):
            learnt = before.learner
            model, numbers = self.fit(model, learnt, rollout, epsilon(learnt))
            later_model = self.fit(model, learnt, later, epsilon(after.learner))[0]
            after = after._replace(model=later_model)
        few = self.config.incentive_episodes or rollout.done.shape[1]
        later, rollout = take_envs(later, few), take_envs(rollout, few)
        reward = some_envs(reward, count=few)
        now, hyper = take_seats(later, self.seats), before.learner.hyper
        earned = jax.vmap(self.advantage, (0, 2, SEAT_AXES, None))(
            self.values(after, now), now.reward, now, hyper
        )
        earned = jnp.where(jnp.moveaxis(now.active, 2, 0), earned, 0.0)
        if isinstance(model, Trained):
            worth = self.worth_of_modelled(model, before, after, rollout, later, earned)
        else:
            worth = self.worth_of_known(before, after, rollout, reward, later, earned)
        worth = jax.lax.stop_gradient(worth)
        grads, losses = jax.grad(self.giving_loss, has_aux=True)(
            before.giver.params, worth, rollout, hyper
        )
        giver, norm = population.descend(self.tx, before.giver, grads, hyper["incentive_lr"])
        return after._replace(giver=giver), numbers | {
            "incentive/grad_norm": norm,
            "health/incentive": population.finite(norm, losses),
        }


def by_seat(found: Array, others: np.ndarray, num_agents: int) -> Array:
    """``[n, K, T, B]`` per co-player to ``[n, T, B, N]`` per seat, 0 for the own seat."""
    each = partial(to_seats, others=others, num_agents=num_agents)
    return jax.vmap(each, 1, 1)(jnp.moveaxis(found, 1, -1))


def chosen(logits: Array, rollout: Rollout, eps: Array) -> Array:
    """Log-probabilities ``[T, B]`` of one agent's actions, 0 where it took no part."""
    score = distributions.policy(logits, eps).log_prob(rollout.action)
    return jnp.where(rollout.active, score, 0.0)


def around(before: LearnerState, after: LearnerState) -> tuple[dict, Array, Array]:
    """Settings, with the learning rate of a step, and epsilon in the episodes before and after."""
    return before.hyper | {"lr": rate(before)}, epsilon(before), epsilon(after)
