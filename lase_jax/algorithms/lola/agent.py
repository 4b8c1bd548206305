"""LOLA with DiCE: learning with awareness of the opponent's learning, from sampled play.

A player looks ahead: it lets its opponent take some gradient steps in games of their own, and
follows the gradient of what it then earns, through those steps. With the objective DiCE all
derivatives come from sampled games (Foerster et al. 2018: LOLA, arXiv 1709.04326, and DiCE, arXiv
1802.05098). With ``lookahead=0`` it is the naive learner, the control.

What an agent sees: its own observation, its own reward; its games ahead are played in a copy of
the game, in which it also sees the opponent's observation and reward. It knows the opponent's
parameters where that is of its own kind (``opponent="known"``), else it learns a model of the
opponent's policy from the games that were really played.

Differences from the paper: an epsilon mixture as in all algorithms here; rewards are centred by
their mean over the batch, per step, and there is no critic. Gifts of other kinds of agents are not
part of the games ahead. Those games are not counted as steps. Exact gradients, for the iterated
prisoner's dilemma, are in `exact`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.core import distributions, population, returns
from lase_jax.core.metrics import masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.seats import Seats, take_seats
from lase_jax.learners import (
    A2CConfig,
    Learner,
    LearnerState,
    a2c,
    as_agent,
    epsilon,
    imitation,
    of_models,
    rate,
)
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society
from lase_jax.types import SEAT_AXES, Agent, Array, Clock, Metrics, PyTree, Rollout


class LolaState(NamedTuple):
    """Policies, and where they are needed models of opponents."""

    learner: LearnerState
    model: Trained | tuple[()]  # leaves [n, ...]; () where opponents are known


@dataclass(frozen=True)
class Lola(A2CConfig):
    """Policy-gradient learners that foresee their opponent's steps, in games of two.

    There is no critic: `lam`, `critic`, `normalise`, `log_prob` and `bootstrap_at_horizon` have no
    effect.
    """

    lr: float = 1e-2
    """Learning rate of the policies."""
    optimiser: Literal["sgd", "adam"] = "sgd"
    """How policies follow their gradients: "sgd", plain steps, which the authors take for tables;
    "adam", for networks."""
    gamma: float = 0.96
    """Discount of rewards, in [0, 1]."""
    lookahead: int = 1
    """Steps of the opponent that are foreseen; 0 for the naive learner."""
    lookahead_lr: float = 0.3
    """Size of the plain gradient steps that the opponent is expected to take."""
    games: int = 64
    """Games played ahead, for every step and for the gradient itself."""
    opponent: Literal["known", "learned"] = "known"
    """Whose parameters are foreseen to move: the opponent's own, or those of a model of its policy.
    An opponent of another kind is always modelled."""
    model_lr: float = 1e-2
    """Learning rate of the model of the opponent."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.integer("lookahead", self.lookahead, 0)
        checks.integer("games", self.games, 2)
        checks.number("lookahead_lr", self.lookahead_lr, 0.0, open_low=True)
        checks.number("model_lr", self.model_lr, 0.0, open_low=True)
        checks.choice("opponent", self.opponent, ("known", "learned"))
        checks.choice("optimiser", self.optimiser, ("sgd", "adam"))

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        own = {"lookahead_lr": self.lookahead_lr, "model_lr": self.model_lr}
        return super().hyper() | own

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: the game is not one of two.
        """
        num = env.spec.num_agents
        checks.require(num == 2, "num_agents", num, "use a game of two agents for LOLA")
        lola = Machinery(self, env, seats, a2c(self, env.spec, len(seats)))
        plain = as_agent(lola.learner, self.hyper(), seats)
        return plain._replace(
            init=lola.init,
            prepare=lambda state: lola.learner.prepare(state.learner),
            learn=lola.learn,
        )


@dataclass(frozen=True)
class Machinery:
    """What LOLA agents on some seats do, as functions of their state."""

    config: Lola
    env: Env
    seats: Seats
    learner: Learner

    @property
    def models(self) -> bool:
        """Whether opponents are modelled."""
        return self.config.opponent == "learned" or len(self.seats) == 1

    @property
    def tx(self) -> Any:
        """The optimiser of policies."""
        adam = self.config.optimiser == "adam"
        return population.optimiser(self.config.max_grad_norm, adam)

    def init(self, key: Array, hyper: PyTree) -> LolaState:
        """Fresh agents. ``key`` is consumed."""
        key_own, key_model = jax.random.split(key)
        model = self.learner.init(key_model, hyper).trained if self.models else ()
        learnt = self.learner.init(key_own, hyper)
        params = learnt.trained.params
        trained = Trained(params, jax.vmap(self.tx.init)(params))
        return LolaState(learnt._replace(trained=trained), model)

    def ahead(self, both: PyTree, state: LearnerState, key: Array) -> Rollout:
        """Games ahead in which the two seats play by the policies ``both [2, ...]``."""
        players = (0, 1)
        learner = a2c(self.config, self.env.spec, len(players))
        algorithm = society(self.env.spec, [(as_agent(learner, {}, players), players)])
        key_begin, key_play = jax.random.split(key)
        fixed = jax.lax.stop_gradient(both)
        acting = learner.prepare(state._replace(trained=Trained(fixed, ())))
        world = begin(self.env, algorithm, key_begin, self.config.games)
        horizon = self.env.spec.horizon
        rollout = play(self.env, algorithm, (acting,), world, key_play, horizon, "explore")[1]
        return rollout._replace(memory=rollout.memory[0])

    def worth(self, both: PyTree, rollout: Rollout, seat: Array, state: LearnerState) -> Array:
        """What the player on `seat` earns in games ahead, differentiable in both policies."""
        views = jax.vmap(self.learner.look, (0, SEAT_AXES), out_axes=2)(both, rollout)
        logits = views.logits[: len(rollout.action)]
        chosen = distributions.policy(logits, epsilon(state)).log_prob(rollout.action)
        chosen = jnp.where(rollout.active, chosen, 0.0).sum(-1)
        earned = jnp.take(rollout.reward, seat, axis=2)
        centred = earned - earned.mean(1, keepdims=True)
        gamma = state.hyper["gamma"]
        return jax.vmap(returns.dice, (1, 1, None))(chosen, centred, gamma).mean()

    def foreseen(
        self, own: PyTree, other: PyTree, seat: Array, state: LearnerState, key: Array
    ) -> Array:
        """What the player on `seat` will earn once its opponent has learnt, ``[]``.

        Args:
            own: its parameters.
            other: its opponent's.
            seat: ``[]`` int32.
            state: settings, and how far epsilon has gone.
            key: consumed.
        """

        def seated(own: PyTree, other: PyTree) -> PyTree:
            def place(mine: Array, theirs: Array) -> Array:
                pair = jnp.stack([mine, theirs])
                return jnp.where(seat == 0, pair, pair[::-1])

            return jax.tree.map(place, own, other)

        size = state.hyper["lookahead_lr"]
        *keys, last = jax.random.split(key, self.config.lookahead + 1)
        for key_step in keys:
            games = self.ahead(seated(own, other), state, key_step)

            def theirs(other: PyTree, games: Rollout = games) -> Array:
                return self.worth(seated(own, other), games, 1 - seat, state)

            slope = jax.grad(theirs)(other)
            other = jax.tree.map(lambda p, g: p + size * g, other, slope)
        games = self.ahead(seated(own, other), state, last)
        return self.worth(seated(own, other), games, seat, state)

    def opponents(self, state: LolaState) -> PyTree:
        """The parameters that are taken for the opponent's, leaves ``[n, ...]``."""
        if isinstance(state.model, Trained):
            return state.model.params
        return jax.tree.map(lambda leaf: leaf[::-1], state.learner.trained.params)

    def learn(
        self, state: LolaState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LolaState, Metrics]:
        """Every agent follows what it foresees, and its model the games that were played."""
        del reward, clock
        learnt, count = state.learner, len(self.seats)
        ids = jnp.asarray(np.array(self.seats, np.int32))
        others = jax.lax.stop_gradient(self.opponents(state))

        def total(params: PyTree) -> tuple[Array, Array]:
            each = jax.vmap(self.foreseen, (0, 0, 0, None, 0))
            worth = each(params, others, ids, learnt, jax.random.split(key, count))
            bonus = self.entropies(params, rollout)
            return -(worth + learnt.hyper["entropy"] * bonus).sum(), bonus

        grads, entropy = jax.grad(total, has_aux=True)(learnt.trained.params)
        trained, norm = population.descend(self.tx, learnt.trained, grads, rate(learnt))
        finished = rollout.done.sum().astype(jnp.float32)
        numbers = {
            "learn/entropy": entropy,
            "learn/grad_norm": norm,
            "learn/epsilon": jnp.broadcast_to(epsilon(learnt), (count,)),
            "health/actor": population.finite(norm),
        }
        after = learnt._replace(trained=trained, episodes=learnt.episodes + finished)
        if not isinstance(state.model, Trained):
            return LolaState(after, ()), numbers
        model, found = self.fit(state.model, learnt, rollout)
        return LolaState(after, model), numbers | found

    def entropies(self, params: PyTree, rollout: Rollout) -> Array:
        """Entropy of each agent's policy in the games that were played, ``[n]`` nats."""

        def one(params: PyTree, own: Rollout) -> Array:
            logits = self.learner.look(params, own).logits[: len(own.action)]
            return masked_mean(distributions.policy(logits).entropy(), own.active)

        return jax.vmap(one, (0, SEAT_AXES))(params, self.of(rollout, self.seats))

    def fit(
        self, model: Trained, learnt: LearnerState, rollout: Rollout
    ) -> tuple[Trained, Metrics]:
        """Models learn what opponents did, given what those saw."""
        theirs = self.of(rollout, tuple(1 - seat for seat in self.seats))
        each = partial(imitation, self.learner, eps=epsilon(learnt))

        def total(params: PyTree) -> tuple[Array, Array]:
            losses = jax.vmap(each, (0, SEAT_AXES))(params, theirs)
            return losses.sum(), losses

        grads, losses = jax.grad(total, has_aux=True)(model.params)
        tx = population.optimiser(self.config.max_grad_norm)
        model, norm = population.descend(tx, model, grads, learnt.hyper["model_lr"])
        return model, of_models(losses, norm, self.env.spec.num_actions)

    def of(self, rollout: Rollout, seats: Seats) -> Rollout:
        """The rollout as some seats saw it, with the empty memory of an episode's start."""
        taken = take_seats(rollout, seats)
        return taken._replace(memory=self.learner.begin(rollout.done.shape[1]))
