"""The network that decides on incentives, for one agent.

Letters: A actions, N seats, F numbers of a flattened observation, H width of a layer; ``...`` are
batch axes.
"""

import flax.linen as nn

from lase_jax.nets.layers import Array, Eyes, Net, add_actions


class Incentive(nn.Module):
    """Incentive network: what one agent pays each other agent, given all others' actions.

    Layers: an encoder of the own observation, a dense layer that also reads others' actions, and
    one sigmoid output per seat, without bias (Yang et al. 2020).
    """

    obs_shape: tuple[int, ...]
    num_actions: int
    num_agents: int
    net: Net  # sizes of the convolutions
    width: int = 64

    def setup(self) -> None:
        """Declares the layers; ``rows [N * A, H]`` are the columns for others' actions."""
        net, width = self.net, self.width
        self.eyes = Eyes(self.obs_shape, (width,), net.conv, net.conv_relu)
        self.hidden = nn.Dense(width)
        actions = self.num_agents * self.num_actions
        self.row_kernel = self.param("rows", nn.initializers.lecun_normal(), (actions, width))
        self.out = nn.Dense(self.num_agents, use_bias=False)

    def __call__(self, x: Array, joint: Array) -> Array:
        """Shares ``[..., N]`` in (0, 1) of the largest incentive.

        Args:
            x: ``[..., F]`` own observation.
            joint: ``[..., N]`` int32 everyone's actions; A, which adds nothing, hides an action.
        """
        rows = self.row_kernel.reshape(self.num_agents, self.num_actions, -1)
        z = nn.relu(self.eyes(self.eyes.fold(), x)[0])
        z = nn.relu(self.hidden(z) + add_actions(rows, joint))
        return nn.sigmoid(self.out(z))
