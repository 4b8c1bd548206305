"""Networks of one agent, as flax modules. Stacking over agents happens in `population`.

Letters: A actions, N seats, F numbers of a flattened observation, H width of a layer; ``...`` are
batch axes.

Every network begins with `Eyes`: optional 3x3 convolutions or a dense trunk, then one dense layer
per head. The paper's convolutions have no non-linearity between them (lase.md, from the author's
prototype), so convolutions and first dense layer together are one affine map of the window. `fold`
multiplies that map out once per update, and every step costs one small matrix product instead of
two convolutions; the result is the same to float error. Convolutions with ReLU are evaluated as
patches times a matrix (im2col), which stays fast under vmap and scan where ``lax.conv`` does not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from envs import checks

Array = jax.Array
PyTree = Any
Affine = tuple[Array, Array]
"""Kernel ``[F, H]`` and bias ``[H]``."""

KERNEL = 3
SMALL = nn.initializers.variance_scaling(1e-4, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class Net:
    """Sizes of an agent's networks."""

    conv: tuple[int, ...] = ()
    """Channels of the 3x3 convolutions over the window; () for none."""
    conv_relu: bool = False
    """Put a ReLU after each convolution (slower; the paper's prototype has none)."""
    dense: tuple[int, ...] = (64, 64)
    """Widths of the dense layers with ReLU; () for a policy and a critic that are linear in the
    observation: in a matrix game, tables."""
    lstm: int = 0
    """Width of the acting network's LSTM; 0 for a feed-forward network."""
    social: int = 64
    """Width of the dense layers of the social relationship networks."""
    perspective: int = 64
    """Width of the dense layers of the observation conversion network."""
    moa: int = 64
    """Width of the last layer of the model of other agents, an LSTM where `lstm` is not 0."""
    moa_dense: tuple[int, ...] = ()
    """Widths of the dense layers with ReLU before it; () for one as wide as `moa`."""
    incentive: int = 64
    """Width of the dense layers of the incentive network."""

    def __post_init__(self) -> None:
        for field in ("conv", "dense", "moa_dense"):
            widths = getattr(self, field)
            checks.require(isinstance(widths, tuple), field, widths, "give a tuple of widths")
            for width in widths:
                checks.integer(field, width, 1)
        checks.integer("lstm", self.lstm, 0)
        linear = not (self.conv or self.lstm)
        checks.require(
            bool(self.dense) or linear,
            "dense",
            self.dense,
            "give a width, or no conv and lstm",
        )
        checks.integer("social", self.social, 1)
        checks.integer("perspective", self.perspective, 1)
        checks.integer("moa", self.moa, 1)
        checks.integer("incentive", self.incentive, 1)

    def check(self, obs_shape: tuple[int, ...]) -> None:
        """Raises `ConfigError` where the network does not fit the game's observations."""
        fits = not self.conv or len(obs_shape) == 3
        checks.require(
            fits, "net.conv", self.conv, "use () for games whose observations are vectors"
        )


PAPER = Net(conv=(16, 32), dense=(128,), lstm=128, social=128, perspective=128, moa=128)
"""Kong et al. 2024, section 5: conv 16, conv 32, FC 128, LSTM 128."""
DENSE = Net()
"""Two dense layers of 64, feed-forward: fast on a CPU."""


def method(module: nn.Module, name: str) -> Callable[..., Any]:
    """``(params, *arguments) -> module.<name>(*arguments)``."""
    return lambda params, *arguments: module.apply(params, *arguments, method=name)


def patches(image: Array) -> Array:
    """``[..., h, w, c]`` to its zero-padded 3x3 neighbourhoods ``[..., h, w, 9 * c]``."""
    height, width = image.shape[-3:-1]
    margin = [(0, 0)] * (image.ndim - 3) + [(1, 1), (1, 1), (0, 0)]
    padded = jnp.pad(image, margin)
    shifted = [
        padded[..., row : row + height, column : column + width, :]
        for row in range(KERNEL)
        for column in range(KERNEL)
    ]
    return jnp.concatenate(shifted, axis=-1)


