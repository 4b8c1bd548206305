"""How training is split over the devices of a mesh: by seeds, and by environments if seeds are few.

Letters: S seeds, P places for seeds (S rounded up to a multiple of the devices that share them), B
environments.

The program is written for one device, except that `blocks` merges samples per device. The compiler
splits it along the mesh axes that this module names: seeds do not depend on each other; devices
that share a seed's environments average its gradients. Random numbers do not depend on the split.
"""

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from envs.checks import ConfigError, refusal, require
from lase_jax.runs.files import reason
from lase_jax.types import ENVS, Array, Carry, PyTree

SEEDS = "seeds"
"""Name of the mesh's axis whose devices share seeds."""
FEWEST = 4
"""Least number of environments per core: with fewer, cores mostly wait for each other."""
USABLE = 0.8
"""Share of the memory that training may take."""


def cores() -> int:
    """Cores of the CPU that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_cores() -> None:
    """Makes every core of a CPU a device, before anything is computed.

    As one device, a CPU leaves most of its cores idle when a program is small; as several devices,
    each core computes a part of the batch. The CPU's devices stay as they are if they exist
    already, are set by XLA's flag, or if there are several processes; on an accelerator this has no
    effect.
    """
    forced = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if forced or jax.distributed.is_initialized():
        return
    with contextlib.suppress(RuntimeError):  # something has been computed before
        jax.config.update("jax_num_cpu_devices", cores())


def require_any() -> None:
    """Requires that jax finds its devices; after `hosts.join` and `use_cores`.

    Raises:
        ConfigError: it does not, e.g. as the environment names devices that are not there.
    """
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        platforms, flags = (os.environ.get(n, "") for n in ("JAX_PLATFORMS", "XLA_FLAGS"))
        by_count = "device_count" in flags and platforms in ("", "cpu")
        field, value = ("XLA_FLAGS", flags) if by_count else ("JAX_PLATFORMS", platforms)
        why = f" ({reason(error)})" if str(error) else ""
        remedy = f"jax finds no such device{why}, unset it or install the jax that it needs"
        raise refusal(field, value, remedy) from error


def cut(seeds: int, num_envs: int, count: int, fewest: int = 1) -> tuple[int, int]:
    """Splits seeds and environments over devices, such that the largest load is smallest.

    Args:
        seeds: S.
        num_envs: B; only a divisor of it can share the environments.
        count: number of devices.
        fewest: least number of environments per device where several devices share them.

    Returns:
        How many devices share the seeds, and how many share the environments of each seed. Among
        equally good splits, the one with the fewest devices per seed, as these have to communicate,
        and then with the fewest devices.
    """

    def load(ways: tuple[int, int]) -> tuple[int, int, int]:
        by_seeds, by_envs = ways
        return -(-seeds // by_seeds) * (num_envs // by_envs), by_envs, by_seeds

    return min(
        (
            (by_seeds, by_envs)
            for by_envs in range(1, max(1, min(count, num_envs // fewest)) + 1)
            if num_envs % by_envs == 0
            for by_seeds in range(1, min(count // by_envs, seeds) + 1)
        ),
        key=load,
    )


def mesh(seeds: int, num_envs: int) -> Mesh:
    """The devices that train S seeds in B environments each, split as `cut` says.

    With several processes all devices are used, and seeds are padded if they do not divide evenly.
    """
    every = jax.devices()
    cores_alone = every[0].platform == "cpu" and jax.process_count() == 1
    ways = cut(seeds, num_envs, len(every), FEWEST if cores_alone else 1)
    if jax.process_count() > 1 and math.prod(ways) < len(every):
        ways = (len(every), 1)
    used = np.array(every[: math.prod(ways)], object).reshape(ways)
    return Mesh(used, (SEEDS, ENVS))


def on(grid: Mesh, run: Callable) -> Callable:
    """The same function, traced with the mesh set, so that `blocks.shares` can read it."""

    def traced(*arguments: Any) -> Any:
        with jax.sharding.use_abstract_mesh(grid.abstract_mesh):
            return run(*arguments)

    return traced


def places(seeds: int, grid: Mesh) -> int:
    """P: the number of seeds that the mesh's devices can share equally, at least `seeds`."""
    share = grid.shape[SEEDS]
    return -(-seeds // share) * share


def of_carry(grid: Mesh) -> Carry:
    """The sharding of a carry, one for all leaves of each field."""

    def over(*axes: str) -> Any:
        return NamedSharding(grid, PartitionSpec(*axes))

    return Carry(state=over(SEEDS), world=over(SEEDS, ENVS), key=over(SEEDS), clock=over())


def of_metrics(grid: Mesh) -> NamedSharding:
    """The sharding of metrics ``[U, P, ...]``."""
    return NamedSharding(grid, PartitionSpec(None, SEEDS))


def common() -> jax.sharding.Sharding:
    """The sharding of arrays that every process needs.

    It is the first device if there is one process, and all devices if there are several.
    """
    if jax.process_count() == 1:
        return jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return NamedSharding(Mesh(jax.devices(), "all"), PartitionSpec())


def joined(carries: Sequence[Carry], grid: Mesh) -> Carry:
    """Joins the carries ``[S, ...]`` of several runs to one carry ``[P, ...]`` on the mesh.

    Places that are left over repeat the last seed.
    """
    missing = places(sum(len(carry.key) for carry in carries), grid)
    missing -= sum(len(carry.key) for carry in carries)

    def side_by_side(*leaves: Array) -> Array:
        return jnp.concatenate([*leaves, *[leaves[-1][-1:]] * missing])

    def join(carries: Sequence[Carry]) -> Carry:
        batched = [carry._replace(clock=()) for carry in carries]
        whole = jax.tree.map(side_by_side, *batched)
        return whole._replace(clock=carries[0].clock)

    if jax.process_count() == 1:  # else they lie on all devices already, see `common`
        carries = jax.device_put(carries, NamedSharding(grid, PartitionSpec()))
    return jax.jit(join, out_shardings=of_carry(grid))(carries)


@partial(jax.jit, static_argnums=2)
def _cut(carry: Carry, start: Array, size: int) -> Carry:
    def cut(leaf: Array) -> Array:
        return jax.lax.dynamic_slice_in_dim(leaf, start, size)

    state, world, key = jax.tree.map(cut, (carry.state, carry.world, carry.key))
    return Carry(state, world, key, carry.clock)


def part(carry: Carry, start: int, size: int) -> Carry:
    """The carry of `size` seeds from `start` on; without a copy if these are all seeds."""
    return carry if size == len(carry.key) else _cut(carry, jnp.int32(start), size)


def fetch(tree: PyTree, seeds: int) -> PyTree:
    """Metrics ``[U, P, ...]`` as NumPy arrays ``[U, S, ...]``, in every process."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[:, :seeds], host_local(tree))


def host_local(tree: PyTree) -> PyTree:
    """The same arrays, each readable as a whole by this process; random keys are not allowed."""
    if jax.process_count() == 1:
        return tree
    return jax.tree.map(np.asarray, _to_all()(tree))


@cache
def _to_all() -> Any:
    return jax.jit(lambda same: same, out_shardings=common())


def first_process() -> bool:
    """Whether this process is the one that writes files and prints."""
    return jax.process_index() == 0


def highest(number: int) -> int:
    """The highest value of `number` over all processes."""
    if jax.process_count() == 1:
        return number
    return int(multihost_utils.process_allgather(np.array(number)).max())


def agreed(wanted: bool) -> bool:
    """Whether `wanted` is true in any process; all processes get the same answer."""
    return bool(highest(int(wanted)))


def first_alone(action: Callable[[], None]) -> None:
    """Calls `action` in the first process, while the other processes wait for it.

    Raises:
        ConfigError: `action` has raised one; every process raises then.
    """
    problem: ConfigError | None = None
    if first_process():
        try:
            action()
        except ConfigError as error:
            problem = error
    if agreed(problem is not None):
        raise problem or ConfigError("the first process has stopped.")


def needed(executable: Any) -> int:
    """Bytes that a compiled program takes on a device while it runs."""
    memory = executable.memory_analysis()
    if memory is None:
        return 0
    shared = memory.alias_size_in_bytes
    return (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        + memory.temp_size_in_bytes
        - shared
    )


def free(grid: Mesh) -> float:
    """Bytes that training may take on each device of a mesh, infinity where that is not known."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return USABLE * (stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf
    return USABLE * memory / len(grid.local_devices)


def in_halves(executable: Any, grid: Mesh, runs: int, say: Callable[[str], None]) -> bool:
    """Whether the runs of a program are too many for memory, so that halves take turns; says so."""
    takes = needed(executable)
    if runs == 1 or not agreed(takes > free(grid)):
        return False
    say(f"{runs} runs need {takes / 2**30:.1f} GiB: one half after the other.")
    return True


def require_memory(executable: Any, grid: Mesh, field: str, value: Any, remedy: str) -> None:
    """Requires that a compiled program can fit into the memory of each device, all of it taken.

    Args:
        executable: the program.
        grid: the devices.
        field: name of the setting that makes it large, for the message.
        value: what it is.
        remedy: what to lower.

    Raises:
        ConfigError: it cannot.
    """
    takes, there = needed(executable), free(grid) / USABLE
    words = f"this takes {takes / 2**30:,.1f} GiB of {there / 2**30:,.1f}, {remedy}"
    require(not agreed(takes > there), field, value, words)


def admit_training(executable: Any, grid: Mesh, num_envs: int) -> None:
    """`require_memory` for a program that trains `num_envs` environments per seed."""
    remedy = "use fewer environments, seeds or steps between updates, or smaller networks"
    require_memory(executable, grid, "num_envs", num_envs, remedy)


def admit_episodes(executable: Any, episodes: int) -> None:
    """`require_memory` for a program that plays so many episodes, on one device."""
    require_memory(executable, mesh(1, 1), "episodes", episodes, "use fewer")
