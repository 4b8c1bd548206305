"""What all learners share: independent actor-critics, how they act, and their gradient step.

A learner is a policy and a critic for each of n agents (`policy`), and a learning rule with its
settings: `a2c.A2C` or `ppo.PPO`. A rule defines the loss of a gradient step, the targets that are
computed from the rollout before the first step, and how often it goes over the rollout.

Letters: T steps, B environments, N seats of the game, n seats of this kind, A actions, F numbers of
a flattened observation.
"""

import abc
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from envs import checks
from envs.types import EnvSpec
from lase_jax.core import distributions, population, returns
from lase_jax.core import scales as scales_of
from lase_jax.core.metrics import masked_mean
from lase_jax.core.population import Trained
from lase_jax.core.scales import Scale
from lase_jax.learners.policy import Policy, Values, Views
from lase_jax.nets.actor_critic import CRITIC, Symbols
from lase_jax.nets.layers import DENSE, HEAD_SCALE, Net
from lase_jax.types import SEAT_AXES, Array, Decision, Metrics, Mode, PyTree, Rollout

HEADS = ("value_head", "symbol_value_head")
"""The critics' last layers."""
Carry = tuple[Trained, Trained]
"""What a learner trains, and what its `Companion` trains."""
Step = Callable[[Carry, PyTree], tuple[Carry, Metrics]]
"""One gradient step of every agent on some data."""
Losses = Callable[[PyTree, PyTree, PyTree], tuple[Array, Metrics]]
"""``(params, companion's params, data) -> (losses [n], metrics of [n] each)``."""


