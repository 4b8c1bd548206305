"""A policy and its critic, as functions of one agent's parameters.

Letters: T steps, B environments, A actions, M samples, F numbers of a flattened observation, E
extra inputs, V possible second choices, H features.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from envs.types import EnvSpec
from lase_jax.core import blocks
from lase_jax.nets.actor_critic import ActorCritic, Symbols
from lase_jax.nets.layers import HEAD_SCALE, Net, method
from lase_jax.types import Array, PyTree, Rollout


class Values(NamedTuple):
    """Values of a critic in every step of a rollout."""

    now: Array  # [T, B], of the observation before the step
    following: Array  # [T, B], of the observation after it; meaningless where an episode ends


class Views(NamedTuple):
    """Outputs of a policy and its critic in every step of a rollout."""

    logits: Array  # [T, B, A]
    values: Values
    scale: Array  # [], the unit in which the critic learns


class Features(NamedTuple):
    """Inputs of the heads of a policy and its critic in every step of a rollout."""

    policy: Array  # [T, B, H], or one step more
    critic: Array  # [T, B, H], or one step more, that after a cut


class Past(NamedTuple):
    """State of an agent's network in every step of a rollout, without the extra inputs."""

    window: Array  # [T, B, H], pre-activations of its first dense layer for the window
    memory: PyTree  # [T, B, ...], before the step
    features: Array  # [T, B, H'], the policy's, computed with the true extra inputs


