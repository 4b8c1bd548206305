"""SI, social influence with a model of other agents (Jaques et al. 2019, section 6).

Every agent learns to predict what each co-player does next from its own observation and everyone's
present actions. Its influence on j in a step is how far its action moved that prediction away from
what it would have expected of j on average over its own policy. It learns on

    r_i + weight sum_j influence_ij.

With ``share_eyes`` the model reads what the policy's first layers see, and its loss trains those
too: with ``weight=0`` that is the paper's control, a model of others as an auxiliary task.

What an agent sees: its own observation, its own reward, everyone's actions.

Differences from the paper: synchronous actor-critics instead of A3C; by default the model of others
has eyes of its own and one dense layer before its memory instead of two (``net.moa_dense``), and in
any case an optimiser of its own; the policy in the marginal is the behaviour policy that actions
were drawn from, epsilon included; influence is clipped. The last step of an episode has no next
action and pays no influence, nor with "pmi" does the last step of a rollout.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax import learners
from lase_jax.algorithms.influence.effect import InfluenceConfig, decide
from lase_jax.algorithms.influence.model import Model, Seen, look
from lase_jax.core import population
from lase_jax.core.metrics import masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import (
    Seats,
    check_visible,
    co_players,
    put_columns,
    take_columns,
    take_seats,
    to_seats,
)
from lase_jax.learners import LearnerState, a2c, as_agent, of_models, rate
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout


class InfluenceState(NamedTuple):
    """An actor-critic and its model of other agents."""

    learner: LearnerState
    model: Trained  # leaves [n, ...]


class Acting(NamedTuple):
    """What acting and remembering need, computed once per rollout."""

    learner: learners.Acting
    model: tuple  # see `Model.prepare`, leaves [n, ...]


class Memory(NamedTuple):
    """What an agent carries through an episode; the model's parts are () without LSTM."""

    learner: PyTree
    model: PyTree  # [B, n, H], the model's LSTM before the step
    seen: PyTree  # [B, n, G], what the model made of the observation, until all actions are known


