"""The layers of networks, as flax modules of one agent, and settings of their sizes.

Letters: A actions, N seats, F numbers of a flattened observation, H width of a layer; ``...`` are
batch axes.

Every network begins with the encoder `Eyes`: optional 3x3 convolutions or a dense trunk, then one
dense layer per head. The paper's convolutions have no non-linearity between them (lase.md, from the
author's prototype), so convolutions and first dense layer together are one affine map of the
window. `fold` computes that map once per update, and every step costs one small matrix product
instead of two convolutions; the result is the same up to float error. Convolutions with ReLU are
evaluated as patches times a matrix (im2col), which stays fast under vmap and scan where
``lax.conv`` does not.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from envs import checks

Array = jax.Array
PyTree = Any
Affine = tuple[Array, Array]
"""Kernel ``[F, H]`` and bias ``[H]``."""

KERNEL = 3
HEAD_SCALE = 0.01
"""Initial scale of heads that begin with nearly uniform distributions, see `head`."""


def head(scale: float = HEAD_SCALE) -> nn.initializers.Initializer:
    """Initial weights whose standard deviation is `scale` by the root of the number of inputs."""
    return nn.initializers.variance_scaling(scale**2, "fan_in", "truncated_normal")


def glorot(inputs: int, outputs: int) -> float:
    """`scale` of a head whose initial weights are as wide as by Glorot's rule.

    Under plain gradient steps a head of `HEAD_SCALE` hands hardly any gradient on to the layers
    below it; Adam divides that out.
    """
    return math.sqrt(2 * inputs / (inputs + outputs))


@dataclass(frozen=True)
class Net:
    """Sizes of the network of a policy and its critic, and of convolutions in all networks."""

    conv: tuple[int, ...] = ()
    """Channels of the 3x3 convolutions over the window, 1 or more each; () for none."""
    conv_relu: bool = False
    """Put a ReLU after each convolution (slower; the paper's prototype has none)."""
    dense: tuple[int, ...] = (64, 64)
    """Widths of the dense layers with ReLU, 1 or more each; () for a policy and a critic that are
    linear in the observation (in a matrix game: tables)."""
    lstm: int = 0
    """Width of the acting network's LSTM; 0 for a feed-forward network."""

    def __post_init__(self) -> None:
        """Checks every field."""
        check_widths("conv", self.conv)
        check_widths("dense", self.dense)
        checks.integer("lstm", self.lstm, 0)
        linear = not (self.conv or self.lstm)
        checks.require(
            bool(self.dense) or linear,
            "dense",
            self.dense,
            "give a width, or no conv and lstm",
        )

    def check(self, obs_shape: tuple[int, ...]) -> None:
        """Raises `ConfigError` where the network does not fit the game's observations."""
        fits = not self.conv or len(obs_shape) == 3
        checks.require(
            fits, "net.conv", self.conv, "use () for games whose observations are vectors"
        )


def check_widths(field: str, widths: tuple[int, ...]) -> None:
    """Requires a tuple of widths of layers.

    Raises:
        ConfigError: something else.
    """
    checks.require(isinstance(widths, tuple), field, widths, "give a tuple of widths")
    for width in widths:
        checks.integer(field, width, 1)


PAPER = Net(conv=(16, 32), dense=(128,), lstm=128)
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
    """Encoder of a flattened observation, up to the pre-activations of each head's first layer.

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

    @property
    def is_affine(self) -> bool:
        """Whether all that comes before a head's first activation is one affine map."""
        return self.folds or not (self.conv or self.trunk)

    def convolve(self, x: Array) -> Array:
        """``[..., F]`` through the convolutions to ``[..., F']``."""
        image = x.reshape(*x.shape[:-1], *self.obs_shape)
        for kernel, bias in zip(self.kernels, self.biases, strict=True):
            image = patches(image) @ kernel
            image = image + bias.reshape((1,) * (image.ndim - 1) + bias.shape)
            image = nn.relu(image) if self.conv_relu else image
        return image.reshape(*x.shape[:-1], -1)

    def fold(self) -> tuple[Affine, ...]:
        """One affine map per head, which includes the convolutions where `folds` holds."""
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


def affines(layers: Sequence[Affine], x: Array) -> tuple[Array, ...]:
    """Several affine maps of the same ``x [..., F]``, as one product, which reads `x` once."""
    kernels, biases = zip(*layers, strict=True)
    joined = affine((jnp.concatenate(kernels, axis=1), jnp.concatenate(biases)), x)
    ends = np.cumsum([len(bias) for bias in biases])
    return tuple(jnp.split(joined, ends[:-1], axis=-1))


def add_actions(rows: Array, joint: Array) -> Array:
    """Contribution of a joint action to pre-activations: a sum of rows, as one matrix product.

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

    The same equations as flax's ``OptimizedLSTMCell`` (a test compares them), split in two
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

    Because ``sigmoid(x) = 0.5 tanh(0.5 x) + 0.5``, one tanh over all gates, which are contiguous in
    memory, serves all four.
    """
    entry, forget, update, out = jnp.split(bent, 4, axis=-1)
    return 0.5 * entry + 0.5, 0.5 * forget + 0.5, update, 0.5 * out + 0.5


@jax.custom_vjp
def lstm_unroll(
    kernel: Array, carry: tuple[Array, Array], projected: Array
) -> tuple[Array, tuple[Array, Array]]:
    """An LSTM over T steps, differentiated by hand.

    The backward loop that jax derives adds to the kernel's gradient in every step; here the
    gradient is one matrix product after the loop.

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
        (cell_before, cell_tanh, bent), (pull_after, (pull_hidden, pull_cell)) = step
        entry, forget, update, out = opened(bent)
        hidden = pull[0] + pull_after
        cell = pull[1] + hidden * out * (1.0 - cell_tanh**2)
        gates = jnp.concatenate(
            [
                cell * update * entry * (1.0 - entry),
                cell * cell_before * forget * (1.0 - forget),
                cell * entry * (1.0 - update**2),
                hidden * cell_tanh * out * (1.0 - out),
            ],
            axis=-1,
        )
        return (gates @ back + pull_hidden, cell * forget + pull_cell), gates

    nothing = jnp.zeros_like(cells[0])
    steps = (cells_before, jnp.tanh(cells), bent)
    pull, gates = jax.lax.scan(backward, (nothing, nothing), (steps, pulls), reverse=True)
    every = tuple(range(gates.ndim - 1))  # merging them would move environments between devices
    return jnp.tensordot(before, gates, (every, every)), pull, gates


lstm_unroll.defvjp(_unroll_forward, _unroll_backward)