class Eyes(nn.Module):
    """From a flattened observation to the pre-activations of several first dense layers.

    Attributes:
        obs_shape: shape of one observation.
        heads: width of each head's first dense layer.
        conv: channels of the 3x3 convolutions, shared by all heads.
        conv_relu: whether a ReLU follows each convolution.
        trunk: width of a dense layer with ReLU shared by all heads; 0 for none.
    """

    obs_shape: tuple[int, ...]
    heads: tuple[int, ...]
    conv: tuple[int, ...] = ()
    conv_relu: bool = False
    trunk: int = 0

    def setup(self) -> None:
        """Declares the parameters; convolution kernels are matrices ``[9 * c_in, c_out]``."""
        initial = nn.initializers.lecun_normal()
        channels = (self.obs_shape[-1], *self.conv)
        self.kernels = [
            self.param(f"conv_{i}", initial, (KERNEL * KERNEL * channels[i], width))
            for i, width in enumerate(self.conv)
        ]
        self.biases = [
            self.param(f"conv_bias_{i}", nn.initializers.zeros, (width,))
            for i, width in enumerate(self.conv)
        ]
        size = math.prod((*self.obs_shape[:-1], channels[-1]))
        self.trunk_layer = nn.Dense(self.trunk) if self.trunk else None
        size = self.trunk or size
        self.first = [
            (
                self.param(f"head_{i}", initial, (size, width)),
                self.param(f"head_bias_{i}", nn.initializers.zeros, (width,)),
            )
            for i, width in enumerate(self.heads)
        ]

    @property
    def folds(self) -> bool:
        """Whether convolutions and first layer are one affine map."""
        return bool(self.conv) and not self.conv_relu and not self.trunk

    def convolve(self, x: Array) -> Array:
        """``[..., F]`` through the convolutions to ``[..., F']``."""
        image = x.reshape(*x.shape[:-1], *self.obs_shape)
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            image = patches(image) @ kernel
            image = image + bias.reshape((1,) * (image.ndim - 1) + bias.shape)
            image = nn.relu(image) if self.conv_relu else image
        return image.reshape(*x.shape[:-1], -1)

    def fold(self) -> tuple[Affine, ...]:
        """One affine map per head, from what `__call__` computes before it."""
        if not self.folds:
            return tuple(self.first)
        size = math.prod(self.obs_shape)
        offset = self.convolve(jnp.zeros((1, size)))
        matrix = self.convolve(jnp.eye(size)) - offset
        return tuple((matrix @ k, (offset @ k)[0] + b) for k, b in self.first)

    def __call__(self, folded: tuple[Affine, ...], x: Array) -> tuple[Array, ...]:
        """Pre-activations ``[..., heads[k]]`` of each head for ``x [..., F]``."""
        if self.conv and not self.folds:
            x = self.convolve(x)
        if self.trunk_layer is not None:
            x = nn.relu(self.trunk_layer(x))
        return tuple(affine(layer, x) for layer in folded)


def affine(layer: Affine, x: Array) -> Array:
    """``x [..., F]`` times kernel plus bias."""
    kernel, bias = layer
    return x @ kernel + bias.reshape((1,) * (x.ndim - 1) + bias.shape)


def add_actions(rows: Array, joint: Array) -> Array:
    """What a joint action adds to the pre-activations: the sum of its rows, as one matrix product.

    Args:
        rows: ``[N, A, H]``.
        joint: ``[..., N]`` int32.

    Returns:
        ``[..., H]``.
    """
    num, actions, width = rows.shape
    return one_hots(joint, actions) @ rows.reshape(num * actions, width)


def one_hots(values: Array, size: int) -> Array:
    """``values [..., k]`` int32 as ``[..., k * size]``; a value of `size` is all 0."""
    return jax.nn.one_hot(values, size).reshape(*values.shape[:-1], values.shape[-1] * size)


