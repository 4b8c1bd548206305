"""Causal influence: how much does my action change what I expect others to do next?

Source: Jaques et al. 2019, sections 3 and 6.

Letters: T steps, B environments, N seats, K = N - 1 co-players, A actions, F numbers of a flattened
observation; n agents, m others whom each may influence. `divergence` and `marginal` are unbatched,
`pay` takes n agents; all else takes one agent's whole rollout, and several are batched by vmap.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from envs import checks
from envs.types import EnvSpec
from lase_jax.core import distributions
from lase_jax.core.shuffles import exchanged, shuffled
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState
from lase_jax.learners.agents import AgentConfig
from lase_jax.learners.policy import Past, Policy
from lase_jax.nets.layers import one_hots
from lase_jax.types import Array, Decision, Mode, PyTree

Measure = Literal["kl", "jsd", "pmi"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
Control = Literal["none", "agents", "moments"]
CONTROLS: tuple[Control, ...] = get_args(Control)


@dataclass(frozen=True)
class InfluenceConfig(AgentConfig):
    """Settings of all agents that are paid for influence."""

    weight: float = 1.0
    """Weight of the influence reward, 0 or more."""
    measure: Measure = "kl"
    """Influence as a divergence of conditional and marginal: "kl", "jsd" (Jensen-Shannon), or "pmi"
    (pointwise mutual information)."""
    clip: float = 10.0
    """Bound, on both sides, of an agent's influence in one step on all co-players together, above
    0, in nats; as in the authors' public code."""
    control: Control = "none"
    """Whose influence an agent is paid for where it could have any: its own ("none"), that of
    another of those who could have any in the same step ("agents"; its own if there is no other),
    or that on any co-player in any step of the batch ("moments"). With the last two, which the
    paper lacks, company pays as much as before, but no action more than another."""
    curriculum_steps: tuple[float, ...] = (0.0,)
    """Environment steps, 0 or more, at which the multiples of `curriculum` are reached; linear
    between."""
    curriculum: tuple[float, ...] = (1.0,)
    """Multiples of `weight` at `curriculum_steps`, 0 or more; constant before the first and after
    the last."""

    TRACED: ClassVar[tuple[str, ...]] = ("weight",)

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("weight", self.weight, 0.0)
        checks.choice("measure", self.measure, MEASURES)
        checks.choice("control", self.control, CONTROLS)
        checks.number("clip", self.clip, 0.0, open_low=True)
        times, values = self.curriculum_steps, self.curriculum
        for field in ("curriculum_steps", "curriculum"):
            for value in getattr(self, field):
                checks.number(field, value, 0.0)
        same = f"give as many as curriculum_steps, {len(times)}, one or more"
        checks.require(len(times) == len(values) > 0, "curriculum", values, same)
        rising = all(a < b for a, b in zip(times, times[1:], strict=False))
        checks.require(rising, "curriculum_steps", times, "give rising numbers of steps")

    def pay(
        self, state: LearnerState, spec: EnvSpec, moved: Array, counts: Array, key: Array
    ) -> Array:
        """Returns n agents' clipped and weighted reward for influence ``[n, T, B]``.

        Args:
            state: the learner's state, which counts the episodes of training.
            spec: the specification of the game.
            moved: ``[n, T, B, m]`` influence on each of m co-players in every step, 0 where it does
                not count.
            counts: ``[n, T, B, m]`` bool, where there can be influence.
            key: consumed.
        """
        if self.control == "moments":
            flat = shuffled(key, moved.reshape(-1), counts.reshape(-1), 0)
            moved = flat.reshape(moved.shape)
        steps = state.episodes * spec.horizon
        multiple = jnp.interp(steps, jnp.array(self.curriculum_steps), jnp.array(self.curriculum))
        total = jnp.clip(moved.sum(-1), -self.clip, self.clip)
        reward = state.hyper["weight"] * multiple * total
        return exchanged(key, reward, counts.any(-1), 0) if self.control == "agents" else reward

    def check_control(self, agents: int, field: str) -> None:
        """Requires agents among whom influence can be shuffled.

        Args:
            agents: how many are paid.
            field: that says how many, or their seats.

        Raises:
            ConfigError: there is one agent, and `control` is "agents".
        """
        able = self.control != "agents" or agents > 1
        remedy = f'give {field} two or more, or take "moments"'
        checks.require(able, "control", self.control, remedy)


