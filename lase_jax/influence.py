"""Causal influence: how much does my action change what I expect others to do next?

Source: Jaques et al. 2019, sections 3 and 6.

Letters: T steps, B environments, N seats, K = N - 1 co-players, A actions, F numbers of a flattened
observation. Everything but `divergence` and `marginal`, which are unbatched, concerns one agent's
whole rollout; agents are put side by side by vmap.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from envs.types import EnvSpec
from lase_jax import distributions, nets
from lase_jax.metrics import masked_mean
from lase_jax.nets import Net, add_actions
from lase_jax.rollout import Seats, co_players, take_seats, visible
from lase_jax.types import Array, PyTree, Rollout

Measure = Literal["kl", "jsd", "pmi"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


def marginal(conditional: Array, log_probs: Array) -> Array:
    """What I expect of j whatever I do: ``log sum_a' p(. | a') pi(a')``.

    Args:
        conditional: ``[A, A_j]`` log-probabilities of j's next action given each of mine.
        log_probs: ``[A]`` my own policy.

    Returns:
        ``[A_j]`` log-probabilities.
    """
    return jax.nn.logsumexp(conditional + log_probs[:, None], axis=0)


def divergence(conditional: Array, marginal: Array, action: Array, measure: Measure) -> Array:
    """How far what I did moved what I expect of j.

    Args:
        conditional: ``[A_j]`` log-probabilities of j's next action given what I did.
        marginal: ``[A_j]`` the same whatever I do.
        action: ``[]`` int32, what j did next; only "pmi" asks.
        measure: "kl", the divergence of conditional from marginal; "jsd", Jensen-Shannon; "pmi",
            the pointwise mutual information with what j did, which may be negative.

    Returns:
        ``[]`` nats.
    """
    if measure == "pmi":
        return (conditional - marginal)[action]
    if measure == "kl":
        return kl(conditional, marginal)
    middle = jnp.logaddexp(conditional, marginal) - jnp.log(2.0)
    return 0.5 * (kl(conditional, middle) + kl(marginal, middle))


def kl(p: Array, q: Array) -> Array:
    """``KL(p || q)`` of two vectors of log-probabilities ``[A]``."""
    return (jnp.exp(p) * (p - q)).sum()


class Seen(NamedTuple):
    """One agent's share of a rollout, as its model of others reads it."""

    obs: Array  # [T, B, F]
    own: Array  # [T, B] int32, own actions
    joint: Array  # [T, B, N] int32, everyone's actions, A for those who take no part
    following: Array  # [T, B, K] int32, co-players' next actions
    counts: Array  # [T, B, K] bool, there is a next action, and it counts


@dataclass(frozen=True)
class Model:
    """A model of other agents (MOA) as functions of its parameters."""

    spec: EnvSpec
    net: Net

    @property
    def module(self) -> nets.OtherModel:
        """The network."""
        spec = self.spec
        return nets.OtherModel(spec.obs_shape, spec.num_actions, spec.num_agents, self.net)

    def expect(self, params: PyTree, seat: Array, seen: Seen) -> tuple[Array, Array]:
        """What the agent on `seat` expects of others' next actions.

        An LSTM begins every rollout with an empty memory. A counterfactual action is one step from
        the memory that the true past has left.

        Returns:
            Log-probabilities ``[T, B, K, A]`` given what everyone did, and ``[T, B, A, K, A]`` had
            the agent itself done each of its actions.
        """
        fold, encode, table, recur, predict = (
            partial(nets.method(self.module, name), params)
            for name in ("fold", "encode", "rows", "recur", "predict")
        )
        rows = table()
        seen_now = encode(fold(), seen.obs.astype(jnp.float32))
        true = seen_now + add_actions(rows, seen.joint)
        mine = jax.nn.one_hot(seen.own, self.spec.num_actions) @ rows[seat]
        had = (true - mine)[:, :, None] + rows[seat][None, None]
        if not self.net.lstm:
            return predict(jax.nn.relu(true)), predict(jax.nn.relu(had))

        def forward(carry: PyTree, gates: Array) -> tuple[PyTree, tuple[Array, PyTree]]:
            after = recur(carry, gates)
            return after, (after[0], carry)

        blank = jnp.zeros((true.shape[1], self.net.moa))
        hidden, before = jax.lax.scan(forward, (blank, blank), true)[1]
        before = jax.tree.map(lambda leaf: leaf[:, :, None], before)
        return predict(hidden), predict(recur(before, had)[0])

    def influence(
        self, params: PyTree, seat: Array, seen: Seen, log_pi: Array, measure: Measure
    ) -> Array:
        """Influence on each co-player's next action ``[T, B, K]``, 0 where that does not count.

        Args:
            params: of the model.
            seat: ``[]`` int32.
            seen: the agent's share of the rollout.
            log_pi: ``[T, B, A]`` the agent's own policy.
            measure: see `divergence`.
        """
        true, had = self.expect(params, seat, seen)
        of_each = jax.vmap(marginal, (1, None))
        whatever = jax.vmap(jax.vmap(of_each))(had, log_pi)
        each = partial(divergence, measure=measure)
        moved = jax.vmap(jax.vmap(jax.vmap(each)))(true, whatever, seen.following)
        return jnp.where(seen.counts, moved, 0.0)

    def loss(self, params: PyTree, seat: Array, seen: Seen) -> Array:
        """Cross-entropy of co-players' next actions where they count, ``[]`` nats."""
        true, _ = self.expect(params, seat, seen)
        return masked_mean(distributions.cross_entropy(true, seen.following), seen.counts)


def look(rollout: Rollout, spec: EnvSpec, seats: Seats, visible_only: bool) -> Seen:
    """Every agent's share of a rollout, with a leading axis of n seats.

    A next action counts where the agent takes part in the step, the co-player takes part in the
    next, and the episode goes on; and with `visible_only` where the co-player stands in the agent's
    window. What comes after the rollout's last step is not known and does not count.
    """
    others = co_players(spec.num_agents, seats)
    own = take_seats(rollout, seats)
    following = jnp.roll(rollout.action, -1, 0)
    goes_on = jnp.roll(rollout.active, -1, 0).at[-1].set(False) & ~rollout.done[..., None]
    both = own.active[..., None] & goes_on[:, :, others]
    if visible_only and not spec.can_see_all:
        shown = visible(own.obs, spec)
        both &= jnp.take_along_axis(shown, jnp.asarray(others)[None, None], axis=-1)
    joint = jnp.where(rollout.active, rollout.action, spec.num_actions)
    return Seen(
        obs=jnp.moveaxis(own.obs, 2, 0),
        own=jnp.moveaxis(jnp.where(own.active, own.action, spec.num_actions), 2, 0),
        joint=jnp.broadcast_to(joint, (len(seats), *joint.shape)),
        following=jnp.moveaxis(following[:, :, others], 2, 0),
        counts=jnp.moveaxis(both, 2, 0),
    )