class LSTM(nn.Module):
    """An LSTM cell whose input projection can be computed for all steps at once, before the scan.

    The same equations as flax's ``OptimizedLSTMCell`` (a test holds them equal), split in two
    because only the recurrent half has to be inside a scan over time.
    """

    width: int
    inputs: int

    def setup(self) -> None:
        """Declares kernels for gates in the order input, forget, cell, output."""
        initial = nn.initializers.lecun_normal()
        self.input_kernel = self.param("input_kernel", initial, (self.inputs, 4 * self.width))
        self.state_kernel = self.param("state_kernel", initial, (self.width, 4 * self.width))
        self.bias = self.param("bias", nn.initializers.zeros, (4 * self.width,))

    def project(self, x: Array) -> Array:
        """``[..., inputs]`` to gate inputs ``[..., 4 * width]``."""
        return affine((self.input_kernel, self.bias), x)

    def __call__(self, carry: tuple[Array, Array], projected: Array) -> tuple[Array, Array]:
        """One step; carry is (hidden, cell), each ``[..., width]``. Returns the next carry."""
        return lstm_step(self.state_kernel, carry, projected)[:2]

    def unroll(self, carry: tuple[Array, Array], projected: Array) -> tuple[Array, PyTree]:
        """Hidden states after T steps, and the carries before each: ``[T, ..., width]``."""
        return lstm_unroll(self.state_kernel, carry, projected)


def lstm_step(
    kernel: Array, carry: tuple[Array, Array], projected: Array
) -> tuple[Array, Array, Array]:
    """One step of an LSTM: hidden and cell state, and the gates as `opened` reads them."""
    hidden, cell = carry
    width = cell.shape[-1]
    gate = jnp.repeat(jnp.array([0.5, 0.5, 1.0, 0.5]), width, total_repeat_length=4 * width)
    bent = jnp.tanh((projected + hidden @ kernel) * gate.reshape((1,) * (cell.ndim - 1) + (-1,)))
    entry, forget, update, out = opened(bent)
    cell = forget * cell + entry * update
    return out * jnp.tanh(cell), cell, bent


def opened(bent: Array) -> tuple[Array, Array, Array, Array]:
    """Entry, forget, update and out gate ``[..., H]`` from ``bent [..., 4 H]``.

    A sigmoid is half a tanh of half its argument and a half, so that one tanh over all gates, side
    by side as they lie in memory, serves all four.
    """
    entry, forget, update, out = jnp.split(bent, 4, axis=-1)
    return 0.5 * entry + 0.5, 0.5 * forget + 0.5, update, 0.5 * out + 0.5


@jax.custom_vjp
def lstm_unroll(
    kernel: Array, carry: tuple[Array, Array], projected: Array
) -> tuple[Array, tuple[Array, Array]]:
    """An LSTM over T steps, differentiated by hand.

    Derived by jax, the loop backwards adds to the gradient of the kernel in every step; here that
    is one matrix product after the loop.

    Args:
        kernel: ``[H, 4 H]``.
        carry: hidden and cell state before the first step, ``[B, H]`` each.
        projected: ``[T, B, 4 H]`` gate inputs.

    Returns:
        ``[T, B, H]`` hidden states after each step, and hidden and cell states before each.
    """
    return _unroll_forward(kernel, carry, projected)[0]


def _unroll_forward(kernel: Array, carry: tuple[Array, Array], projected: Array) -> tuple:
    def forward(carry: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], tuple]:
        hidden, cell, bent = lstm_step(kernel, carry, x)
        return (hidden, cell), (hidden, carry, cell, bent)

    hidden, before, cells, bent = jax.lax.scan(forward, carry, projected)[1]
    return (hidden, before), (kernel, before, cells, bent)


