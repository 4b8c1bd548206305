"""The learner that all kinds of trained agents share: independent advantage actor-critic (A2C).

Letters: T steps, B environments, N seats of the game, n seats of this kind, A actions, F numbers of
a flattened observation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from envs import checks
from envs.types import EnvSpec
from lase_jax.core import distributions, population, returns
from lase_jax.core.metrics import masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.rewards import no_opinion
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.nets.actor_critic import ActorCritic
from lase_jax.nets.layers import DENSE, Net, method
from lase_jax.types import (
    SEAT_AXES,
    Agent,
    Array,
    Clock,
    Decision,
    Metrics,
    Mode,
    Opinion,
    PyTree,
    Rollout,
)


@dataclass(frozen=True)
class A2CConfig:
    """Settings of the actor-critic."""

    lr: float = 1e-3
    """Learning rate of Adam."""
    lr_end: float = 1.0
    """Multiple of `lr` that is reached after `lr_episodes`."""
    lr_episodes: int = 1
    """Episodes over which the learning rate changes linearly."""
    gamma: float = 0.95
    """Discount of rewards, in [0, 1]."""
    lam: float = 0.7
    """Decay of the generalised advantage: 0 one-step TD error (the paper), 1 Monte-Carlo return."""
    entropy: float = 0.05
    """Weight of the entropy bonus."""
    critic: float = 0.5
    """Weight of the critic's squared error."""
    max_grad_norm: float = 1.0
    """Each agent's gradient is scaled down to this global norm."""
    normalise: bool = True
    """Divide each agent's advantages by their standard deviation, after subtracting the mean."""
    epsilon_start: float = 0.5
    """Share of uniform actions in the behaviour policy at the start."""
    epsilon_end: float = 0.05
    """Share of uniform actions in the behaviour policy after `epsilon_episodes`."""
    epsilon_episodes: int = 2000
    """Episodes over which the share decays linearly."""
    log_prob: Literal["behaviour", "policy"] = "behaviour"
    """Whose log-probability the policy gradient uses: "behaviour", the epsilon mixture that the
    actions were drawn from, which is on-policy; "policy", pi itself, as in the author's prototype,
    which drives pi to determinism while epsilon is large."""
    bootstrap_at_horizon: bool = False
    """Treat the end of an episode as a cut (bootstrap) instead of the end of the game."""
    net: Net = DENSE
    """Sizes of the networks."""

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("lr", self.lr, 0.0, open_low=True)
        checks.number("lr_end", self.lr_end, 0.0)
        checks.integer("lr_episodes", self.lr_episodes, 1)
        for field in ("gamma", "lam", "epsilon_start", "epsilon_end"):
            checks.probability(field, getattr(self, field))
        checks.number("entropy", self.entropy, 0.0)
        checks.number("critic", self.critic, 0.0)
        checks.number("max_grad_norm", self.max_grad_norm, 0.0, open_low=True)
        checks.integer("epsilon_episodes", self.epsilon_episodes, 1)
        checks.choice("log_prob", self.log_prob, ("behaviour", "policy"))

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced, and so swept under one compiled program."""
        return {
            "lr": self.lr,
            "lr_end": self.lr_end,
            "lr_episodes": float(self.lr_episodes),
            "gamma": self.gamma,
            "lam": self.lam,
            "entropy": self.entropy,
            "critic": self.critic,
            "epsilon_start": self.epsilon_start,
            "epsilon_end": self.epsilon_end,
            "epsilon_episodes": float(self.epsilon_episodes),
        }


class LearnerState(NamedTuple):
    """What an actor-critic keeps from update to update."""

    trained: Trained  # leaves [n, ...]
    episodes: Array  # [] float32, episodes finished, which drive epsilon and the learning rate
    hyper: dict[str, Array]  # [] float32 each


class Acting(NamedTuple):
    """What `act` needs, computed once per rollout."""

    params: PyTree  # [n, ...]
    folded: PyTree  # [n, ...]
    epsilon: Array  # [] float32


class Views(NamedTuple):
    """What an actor-critic thinks of every step of a rollout; one step more where it bootstraps."""

    logits: Array  # [T or T + 1, B, A]
    value: Array  # [T or T + 1, B]


class Past(NamedTuple):
    """What an agent knew in every step of a rollout, but for the extra numbers."""

    seen: Array  # [T, B, H], what its first layer made of the window
    memory: PyTree  # [T, B, ...], before the step
    h: Array  # [T, B, H'], the features that came of it


class Learner(NamedTuple):
    """The actor-critic of n seats as a bundle of pure functions (see `types.Agent`)."""

    init: Callable  # (key, hyper) -> LearnerState
    begin: Callable  # (num_envs) -> memory
    prepare: Callable  # (LearnerState) -> Acting
    draw: Callable  # (key, num_envs) -> draws[B, n] in [0, 1)
    consider: Callable  # (Acting, memory, obs[B, n, F]) -> (logits[B, n, A], memory)
    act: Callable  # (Acting, memory, obs[B, n, F], draws[B, n], mode) -> (Decision, memory)
    learn: (
        Callable  # (LearnerState, rollout of n seats, reward[T, B, n]) -> (LearnerState, Metrics)
    )
    losses: Callable  # (params, LearnerState, rollout, reward), as in `learn` -> ([n], Metrics)
    descend: (
        Callable  # (LearnerState, gradient of losses, rollout, Metrics) -> (LearnerState, Metrics)
    )
    fold: Callable  # (params) -> what advance, logits_at and recall need, one agent
    advance: Callable  # (params, folded, memory[M, ...], x[M, F]) -> (h[M, H], memory), one agent
    watch: Callable  # (params, rollout of one seat) -> h[T or T + 1, B, H], one agent
    heads: Callable  # (params, h) -> (logits, value), one agent
    speak: Callable  # (params, h) -> (logits of symbols, their value), one agent
    logits_at: Callable  # (params, folded, memory[M, ...], x[M, F]) -> logits[M, A], one agent
    look: Callable  # (params, rollout of one seat) -> Views, one agent
    see: Callable  # (params, x[..., F]) -> what the policy's first layers make of it, one agent
    recall: Callable  # (params, folded, memory[B, ...], x[T, B, F]) -> memory[T, B, ...], one agent
    review: Callable  # (params, memory[B, ...], x[T, B, F + E]) -> Past, one agent
    wonder: Callable  # (params, Past, extra[T, B, M, E]) -> logits[T, B, M, A], one agent


def a2c(
    config: A2CConfig, spec: EnvSpec, num_seats: int, extra: int = 0, symbols: int = 0
) -> Learner:
    """Builds the actor-critic for `num_seats` independent agents.

    Every agent trains its own network by the policy gradient with generalised advantages, on the
    reward it is handed. The loss of an agent is the mean over the steps in which it took part.

    Args:
        config: settings.
        spec: the game's facts.
        num_seats: n.
        extra: numbers beyond the game's observation that callers append to every observation, in
            `act` and in the rollout of `learn`.
        symbols: size of the vocabulary of agents who speak; what is said is the caller's business.
    """
    net = config.net
    net.check(spec.obs_shape)
    module = ActorCritic(spec.obs_shape, spec.num_actions, net, extra, symbols)
    tx = population.optimiser(config.max_grad_norm)
    apply = partial(method, module)

    def init(key: Array, hyper: PyTree) -> LearnerState:
        example = jnp.zeros((1, math.prod(spec.obs_shape) + extra))
        trained = population.init_stacked(lambda k: module.init(k, example), tx, key, num_seats)
        return LearnerState(trained, jnp.float32(0.0), jax.tree.map(jnp.float32, hyper))

    def begin(num_envs: int) -> PyTree:
        if not net.lstm:
            return ()
        zeros = jnp.zeros((num_envs, num_seats, net.lstm))
        return (zeros, zeros)

    def prepare(state: LearnerState) -> Acting:
        params = state.trained.params
        return Acting(params, jax.vmap(apply("fold"))(params), epsilon(state))

    def advance(params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> tuple[Array, PyTree]:
        h = apply("encode")(params, folded, x)
        if net.lstm:
            memory = apply("recur")(params, memory, h)
            h = memory[0]
        return h, memory

    def logits_at(params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> Array:
        return apply("heads")(params, advance(params, folded, memory, x)[0])[0]

    def draw(key: Array, num_envs: int) -> Array:
        return jax.random.uniform(key, (num_envs, num_seats))

    def consider(acting: Acting, memory: PyTree, obs: Array) -> tuple[Array, PyTree]:
        def one(params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> tuple[Array, PyTree]:
            h, memory = advance(params, folded, memory, x)
            return apply("heads")(params, h)[0], memory

        x = obs.astype(jnp.float32)
        seatwise = jax.vmap(one, in_axes=(0, 0, 1, 1), out_axes=1)
        return seatwise(acting.params, acting.folded, memory, x)

    def act(
        acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        logits, memory = consider(acting, memory, obs)
        action, log_prob = distributions.choose(logits, acting.epsilon, draws, mode)
        return Decision(action, log_prob), memory

    def recall(params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> PyTree:
        encoded = apply("encode")(params, folded, x)
        return _unroll(apply, net, params, memory, encoded)[1]

    def review(params: PyTree, memory: PyTree, x: Array) -> Past:
        folded = apply("fold")(params)
        seen = apply("glance")(params, folded, x[..., : math.prod(spec.obs_shape)])
        h, before = _unroll(apply, net, params, memory, apply("encode")(params, folded, x))
        return Past(seen, before, h)

    def wonder(params: PyTree, past: Past, extra: Array) -> Array:
        """What it would do had a step's extra numbers been others, after the true past."""
        seen, before = jax.tree.map(lambda leaf: leaf[:, :, None], (past.seen, past.memory))
        h = apply("digest")(params, seen + apply("tell")(params, extra))
        h = apply("recur")(params, before, h)[0] if net.lstm else h
        return apply("heads")(params, h)[0]

    def watch(params: PyTree, rollout: Rollout) -> Array:
        obs = rollout.obs
        if config.bootstrap_at_horizon or len(obs) != spec.horizon:
            obs = jnp.concatenate([obs, rollout.last_obs[None]])
        encoded = apply("encode")(params, apply("fold")(params), obs.astype(jnp.float32))
        return _unroll(apply, net, params, rollout.memory, encoded)[0]

    def look(params: PyTree, rollout: Rollout) -> Views:
        return Views(*apply("heads")(params, watch(params, rollout)))

    def loss(
        params: PyTree, rollout: Rollout, reward: Array, hyper: dict, eps: Array
    ) -> tuple[Array, Metrics]:
        """One agent's loss; the seat axis has been vmapped away."""
        total, parts = objective(config, look(params, rollout), rollout, reward, hyper, eps)
        return total, {f"learn/{name}": value for name, value in parts.items()}

    def losses(
        params: PyTree, state: LearnerState, rollout: Rollout, reward: Array
    ) -> tuple[Array, Metrics]:
        one = jax.vmap(loss, in_axes=(0, SEAT_AXES, 2, None, None))
        return one(params, rollout, reward, state.hyper, epsilon(state))

    def descend(
        state: LearnerState, grads: PyTree, rollout: Rollout, metrics: Metrics
    ) -> tuple[LearnerState, Metrics]:
        trained, norm = population.descend(tx, state.trained, grads, rate(state))
        finished = rollout.done.sum().astype(jnp.float32)
        return LearnerState(trained, state.episodes + finished, state.hyper), metrics | {
            "learn/grad_norm": norm,
            "learn/epsilon": jnp.broadcast_to(epsilon(state), (num_seats,)),
            "health/actor": population.finite(norm, metrics["learn/policy_loss"]),
        }

    def learn(state: LearnerState, rollout: Rollout, reward: Array) -> tuple[LearnerState, Metrics]:
        def total(params: PyTree) -> tuple[Array, Metrics]:
            each, metrics = losses(params, state, rollout, reward)
            return each.sum(), metrics

        grads, metrics = jax.grad(total, has_aux=True)(state.trained.params)
        return descend(state, grads, rollout, metrics)

    return Learner(
        init=init,
        begin=begin,
        prepare=prepare,
        draw=draw,
        consider=consider,
        act=act,
        learn=learn,
        losses=losses,
        descend=descend,
        fold=apply("fold"),
        advance=advance,
        watch=watch,
        heads=apply("heads"),
        speak=apply("speak"),
        logits_at=logits_at,
        look=look,
        see=apply("see"),
        recall=recall,
        review=review,
        wonder=wonder,
    )


