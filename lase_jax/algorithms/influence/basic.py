"""Basic influence: influencers act first, and are paid for how far that moves those who saw it.

Experiment I of Jaques et al. 2019 (section 4). The agents are two disjoint sets. In every step the
first `influencers` of them act, then the others, who see what those just did. The influence of k on
j is exact: the divergence of j's own policy, given what k did, from what it would be on average
over k's policy, all else as it was. Influencer k learns on

    r_k + weight sum_j influence_kj,

over the influencees j; with ``influencee_reward`` those earn the same for being influenced. With
``weight=0`` it is the paper's ablation, in which actions are merely visible.

What an agent sees: its own observation and reward; influencees see the influencers' actions of the
same step. The influence is computed with the influencees' parameters (centralised training).

Differences from the paper: synchronous actor-critics instead of A3C; what is seen joins the first
dense layer instead of the LSTM's input; both policies are the behaviour policies that actions were
drawn from, epsilon included; influence is clipped. Where a rollout is cut, the influencers' last
actions stand in for the next ones in the value that it is bootstrapped from. In games that agents
leave, those who have left go on to be seen as if they acted, but have no influence.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.algorithms.influence.effect import (
    Audience,
    InfluenceConfig,
    decide,
    effect_of_telling,
)
from lase_jax.core.metrics import masked_mean
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, put_columns, take_columns, take_seats
from lase_jax.learners import Acting, LearnerState, a2c, as_agent, epsilon, extend
from lase_jax.nets.layers import one_hots
from lase_jax.types import Agent, Array, Clock, Decision, Metrics, Mode, Opinion, PyTree, Rollout


@dataclass(frozen=True)
class BasicInfluence(InfluenceConfig):
    """Actor-critics of whom some are paid for influencing the others."""

    influencers: int = 1
    """How many of the seats, the first ones, act first and are paid for influence; not all."""
    influencee_reward: bool = False
    """Pay influencees for being influenced, too."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.integer("influencers", self.influencers, 1)
        remedy = "give a width for what is seen of others to join"
        checks.require(bool(self.net.dense), "net.dense", self.net.dense, remedy)

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: there is nobody to be influenced.
        """
        spec, count, first = env.spec, len(seats), self.influencers
        remedy = f"use less than {count}, the seats of these agents, so that some are influenced"
        checks.require(first < count, "influencers", first, remedy)
        actions = spec.num_actions
        learner = a2c(self, spec, count, extra=first * actions)
        leads, follows = slice(0, first), slice(first, count)

        def act(
            acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
        ) -> tuple[Decision, PyTree]:
            def some(part: slice, shown: Array) -> tuple[Decision, PyTree]:
                params, folded = jax.tree.map(lambda leaf: leaf[part], acting[:2])
                before = jax.tree.map(lambda leaf: leaf[:, part], memory)
                theirs = Acting(params, folded, acting.epsilon)
                seen = extend(obs[:, part], shown)
                return decide(learner, theirs, before, seen, draws[:, part], mode)

            nothing = jnp.zeros((len(obs), first * actions))
            leading = some(leads, nothing)
            following = some(follows, one_hots(leading[0].action, actions))
            return jax.tree.map(lambda *two: jnp.concatenate(two, 1), leading, following)

        def own_share(rollout: Rollout) -> Rollout:
            """The rollout as the actor-critics know it."""
            own = take_seats(rollout, seats)
            shown = one_hots(own.action[..., leads], actions)

            def all_of(obs: Array, shown: Array) -> Array:
                led = extend(obs[..., leads, :], jnp.zeros_like(shown))
                return jnp.concatenate([led, extend(obs[..., follows, :], shown)], axis=-2)

            # after the last step nobody has acted yet: what was done last stands in for it
            last = all_of(own.last_obs, shown[-1])
            return own._replace(obs=all_of(own.obs, shown), last_obs=last)

        def influence(state: LearnerState, own: Rollout, there: Array) -> Array:
            """Of each influencer on each influencee in each step, ``[K, T, B, J]`` nats."""
            theirs = jax.tree.map(lambda leaf: leaf[follows], state.trained.params)
            memory = jax.tree.map(lambda leaf: leaf[:, follows], own.memory)
            past = jax.vmap(learner.review, (0, 1, 2))(theirs, memory, own.obs[:, :, follows])
            audience = Audience(
                params=theirs,
                past=past,
                told=own.action[..., leads],
                policy=own.notes[:, :, follows],
                action=own.action[..., follows],
                epsilon=epsilon(state),
            )

            def of_one(leader: Array) -> Array:
                log_pi = own.notes[:, :, leader]
                moved = effect_of_telling(learner, audience, leader, log_pi, self.measure)
                return jnp.where(there[:, :, leader], moved, 0.0)

            return jax.lax.map(of_one, jnp.arange(first))

        def shape(state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
            del key
            own = own_share(rollout)
            there = own.active[..., leads, None] & own.active[..., None, follows]
            moved = influence(state, own, there)
            paid = self.pay(state, spec, moved)
            earned = jnp.moveaxis(paid.sum(-1), 0, -1)
            suffered = paid.sum(0) * float(self.influencee_reward)
            reward = jnp.concatenate([earned, suffered], axis=-1)
            pairs = masked_mean(jnp.moveaxis(moved, 0, 2), there, (0, 1), jnp.nan)
            table = jnp.full((count, spec.num_agents), jnp.nan)
            table = table.at[leads, np.array(seats[follows])].set(pairs)
            return no_opinion(rollout, count)._replace(
                delta=put_columns(reward, seats, spec.num_agents),
                metrics={
                    "influence/reward": masked_mean(reward, own.active, (0, 1), jnp.nan),
                    "influence/pair": table,
                },
            )

        def learn(
            state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
        ) -> tuple[LearnerState, Metrics]:
            del key, clock
            return learner.learn(state, own_share(rollout), take_columns(reward, seats))

        plain = as_agent(learner, self.hyper(), seats, shape)
        return plain._replace(act=act, learn=learn)
