"""LASE's own networks, for one agent: Q_SR with pi_SR, and the conversion eta of observations.

Letters: A actions, N seats, F numbers of a flattened observation, H width of a layer; ``...`` are
batch axes.
"""

import math

import flax.linen as nn
import jax.numpy as jnp

from lase_jax.nets.layers import Affine, Array, Eyes, Net, head


class SocialNet(nn.Module):
    """Value Q_SR of (own observation, joint action), and policy pi_SR of an observation.

    Both share the convolutions (or a dense trunk) and then have their own dense layer (Kong et al.
    2024, section 5). The joint action enters the value's first dense layer as one row per seat and
    action, so that changing one co-player's action is one addition.
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    num_agents: int
    net: Net  # sizes of the convolutions, or of the trunk
    width: int = 64

    def setup(self) -> None:
        """Declares the layers; ``rows [N, A, H]`` are the value layer's action columns."""
        net, width = self.net, self.width
        trunk = 0 if net.conv or not net.dense else net.dense[0]
        self.eyes = Eyes(self.obs_shape, (width, width), net.conv, net.conv_relu, trunk)
        actions = self.num_agents * self.num_actions
        self.row_kernel = self.param("rows", nn.initializers.lecun_normal(), (actions, width))
        self.policy_head = nn.Dense(self.num_actions, kernel_init=head())
        self.value_head = nn.Dense(1)

    def fold(self) -> tuple[Affine, ...]:
        """What `encode` needs, computed once per update."""
        return self.eyes.fold()

    def encode(self, folded: tuple[Affine, ...], x: Array) -> tuple[Array, Array]:
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
        policy, value = self.encode(self.fold(), x)
        return self.policy(policy), self.value(value + 0.0 * self.row_kernel.sum())


class Perspective(nn.Module):
    """Observation conversion: (own observation, seat j) to j's imagined observation.

    One convolution, the seat's one-hot, two dense layers, sigmoid (Kong et al. 2024, section 5).
    """

    obs_shape: tuple[int, ...]
    num_agents: int
    net: Net  # sizes of the convolutions
    width: int = 64

    def setup(self) -> None:
        """Declares the layers; ``rows [N, H]`` are the first layer's columns for the seat."""
        width = self.width
        self.eyes = Eyes(self.obs_shape, (width,), self.net.conv[:1], self.net.conv_relu)
        self.rows = self.param("rows", nn.initializers.lecun_normal(), (self.num_agents, width))
        self.hidden = nn.Dense(width)
        self.out = nn.Dense(math.prod(self.obs_shape))

    def fold(self) -> tuple[Affine, ...]:
        """What `imagine` needs, computed once per update."""
        return self.eyes.fold()

    def imagine(self, folded: tuple[Affine, ...], x: Array, seats: Array) -> Array:
        """Imagined observations ``[..., F]`` in (0, 1) of ``seats [...]`` from ``x [..., F]``.

        Axes of size 1 are broadcast, so that `x` is encoded once for several seats.
        """
        pre = self.eyes(folded, x)[0] + self.rows[seats]
        return nn.sigmoid(self.out(nn.relu(self.hidden(nn.relu(pre)))))

    def __call__(self, x: Array) -> Array:
        """Touches every parameter once, for `init`; x is ``[M, F]``."""
        return self.imagine(self.fold(), x[:, None], jnp.arange(self.num_agents)[None])
