"""LOLA with DiCE: learning with awareness of the opponent's learning, from sampled play.

A player looks ahead: it simulates some gradient steps of its opponent, each on new games, and
follows the gradient of its own return after these steps, which it differentiates through. With the
objective DiCE all derivatives come from sampled games (Foerster et al. 2018: LOLA, arXiv
1709.04326, and DiCE, arXiv 1802.05098). With ``lookahead=0`` it is the naive learner, the control.

What an agent sees: its own observation, its own reward; the simulated games (games ahead) are
played in a copy of the game, in which it also sees the opponent's observation and reward. It knows
the parameters of an opponent of its own kind (``opponent="known"``), else it learns a model of the
opponent's policy from the real games.

Differences from the paper: an epsilon mixture as in all algorithms here; rewards are centred by
their mean over the batch, per step, and there is no critic. Gifts of other kinds of agents are not
part of the games ahead. Those games are not counted as steps. Exact gradients, for the iterated
prisoner's dilemma, are in `exact`.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.core import distributions, population, returns
from lase_jax.core.metrics import masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.seats import Seats, take_seats
from lase_jax.core.settings import Inline
from lase_jax.learners import A2C, LearnerConfig
from lase_jax.learners.actor_critic import (
    Acting,
    Learner,
    LearnerState,
    count_episodes,
    epsilon,
    rate,
)
from lase_jax.learners.agents import AgentConfig, agent, check_plain, imitation, of_models
from lase_jax.learners.policy import Policy
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.society import society
from lase_jax.types import SEAT_AXES, Agent, Array, Clock, Metrics, PyTree, Rollout


class LolaState(NamedTuple):
    """Policies and, where they are needed, models of opponents."""

    learner: LearnerState
    model: Trained | tuple[()]  # leaves [n, ...]; () where opponents are known


@dataclass(frozen=True)
class Lola(AgentConfig):
    """Policy-gradient learners that anticipate their opponent's steps, in two-player games.

    The learner has to be A2C, and there is no critic: its `lam`, `critic`, `normalise`, `log_prob`
    and `bootstrap_at_horizon` have no effect.
    """

    learner: Inline[LearnerConfig] = A2C(lr=1e-2, gamma=0.96)
    """How policies learn."""
    optimiser: Literal["sgd", "adam"] = "sgd"
    """How policies follow their gradients: "sgd", plain steps, as the authors do for tabular
    policies; "adam", for networks."""
    lookahead: int = 1
    """Anticipated learning steps of the opponent; 0 for the naive learner."""
    lookahead_lr: float = 0.3
    """Size of the opponent's anticipated steps, which are plain gradient steps, above 0."""
    games: int = 64
    """Simulated games for every anticipated step, and for the gradient itself, 2 or more."""
    opponent: Literal["known", "learned"] = "known"
    """Whose steps are anticipated: "known", the opponent's own; "learned", those of a model of its
    policy. An opponent of another kind is always modelled."""
    model_lr: float = 1e-2
    """Learning rate of the model of the opponent, above 0."""

    TRACED: ClassVar[tuple[str, ...]] = ("lookahead_lr", "model_lr")

    def __post_init__(self) -> None:
        """Checks every field."""
        check_plain(self.learner, "LOLA")
        checks.integer("lookahead", self.lookahead, 0)
        checks.integer("games", self.games, 2)
        checks.number("lookahead_lr", self.lookahead_lr, 0.0, open_low=True)
        checks.number("model_lr", self.model_lr, 0.0, open_low=True)
        checks.choice("opponent", self.opponent, ("known", "learned"))
        checks.choice("optimiser", self.optimiser, ("sgd", "adam"))

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: the game does not have two agents.
        """
        num = env.spec.num_agents
        checks.require(num == 2, "num_agents", num, "use a game of two agents for LOLA")
        bare = replace(self.learner, critic_trunk="shared", scale_values=False)  # no critic
        lola = Foreseers(self, env, seats, Learner(bare, env.spec, len(seats)))
        plain = agent(lola.learner, seats, self.hyper())
        return plain._replace(init=lola.init, prepare=lola.prepare, learn=lola.learn)


@dataclass(frozen=True)
class Foreseers:
    """How LOLA agents on some seats act and learn, as functions of their state."""

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
        return population.optimiser(self.config.learner.max_grad_norm, adam)

    @property
    def policy(self) -> Policy:
        """One agent's policy."""
        return self.learner.policy

    def init(self, key: Array, hyper: PyTree) -> LolaState:
        """Fresh agents. ``key`` is consumed."""
        key_own, key_model = jax.random.split(key)
        model = self.learner.init(key_model, hyper).trained if self.models else ()
        learnt = self.learner.init(key_own, hyper)
        params = learnt.trained.params
        trained = Trained(params, jax.vmap(self.tx.init)(params))
        return LolaState(learnt._replace(trained=trained), model)

    def prepare(self, state: LolaState) -> Acting:
        """What acting needs: the policies alone."""
        return self.learner.prepare(state.learner)

    def ahead(self, both: PyTree, state: LearnerState, key: Array) -> Rollout:
        """Simulated games in which the two seats play by the policies ``both [2, ...]``."""
        players = (0, 1)
        learner = Learner(self.learner.config, self.env.spec, len(players))
        algorithm = society(self.env.spec, [(agent(learner, players, {}), players)])
        key_begin, key_play = jax.random.split(key)
        fixed = jax.lax.stop_gradient(both)
        acting = learner.prepare(state._replace(trained=Trained(fixed, ())))
        world = begin(self.env, algorithm, key_begin, self.config.games)
        horizon = self.env.spec.horizon
        rollout = play(self.env, algorithm, (acting,), world, key_play, horizon, "explore")[1]
        return rollout._replace(memory=rollout.memory[0])

    def worth(self, both: PyTree, rollout: Rollout, seat: Array, state: LearnerState) -> Array:
        """Return of the player on `seat` in simulated games, differentiable in both policies."""

        def policies(params: PyTree, rollout: Rollout) -> Array:
            return self.policy.evaluate(params, rollout).logits

        logits = jax.vmap(policies, (0, SEAT_AXES), 2)(both, rollout)
        chosen = distributions.policy(logits, epsilon(state)).log_prob(rollout.action)
        chosen = jnp.where(rollout.active, chosen, 0.0).sum(-1)
        earned = jnp.take(rollout.reward, seat, axis=2)
        centred = earned - earned.mean(1, keepdims=True)
        gamma = state.hyper["gamma"]
        return jax.vmap(returns.dice, (1, 1, None))(chosen, centred, gamma).mean()

    def foreseen(
        self, own: PyTree, other: PyTree, seat: Array, state: LearnerState, key: Array
    ) -> Array:
        """Return of the player on `seat` after its opponent's anticipated steps, ``[]``.

        Args:
            own: its parameters.
            other: its opponent's.
            seat: ``[]`` int32.
            state: the learner's state, for its settings and epsilon.
            key: consumed.
        """

        def seated(own_params: PyTree, other: PyTree) -> PyTree:
            def place(mine: Array, theirs: Array) -> Array:
                pair = jnp.stack([mine, theirs])
                return jnp.where(seat == 0, pair, pair[::-1])

            return jax.tree.map(place, own_params, other)

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
        """The parameters that the opponents are assumed to have, leaves ``[n, ...]``."""
        if isinstance(state.model, Trained):
            return state.model.params
        return jax.tree.map(lambda leaf: leaf[::-1], state.learner.trained.params)

    def learn(
        self, state: LolaState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LolaState, Metrics]:
        """Trains policies on simulated games, models on the real ones. Consumes ``key``."""
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
        numbers = {
            "learn/entropy": entropy,
            "learn/grad_norm": norm,
            "learn/epsilon": jnp.broadcast_to(epsilon(learnt), (count,)),
            "health/actor": population.finite(norm),
        }
        after = count_episodes(learnt._replace(trained=trained), rollout)
        if not isinstance(state.model, Trained):
            return LolaState(after, ()), numbers
        model, measured = self.fit(state.model, learnt, rollout)
        return LolaState(after, model), numbers | measured

    def entropies(self, params: PyTree, rollout: Rollout) -> Array:
        """Entropy of each agent's policy in the real games, ``[n]`` nats."""

        def one(params: PyTree, own_rollout: Rollout) -> Array:
            logits = self.policy.evaluate(params, own_rollout).logits
            return masked_mean(distributions.policy(logits).entropy(), own_rollout.active)

        return jax.vmap(one, (0, SEAT_AXES))(params, self.of(rollout, self.seats))

    def fit(
        self, model: Trained, learnt: LearnerState, rollout: Rollout
    ) -> tuple[Trained, Metrics]:
        """Trains the models to predict the opponents' actions from the opponents' observations."""
        theirs = self.of(rollout, tuple(1 - seat for seat in self.seats))
        each = partial(imitation, self.policy, eps=epsilon(learnt))

        def total(params: PyTree) -> tuple[Array, Array]:
            losses = jax.vmap(each, (0, SEAT_AXES))(params, theirs)
            return losses.sum(), losses

        grads, losses = jax.grad(total, has_aux=True)(model.params)
        model, norm = population.descend(
            self.learner.plain_tx, model, grads, learnt.hyper["model_lr"]
        )
        return model, of_models(losses, norm, self.env.spec.num_actions)

    def of(self, rollout: Rollout, seats: Seats) -> Rollout:
        """The part of the rollout of some seats, with the empty memory of an episode's start."""
        taken = take_seats(rollout, seats)
        return taken._replace(memory=self.learner.begin(rollout.done.shape[1]))
