"""The network of a model of other agents, for one agent.

Letters: A actions, N seats, F numbers of a flattened observation, G pre-activations of the last
hidden layer (4 per unit of an LSTM, else 1); ``...`` are batch axes.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from lase_jax.nets.layers import LSTM, Affine, Array, Eyes, Net, PyTree, head


class OtherModel(nn.Module):
    """Model of other agents (MOA): predicts their next actions from everyone's present actions.

    Layers: an encoder of the own observation, dense layers, an LSTM (or a dense layer) that also
    reads everyone's actions, and one head per co-player (Jaques et al. 2019). Actions enter as one
    row per seat and action, so that another own action is one addition.
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    num_agents: int
    net: Net  # sizes of the convolutions, and whether there is an LSTM
    width: int = 64
    dense: tuple[int, ...] = ()

    def setup(self) -> None:
        """Declares the layers; ``rows [N * A, G]`` are the columns for everyone's actions."""
        net, width = self.net, self.width
        dense = self.dense or (width,)
        self.eyes = Eyes(self.obs_shape, dense[:1], net.conv, net.conv_relu)
        self.hidden = [nn.Dense(each) for each in dense[1:]]
        self.lstm = LSTM(width, dense[-1]) if net.lstm else None
        self.mix = nn.Dense(width)
        gates = 4 * width if net.lstm else width
        actions = self.num_agents * self.num_actions
        self.row_kernel = self.param("rows", nn.initializers.lecun_normal(), (actions, gates))
        self.head = nn.Dense((self.num_agents - 1) * self.num_actions, kernel_init=head())

    def fold(self) -> tuple[Affine, ...]:
        """What `encode` needs, computed once per update."""
        return self.eyes.fold()

    def encode(self, folded: tuple[Affine, ...], x: Array) -> Array:
        """Maps ``[..., F]`` to the part of the pre-activations that needs no actions."""
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

    def unroll(self, carry: tuple[Array, Array], pre: Array) -> tuple[Array, PyTree]:
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
        zeros = jnp.zeros((*x.shape[:-1], self.width))
        return self.predict(self.recur((zeros, zeros), pre)[0])