def objective(
    config: A2CConfig,
    views: Views,
    rollout: Rollout,
    reward: Array,
    hyper: dict,
    eps: Array | float,
) -> tuple[Array, Metrics]:
    """What one policy and its critic minimise, ``[]``, and the parts of it.

    Args:
        config: settings.
        views: what policy and critic think of every step.
        rollout: the rollout as it concerns this agent; its actions are those of this policy.
        reward: ``[T, B]`` what it learns on.
        hyper: traced settings.
        eps: ``[]`` share of uniform actions in the behaviour policy.
    """
    logits, value = views.logits[: len(reward)], views.value[: len(reward)]
    known = jax.lax.stop_gradient(views.value)
    adv = advantages(config, known, reward, rollout, hyper["gamma"], hyper["lam"])
    mean = partial(masked_mean, mask=rollout.active)
    scaled = adv
    if config.normalise:
        centred = adv - mean(adv)
        scaled = centred / (jnp.sqrt(mean(centred**2)) + 1e-8)
    pi = distributions.policy(logits)
    drawn_from = distributions.policy(logits, eps) if config.log_prob == "behaviour" else pi
    policy_loss = mean(-drawn_from.log_prob(rollout.action) * scaled)
    value_loss = mean((adv + known[: len(reward)] - value) ** 2)
    entropy = mean(pi.entropy())
    total = policy_loss + hyper["critic"] * value_loss - hyper["entropy"] * entropy
    return total, {"policy_loss": policy_loss, "value_loss": value_loss, "entropy": entropy}