@dataclass(frozen=True)
class ActorCriticConfig(abc.ABC):
    """Settings of every learner, and the rule by which it learns."""

    lr: float = 1e-3
    """Learning rate of Adam, above 0."""
    lr_end: float = 1.0
    """Multiple of `lr` that is reached after `lr_episodes`, 0 or more."""
    lr_episodes: int = 1
    """Episodes over which the learning rate changes linearly, 1 or more."""
    gamma: float = 0.95
    """Discount of rewards, in [0, 1]."""
    lam: float = 0.7
    """Decay of the generalised advantage, in [0, 1]: 0 one-step TD error (the paper), 1 Monte-Carlo
    return."""
    entropy: float = 0.05
    """Weight of the entropy bonus, 0 or more."""
    entropy_end: float = 1.0
    """Multiple of `entropy` that is reached after `entropy_episodes`, 0 or more."""
    entropy_episodes: int = 1
    """Episodes over which the weight of the entropy bonus changes linearly, 1 or more."""
    critic: float = 0.5
    """Weight of the critic's squared error, 0 or more."""
    critic_trunk: Literal["own", "shared"] = "own"
    """Whether the critic has layers of its own below its head, or the policy's, which it then
    trains too; in either case it reads the policy's LSTM."""
    scale_values: bool = True
    """Train the critic on values in units of the root mean square of discounted returns so far, so
    that the scale of rewards makes no difference."""
    max_grad_norm: float = 1.0
    """Each agent's gradient is scaled down to this global norm, above 0; with layers of its own,
    the critic's by itself."""
    normalise: bool = True
    """Divide each agent's advantages by their standard deviation, after subtracting the mean."""
    epsilon_start: float = 0.5
    """Share of uniform actions in the behaviour policy at the start, in [0, 1]."""
    epsilon_end: float = 0.05
    """Share of uniform actions in the behaviour policy after `epsilon_episodes`, in [0, 1]."""
    epsilon_episodes: int = 2000
    """Episodes over which the share decays linearly, 1 or more."""
    log_prob: Literal["behaviour", "policy"] = "behaviour"
    """Whose log-probability the policy gradient uses: "behaviour", the epsilon mixture that the
    actions were drawn from, which is on-policy; "policy", pi itself, as in the author's prototype,
    which drives pi to determinism while epsilon is large."""
    bootstrap_at_horizon: bool = False
    """Treat the end of an episode as a cut (bootstrap) instead of the end of the game."""
    net: Net = DENSE
    """Sizes of the policy's and critic's network."""
    head_scale: float = HEAD_SCALE
    """Initial weights of the policy's last layer: their standard deviation times the root of its
    inputs, 0 or more. Small ones begin with a nearly uniform policy, but with plain gradient steps
    (LIO, LOLA) the layers below them hardly move; about 1 is what Glorot's rule gives."""

    TRACED: ClassVar[tuple[str, ...]] = (
        *("lr", "lr_end", "lr_episodes", "gamma", "lam", "entropy", "critic"),
        *("epsilon_start", "epsilon_end", "epsilon_episodes"),
    )
    """Fields that may be traced, and so swept under one compiled program."""

    def __post_init__(self) -> None:
        """Checks every field."""
        checks.number("lr", self.lr, 0.0, open_low=True)
        checks.number("lr_end", self.lr_end, 0.0)
        checks.integer("lr_episodes", self.lr_episodes, 1)
        for field in ("gamma", "lam", "epsilon_start", "epsilon_end"):
            checks.probability(field, getattr(self, field))
        checks.number("entropy", self.entropy, 0.0)
        checks.number("entropy_end", self.entropy_end, 0.0)
        checks.integer("entropy_episodes", self.entropy_episodes, 1)
        checks.choice("critic_trunk", self.critic_trunk, ("own", "shared"))
        checks.number("critic", self.critic, 0.0)
        checks.number("max_grad_norm", self.max_grad_norm, 0.0, open_low=True)
        checks.integer("epsilon_episodes", self.epsilon_episodes, 1)
        checks.number("head_scale", self.head_scale, 0.0)
        checks.choice("log_prob", self.log_prob, ("behaviour", "policy"))

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        return {name: float(getattr(self, name)) for name in self.TRACED}

    def check(self, num_envs: int) -> None:
        """Requires that the rule can learn from rollouts of `num_envs` environments.

        Raises:
            ConfigError: it cannot.
        """
        del num_envs

    @abc.abstractmethod
    def targets(
        self, evaluate: Callable[[], Views], rollout: Rollout, reward: Array, hyper: dict
    ) -> PyTree:
        """Computes what one agent needs from a rollout before its first gradient step on it.

        Args:
            evaluate: when called, computes the outputs of policy and critic before the first step.
            rollout: the agent's part of the rollout.
            reward: ``[T, B]`` the reward that it learns from.
            hyper: traced settings.

        Returns:
            Leaves ``[T, B, ...]``, for `objective`.
        """

    @abc.abstractmethod
    def objective(
        self,
        views: Views,
        rollout: Rollout,
        reward: Array,
        targets: PyTree,
        hyper: dict,
        eps: Array | float,
    ) -> tuple[Array, Metrics]:
        """The loss of one policy and its critic, ``[]``, and its parts.

        Args:
            views: outputs of policy and critic in every step.
            rollout: the agent's part of the rollout; its actions are those of this policy.
            reward: ``[T, B]`` the reward that the agent learns from.
            targets: what `targets` returned.
            hyper: traced settings.
            eps: ``[]`` share of uniform actions in the behaviour policy.
        """

    @abc.abstractmethod
    def go_over(
        self, step: Step, trained: Carry, data: PyTree, key: Array
    ) -> tuple[Carry, Metrics]:
        """Takes gradient steps on a rollout.

        Args:
            step: takes one gradient step, on all or some environments.
            trained: parameters and optimiser states before the first step.
            data: what the losses are computed from, with an axis of environments (see
                `seats.map_envs`).
            key: consumed.

        Returns:
            Parameters and optimiser states after the last step, and metrics of all steps, leaves
            ``[n]``.
        """


class LearnerState(NamedTuple):
    """What an actor-critic keeps from update to update."""

    trained: Trained  # leaves [n, ...]
    episodes: Array  # [] float32, episodes finished, which drive all schedules
    hyper: dict[str, Array]  # [] float32 each
    scales: tuple[Scale, ...] = ()  # of actions, and perhaps of symbols; () where values have none


class Acting(NamedTuple):
    """What `act` needs, computed once per rollout."""

    params: PyTree  # [n, ...]
    folded: PyTree  # [n, ...]
    epsilon: Array  # [] float32


class Companion(NamedTuple):
    """Further parameters, trained by the loss of a learner but with their own optimiser step."""

    trained: Trained  # leaves [n, ...]
    descend: Callable[[Trained, PyTree, Metrics], tuple[Trained, Metrics]]
    """``(trained, gradient, metrics of the losses) -> (trained, metrics)``."""