@dataclass(frozen=True)
class Influence(InfluenceConfig):
    """Actor-critics that are paid for influencing others."""

    influence_visible: bool = True
    """Count influence only on co-players in the own window."""
    train_visible: bool = True
    """Train the model of others only on co-players in the own window."""
    moa_lr: float = 1e-3
    """Learning rate of the model of other agents; it falls as `lr` does."""
    share_eyes: bool = False
    """Let the model of others read the policy's convolutions, or where it has none its first dense
    layer, and train them."""
    moa_weight: float = 1.0
    """Weight of the model's loss beside the policy's, for the layers that they share."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.number("moa_lr", self.moa_lr, 0.0, open_low=True)
        checks.number("moa_weight", self.moa_weight, 0.0, open_low=True)
        able = bool(self.net.dense) or not self.share_eyes
        checks.require(able, "share_eyes", self.share_eyes, "give net.dense what can be shared")

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        return super().hyper() | {"moa_lr": self.moa_lr, "moa_weight": self.moa_weight}

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        spec, num, count = env.spec, env.spec.num_agents, len(seats)
        check_visible("influence_visible", self.influence_visible, spec)
        check_visible("train_visible", self.train_visible, spec)
        learner = a2c(self, spec, count)
        model = Model(spec, self.net, self.share_eyes)
        tx = population.optimiser(self.max_grad_norm)
        others = co_players(num, seats)
        ids = jnp.asarray(np.array(seats, np.int32))

        def init(key: Array, hyper: PyTree) -> InfluenceState:
            key_learner, key_model = jax.random.split(key)
            trained = population.init_stacked(model.init, tx, key_model, count)
            return InfluenceState(learner.init(key_learner, hyper), trained)

        def begin(num_envs: int) -> Memory:
            def stacked(leaf: Array) -> Array:
                return jnp.broadcast_to(leaf[:, None], (num_envs, count, leaf.shape[-1]))

            blank = jax.tree.map(stacked, model.blank(num_envs))
            seen = jnp.zeros((num_envs, count, 4 * self.net.moa)) if self.net.lstm else ()
            return Memory(learner.begin(num_envs), blank, seen)

        def prepare(state: InfluenceState) -> Acting:
            ready = jax.vmap(model.prepare)(state.model.params)
            return Acting(learner.prepare(state.learner), ready)

        def read(policy: PyTree, x: Array) -> Array:
            """What one agent's model is shown of its observations ``[..., F]``."""
            x = x.astype(jnp.float32)
            return learner.see(policy, x) if self.share_eyes else x

        def act(
            acting: Acting, memory: Memory, obs: Array, draws: Array, mode: Mode
        ) -> tuple[Decision, Memory]:
            mine = acting.learner, memory.learner
            decision, after = decide(learner, *mine, obs, draws, mode)
            memory = memory._replace(learner=after)
            if self.net.lstm:
                shown = jax.vmap(read, (0, 1), 1)(acting.learner.params, obs)
                encoded = jax.vmap(model.encode, (0, 1), 1)(acting.model, shown)
                memory = memory._replace(seen=encoded)
            return decision, memory

        def remember(acting: Acting, memory: Memory, action: Array, reward: Array) -> Memory:
            del reward
            if not self.net.lstm:
                return memory
            advance = jax.vmap(model.advance, (0, 1, 1, None), 1)
            return memory._replace(model=advance(acting.model, memory.model, memory.seen, action))

        def views(policies: PyTree, rollout: Rollout, visible_only: bool) -> Seen:
            """Every agent's share of a rollout, with what its model is shown."""
            kept = rollout.memory.model
            seen = look(rollout, spec, seats, visible_only, kept)
            return seen._replace(obs=jax.vmap(read)(policies, seen.obs))

        def own_share(rollout: Rollout) -> Rollout:
            """The rollout as the actor-critics know it."""
            return take_seats(rollout, seats)._replace(memory=rollout.memory.learner)

        def shape(state: InfluenceState, rollout: Rollout, key: Array) -> Opinion:
            del key
            policies = state.learner.trained.params
            seen = views(policies, rollout, self.influence_visible)
            log_pi = jnp.moveaxis(rollout.notes, 2, 0)
            measured = jax.vmap(partial(model.influence, measure=self.measure))
            moved = measured(state.model.params, ids, seen, log_pi)
            reward = jnp.moveaxis(self.pay(state.learner, spec, moved).sum(-1), 0, 2)
            delta = put_columns(reward, seats, num)
            pairs = masked_mean(moved, seen.where(self.measure), (1, 2), jnp.nan)
            own = take_columns(rollout.active, seats)
            return no_opinion(rollout, count)._replace(
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
            own, paid, hyper = own_share(rollout), take_columns(reward, seats), state.learner.hyper

            def total(both: tuple[PyTree, PyTree]) -> tuple[Array, tuple]:
                policies, models = both
                losses, metrics = learner.losses(policies, state.learner, own, paid)
                seen = views(policies, rollout, self.train_visible)
                errors = jax.vmap(model.loss)(models, ids, seen)
                counted = seen.counts.any((1, 2, 3))
                return (losses + hyper["moa_weight"] * errors).sum(), (metrics, errors, counted)

            grads, (metrics, errors, counted) = jax.grad(total, has_aux=True)(
                (state.learner.trained.params, state.model.params)
            )
            learnt, metrics = learner.descend(state.learner, grads[0], rollout, metrics)
            alone = jax.tree.map(lambda grad: grad / hyper["moa_weight"], grads[1])
            falling = rate(state.learner) / hyper["lr"]
            trained, norm = population.descend(tx, state.model, alone, hyper["moa_lr"] * falling)
            numbers = of_models(errors, norm, spec.num_actions)
            numbers["moa/cross_entropy"] = jnp.where(counted, errors, jnp.nan)
            return InfluenceState(learnt, trained), metrics | numbers

        return as_agent(learner, self.hyper(), seats, shape)._replace(
            init=init,
            begin=begin,
            prepare=prepare,
            act=act,
            learn=learn,
            remember=remember,
        )