def advantages(
    config: A2CConfig, known: Array, reward: Array, rollout: Rollout, gamma: Array, lam: Array
) -> Array:
    """One agent's generalised advantages ``[T, B]``, linear in ``reward [T, B]``.

    Args:
        config: whether the end of an episode is a cut.
        known: ``[T, B]`` or ``[T + 1, B]`` values, one step more where the rollout bootstraps.
        reward: what it learns on.
        rollout: the rollout as it concerns this agent.
        gamma: ``[]`` discount.
        lam: ``[]`` trace decay.
    """
    following = known[1:] if len(known) > len(reward) else jnp.append(known[1:], known[:1], 0)
    end = rollout.done & (not config.bootstrap_at_horizon)
    cont = jax.vmap(returns.continues, 1, 1)(rollout.active, end)
    return jax.vmap(returns.gae, (1, 1, 1, 1, None, None), 1)(
        reward, known[: len(reward)], following, cont, gamma, lam
    )


def imitation(learner: Learner, params: PyTree, rollout: Rollout, eps: Array) -> Array:
    """How badly a policy explains what one agent did: cross-entropy ``[]`` in nats.

    Args:
        learner: whose networks the policy is of.
        params: of the policy.
        rollout: the rollout as it concerns that agent.
        eps: ``[]`` share of uniform actions in its behaviour.
    """
    logits = learner.look(params, rollout).logits[: len(rollout.action)]
    guess = distributions.policy(logits, eps)
    return masked_mean(-guess.log_prob(rollout.action), rollout.active)


