"""The model of other agents: predictions of co-players' next actions, and influence on these.

Source: Jaques et al. 2019, section 6.

Letters: T steps, B environments, N seats, K = N - 1 co-players, A actions, F numbers of a flattened
observation. `Model` is for one agent's whole rollout; several agents are batched by vmap.
"""

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.types import EnvSpec
from lase_jax.algorithms.influence.effect import Measure, effect
from lase_jax.algorithms.influence.nets import OtherModel
from lase_jax.core import distributions
from lase_jax.core.metrics import masked_mean
from lase_jax.core.seats import Seats, co_players, take_seats, visible
from lase_jax.nets.layers import Net, add_actions, method
from lase_jax.types import Array, PyTree, Rollout


class Inputs(NamedTuple):
    """The parts of a rollout that one agent's model of others reads."""

    obs: Array  # [T, B, F]
    own: Array  # [T, B] int32, own actions
    joint: Array  # [T, B, N] int32, everyone's actions, A for those who take no part
    following: Array  # [T, B, K] int32, co-players' next actions
    counts: Array  # [T, B, K] bool, the next action counts (see `read`) and is in the rollout
    reaches: Array  # [T, B, K] bool, the same, but it may also come after the last step
    memory: PyTree  # of an LSTM before the first step, leaves [B, H]; else ()

    def where(self, measure: Measure) -> Array:
        """Where influence can be measured; "pmi" needs the co-players' next actions."""
        return self.counts if measure == "pmi" else self.reaches


@dataclass(frozen=True)
class Model:
    """A model of other agents (MOA) as functions of its parameters.

    Attributes:
        spec: the specification of the game.
        net: of the policy; the model has the same convolutions, and an LSTM if the policy has one.
        width: of the model's last layer, which is the LSTM if there is one.
        dense: widths of the dense layers before the last layer; () for one of the same width.
        shared: whether the model reads, instead of windows, the features of the policy's
            convolutions, or of its first dense layer where it has no convolutions.
    """

    spec: EnvSpec
    net: Net
    width: int = 64
    dense: tuple[int, ...] = ()
    shared: bool = False

    @cached_property
    def module(self) -> OtherModel:
        """The network."""
        spec, shape, net = self.spec, self.spec.obs_shape, self.net
        if self.shared:
            shape = (*shape[:-1], net.conv[-1]) if net.conv else net.dense[:1]
            net = dataclasses.replace(net, conv=())
        sizes = shape, spec.num_actions, spec.num_agents
        return OtherModel(*sizes, net, self.width, self.dense)

    def init(self, key: Array) -> PyTree:
        """Fresh parameters. ``key`` is consumed."""
        module = self.module
        return module.init(key, jnp.zeros((1, math.prod(module.obs_shape))))

    def blank(self, num: int) -> PyTree:
        """The memory ``[num, H]`` before the first observation; () without LSTM."""
        zeros = jnp.zeros((num, self.width))
        return (zeros, zeros) if self.net.lstm else ()

    def prepare(self, params: PyTree) -> tuple[PyTree, PyTree, Array]:
        """What `encode` and `advance` need, computed once per rollout."""
        fold, rows = (method(self.module, name) for name in ("fold", "rows"))
        return params, fold(params), rows(params)

    def encode(self, ready: tuple, x: Array) -> Array:
        """Encodes the own observation ``x [..., F]``, before the step's actions are known."""
        params, folded, _ = ready
        return method(self.module, "encode")(params, folded, x)

    def advance(self, ready: tuple, memory: PyTree, encoded: Array, joint: Array) -> PyTree:
        """The LSTM's memory ``[B, H]`` after a step with the joint action ``joint [B, N]``."""
        params, _, rows = ready
        return method(self.module, "recur")(params, memory, encoded + add_actions(rows, joint))

    def expect(self, params: PyTree, seat: Array, inputs: Inputs) -> tuple[Array, Array]:
        """Predicts the co-players' next actions for the agent on `seat`.

        For a counterfactual action the LSTM takes one step from the memory of the true past.

        Returns:
            Log-probabilities ``[T, B, K, A]`` given everyone's true actions, and
            ``[T, B, A, K, A]`` given each possible action of the agent itself.
        """
        recur, unroll, predict = (
            partial(method(self.module, name), params) for name in ("recur", "unroll", "predict")
        )
        ready = self.prepare(params)
        rows = ready[-1]
        true = self.encode(ready, inputs.obs.astype(jnp.float32)) + add_actions(rows, inputs.joint)
        mine = jax.nn.one_hot(inputs.own, self.spec.num_actions) @ rows[seat]
        had = (true - mine)[:, :, None] + rows[seat][None, None]
        if not self.net.lstm:
            return predict(jax.nn.relu(true)), predict(jax.nn.relu(had))

        hidden, before = unroll(inputs.memory, true)
        before = jax.tree.map(lambda leaf: leaf[:, :, None], before)
        return predict(hidden), predict(recur(before, had)[0])

    def influence(
        self, params: PyTree, seat: Array, inputs: Inputs, log_pi: Array, measure: Measure
    ) -> Array:
        """Influence on each co-player's next action ``[T, B, K]``, 0 where that does not count.

        Args:
            params: of the model.
            seat: ``[]`` int32.
            inputs: what the agent's model reads of the rollout.
            log_pi: ``[T, B, A]`` the agent's own policy.
            measure: see `divergence`.
        """
        true, had = self.expect(params, seat, inputs)
        moved = effect(true, had, log_pi, inputs.following, measure)
        return jnp.where(inputs.where(measure), moved, 0.0)

    def loss(self, params: PyTree, seat: Array, inputs: Inputs) -> Array:
        """Cross-entropy of co-players' next actions where they count, ``[]`` nats."""
        true, _ = self.expect(params, seat, inputs)
        return masked_mean(distributions.cross_entropy(true, inputs.following), inputs.counts)