def _unroll_backward(kept: tuple, pulls: tuple) -> tuple[Array, tuple[Array, Array], Array]:
    kernel, (before, cells_before), cells, bent = kept
    back = kernel.T

    def backward(pull: tuple[Array, Array], step: tuple) -> tuple[tuple[Array, Array], Array]:
        (cell_before, shown, bent), (pull_after, (pull_hidden, pull_cell)) = step
        entry, forget, update, out = opened(bent)
        hidden = pull[0] + pull_after
        cell = pull[1] + hidden * out * (1.0 - shown**2)
        gates = jnp.concatenate(
            [
                cell * update * entry * (1.0 - entry),
                cell * cell_before * forget * (1.0 - forget),
                cell * entry * (1.0 - update**2),
                hidden * shown * out * (1.0 - out),
            ],
            axis=-1,
        )
        return (gates @ back + pull_hidden, cell * forget + pull_cell), gates

    nothing = jnp.zeros_like(cells[0])
    steps = (cells_before, jnp.tanh(cells), bent)
    pull, gates = jax.lax.scan(backward, (nothing, nothing), (steps, pulls), reverse=True)
    every = tuple(range(gates.ndim - 1))  # merging them would part environments from their device
    return jnp.tensordot(before, gates, (every, every)), pull, gates


lstm_unroll.defvjp(_unroll_forward, _unroll_backward)


