"""One agent's social relationship networks: their outputs and their losses.

Source: Kong et al. 2024, section 4 and equations 3 to 5.

Letters: T steps, E episodes, N seats of the game, K = N - 1 co-players, M samples, A actions, F
numbers of a flattened observation, H width of a layer.

All functions here are for a single agent, without a seat axis; `inference` batches agents by vmap.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp

from envs import checks
from envs.types import EnvSpec
from lase_jax.algorithms.lase import counterfactual
from lase_jax.algorithms.lase.nets import Perspective, SocialNet
from lase_jax.algorithms.lase.replay import Episodes, Replay
from lase_jax.core import distributions, metrics, returns
from lase_jax.learners.agents import AgentConfig
from lase_jax.learners.policy import Policy
from lase_jax.nets.layers import add_actions, method
from lase_jax.types import Account, Array, Metrics, PyTree


@dataclass(frozen=True)
class SocialConfig(AgentConfig):
    """Settings of agents that infer social relationships, on top of the learner's."""

    social_lr: float = 2e-3
    """Learning rate of Q_SR and pi_SR (alpha_phi and alpha_mu in the paper), above 0."""
    perspective_lr: float = 1e-3
    """Learning rate of the observation conversion eta (alpha_eta), above 0."""
    social_gamma: float = 0.95
    """Discount of Q_SR (gamma_sc), in [0, 1]."""
    social_lam: float = 0.0
    """Trace decay of Q_SR's target, in [0, 1]: 0 the one-step SARSA error of the paper."""
    delta: float = 0.1
    """Weight of "stay near the own view" against "predict the other" in eta's loss, in [0, 1]."""
    perspective: bool = True
    """Imagine others' views; False is the paper's "LASE w/o": others act uniformly at random."""
    imagine: Literal["clone", "importance", "literal", "acting"] = "clone"
    """How pi_SR is learnt: "clone" own actions; "literal", equation 5 to the letter; "importance",
    the same with truncated importance weights; "acting", no pi_SR, the acting policy on the
    imagined view."""
    distance: Literal["mean", "sum"] = "mean"
    """Whether eta's distance to the own view is a mean over inputs or the paper's sum."""
    train_visible: bool = True
    """Train eta only on co-players in the own window, as the author's prototype does."""
    weigh_visible: bool = False
    """Give only to co-players that stand in the own window."""
    weigh: Literal["rewarded", "all"] = "rewarded"
    """Compute weights only at steps with own reward, where they matter, or at all steps."""
    min_spread: float = 0.0
    """Give nothing to a co-player between whose actions Q_SR differs by no more than this multiple
    of its root mean squared TD error; 0 is the paper's rule, which scales any difference up."""
    foresee: Literal["imagined", "real_view", "real_policy"] = "imagined"
    """What stands for co-players' policies in equation 3: pi_SR on the imagined view, pi_SR on the
    view that the co-player has, or its acting policy on that view; the last two are controls."""
    generosity: float = 1.0
    """Multiple of each inferred weight that is given, in [0, 1]; 1 is the paper's."""
    control: Literal["none", "co_players", "steps", "untrained"] = "none"
    """Controls without inference: each step's weights in a random order over co-players, weights to
    each co-player in a random order over the steps of a batch, or networks that never learn."""
    social_every: int = 1
    """Iterations between updates of the SR networks and eta, 1 or more."""
    social_episodes: int = 4
    """Episodes in one such update, from the present batch or the replay buffer, 1 or more."""
    social_steps: int = 1
    """Gradient steps in one such update, each on other episodes of the batch or the buffer, 1 or
    more."""
    replay: int = 0
    """Capacity of the replay buffer in episodes; 0 learns from the present batch."""
    replay_min: int = 1
    """Episodes the buffer must hold before the SR networks learn from it, 1 to `replay`."""
    social_width: int = 64
    """Width of the dense layers of Q_SR and pi_SR, 1 or more."""
    perspective_width: int = 64
    """Width of the dense layers of eta, 1 or more."""

    TRACED: ClassVar[tuple[str, ...]] = (
        *("social_lr", "perspective_lr", "social_gamma", "social_lam", "delta"),
    )

    def __post_init__(self) -> None:
        """Checks every field."""
        for field in ("social_lr", "perspective_lr"):
            checks.number(field, getattr(self, field), 0.0, open_low=True)
        for field in ("social_gamma", "social_lam", "delta", "generosity"):
            checks.probability(field, getattr(self, field))
        checks.choice("imagine", self.imagine, ("clone", "importance", "literal", "acting"))
        checks.choice("distance", self.distance, ("mean", "sum"))
        checks.choice("weigh", self.weigh, ("rewarded", "all"))
        checks.choice("foresee", self.foresee, ("imagined", "real_view", "real_policy"))
        fits = self.perspective or self.foresee == "imagined"
        checks.require(fits, "foresee", self.foresee, "use it with perspective=True")
        checks.choice("control", self.control, ("none", "co_players", "steps", "untrained"))
        checks.number("min_spread", self.min_spread, 0.0)
        checks.integer("social_every", self.social_every, 1)
        checks.integer("social_steps", self.social_steps, 1)
        checks.integer("social_episodes", self.social_episodes, 1)
        checks.integer("replay", self.replay, 0)
        checks.integer("replay_min", self.replay_min, 1, max(self.replay, 1))
        checks.integer("social_width", self.social_width, 1)
        checks.integer("perspective_width", self.perspective_width, 1)

    def check(self, spec: EnvSpec, length: int, num_envs: int) -> None:
        """Requires that the learner and the replay buffer, if there is one, accept such rollouts.

        Raises:
            ConfigError: the size of the rollouts does not fit.
        """
        super().check(spec, length, num_envs)
        Replay(spec, (), self.replay).check(length, num_envs)


