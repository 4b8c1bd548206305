"""Causal influence: how much does my action change what I expect others to do next?

Source: Jaques et al. 2019, sections 3 and 6.

Letters: T steps, B environments, N seats, K = N - 1 co-players, A actions, F numbers of a flattened
observation. Everything but `divergence` and `marginal`, which are unbatched, concerns one agent's
whole rollout; agents are put side by side by vmap.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from envs import checks
from envs.types import EnvSpec
from lase_jax.core import distributions
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState
from lase_jax.learners.agents import AgentConfig
from lase_jax.learners.policy import Past, Policy
from lase_jax.nets.layers import one_hots
from lase_jax.types import Array, Decision, Mode, PyTree

Measure = Literal["kl", "jsd", "pmi"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class InfluenceConfig(AgentConfig):
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

    TRACED: ClassVar[tuple[str, ...]] = ("weight",)

    def __post_init__(self) -> None:
        """Checks every field."""
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
    logits, memory = learner.logits(acting, memory, obs)
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
    listener: Policy, audience: Audience, sender: Array, log_pi: Array, measure: Measure
) -> Array:
    """What one sender moved the policies of all who were told, ``[T, B, J]``.

    Args:
        listener: the policy of those who were told.
        audience: they.
        sender: ``[]`` int32, one of the K; what the others told stays as it was.
        log_pi: ``[T, B, A]`` the sender's policy over what it could tell.
        measure: see `divergence`.
    """
    params, past, told, policy, action, epsilon = audience
    size = log_pi.shape[-1]
    tried = jnp.arange(size)[None, None, :, None]
    mine = (jnp.arange(told.shape[-1]) == sender)[None, None, None]
    instead = one_hots(jnp.where(mine, tried, told[:, :, None]), size)
    had = jax.vmap(listener.counterfactual_logits, (0, 0, None), 3)(params, past, instead)
    return effect(policy, distributions.policy(had, epsilon).logits, log_pi, action, measure)