ALONE = Companion(Trained((), ()), lambda trained, gradient, metrics: (trained, metrics))
"""An empty companion, for learners that have none."""


@dataclass(frozen=True)
class Learner:
    """The actor-critics of n seats.

    Every agent trains its own network on the reward that it gets. The loss of an agent is the
    mean over the steps in which it took part.

    Raises:
        ConfigError: the network does not fit the game's observations.
    """

    config: ActorCriticConfig
    spec: EnvSpec
    num_seats: int
    """n."""
    extra: int = 0
    """Numbers beyond the game's observation that callers append to every observation, in `act` and
    in the rollout of `learn`."""
    symbols: Symbols | None = None
    """The second choice of agents that have one; callers make it."""

    def __post_init__(self) -> None:
        """Checks that the network fits."""
        self.config.net.check(self.spec.obs_shape)

    @cached_property
    def policy(self) -> Policy:
        """One agent's policy and critic."""
        config, sizes = self.config, (self.config.net, self.extra, self.symbols)
        own, start = config.critic_trunk == "own", config.head_scale
        cuts = config.bootstrap_at_horizon
        return Policy(self.spec, *sizes, cuts, own, start)

    @property
    def tx(self) -> optax.GradientTransformation:
        """One agent's optimiser of policy and critic, which are clipped apart if they are apart."""
        if self.config.critic_trunk == "shared":
            return self.plain_tx
        parts: dict[Hashable, Any] = {"policy": self.plain_tx, "critic": self.plain_tx}
        return optax.partition(parts, partial(jax.tree.map_with_path, owner))

    @property
    def plain_tx(self) -> optax.GradientTransformation:
        """An optimiser of the same settings, for other networks of the agents."""
        return population.optimiser(self.config.max_grad_norm)

    def init(self, key: Array, hyper: PyTree) -> LearnerState:
        """Fresh agents. ``key`` is consumed."""
        trained = population.init_stacked(self.policy.init, self.tx, key, self.num_seats)
        count = (1 + (self.symbols is not None)) * self.config.scale_values
        scales = tuple(scales_of.blank(self.num_seats) for _ in range(count))
        return LearnerState(trained, jnp.float32(0.0), jax.tree.map(jnp.float32, hyper), scales)

    def begin(self, num_envs: int) -> PyTree:
        """The memory ``[B, n, H]`` before the first step of an episode; () without LSTM."""
        width = self.config.net.lstm
        if not width:
            return ()
        zeros = jnp.zeros((num_envs, self.num_seats, width))
        return (zeros, zeros)

    def prepare(self, state: LearnerState) -> Acting:
        """What acting needs."""
        params = state.trained.params
        return Acting(params, jax.vmap(self.policy.fold)(params), epsilon(state))

    def draw(self, key: Array, num_envs: int) -> Array:
        """``[B, n]`` float32 in [0, 1), the random numbers of one step. ``key`` is consumed."""
        return jax.random.uniform(key, (num_envs, self.num_seats))

    def logits(self, acting: Acting, memory: PyTree, obs: Array) -> tuple[Array, PyTree]:
        """Everyone's logits ``[B, n, A]`` for ``obs [B, n, F]``, and memory after it."""

        def one(params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> tuple[Array, PyTree]:
            features, memory = self.policy.step(params, folded, memory, x)
            return self.policy.action_logits(params, features), memory

        x = obs.astype(jnp.float32)
        seatwise = jax.vmap(one, in_axes=(0, 0, 1, 1), out_axes=1)
        return seatwise(acting.params, acting.folded, memory, x)

    def act(
        self, acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        """Decision of agents that observe ``obs [B, n, F]``, and their memory after it."""
        logits, memory = self.logits(acting, memory, obs)
        action, log_prob = distributions.choose(logits, acting.epsilon, draws, mode)
        return Decision(action, log_prob), memory

    def rescaled(
        self, state: LearnerState, rollout: Rollout, rewards: Sequence[Array]
    ) -> LearnerState:
        """The state with the scale of returns brought up to date; values stay as they are.

        Args:
            state: of the agents.
            rollout: of these seats.
            rewards: ``[T, B, n]`` what actions, and perhaps symbols, learn on.
        """
        if not self.config.scale_values:
            return state
        end = rollout.done & (not self.config.bootstrap_at_horizon)
        params, after = state.trained.params, []
        for scale, head, reward in zip(state.scales, HEADS, rewards, strict=False):
            facts = reward, rollout.active, end, state.hyper["gamma"]
            fresh, params = scales_of.follow(scale, params, head, *facts)
            after.append(fresh)
        trained = state.trained._replace(params=params)
        return state._replace(trained=trained, scales=tuple(after))

    def current(self, state: LearnerState) -> dict[str, Array]:
        """The traced settings, with the weight of the entropy bonus as it is now."""
        config, hyper = self.config, state.hyper
        share = linear(state, 1.0, config.entropy_end, float(config.entropy_episodes))
        return hyper | {"entropy": hyper["entropy"] * share}

    def scale(self, state: LearnerState, critic: int = 0) -> Array:
        """The unit ``[n]`` in which critics of actions, or those of symbols (1), learn."""
        scaled = self.config.scale_values
        return scales_of.root(state.scales[critic]) if scaled else jnp.ones(self.num_seats)

    def targets(self, state: LearnerState, rollout: Rollout, reward: Array) -> PyTree:
        """Everyone's targets (see `ActorCriticConfig.targets`), leaves ``[T, B, n, ...]``."""

        def one(params: PyTree, rollout: Rollout, reward: Array, scale: Array) -> PyTree:
            evaluate = partial(self.policy.evaluate, params, rollout, scale)
            return self.config.targets(evaluate, rollout, reward, state.hyper)

        each = jax.vmap(one, in_axes=(0, SEAT_AXES, 2, 0), out_axes=2)
        return each(state.trained.params, rollout, reward, self.scale(state))

    def losses(
        self, params: PyTree, state: LearnerState, rollout: Rollout, reward: Array, targets: PyTree
    ) -> tuple[Array, Metrics]:
        """Everyone's losses ``[n]``, and their parts.

        Args:
            params: ``[n, ...]``, in which the losses can be differentiated.
            state: gives epsilon and the traced settings.
            rollout: of these seats, on all or some environments.
            reward: ``[T, B, n]`` the reward that they learn from.
            targets: what `targets` returned.
        """
        hyper, eps = self.current(state), epsilon(state)

        def one(
            params: PyTree, rollout: Rollout, reward: Array, targets: PyTree, scale: Array
        ) -> tuple[Array, Metrics]:
            views = self.policy.evaluate(params, rollout, scale)
            total, parts = self.config.objective(views, rollout, reward, targets, hyper, eps)
            return total, {f"learn/{name}": value for name, value in parts.items()}

        each = jax.vmap(one, in_axes=(0, SEAT_AXES, 2, 2, 0))
        return each(params, rollout, reward, targets, self.scale(state))

    def minimise(
        self,
        losses: Losses,
        state: LearnerState,
        data: PyTree,
        key: Array,
        companion: Companion = ALONE,
    ) -> tuple[LearnerState, Trained, Metrics]:
        """Takes the gradient steps of the learner's rule; counts no episodes.

        Args:
            losses: what is minimised; its metrics include "learn/policy_loss".
            state: of the agents.
            data: what the losses are computed from, see `ActorCriticConfig.go_over`.
            key: consumed.
            companion: further parameters that the losses train.

        Returns:
            The agents and the companion after the steps, and metrics, ``[n]`` each.
        """
        now, size = epsilon(state), rate(state)

        def total(params: tuple[PyTree, PyTree], data: PyTree) -> tuple[Array, Metrics]:
            each, metrics = losses(*params, data)
            return each.sum(), metrics

        def step(carry: Carry, data: PyTree) -> tuple[Carry, Metrics]:
            trained, beside = carry
            params = trained.params, beside.params
            (grads, grads_beside), metrics = jax.grad(total, has_aux=True)(params, data)
            norm, critic_norm = norms(grads)
            trained, _ = population.descend(self.tx, trained, grads, size)
            beside, metrics = companion.descend(beside, grads_beside, metrics)
            return (trained, beside), metrics | {
                "learn/grad_norm": norm,
                "learn/critic_grad_norm": critic_norm,
                "learn/shortened": self.shortened(norm, critic_norm),
                "learn/epsilon": jnp.broadcast_to(now, (self.num_seats,)),
                "health/actor": population.finite(norm, critic_norm, metrics["learn/policy_loss"]),
            }

        first = state.trained, companion.trained
        (trained, beside), metrics = self.config.go_over(step, first, data, key)
        return state._replace(trained=trained), beside, metrics

    def shortened(self, norm: Array, critic_norm: Array) -> Array:
        """``[n]`` float32, 1 where a gradient, of these norms ``[n]``, is scaled down."""
        apart = self.config.critic_trunk == "own"
        length = jnp.maximum(norm, critic_norm) if apart else jnp.hypot(norm, critic_norm)
        return (length > self.config.max_grad_norm).astype(jnp.float32)

    def learn(
        self, state: LearnerState, rollout: Rollout, reward: Array, key: Array
    ) -> tuple[LearnerState, Metrics]:
        """Learns from a rollout of these seats and ``reward [T, B, n]``. ``key`` is consumed."""
        state = self.rescaled(state, rollout, [reward])

        def losses(params: PyTree, beside: PyTree, data: PyTree) -> tuple[Array, Metrics]:
            del beside
            return self.losses(params, state, *data)

        data = rollout, reward, self.targets(state, rollout, reward)
        learnt, _, metrics = self.minimise(losses, state, data, key)
        return count_episodes(learnt, rollout), metrics


def count_episodes(state: LearnerState, rollout: Rollout) -> LearnerState:
    """The state with the rollout's episodes counted, which moves epsilon and the learning rate."""
    return state._replace(episodes=state.episodes + rollout.done.sum().astype(jnp.float32))


def advantages(
    values: Values,
    reward: Array,
    rollout: Rollout,
    gamma: Array,
    lam: Array,
    bootstrap_at_horizon: bool,
) -> Array:
    """One agent's generalised advantages ``[T, B]``, linear in ``reward [T, B]``.

    Args:
        values: of its critic.
        reward: the reward that it learns from.
        rollout: the agent's part of the rollout.
        gamma: ``[]`` discount.
        lam: ``[]`` trace decay.
        bootstrap_at_horizon: whether the end of an episode is a cut instead of the end of the game.
    """
    end = rollout.done & (not bootstrap_at_horizon)
    cont = jax.vmap(returns.continues, 1, 1)(rollout.active, end)
    return jax.vmap(returns.gae, (1, 1, 1, 1, None, None), 1)(
        reward, values.now, values.following, cont, gamma, lam
    )


def normalised(adv: Array, active: Array) -> Array:
    """Advantages ``[T, B]`` minus their mean, over their standard deviation, in active steps."""
    centred = adv - masked_mean(adv, active)
    return centred / (jnp.sqrt(masked_mean(centred**2, active)) + 1e-8)


def epsilon(state: LearnerState) -> Array:
    """The share of uniform actions now: linear in episodes from start to end."""
    hyper = state.hyper
    ends = hyper["epsilon_start"], hyper["epsilon_end"]
    return linear(state, *ends, hyper["epsilon_episodes"])


def rate(state: LearnerState) -> Array:
    """The learning rate now: linear in episodes from `lr` to its multiple at the end."""
    hyper = state.hyper
    return hyper["lr"] * linear(state, 1.0, hyper["lr_end"], hyper["lr_episodes"])


def linear(
    state: LearnerState, start: Array | float, end: Array | float, episodes: Array | float
) -> Array:
    """A setting now that changes linearly from `start` to `end` over so many episodes."""
    left = jnp.maximum(1.0 - state.episodes / episodes, 0.0)
    return end + (start - end) * left


def owner(path: tuple, leaf: Array) -> str:
    """Whether a parameter of the network is the "policy"'s or the "critic"'s."""
    del leaf
    return "critic" if path[1].key in CRITIC else "policy"


def norms(grads: PyTree) -> tuple[Array, Array]:
    """Global norms ``[n]`` of the gradients of policies, with what they share, and of critics."""
    layers = grads["params"]
    critic = {name: layers[name] for name in layers if name in CRITIC}
    policy = {name: layers[name] for name in layers if name not in CRITIC}
    return jax.vmap(population.norm)(policy), jax.vmap(population.norm)(critic)