def of_models(losses: Array, norms: Array, num_actions: int) -> Metrics:
    """What is measured of agents' models of others, n agents.

    Args:
        losses: ``[n]`` cross-entropy of what others did, in nats.
        norms: ``[n]`` norms of the gradients.
        num_actions: A.
    """
    return {
        "moa/cross_entropy": losses,
        "moa/uniform_cross_entropy": jnp.full(losses.shape, jnp.log(num_actions)),
        "moa/grad_norm": norms,
        "health/moa": population.finite(norms, losses),
    }


def as_agent(
    learner: Learner,
    hyper: PyTree,
    seats: Seats,
    shape: Callable[..., Opinion] | None = None,
) -> Agent:
    """The agent that is nothing but a learner with, perhaps, an opinion about rewards.

    Args:
        learner: who acts and learns.
        hyper: its traced settings.
        seats: the seats it holds.
        shape: see `types.Agent`; None for no opinion.
    """

    def keep(state: LearnerState, rollout: Rollout, key: Array) -> Opinion:
        del state, key
        return no_opinion(rollout, len(seats))

    def learn(
        state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LearnerState, Metrics]:
        del key, clock
        return learner.learn(state, take_seats(rollout, seats), take_columns(reward, seats))

    return Agent(
        hyper=hyper,
        init=learner.init,
        begin=learner.begin,
        prepare=learner.prepare,
        draw=learner.draw,
        act=learner.act,
        shape=shape or keep,
        learn=learn,
    )


def extend(obs: Array, told: Array) -> Array:
    """``obs [..., n, F]`` of n seats with what all of them are told, ``[..., E]``, appended."""
    same = jnp.broadcast_to(told[..., None, :], (*obs.shape[:-1], told.shape[-1]))
    return jnp.concatenate([obs.astype(jnp.float32), same], axis=-1)


def epsilon(state: LearnerState) -> Array:
    """The share of uniform actions now: linear in episodes from start to end."""
    hyper = state.hyper
    left = jnp.maximum(1.0 - state.episodes / hyper["epsilon_episodes"], 0.0)
    return hyper["epsilon_end"] + (hyper["epsilon_start"] - hyper["epsilon_end"]) * left


def rate(state: LearnerState) -> Array:
    """The learning rate now: linear in episodes from `lr` to its multiple at the end."""
    hyper = state.hyper
    left = jnp.maximum(1.0 - state.episodes / hyper["lr_episodes"], 0.0)
    return hyper["lr"] * (hyper["lr_end"] + (1.0 - hyper["lr_end"]) * left)


def _unroll(
    apply: Callable, net: Net, params: PyTree, memory: PyTree, encoded: Array
) -> tuple[Array, PyTree]:
    """Features ``[T, B, H]`` and the memory before each step, from ``encoded [T, B, ...]``."""
    if not net.lstm:
        return encoded, ()
    return apply("remember")(params, memory, encoded)