class ActorCritic(nn.Module):
    """Acting policy and critic: eyes, dense layers, optional LSTM, two linear heads.

    With `extra`, inputs are ``[..., F + extra]``: what an agent knows beyond its window joins the
    first dense layer, behind the convolutions. With `symbols` there are two heads more, a policy
    over that many symbols and its critic.
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
        table = not net.dense  # a bias would move all states at once
        self.policy_head = nn.Dense(self.num_actions, use_bias=not table, kernel_init=SMALL)
        self.value_head = nn.Dense(1, use_bias=not table)
        self.symbol_head = nn.Dense(self.symbols, kernel_init=SMALL) if self.symbols else None
        self.symbol_value_head = nn.Dense(1) if self.symbols else None

    def see(self, x: Array) -> Array:
        """What the convolutions, or else the first dense layer, make of ``x [..., F]``, flat."""
        if self.net.conv:
            return self.eyes.convolve(x)
        return nn.relu(self.glance(self.fold(), x))

    def fold(self) -> tuple[Affine, ...]:
        """What `encode` needs, computed once per update."""
        return self.eyes.fold()

    def encode(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """All that does not depend on memory, to features or LSTM gate inputs."""
        if not self.net.dense:
            return x
        size = math.prod(self.obs_shape)
        z = self.glance(folded, x[..., :size])
        if self.extra_kernel is not None:
            z = z + self.tell(x[..., size:])
        return self.digest(z)

    def glance(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """The first dense layer's pre-activations ``[..., H]`` for the window ``x [..., F]``."""
        return self.eyes(folded, x)[0]

    def tell(self, extra: Array) -> Array:
        """What ``extra [..., E]`` adds to the pre-activations, ``[..., H]``."""
        assert self.extra_kernel is not None
        return extra @ self.extra_kernel

    def digest(self, z: Array) -> Array:
        """From the first dense layer's pre-activations to features or LSTM gate inputs."""
        z = nn.relu(z)
        for layer in self.hidden:
            z = nn.relu(layer(z))
        return z if self.lstm is None else self.lstm.project(z)

    def recur(self, carry: tuple[Array, Array], encoded: Array) -> tuple[Array, Array]:
        """One step of the LSTM; only for networks that have one."""
        assert self.lstm is not None
        return self.lstm(carry, encoded)

    def remember(self, carry: tuple[Array, Array], encoded: Array) -> tuple[Array, PyTree]:
        """The LSTM over T steps, see `LSTM.unroll`; only for networks that have one."""
        assert self.lstm is not None
        return self.lstm.unroll(carry, encoded)

    def heads(self, h: Array) -> tuple[Array, Array]:
        """Logits ``[..., A]`` and value ``[...]``."""
        return self.policy_head(h), self.value_head(h)[..., 0]

    def speak(self, h: Array) -> tuple[Array, Array]:
        """Logits ``[..., V]`` of symbols and their value ``[...]``; only for those who speak."""
        assert self.symbol_head is not None and self.symbol_value_head is not None
        return self.symbol_head(h), self.symbol_value_head(h)[..., 0]

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Touches every parameter once, for `init`; x is ``[..., F + extra]``."""
        h = self.encode(self.fold(), x)
        if self.lstm is not None:
            zeros = jnp.zeros((*x.shape[:-1], self.net.lstm))
            h = self.recur((zeros, zeros), h)[0]
        if self.symbols:
            self.speak(h)
        return self.heads(h)


class SocialNet(nn.Module):
    """Value Q_SR of (own observation, joint action), and policy pi_SR of an observation.

    Both share the convolutions (or a dense trunk) and then have their own dense layer (Kong et al.
    2024, section 5). The joint action enters the value's first dense layer as one row per seat and
    action, so that changing one co-player's action is one addition.
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    num_agents: int
    net: Net

    def setup(self) -> None:
        """Declares the layers; ``rows [N, A, H]`` are the value layer's action columns."""
        net, width = self.net, self.net.social
        trunk = 0 if net.conv or not net.dense else net.dense[0]
        self.eyes = Eyes(self.obs_shape, (width, width), net.conv, net.conv_relu, trunk)
        actions = self.num_agents * self.num_actions
        self.row_kernel = self.param("rows", nn.initializers.lecun_normal(), (actions, width))
        self.policy_head = nn.Dense(self.num_actions, kernel_init=SMALL)
        self.value_head = nn.Dense(1)

    def fold(self) -> tuple[Affine, ...]:
        """What `look` needs, computed once per update."""
        return self.eyes.fold()

    def look(self, folded: tuple[Affine, ...], x: Array) -> tuple[Array, Array]:
        """Pre-activations of policy and value, each ``[..., H]``, for ``x [..., F]``."""
        policy, value = self.eyes(folded, x)
        return policy, value

    def policy(self, pre: Array) -> Array:
        """Logits ``[..., A]`` from the policy's pre-activations."""
        return self.policy_head(nn.relu(pre))

    def value(self, pre: Array) -> Array:
        """Q ``[...]`` from the value's pre-activations with the joint action added."""
        return self.value_head(nn.relu(pre))[..., 0]

    def rows(self) -> Array:
        """What each seat's action adds to the value's pre-activations, ``[N, A, H]``."""
        return self.row_kernel.reshape(self.num_agents, self.num_actions, -1)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Touches every parameter once, for `init`; x is ``[..., F]``."""
        policy, value = self.look(self.fold(), x)
        return self.policy(policy), self.value(value + 0.0 * self.row_kernel.sum())


class Perspective(nn.Module):
    """Observation conversion: (own observation, seat j) to j's imagined observation.

    One convolution, the seat's one-hot, two dense layers, sigmoid (Kong et al. 2024, section 5).
    """

    obs_shape: tuple[int, ...]
    num_agents: int
    net: Net

    def setup(self) -> None:
        """Declares the layers; ``rows [N, H]`` are the first layer's columns for the seat."""
        width = self.net.perspective
        self.eyes = Eyes(self.obs_shape, (width,), self.net.conv[:1], self.net.conv_relu)
        self.rows = self.param("rows", nn.initializers.lecun_normal(), (self.num_agents, width))
        self.hidden = nn.Dense(width)
        self.out = nn.Dense(math.prod(self.obs_shape))

    def fold(self) -> tuple[Affine, ...]:
        """What `imagine` needs, computed once per update."""
        return self.eyes.fold()

    def imagine(self, folded: tuple[Affine, ...], x: Array, seats: Array) -> Array:
        """Imagined observations ``[..., F]`` in (0, 1) of ``seats [...]`` from ``x [..., F]``.

        Axes of size 1 are broadcast, such that one look at `x` serves several seats.
        """
        pre = self.eyes(folded, x)[0] + self.rows[seats]
        return nn.sigmoid(self.out(nn.relu(self.hidden(nn.relu(pre)))))

    def __call__(self, x: Array) -> Array:
        """Touches every parameter once, for `init`; x is ``[M, F]``."""
        return self.imagine(self.fold(), x[:, None], jnp.arange(self.num_agents)[None])


