"""A replay buffer of whole episodes, for networks that learn off-policy (Kong et al. 2024, alg. 1).

Letters: R capacity in episodes, T steps, E episodes, n seats that learn, N seats of the game.

Binary observations are stored as bits. The buffer is a ring whose next slot follows from the clock,
so it needs no pointer of its own and its writes stay plain slices under vmap over seeds.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import EnvSpec
from lase_jax.core.seats import Seats, take_columns, take_envs, take_seats
from lase_jax.types import Array, Rollout


class Episodes(NamedTuple):
    """The data of E episodes that social learning needs."""

    obs: Array  # [T, E, n, F]
    joint: Array  # [T, E, N] int32, everyone's actions
    present: Array  # [T, E, N] bool, everyone's `active`
    action: Array  # [T, E, n] int32, own actions
    log_prob: Array  # [T, E, n] float32, under the policy that acted then
    reward: Array  # [T, E, n] float32, own extrinsic
    active: Array  # [T, E, n] bool
    done: Array  # [T, E] bool
    memory: object  # [E, n, ...] at the first step


_AXES: dict[str, Any] = {
    **dict.fromkeys(("obs", "action", "log_prob", "reward", "active"), 2),
    **dict.fromkeys(("joint", "present", "done")),
    "memory": 1,
}
EPISODE_AXES = Episodes(**_AXES)
"""Where the seat axis stands in each field of some episodes, for ``jax.vmap``."""


class Buffer(NamedTuple):
    """Stored episodes, the episode axis first; leaves ``[R, T, ...]``."""

    obs: Array  # [R, T, n, bytes] uint8 where observations are binary, else [R, T, n, F]
    joint: Array  # [R, T, N] uint8
    present: Array  # [R, T, N] bool
    log_prob: Array  # [R, T, n] float32
    reward: Array  # [R, T, n] float32


class Replay(NamedTuple):
    """The fixed properties of a buffer, and its functions."""

    spec: EnvSpec
    seats: Seats
    capacity: int

    @property
    def binary(self) -> bool:
        """Whether observations are stored as bits."""
        return self.spec.obs_dtype == np.dtype(bool)

    def init(self) -> Buffer:
        """An empty buffer."""
        spec, count = self.spec, len(self.seats)
        lead = (self.capacity, spec.horizon)
        size = math.prod(spec.obs_shape)
        width, dtype = (-(-size // 8), jnp.uint8) if self.binary else (size, spec.obs_dtype)
        return Buffer(
            obs=jnp.zeros((*lead, count, width), dtype),
            joint=jnp.zeros((*lead, spec.num_agents), jnp.uint8),
            present=jnp.zeros((*lead, spec.num_agents), bool),
            log_prob=jnp.zeros((*lead, count), jnp.float32),
            reward=jnp.zeros((*lead, count), jnp.float32),
        )

    def check(self, length: int, num_envs: int) -> None:
        """Requires that the buffer, if there is one, accepts rollouts of this size.

        Args:
            length: steps of a rollout.
            num_envs: environments of a rollout.

        Raises:
            ConfigError: rollouts are not of whole episodes, or exceed the buffer's capacity.
        """
        if not self.capacity:
            return
        horizon = self.spec.horizon
        whole = f"use {horizon} or 0 to play whole episodes, or set replay to 0"
        checks.require(length == horizon, "rollout_length", length, whole)
        enough = f"use at least num_envs, {num_envs}, or 0 to learn from the present batch"
        checks.require(self.capacity >= num_envs, "replay", self.capacity, enough)

    def add(self, buffer: Buffer, rollout: Rollout, update: Array) -> Buffer:
        """Stores a rollout's B whole episodes, replacing the oldest where the buffer is full.

        Args:
            buffer: the buffer to write to.
            rollout: ``[T, B, N]``, T the game's horizon.
            update: ``[]`` int32, number of rollouts before this one.

        Raises:
            ConfigError: see `check`.
        """
        own_rollout = take_seats(rollout, self.seats)
        lead = own_rollout.action.shape
        self.check(*lead[:2])
        obs = jnp.packbits(own_rollout.obs, axis=-1) if self.binary else own_rollout.obs
        fresh = Buffer(
            obs,
            rollout.action.astype(jnp.uint8),
            rollout.active,
            own_rollout.log_prob,
            own_rollout.reward,
        )
        count = lead[1]
        slots = (update * count + jnp.arange(count)) % self.capacity
        return jax.tree.map(lambda old, new: old.at[slots].set(new.swapaxes(0, 1)), buffer, fresh)

    def sample(
        self, buffer: Buffer, key: Array, count: int, stored: Array, memory: object
    ) -> Episodes:
        """Draws `count` of the `stored` episodes, with replacement. ``key`` is consumed."""
        picks = jax.random.randint(key, (count,), 0, jnp.minimum(stored, self.capacity))
        taken = jax.tree.map(lambda leaf: jnp.take(leaf, picks, axis=0).swapaxes(0, 1), buffer)
        obs = taken.obs
        if self.binary:
            size = math.prod(self.spec.obs_shape)
            obs = jnp.unpackbits(obs, axis=-1, count=size).astype(bool)
        joint = taken.joint.astype(jnp.int32)
        last = jnp.arange(self.spec.horizon) == self.spec.horizon - 1
        return Episodes(
            obs=obs,
            joint=joint,
            present=taken.present,
            action=take_columns(joint, self.seats),
            log_prob=taken.log_prob,
            reward=taken.reward,
            active=take_columns(taken.present, self.seats),
            done=jnp.broadcast_to(last[:, None], (self.spec.horizon, count)),
            memory=memory,
        )


def present_batch(rollout: Rollout, seats: Seats, count: int, turn: Array | int = 0) -> Episodes:
    """Takes `count` environments of a rollout, or all if there are fewer, see `some_envs`."""
    few = take_envs(rollout, count, turn)
    own_rollout = take_seats(few, seats)
    return Episodes(
        obs=own_rollout.obs,
        joint=few.action,
        present=few.active,
        action=own_rollout.action,
        log_prob=own_rollout.log_prob,
        reward=own_rollout.reward,
        active=own_rollout.active,
        done=own_rollout.done,
        memory=own_rollout.memory,
    )