@dataclass(frozen=True)
class Policy:
    """A policy and its critic, on one network or on a network each."""

    spec: EnvSpec
    net: Net
    extra: int = 0
    """E, number of extra inputs that callers append to every observation."""
    symbols: Symbols | None = None
    """The second choice of agents that have one."""
    bootstrap_at_horizon: bool = False
    """Whether the end of an episode is a cut, so that the value after it is needed."""
    own_critic: bool = False
    """Whether the critic has a network of its own."""
    head_scale: float = HEAD_SCALE
    """Initial scale of the policy's head, see `nets.layers.head`."""

    @cached_property
    def module(self) -> ActorCritic:
        """The network."""
        spec, sizes = self.spec, (self.symbols, self.own_critic, self.head_scale)
        return ActorCritic(spec.obs_shape, self.net, self.extra, spec.num_actions, *sizes)

    def network(self, name: str) -> Callable[..., Any]:
        """A method of the network as ``(params, *arguments) -> value``."""
        return method(self.module, name)

    @property
    def obs_size(self) -> int:
        """F."""
        return math.prod(self.spec.obs_shape)

    def init(self, key: Array) -> PyTree:
        """Fresh parameters. ``key`` is consumed."""
        return self.module.init(key, jnp.zeros((1, self.obs_size + self.extra)))

    def fold(self, params: PyTree) -> PyTree:
        """The first layers as affine maps, computed once per update (see `nets.layers`)."""
        return self.network("fold")(params)

    def action_logits(self, params: PyTree, features: Array) -> Array:
        """Logits ``[..., A]`` from the policy's features."""
        return self.network("logits")(params, features)

    def symbol_logits(self, params: PyTree, features: Array, *seen: Array) -> Array:
        """Logits ``[..., V]`` of second choices from the policy's features and what is seen."""
        return self.network("symbol_logits")(params, features, *seen)

    def first_features(self, params: PyTree, x: Array) -> Array:
        """Flat output, for ``x [..., F]``, of the convolutions or else of the first dense layer."""
        return self.network("first_features")(params, x)

    def step(
        self, params: PyTree, folded: PyTree, memory: PyTree, x: Array
    ) -> tuple[Array, PyTree]:
        """Features ``[M, H]`` of ``x [M, F + E]``, and the memory ``[M, ...]`` after it."""
        features = self.network("encode")(params, folded, x)
        if self.net.lstm:
            memory = self.network("recur")(params, memory, features)
            features = memory[0]
        return features, memory

    def logits(self, params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> Array:
        """Logits ``[M, A]`` for ``x [M, F + E]`` and the memory ``[M, ...]`` before it."""
        return self.action_logits(params, self.step(params, folded, memory, x)[0])

    def unroll(self, params: PyTree, memory: PyTree, encoded: Array) -> tuple[Array, PyTree]:
        """Features and the memory before each step, from ``encoded [T, B, ...]``."""
        if not self.net.lstm:
            return encoded, ()
        return self.network("unroll")(params, memory, encoded)

    def memories(self, params: PyTree, folded: PyTree, memory: PyTree, x: Array) -> PyTree:
        """The memory before every step ``[T, B, ...]`` of an agent that sees ``x [T, B, F + E]``.

        ``memory [B, ...]`` is that before the first step.
        """
        return self.unroll(params, memory, self.network("encode")(params, folded, x))[1]

    def features(self, params: PyTree, rollout: Rollout) -> Features:
        """Features of every step and, if the rollout ends with a cut, of the last observation.

        Args:
            params: of the agent.
            rollout: the agent's part, including the extra inputs appended to observations.
        """
        obs = rollout.obs
        if self.bootstrap_at_horizon or len(obs) != self.spec.horizon:
            obs = jnp.concatenate([obs, rollout.last_obs[None]])
        x, folded = obs.astype(jnp.float32), self.fold(params)
        encode = partial(self.network("encode_both"), params, folded)
        encoded, z = blocks.as_samples(encode, x)
        features, _ = self.unroll(params, rollout.memory, encoded)
        judge = partial(self.network("critic_features"), params)
        return Features(features, blocks.as_samples(judge, x, z, features))

    def evaluate(self, params: PyTree, rollout: Rollout, scale: Array | float = 1.0) -> Views:
        """Policy and values in every step of the agent's part of a rollout.

        ``scale []`` is the unit in which the critic learns (see `core.scales`).
        """
        return self.views(params, self.features(params, rollout), len(rollout.action), scale)

    def views(
        self,
        params: PyTree,
        features: Features,
        steps: int,
        scale: Array | float,
        of: Literal["", "symbol_"] = "",
        *seen: Array,
    ) -> Views:
        """Outputs of policy and critic, or of those for symbols, in T steps with these features.

        ``seen [T, B, E]`` is what a second choice is made on besides, if anything.
        """
        logits = self.network(f"{of}logits")(params, features.policy[:steps], *seen)
        value = self.network(f"{of}value")(params, features.critic) * scale
        now, goes_on = value[:steps], len(value) > steps
        following = value[1:] if goes_on else jnp.append(value[1:], value[:1], 0)
        return Views(logits, Values(now, following), jnp.asarray(scale, jnp.float32))

    def past(self, params: PyTree, memory: PyTree, x: Array) -> Past:
        """`Past` of an agent with inputs ``x [T, B, F + E]`` and initial memory ``[B, ...]``."""
        folded = self.fold(params)
        window = self.network("first_layer")(params, folded, x[..., : self.obs_size])
        encoded = self.network("encode")(params, folded, x)
        features, before = self.unroll(params, memory, encoded)
        return Past(window, before, features)

    def counterfactual_logits(self, params: PyTree, past: Past, extra: Array) -> Array:
        """Logits of an agent for other extra inputs in each step, after the true past of that step.

        Args:
            params: of the agent.
            past: its true windows and memory.
            extra: ``[T, B, M, E]`` M alternatives for the extra inputs.

        Returns:
            Logits ``[T, B, M, A]``.
        """
        window, before = jax.tree.map(lambda leaf: leaf[:, :, None], (past.window, past.memory))
        z = window + self.network("extra_inputs")(params, extra)
        features = self.network("upper_layers")(params, z)
        if self.net.lstm:
            features = self.network("recur")(params, before, features)[0]
        return self.action_logits(params, features)