def marginal(conditional: Array, log_probs: Array) -> Array:
    """Expected policy of j, averaged over my own policy: ``log sum_a' p(. | a') pi(a')``.

    Args:
        conditional: ``[A, A_j]`` log-probabilities of j's next action given each of mine.
        log_probs: ``[A]`` my own policy.

    Returns:
        ``[A_j]`` log-probabilities.
    """
    return jax.nn.logsumexp(conditional + log_probs[:, None], axis=0)


def divergence(conditional: Array, marginal: Array, action: Array, measure: Measure) -> Array:
    """Influence of my action on j: how far it moves the prediction of j's next action.

    Args:
        conditional: ``[A_j]`` log-probabilities of j's next action given my action.
        marginal: ``[A_j]`` the same, averaged over my policy.
        action: ``[]`` int32, j's next action; used only by "pmi".
        measure: "kl", the divergence of conditional from marginal; "jsd", Jensen-Shannon; "pmi",
            the pointwise mutual information with j's next action, which may be negative.

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
        true: ``[T, B, K, A_j]`` log-probabilities of the co-players' actions given my action.
        had: ``[T, B, A, K, A_j]`` the same given each of my possible actions.
        log_pi: ``[T, B, A]`` my own policy.
        following: ``[T, B, K]`` int32, the co-players' actions.
        measure: see `divergence`.
    """
    of_each = jax.vmap(marginal, (1, None))
    whatever = jax.vmap(jax.vmap(of_each))(had, log_pi)
    each = partial(divergence, measure=measure)
    return jax.vmap(jax.vmap(jax.vmap(each)))(true, whatever, following)


def decide(
    learner: Learner, acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
) -> tuple[Decision, PyTree]:
    """Acts as the actor-critic does, and records its whole policy.

    Returns:
        Its decision, whose notes are the log-probabilities ``[B, n, A]`` of the behaviour policy,
        and its memory.
    """
    logits, memory = learner.logits(acting, memory, obs)
    action, log_prob = distributions.choose(logits, acting.epsilon, draws, mode)
    notes = distributions.policy(logits, acting.epsilon).logits
    return Decision(action, log_prob, notes), memory


class Audience(NamedTuple):
    """J agents that receive a signal from each of K senders in every step, and their behaviour."""

    params: PyTree  # leaves [J, ...]
    past: Past  # their networks' state without the signals, leaves [J, ...]
    told: Array  # [T, B, K] int32, the signals: actions or symbols
    policy: Array  # [T, B, J, A_j] log-probabilities of their behaviour, given the signals
    action: Array  # [T, B, J] int32, their actions
    epsilon: Array  # [] share of uniform actions in their behaviour


def effect_of_telling(
    listener: Policy, audience: Audience, sender: Array, log_pi: Array, measure: Measure
) -> Array:
    """Influence of one sender on the policy of each receiver, ``[T, B, J]``.

    Args:
        listener: the policy network of the receivers.
        audience: the receivers.
        sender: ``[]`` int32, one of the K; the other senders' signals stay unchanged.
        log_pi: ``[T, B, A]`` the sender's policy over its possible signals.
        measure: see `divergence`.
    """
    params, past, signals, policy, action, epsilon = audience
    size = log_pi.shape[-1]
    tried = jnp.arange(size)[None, None, :, None]
    mine = (jnp.arange(signals.shape[-1]) == sender)[None, None, None]
    instead = one_hots(jnp.where(mine, tried, signals[:, :, None]), size)
    had = jax.vmap(listener.counterfactual_logits, (0, 0, None), 3)(params, past, instead)
    return effect(policy, distributions.policy(had, epsilon).logits, log_pi, action, measure)