def read(
    rollout: Rollout, spec: EnvSpec, seats: Seats, visible_only: bool, memory: PyTree = ()
) -> Inputs:
    """Returns the inputs of every agent's model, with a leading axis of n seats.

    A next action counts where the agent takes part in the step, the co-player takes part in the
    next, and the episode goes on; and with `visible_only` where the co-player stands in the agent's
    window. All agents that take part in a rollout's last step are assumed to take part in the next.

    Args:
        rollout: the rollout of all agents.
        spec: the specification of the game.
        seats: the n seats of the agents that have models.
        visible_only: whether only co-players in the window count.
        memory: of the models before the first step, leaves ``[B, n, H]``.
    """
    others = co_players(spec.num_agents, seats)
    own_rollout = take_seats(rollout, seats)
    following = jnp.roll(rollout.action, -1, 0)
    stays = jnp.concatenate([rollout.active[1:], rollout.active[-1:]])
    goes_on = stays & ~rollout.done[..., None]
    both = own_rollout.active[..., None] & goes_on[:, :, others]
    if visible_only and not spec.can_see_all:
        in_window = visible(own_rollout.obs, spec)
        both &= jnp.take_along_axis(in_window, jnp.asarray(others)[None, None], axis=-1)
    joint = jnp.where(rollout.active, rollout.action, spec.num_actions)
    has_next = jnp.asarray(np.arange(len(joint)) < len(joint) - 1)[:, None, None, None]
    return Inputs(
        obs=jnp.moveaxis(own_rollout.obs, 2, 0),
        own=jnp.moveaxis(jnp.where(own_rollout.active, own_rollout.action, spec.num_actions), 2, 0),
        joint=jnp.broadcast_to(joint, (len(seats), *joint.shape)),
        following=jnp.moveaxis(following[:, :, others], 2, 0),
        counts=jnp.moveaxis(both & has_next, 2, 0),
        reaches=jnp.moveaxis(both, 2, 0),
        memory=jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), memory),
    )
