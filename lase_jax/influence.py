"""Causal influence: how much does my action change what I expect others to do next?

Source: Jaques et al. 2019, sections 3 and 6.

Letters: T steps, B environments, N seats, K = N - 1 co-players, A actions, F numbers of a flattened
observation. Everything but `divergence` and `marginal`, which are unbatched, concerns one agent's
whole rollout; agents are put side by side by vmap.
"""

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import EnvSpec
from lase_jax import distributions, nets
from lase_jax.learners import A2CConfig, Acting, Learner, LearnerState, Past
from lase_jax.metrics import masked_mean
from lase_jax.nets import Net, add_actions
from lase_jax.rollout import Seats, co_players, take_seats, visible
from lase_jax.types import Array, Decision, Mode, PyTree, Rollout

Measure = Literal["kl", "jsd", "pmi"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class InfluenceConfig(A2CConfig):
    """Settings of all who are paid for influence."""

    weight: float = 1.0
    """Weight of the influence reward, 0 or more."""
    measure: Measure = "kl"
    """Influence as a divergence of conditional and marginal: "kl", "jsd" (Jensen-Shannon), or "pmi"
    (pointwise mutual information)."""
    clip: float = 10.0
    """Upper bound of the influence on one co-player in one step, in nats."""
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
        return super().hyper() | {"weight": self.weight}

    def pay(self, state: LearnerState, spec: EnvSpec, moved: Array) -> Array:
        """What influence earns at this point of the curriculum, clipped and weighted.

        Args:
            state: how far training is.
            spec: the game's facts.
            moved: ``[...]`` influence on one co-player in one step.
        """
        steps = state.episodes * spec.horizon
        multiple = jnp.interp(steps, jnp.array(self.curriculum_steps), jnp.array(self.curriculum))
        return state.hyper["weight"] * multiple * jnp.minimum(moved, self.clip)


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


def effect(true: Array, had: Array, log_pi: Array, following: Array, measure: Measure) -> Array:
    """Influence on each co-player in each step, ``[T, B, K]``.

    Args:
        true: ``[T, B, K, A_j]`` log-probabilities of what co-players do given what I did.
        had: ``[T, B, A, K, A_j]`` the same had I done each of the things that I can do.
        log_pi: ``[T, B, A]`` my own policy over them.
        following: ``[T, B, K]`` int32, what co-players did.
        measure: see `divergence`.
    """
    of_each = jax.vmap(marginal, (1, None))
    whatever = jax.vmap(jax.vmap(of_each))(had, log_pi)
    each = partial(divergence, measure=measure)
    return jax.vmap(jax.vmap(jax.vmap(each)))(true, whatever, following)


def decide(
    learner: Learner, acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
) -> tuple[Decision, PyTree]:
    """As the actor-critic acts, with all of its policy noted down.

    Returns:
        Its decision, whose notes are the log-probabilities ``[B, n, A]`` of the behaviour policy,
        and its memory.
    """
    logits, memory = learner.consider(acting, memory, obs)
    action, log_prob = distributions.choose(logits, acting.epsilon, draws, mode)
    notes = distributions.policy(logits, acting.epsilon).logits
    return Decision(action, log_prob, notes), memory


class Audience(NamedTuple):
    """J agents who are told something by K senders in every step, and what they make of it."""

    params: PyTree  # leaves [J, ...]
    past: Past  # what they knew besides, leaves [J, ...]
    told: Array  # [T, B, K] int32, actions or symbols
    policy: Array  # [T, B, J, A_j] log-probabilities of their behaviour, given what they were told
    action: Array  # [T, B, J] int32, what they did
    epsilon: Array  # [] share of uniform actions in their behaviour


def effect_of_telling(
    learner: Learner, audience: Audience, sender: Array, log_pi: Array, measure: Measure
) -> Array:
    """What one sender moved the policies of all who were told, ``[T, B, J]``.

    Args:
        learner: of those who were told.
        audience: they.
        sender: ``[]`` int32, one of the K; what the others told stays as it was.
        log_pi: ``[T, B, A]`` the sender's policy over what it could tell.
        measure: see `divergence`.
    """
    params, past, told, policy, action, epsilon = audience
    size = log_pi.shape[-1]
    tried = jnp.arange(size)[None, None, :, None]
    mine = (jnp.arange(told.shape[-1]) == sender)[None, None, None]
    instead = nets.one_hots(jnp.where(mine, tried, told[:, :, None]), size)
    had = jax.vmap(learner.wonder, (0, 0, None), 3)(params, past, instead)
    return effect(policy, distributions.policy(had, epsilon).logits, log_pi, action, measure)


class Seen(NamedTuple):
    """One agent's share of a rollout, as its model of others reads it."""

    obs: Array  # [T, B, F]
    own: Array  # [T, B] int32, own actions
    joint: Array  # [T, B, N] int32, everyone's actions, A for those who take no part
    following: Array  # [T, B, K] int32, co-players' next actions
    counts: Array  # [T, B, K] bool, there is a next action, it counts, and the rollout holds it
    reaches: Array  # [T, B, K] bool, the same, but that it may come after the rollout's last step
    memory: PyTree  # of an LSTM before the first step, leaves [B, H]; else ()

    def where(self, measure: Measure) -> Array:
        """Where influence can be measured: "pmi" has to know what others did next."""
        return self.counts if measure == "pmi" else self.reaches


@dataclass(frozen=True)
class Model:
    """A model of other agents (MOA) as functions of its parameters.

    Attributes:
        spec: the game's facts.
        net: sizes of the networks.
        shared: whether what it reads are not windows but what the policy's convolutions make of
            them, or where it has none, its first dense layer.
    """

    spec: EnvSpec
    net: Net
    shared: bool = False

    @property
    def module(self) -> nets.OtherModel:
        """The network."""
        spec, shape, net = self.spec, self.spec.obs_shape, self.net
        if self.shared:
            shape = (*shape[:-1], net.conv[-1]) if net.conv else net.dense[:1]
            net = dataclasses.replace(net, conv=())
        return nets.OtherModel(shape, spec.num_actions, spec.num_agents, net)

    def init(self, key: Array) -> PyTree:
        """Fresh parameters. ``key`` is consumed."""
        module = self.module
        return module.init(key, jnp.zeros((1, math.prod(module.obs_shape))))

    def blank(self, num: int) -> PyTree:
        """The memory ``[num, H]`` of those who have seen nothing; () without LSTM."""
        zeros = jnp.zeros((num, self.net.moa))
        return (zeros, zeros) if self.net.lstm else ()

    def prepare(self, params: PyTree) -> tuple[PyTree, PyTree, Array]:
        """What `encode` and `advance` need, computed once per rollout."""
        fold, rows = (nets.method(self.module, name) for name in ("fold", "rows"))
        return params, fold(params), rows(params)

    def encode(self, ready: tuple, x: Array) -> Array:
        """What the own observation ``x [..., F]`` tells, before anybody's action is known."""
        params, folded, _ = ready
        return nets.method(self.module, "encode")(params, folded, x)

    def advance(self, ready: tuple, memory: PyTree, encoded: Array, joint: Array) -> PyTree:
        """The LSTM's memory ``[B, H]`` after a step in which everyone did ``joint [B, N]``."""
        params, _, rows = ready
        return nets.method(self.module, "recur")(params, memory, encoded + add_actions(rows, joint))

    def expect(self, params: PyTree, seat: Array, seen: Seen) -> tuple[Array, Array]:
        """What the agent on `seat` expects of others' next actions.

        A counterfactual action is one step from the memory that the true past has left.

        Returns:
            Log-probabilities ``[T, B, K, A]`` given what everyone did, and ``[T, B, A, K, A]`` had
            the agent itself done each of its actions.
        """
        recur, remember, predict = (
            partial(nets.method(self.module, name), params)
            for name in ("recur", "remember", "predict")
        )
        ready = self.prepare(params)
        rows = ready[-1]
        true = self.encode(ready, seen.obs.astype(jnp.float32)) + add_actions(rows, seen.joint)
        mine = jax.nn.one_hot(seen.own, self.spec.num_actions) @ rows[seat]
        had = (true - mine)[:, :, None] + rows[seat][None, None]
        if not self.net.lstm:
            return predict(jax.nn.relu(true)), predict(jax.nn.relu(had))

        hidden, before = remember(seen.memory, true)
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
        moved = effect(true, had, log_pi, seen.following, measure)
        return jnp.where(seen.where(measure), moved, 0.0)

    def loss(self, params: PyTree, seat: Array, seen: Seen) -> Array:
        """Cross-entropy of co-players' next actions where they count, ``[]`` nats."""
        true, _ = self.expect(params, seat, seen)
        return masked_mean(distributions.cross_entropy(true, seen.following), seen.counts)


def look(
    rollout: Rollout, spec: EnvSpec, seats: Seats, visible_only: bool, memory: PyTree = ()
) -> Seen:
    """Every agent's share of a rollout, with a leading axis of n seats.

    A next action counts where the agent takes part in the step, the co-player takes part in the
    next, and the episode goes on; and with `visible_only` where the co-player stands in the agent's
    window. After the rollout's last step, everyone is taken to go on who takes part in it.

    Args:
        rollout: everyone's.
        spec: the game's facts.
        seats: n of them.
        visible_only: whether only those in the window count.
        memory: of the models before the first step, leaves ``[B, n, H]``.
    """
    others = co_players(spec.num_agents, seats)
    own = take_seats(rollout, seats)
    following = jnp.roll(rollout.action, -1, 0)
    stays = jnp.concatenate([rollout.active[1:], rollout.active[-1:]])
    goes_on = stays & ~rollout.done[..., None]
    both = own.active[..., None] & goes_on[:, :, others]
    if visible_only and not spec.can_see_all:
        shown = visible(own.obs, spec)
        both &= jnp.take_along_axis(shown, jnp.asarray(others)[None, None], axis=-1)
    joint = jnp.where(rollout.active, rollout.action, spec.num_actions)
    known = jnp.asarray(np.arange(len(joint)) < len(joint) - 1)[:, None, None, None]
    return Seen(
        obs=jnp.moveaxis(own.obs, 2, 0),
        own=jnp.moveaxis(jnp.where(own.active, own.action, spec.num_actions), 2, 0),
        joint=jnp.broadcast_to(joint, (len(seats), *joint.shape)),
        following=jnp.moveaxis(following[:, :, others], 2, 0),
        counts=jnp.moveaxis(both & known, 2, 0),
        reaches=jnp.moveaxis(both, 2, 0),
        memory=jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), memory),
    )