class Networks(NamedTuple):
    """One agent's parameters, each with its folded first layers; () for networks that it lacks."""

    social: PyTree
    social_eyes: PyTree
    perspective: PyTree
    perspective_eyes: PyTree
    acting: PyTree
    acting_eyes: PyTree


@dataclass(frozen=True)
class Mind:
    """Q_SR, pi_SR and the observation conversion eta of one agent, as functions of parameters."""

    config: SocialConfig
    spec: EnvSpec
    acting: Policy
    """The agent's own acting policy, used in place of pi_SR with ``imagine="acting"``."""

    @property
    def borrows(self) -> bool:
        """Whether the acting policy stands in for pi_SR."""
        return self.config.imagine == "acting"

    @property
    def social_net(self) -> SocialNet:
        """Q_SR and pi_SR."""
        spec = self.spec
        sizes = spec.obs_shape, spec.num_actions, spec.num_agents
        return SocialNet(*sizes, self.acting.net, self.config.social_width)

    @property
    def perspective_net(self) -> Perspective:
        """The observation conversion eta."""
        sizes = self.spec.obs_shape, self.spec.num_agents
        return Perspective(*sizes, self.acting.net, self.config.perspective_width)

    def network(self, name: str) -> Callable:
        """A method of the social network as ``(params, *arguments) -> value``."""
        return method(self.social_net, name)

    def fold(self, social: PyTree, perspective: PyTree, acting: PyTree) -> Networks:
        """All networks with their folded first layers."""
        imagines = self.config.perspective
        fold_perspective = method(self.perspective_net, "fold")
        return Networks(
            social,
            self.network("fold")(social),
            perspective,
            fold_perspective(perspective) if imagines else (),
            acting,
            self.acting.fold(acting),
        )

    def moves(self, action: Array, active: Array) -> Array:
        """Actions as Q_SR reads them; A, which adds nothing, where an agent takes no part."""
        return jnp.where(active, action, self.spec.num_actions)

    def policy(self, own: Networks, x: Array, memory: PyTree) -> Array:
        """Log-probabilities ``[..., A]`` of pi_SR, or of the acting policy if `borrows` is true."""
        if self.borrows:
            logits = self.acting.logits(own.acting, own.acting_eyes, memory, x)
        else:
            pre, _ = self.network("encode")(own.social, own.social_eyes, x)
            logits = self.network("policy")(own.social, pre)
        return jax.nn.log_softmax(logits)

    def imagine(self, own: Networks, x: Array, ids: Array, memory: PyTree) -> tuple[Array, Array]:
        """Imagined views of co-players, and the policies predicted from these views.

        Axes of size 1 are broadcast.

        Args:
            own: the agent's networks.
            x: ``[..., F]`` own observations.
            ids: ``[...]`` the co-players' seats.
            memory: ``[..., H]`` own memory before the step; used only with ``imagine="acting"``.

        Returns:
            ``[..., F]`` imagined views, and ``[..., A]`` log-probabilities of actions.
        """
        views = method(self.perspective_net, "imagine")(
            own.perspective, own.perspective_eyes, x, ids
        )
        return views, self.policy(own, views, memory)

    def foreseen(
        self, own: Networks, x: Array, ids: Array, memory: PyTree, real: Array | tuple[()] = ()
    ) -> Array:
        """Log-policies ``[M, K, A]`` by which co-players' actions are weighted in equation 3.

        Args:
            own: the agent's networks.
            x: ``[M, F]`` own observations.
            ids: ``[K]`` the co-players' seats.
            memory: as in `relationships`.
            real: as in `relationships`; () to imagine, whatever the settings say.
        """
        actions = self.spec.num_actions
        if not self.config.perspective:
            return jnp.full((len(x), len(ids), actions), -jnp.log(float(actions)))
        past = jax.tree.map(lambda leaf: leaf[:, None], memory)
        if isinstance(real, tuple):
            return self.imagine(own, x[:, None], ids[None], past)[1]
        if self.config.foresee == "real_policy":
            return real[:, ids]
        return self.policy(own, real[:, ids].astype(jnp.float32), past)

    def expectations(
        self, own: Networks, x: Array, ids: Array, action: Array, memory: PyTree
    ) -> tuple[Array, Array]:
        """How well co-players' actions are foreseen, and what that alone makes the agent give.

        Args:
            own: the agent's networks.
            x: ``[M, F]`` own observations.
            ids: ``[K]`` the co-players' seats.
            action: ``[M, K]`` int32, the co-players' actions.
            memory: as in `relationships`.

        Returns:
            ``[M, K]`` the weights that a Q_SR without any knowledge would give, and ``[M, K]`` -log
            of the actions' foreseen probabilities.
        """
        log_probs = self.foreseen(own, x, ids, memory)
        each = jax.vmap(jax.vmap(counterfactual.uninformed, (0, 0, None)), (0, 0, None))
        weights = each(action, jnp.exp(log_probs), self.spec.num_agents)
        return weights, distributions.cross_entropy(log_probs, action)

    def prediction_errors(
        self, own: Networks, x: Array, ids: Array, action: Array, memory: PyTree
    ) -> tuple[Array, Array]:
        """Prediction errors about co-players: the two parts of eta's loss (equation 4).

        Args:
            own: as in `imagine`.
            x: as in `imagine`.
            ids: as in `imagine`.
            action: ``[...]`` int32, the co-players' actions.
            memory: as in `imagine`.

        Returns:
            ``[...]`` -log pi_SR of the actions on the imagined views, and ``[...]`` mean absolute
            difference between imagined and own view.
        """
        views, log_probs = self.imagine(own, x, ids, memory)
        return distributions.cross_entropy(log_probs, action), jnp.abs(views - x).mean(-1)

    def relationships(
        self,
        own: Networks,
        x: Array,
        joint: Array,
        ids: Array,
        memory: PyTree,
        real: Array | tuple[()] = (),
    ) -> tuple[Array, Array]:
        """The relationship to each co-player, at M steps (equation 3).

        Args:
            own: the agent's networks.
            x: ``[M, F]`` own observations.
            joint: ``[M, N]`` joint actions, as `moves` returns them.
            ids: ``[K]`` the co-players' seats.
            memory: ``[M, ...]`` own memory before the step; used only with ``imagine="acting"``.
            real: what `foresee` needs to know of every seat: ``[M, N, F]`` its view, ``[M, N, A]``
                the log-probabilities of its actions, or ().

        Returns:
            ``[M, K]`` weights w_ij, and ``[M, K]`` the spread max - min of Q_SR behind them.
        """
        q_taken, q = self.alternatives(own, x, joint, ids)
        probs = jnp.exp(self.foreseen(own, x, ids, memory, real))
        each = jax.vmap(jax.vmap(counterfactual.relationship, (0, 0, 0, None)), (0, 0, 0, None))
        return each(q_taken, q, probs, self.spec.num_agents), q.max(-1) - q.min(-1)

    def alternatives(
        self, own: Networks, x: Array, joint: Array, ids: Array
    ) -> tuple[Array, Array]:
        """Q_SR of the joint actions taken, and of those in which one co-player acts otherwise.

        Args:
            own: the agent's networks.
            x: ``[M, F]`` own observations.
            joint: ``[M, N]`` joint actions, as `moves` returns them.
            ids: ``[K]`` the co-players' seats.

        Returns:
            ``[M, K]`` the values of what was done, and ``[M, K, A]`` of each action in its place.
        """
        num, actions = self.spec.num_agents, self.spec.num_actions
        _, pre = self.network("encode")(own.social, own.social_eyes, x)
        table = self.network("rows")(own.social)
        whole = pre + add_actions(table, joint)
        replaced = table.reshape(num * actions, -1)[ids[None] * actions + joint[:, ids]]
        pre_alternatives = (whole[:, None] - replaced)[:, :, None] + table[ids][None]
        q = self.network("value")(own.social, pre_alternatives)
        return jnp.take_along_axis(q, joint[:, ids][..., None], axis=-1)[..., 0], q

    def account(
        self,
        own: Networks,
        x: Array,
        joint: Array,
        ids: Array,
        memory: PyTree,
        real: Array | tuple[()] = (),
    ) -> Account:
        """What `relationships`, of the same arguments, are made from: leaves ``[M, K, ...]``."""
        past = jax.tree.map(lambda leaf: leaf[:, None], memory)
        imagines = self.config.perspective
        return Account(
            value=self.alternatives(own, x, joint, ids)[1],
            foreseen=jnp.exp(self.foreseen(own, x, ids, memory, real)),
            relation=self.relationships(own, x, joint, ids, memory, real)[0],
            view=self.imagine(own, x[:, None], ids[None], past)[0] if imagines else (),
        )

    def social_loss(
        self,
        params: PyTree,
        frozen: Networks,
        episodes: Episodes,
        memory: PyTree,
        hyper: dict[str, Array],
        scale: Array | float = 1.0,
    ) -> tuple[Array, Metrics]:
        """The loss of Q_SR and pi_SR (equation 5 and its variants).

        ``scale []`` is the unit in which Q_SR learns (see `core.scales`).
        """
        config = self.config
        x = episodes.obs.astype(jnp.float32)
        pre_policy, pre_value = self.network("encode")(params, self.network("fold")(params), x)
        taken = self.moves(episodes.joint, episodes.present)
        table = self.network("rows")(params)
        q = self.network("value")(params, pre_value + add_actions(table, taken)) * scale
        q_fixed = jax.lax.stop_gradient(q)
        cont = jax.vmap(returns.continues, 1, 1)(episodes.active, episodes.done)
        # Where a cut does not end the episode, there is no next joint action to learn from: the
        # error of the last step is set to 0, and the step is left out of the means.
        ends = episodes.done[-1] & (not config.learner.bootstrap_at_horizon)
        reward = episodes.reward.at[-1].set(jnp.where(ends, episodes.reward[-1], q_fixed[-1]))
        mask = episodes.active.at[-1].set(episodes.active[-1] & ends)
        following = jnp.append(q_fixed[1:], q_fixed[:1], 0)
        facts = reward, q_fixed, following, cont.at[-1].set(0.0), hyper["social_gamma"]
        estimate = jax.vmap(returns.gae, (1, 1, 1, 1, None, None), 1)
        adv = estimate(*facts, hyper["social_lam"])
        value_loss = metrics.masked_mean(((adv + q_fixed - q) / scale) ** 2, mask)
        missed = estimate(*facts, jnp.float32(1.0))
        if self.borrows:
            log_pi = self.policy(frozen, x, memory)
        else:
            log_pi = jax.nn.log_softmax(self.network("policy")(params, pre_policy))
        surprise = distributions.cross_entropy(log_pi, episodes.action)
        ratio = jnp.exp(-jax.lax.stop_gradient(surprise) - episodes.log_prob)
        credit = {
            "clone": jnp.ones_like(adv),
            "literal": adv / scale,
            "importance": adv / scale * jnp.minimum(ratio, 1.0),
            "acting": jnp.zeros_like(adv),
        }[config.imagine]
        total = 0.5 * value_loss + metrics.masked_mean(credit * surprise, mask)
        entropy = -(jnp.exp(log_pi) * log_pi).sum(-1)
        played = episodes.active
        return total, {
            "infer/value_loss": value_loss,
            "infer/explained": metrics.explained(missed, missed + q_fixed, mask),
            "infer/policy_entropy": metrics.masked_mean(entropy, played, empty=jnp.nan),
            "infer/own_cross_entropy": metrics.masked_mean(surprise, played, empty=jnp.nan),
            "infer/uniform_cross_entropy": jnp.log(jnp.float32(self.spec.num_actions)),
        }

    def perspective_loss(self, surprise: Array, gap: Array, delta: Array) -> Array:
        """The loss of eta (equation 4) for some co-players, from their `prediction_errors`."""
        size = math.prod(self.spec.obs_shape)
        distance = gap * size if self.config.distance == "sum" else gap
        return (1.0 - delta) * surprise + delta * distance
