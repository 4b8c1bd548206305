"""The networks of a policy and its critic, for one agent.

Letters: A actions, N seats, V values and P parts of a second choice, F numbers of a flattened
observation, H width of a layer, E further numbers; ``...`` are batch axes.
"""

import math
from dataclasses import dataclass, replace

import flax.linen as nn
import jax
import jax.numpy as jnp

from lase_jax.nets.layers import HEAD_SCALE, LSTM, Affine, Array, Eyes, Net, PyTree, affines, head


class Trunk(nn.Module):
    """Features of an observation: encoder (`Eyes`), dense layers, optional LSTM.

    With `extra`, inputs are ``[..., F + extra]``: inputs beyond the window enter at the first dense
    layer, after the convolutions.
    """

    obs_shape: tuple[int, ...]
    net: Net
    extra: int = 0

    def setup(self) -> None:
        """Declares the layers."""
        net = self.net
        initial = nn.initializers.lecun_normal()
        self.extra_kernel = (
            self.param("extra", initial, (self.extra, net.dense[0]))
            if self.extra and net.dense
            else None
        )
        self.eyes = Eyes(self.obs_shape, net.dense[:1], net.conv, net.conv_relu)
        self.hidden = [nn.Dense(width) for width in net.dense[1:]]
        self.lstm = LSTM(net.lstm, net.dense[-1]) if net.lstm else None

    def first_features(self, x: Array) -> Array:
        """Flat output, for ``x [..., F]``, of the convolutions or else of the first dense layer."""
        if self.net.conv:
            return self.eyes.convolve(x)
        return nn.relu(self.first_layer(self.fold(), x))

    def fold(self) -> tuple[Affine, ...]:
        """First layers for `encode`, computed once per update (see `Eyes.fold`)."""
        return self.eyes.fold()

    def encode(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """Features, or gate inputs of the LSTM: the layers that do not depend on memory."""
        if not self.net.dense:
            return x
        return self.above(self.first_layer(folded, self.window(x)), x)

    def window(self, x: Array) -> Array:
        """The game's observation ``[..., F]``, of ``x [..., F + extra]``."""
        return x[..., : math.prod(self.obs_shape)]

    def first_layer(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """The first dense layer's pre-activations ``[..., H]`` for the window ``x [..., F]``."""
        return self.eyes(folded, x)[0]

    def above(self, z: Array, x: Array) -> Array:
        """What `encode` returns, from the window's ``z [..., H]`` and ``x [..., F + extra]``."""
        if self.extra_kernel is not None:
            z = z + self.extra_inputs(x[..., math.prod(self.obs_shape) :])
        return self.upper_layers(z)

    def extra_inputs(self, extra: Array) -> Array:
        """What ``extra [..., E]`` adds to the pre-activations, ``[..., H]``."""
        assert self.extra_kernel is not None
        return extra @ self.extra_kernel

    def upper_layers(self, z: Array) -> Array:
        """From the first dense layer's pre-activations to features or LSTM gate inputs."""
        z = nn.relu(z)
        for layer in self.hidden:
            z = nn.relu(layer(z))
        return z if self.lstm is None else self.lstm.project(z)

    def recur(self, carry: tuple[Array, Array], encoded: Array) -> tuple[Array, Array]:
        """One step of the LSTM; only for networks that have one."""
        assert self.lstm is not None
        return self.lstm(carry, encoded)

    def unroll(self, carry: tuple[Array, Array], encoded: Array) -> tuple[Array, PyTree]:
        """The LSTM over T steps, see `LSTM.unroll`; only for networks that have one."""
        assert self.lstm is not None
        return self.lstm.unroll(carry, encoded)


@dataclass(frozen=True)
class Symbols:
    """A second choice of agents beside their action in every step: a symbol, a gift."""

    size: int
    """V, values of each part of the choice."""
    width: int = 0
    """Width of a linear layer before its policy; 0 for none."""
    parts: int = 1
    """P, parts that are chosen independently of each other: there are ``V ** P`` choices in all, of
    which the first parts are the leading digits."""
    seen: int = 0
    """Further numbers that its policy reads, which join the features in a ReLU layer of its own."""


CRITIC = ("critic", "value_head", "symbol_value_head")
"""Names of the critic's parameters, all others are the policy's."""


class ActorCritic(Trunk):
    """Acting policy and critic: one trunk, or one for each, and two linear heads.

    With `symbols` there are two more heads: a policy of that second choice, and its critic. A
    critic with its own trunk also reads the state of the policy's LSTM, without training it.
    """

    num_actions: int = 0
    symbols: Symbols | None = None
    own_critic: bool = False
    head_scale: float = HEAD_SCALE

    def setup(self) -> None:
        """Declares the layers."""
        super().setup()
        net, start = self.net, head(self.head_scale)
        table = not net.dense  # a bias would act on all states at once
        self.policy_head = nn.Dense(self.num_actions, use_bias=not table, kernel_init=start)
        self.value_head = nn.Dense(1, use_bias=not table)
        second = self.symbols
        if second is not None:
            self.symbol_head = nn.Dense(second.parts * second.size, kernel_init=start)
            self.symbol_embedding = nn.Dense(second.width) if second.width else None
            width = net.dense[-1] if net.dense else second.seen
            self.symbol_joint = nn.Dense(width) if second.seen else None
            self.symbol_value_head = nn.Dense(1)
        apart = self.own_critic and not table
        inputs = self.extra + net.lstm
        self.critic = Trunk(self.obs_shape, replace(net, lstm=0), inputs) if apart else None

    def encode_both(self, folded: tuple[Affine, ...], x: Array) -> tuple[Array, Array]:
        """What `encode` returns, and the critic's first pre-activations for the window.

        Both read the same window, so that one product serves both where all before is affine. The
        second is meaningless if the critic has no trunk of its own.
        """
        if self.critic is None:
            encoded = self.encode(folded, x)
            return encoded, encoded
        window, own = self.window(x), self.critic.fold()
        if self.eyes.is_affine:
            z, judged = affines((*folded, *own), window)
        else:
            z, judged = self.first_layer(folded, window), self.critic.first_layer(own, window)
        return self.above(z, x), judged

    def critic_features(self, x: Array, z: Array, h: Array) -> Array:
        """Inputs ``[..., H]`` of the critic's heads.

        Args:
            x: ``[..., F + extra]`` inputs.
            z: ``[..., H]`` the critic's first pre-activations for the window.
            h: ``[..., H]`` the policy's features.
        """
        if self.critic is None:
            return h
        if self.net.lstm:
            x = jnp.concatenate([x, jax.lax.stop_gradient(h)], axis=-1)
        return self.critic.above(z, x)

    def logits(self, h: Array) -> Array:
        """Logits ``[..., A]`` from the policy's features."""
        return self.policy_head(h)

    def value(self, h: Array) -> Array:
        """Value ``[...]`` from the critic's features."""
        return self.value_head(h)[..., 0]

    def symbol_logits(self, h: Array, seen: Array | None = None) -> Array:
        """Logits ``[..., V ** P]`` of the second choice; needs `symbols`.

        Args:
            h: ``[..., H]`` the policy's features.
            seen: ``[..., E]`` what it reads besides; None if there is nothing.
        """
        assert self.symbols is not None
        if self.symbol_joint is not None:
            assert seen is not None
            h = nn.relu(self.symbol_joint(jnp.concatenate([h, seen], -1)))
        if self.symbol_embedding is not None:
            h = self.symbol_embedding(h)
        each = self.symbol_head(h).reshape(*h.shape[:-1], self.symbols.parts, self.symbols.size)
        together = each[..., 0, :]
        for part in range(1, self.symbols.parts):
            joint = together[..., :, None] + each[..., part, None, :]
            together = joint.reshape(*joint.shape[:-2], -1)
        return together

    def symbol_value(self, h: Array) -> Array:
        """Value ``[...]`` of second choices from the critic's features; needs `symbols`."""
        return self.symbol_value_head(h)[..., 0]

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Touches every parameter once, for `init`; x is ``[..., F + extra]``."""
        h, z = self.encode_both(self.fold(), x)
        if self.lstm is not None:
            zeros = jnp.zeros((*x.shape[:-1], self.net.lstm))
            h = self.recur((zeros, zeros), h)[0]
        judged = self.critic_features(x, z, h)
        if self.symbols is not None:
            self.symbol_logits(h, jnp.zeros((*h.shape[:-1], self.symbols.seen)))
            self.symbol_value(judged)
        return self.logits(h), self.value(judged)
