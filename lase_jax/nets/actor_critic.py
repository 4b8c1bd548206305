"""The network of a policy and a value, for one agent.

Letters: A actions, N seats, F numbers of a flattened observation, H width of a layer; ``...`` are
batch axes.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from lase_jax.nets.layers import LSTM, SMALL, Affine, Array, Eyes, Net, PyTree


class ActorCritic(nn.Module):
    """Acting policy and critic: encoder (`Eyes`), dense layers, optional LSTM, two linear heads.

    With `extra`, inputs are ``[..., F + extra]``: inputs beyond the window enter at the first dense
    layer, after the convolutions. With `symbols` there are two more heads, a policy over that many
    symbols and its critic.
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    net: Net
    extra: int = 0
    symbols: int = 0

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
        table = not net.dense  # a bias would act on all states at once
        self.policy_head = nn.Dense(self.num_actions, use_bias=not table, kernel_init=SMALL)
        self.value_head = nn.Dense(1, use_bias=not table)
        self.symbol_head = nn.Dense(self.symbols, kernel_init=SMALL) if self.symbols else None
        self.symbol_value_head = nn.Dense(1) if self.symbols else None

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
        size = math.prod(self.obs_shape)
        z = self.first_layer(folded, x[..., :size])
        if self.extra_kernel is not None:
            z = z + self.extra_inputs(x[..., size:])
        return self.upper_layers(z)

    def first_layer(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """The first dense layer's pre-activations ``[..., H]`` for the window ``x [..., F]``."""
        return self.eyes(folded, x)[0]

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

    def heads(self, h: Array) -> tuple[Array, Array]:
        """Logits ``[..., A]`` and value ``[...]``."""
        return self.policy_head(h), self.value_head(h)[..., 0]

    def symbol_heads(self, h: Array) -> tuple[Array, Array]:
        """Logits ``[..., V]`` of symbols and their value ``[...]``; only if there are `symbols`."""
        assert self.symbol_head is not None and self.symbol_value_head is not None
        return self.symbol_head(h), self.symbol_value_head(h)[..., 0]

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Touches every parameter once, for `init`; x is ``[..., F + extra]``."""
        h = self.encode(self.fold(), x)
        if self.lstm is not None:
            zeros = jnp.zeros((*x.shape[:-1], self.net.lstm))
            h = self.recur((zeros, zeros), h)[0]
        if self.symbols:
            self.symbol_heads(h)
        return self.heads(h)