class OtherModel(nn.Module):
    """Model of other agents (MOA): what will they do next, given what everyone does now?

    Own observation through eyes and dense layers, everyone's actions, an LSTM (or, feed-forward, a
    dense layer), one head per co-player (Jaques et al. 2019). Actions enter as one row per seat and
    action, so that another own action is one addition.
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    num_agents: int
    net: Net

    def setup(self) -> None:
        """Declares the layers; ``rows [N * A, G]`` are the columns for everyone's actions."""
        net, width = self.net, self.net.moa
        dense = net.moa_dense or (width,)
        self.eyes = Eyes(self.obs_shape, dense[:1], net.conv, net.conv_relu)
        self.hidden = [nn.Dense(each) for each in dense[1:]]
        self.lstm = LSTM(width, dense[-1]) if net.lstm else None
        self.mix = nn.Dense(width)
        gates = 4 * width if net.lstm else width
        actions = self.num_agents * self.num_actions
        self.row_kernel = self.param("rows", nn.initializers.lecun_normal(), (actions, gates))
        self.head = nn.Dense((self.num_agents - 1) * self.num_actions, kernel_init=SMALL)

    def fold(self) -> tuple[Affine, ...]:
        """What `encode` needs, computed once per update."""
        return self.eyes.fold()

    def encode(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """All that depends on the observation alone: ``[..., F]`` to pre-activations."""
        z = nn.relu(self.eyes(folded, x)[0])
        for layer in self.hidden:
            z = nn.relu(layer(z))
        return self.mix(z) if self.lstm is None else self.lstm.project(z)

    def rows(self) -> Array:
        """What each seat's action adds to the pre-activations, ``[N, A, G]``."""
        return self.row_kernel.reshape(self.num_agents, self.num_actions, -1)

    def recur(self, carry: tuple[Array, Array], pre: Array) -> tuple[Array, Array]:
        """One step of the LSTM; only for networks that have one."""
        assert self.lstm is not None
        return self.lstm(carry, pre)

    def remember(self, carry: tuple[Array, Array], pre: Array) -> tuple[Array, PyTree]:
        """The LSTM over T steps, see `LSTM.unroll`; only for networks that have one."""
        assert self.lstm is not None
        return self.lstm.unroll(carry, pre)

    def predict(self, h: Array) -> Array:
        """Log-probabilities ``[..., N - 1, A]`` of the co-players' next actions."""
        logits = self.head(h).reshape(*h.shape[:-1], self.num_agents - 1, self.num_actions)
        return jax.nn.log_softmax(logits)

    def __call__(self, x: Array) -> Array:
        """Touches every parameter once, for `init`; x is ``[M, F]``."""
        pre = self.encode(self.fold(), x) + 0.0 * self.row_kernel.sum()
        if self.lstm is None:
            return self.predict(nn.relu(pre))
        zeros = jnp.zeros((*x.shape[:-1], self.net.moa))
        return self.predict(self.recur((zeros, zeros), pre)[0])


class Incentive(nn.Module):
    """Incentive network: what do I pay each other agent for what all others do?

    Own observation through eyes, others' actions, a dense layer, one sigmoid per seat without bias
    (Yang et al. 2020).
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    num_agents: int
    net: Net

    def setup(self) -> None:
        """Declares the layers; ``rows [N * A, H]`` are the columns for others' actions."""
        net, width = self.net, self.net.incentive
        self.eyes = Eyes(self.obs_shape, (width,), net.conv, net.conv_relu)
        self.hidden = nn.Dense(width)
        actions = self.num_agents * self.num_actions
        self.row_kernel = self.param("rows", nn.initializers.lecun_normal(), (actions, width))
        self.out = nn.Dense(self.num_agents, use_bias=False)

    def __call__(self, x: Array, joint: Array) -> Array:
        """Shares ``[..., N]`` in (0, 1) of the largest incentive.

        Args:
            x: ``[..., F]`` own observation.
            joint: ``[..., N]`` int32 everyone's actions; A, which has no row, hides one.
        """
        rows = self.row_kernel.reshape(self.num_agents, self.num_actions, -1)
        z = nn.relu(self.eyes(self.eyes.fold(), x)[0])
        z = nn.relu(self.hidden(z) + add_actions(rows, joint))
        return nn.sigmoid(self.out(z))
