"""What a run is made of: its settings put to work, its parts, its folder and its checkpoints.

Letters: S seeds, P places for them (see `devices`), U updates of a part, R rows of metrics.

A part always has the same number of updates, and checkpoints lie between parts only. A resumed run
therefore executes the very same compiled program on the very same carry as one that was never cut
off, and gives the same numbers bit for bit (on the same machine).
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from envs.checks import ConfigError, choice, require
from envs.types import Env
from lase_jax.loop.train import Trainer, make_trainer
from lase_jax.reports import stats
from lase_jax.reports.record import Record
from lase_jax.runs import devices, folder
from lase_jax.runs.checkpoint import Checkpoints
from lase_jax.runs.config import RunConfig, from_json, seated, to_json
from lase_jax.types import Algorithm, Array, Carry, PyTree


class Plan(NamedTuple):
    """How training is cut into parts."""

    updates: int  # in all: whole parts, at least as many as the schedule asks for
    part: int  # updates of a part
    window: int  # updates averaged to a row of metrics; divides the part
    steps: int  # environment steps of an update, per seed


class Times(NamedTuple):
    """Seconds spent before the first update."""

    trace: float
    compile: float


class Session(NamedTuple):
    """What training left behind."""

    carry: Any  # Carry; None while it trains, and before the first update
    done: int  # updates finished
    began: int  # updates that an earlier session had finished
    times: Times
    seconds: float  # of running, without tracing and compiling


class DivergedError(ConfigError):
    """A loss or gradient is no longer finite."""


def make_plan(updates: int, steps: int, chunks: int, points: int) -> Plan:
    """Cuts `updates` updates of `steps` environment steps into about `chunks` equal parts."""
    window = -(-updates // max(points, 1))
    part = window * max(1, round(updates / (chunks * window)))
    return Plan(-(-updates // part) * part, part, window, steps)


def seed_keys(seeds: Array | np.ndarray) -> Array:
    """A key per seed ``[P]``, the same for a number whichever seeds stand beside it."""
    return jax.vmap(jax.random.key)(seeds)


class Start(NamedTuple):
    """What training begins from."""

    seeds: np.ndarray  # [P] uint32
    hyper: PyTree  # leaves [P]


def start(algorithms: Sequence[tuple[Algorithm, Sequence[int]]], grid: Mesh | None = None) -> Start:
    """The seeds and traced settings of some runs side by side.

    Args:
        algorithms: each run's algorithm, which differ in `hyper` alone, and its seeds.
        grid: where they will lie; further places repeat the last seed.
    """
    numbers = np.concatenate([seeds for _, seeds in algorithms]).astype(np.uint32)
    repeats = [len(seeds) for _, seeds in algorithms]
    if grid is not None:
        repeats[-1] += devices.places(len(numbers), grid) - len(numbers)
        numbers = np.pad(numbers, (0, sum(repeats) - len(numbers)), "edge")
    settings = [algorithm.hyper for algorithm, _ in algorithms]

    def side_by_side(*values: float) -> np.ndarray:
        return np.repeat(np.array(values, np.float32), repeats)

    return Start(numbers, jax.tree.map(side_by_side, *settings))


def initial(trainer: Trainer, first: Start) -> Carry:
    """The carry before the first update, ``[P, ...]``, to be jitted."""
    return trainer.init(seed_keys(first.seeds), first.hyper)


def opening(trainer: Trainer, first: Start, grid: Mesh) -> jax.stages.Traced:
    """The program that makes the carry before the first update, laid over the mesh.

    Its `out_info` are the carry's shapes, so that who needs both traces once.
    """
    place = devices.of_carry(grid)
    return jax.jit(partial(initial, trainer), out_shardings=place).trace(first)


def begin(trainer: Trainer, first: Start, grid: Mesh) -> Carry:
    """The carry before the first update, laid over the mesh."""
    return opening(trainer, first, grid).lower().compile()(first)


def compiled(
    trainer: Trainer, like: Carry, plan: Plan, grid: Mesh
) -> tuple[Callable[..., Any], Times]:
    """The program of one part, compiled ahead of time. It takes over the carry it is given.

    Args:
        trainer: what to run.
        like: the carry ``[P, ...]``, arrays or shapes.
        plan: how long a part is.
        grid: where the carry lies.
    """
    start = time.perf_counter()
    place = devices.of_carry(grid)
    program = jax.jit(
        devices.on(grid, trainer.run),
        static_argnums=1,
        donate_argnums=0,
        in_shardings=(place,),
        out_shardings=(place, devices.of_metrics(grid)),
    )
    lowered = program.lower(like, plan.part)
    traced = time.perf_counter()
    executable = lowered.compile()
    return executable, Times(traced - start, time.perf_counter() - traced)


def to_record(metrics: dict[str, np.ndarray], done: int, plan: Plan) -> Record:
    """Averages a part's metrics ``[U, S, ...]`` to rows ``[R, S, ...]``, leaving out NaN."""

    def rows(values: np.ndarray) -> np.ndarray:
        windows = values.reshape(-1, plan.window, *values.shape[1:])
        return stats.mean(windows, 1).astype(np.float32)

    update = done + plan.window * np.arange(1, plan.part // plan.window + 1)
    return Record(update, update * plan.steps, {k: rows(v) for k, v in metrics.items()})


def collective(record: Record) -> float:
    """The newest collective return, mean over seeds."""
    return float(np.mean(record.metrics["return/collective"][-1]))


def check_health(metrics: dict[str, np.ndarray], done: int, seeds: range) -> None:
    """Requires finite losses and gradients: the metrics ``health/<network>`` must not be 0.

    Args:
        metrics: a part's, ``[U, S, N]``.
        done: updates finished before the part.
        seeds: number of each seed.

    Raises:
        DivergedError: names the first network, update, seed and agent that is not.
    """
    found = [
        (int(update), seeds[seed], int(agent), name.removeprefix("health/"))
        for name, values in metrics.items()
        if name.startswith("health/")
        for update, seed, agent in np.argwhere(values == 0)[:1]
    ]
    if found:
        update, seed, agent, network = min(found)
        raise DivergedError(
            f"loss is not finite in update {done + update + 1}: "
            f"it is network {network!r} of agent {agent}, seed {seed}; "
            "use a lower learning rate or max_grad_norm."
        )


class Setup(NamedTuple):
    """What a configuration stands for."""

    config: RunConfig
    env: Env
    algorithm: Algorithm
    trainer: Trainer

    def begin(self) -> Carry:
        """The carry before the first update, on one device."""
        return jax.jit(partial(initial, self.trainer))(start([(self.algorithm, self.seeds)]))

    def shapes(self) -> Carry:
        """The carry's shapes and dtypes."""
        return jax.eval_shape(partial(initial, self.trainer), start([(self.algorithm, self.seeds)]))

    @property
    def seats(self) -> tuple[str, ...]:
        """Who holds each seat."""
        return tuple(kind.name for kind in self.config.kinds())

    @property
    def seeds(self) -> range:
        """Number of each seed."""
        return range(self.config.seed, self.config.seed + self.config.seeds)


def set_up(config: RunConfig) -> Setup:
    """Builds game, society and trainer.

    Raises:
        ConfigError: settings that do not fit each other.
    """
    env = config.game.build()
    algorithm = seated(env, config.kinds())
    return Setup(config, env, algorithm, make_trainer(env, algorithm, config.schedule))


def plan_of(config: RunConfig) -> Plan:
    """How a run is cut into parts."""
    spec, schedule = config.game.spec(), config.schedule
    updates = schedule.num_updates(spec)
    return make_plan(updates, schedule.steps_per_update(spec), config.chunks, config.points)


def checkpoints_of(
    path: Path, config: RunConfig, say: Callable[[str], None], read_only: bool = False
) -> Checkpoints:
    """The checkpoints of the run in a folder."""

    def complete(saved: dict[str, Any]) -> dict[str, Any]:
        return to_json(from_json(saved))

    keep_every = config.keep_every * plan_of(config).part
    place = path / folder.CHECKPOINTS
    return Checkpoints(place, to_json(config), say, read_only, complete, keep_every)


def load_config(path: Path) -> tuple[RunConfig, dict[str, Any]]:
    """A run's settings, and all of its config.json.

    Raises:
        ConfigError: not a run folder, or one that this version cannot read.
    """
    content = folder.read(path)
    config = from_json(content.get("run"))
    require(isinstance(config, RunConfig), "run", str(path), "its config.json holds no run")
    version = content.get("env_version")
    remedy = f"the rules of {config.env} are now version {config.game.version}, start a new run"
    require(version == config.game.version, "env_version", version, remedy)
    return config, content


def restore(
    path: Path, say: Callable[[str], None] = print, which: str = "newest"
) -> tuple[Setup, int, Carry]:
    """A checkpoint of a run, for playing; nothing in the folder is changed.

    Args:
        path: run folder.
        say: prints a line.
        which: "newest", "best" (by collective return in training), or the updates it has finished.

    Raises:
        ConfigError: not a run folder, no such checkpoint, or one of another configuration.
    """
    config, _ = load_config(path)
    setup = set_up(config)
    found = None
    if (path / folder.CHECKPOINTS).is_dir():
        checkpoints = checkpoints_of(path, config, say, read_only=True)
        try:
            choice("checkpoint", which, ["newest", "best", *map(str, checkpoints.all())])
            best = checkpoints.best()
            unknown = "nobody knows which one it is, use newest"
            require(which != "best" or best is not None, "checkpoint", which, unknown)
            named = best if which == "best" else None
            only = int(which) if which.isdecimal() else named
            found = checkpoints.restore(setup.shapes(), only)
        finally:
            checkpoints.close()
    if found is None:
        raise ConfigError(
            f"run is {str(path)!r}: it has no checkpoint that can be read, train first."
        )
    return setup, *found


def create(config: RunConfig, path: Path, overwrite: bool, **facts: Any) -> None:
    """Makes a run's folder and its config.json, with further facts in it.

    Raises:
        ConfigError: a run lies there and may not be overwritten, or the folder cannot be made.
    """
    folder.create(path, overwrite)
    content = {
        "run": to_json(config),
        "env_version": config.game.version,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **folder.provenance(),
        **facts,
    }
    with folder.writing("out", path):
        folder.write_json(path / folder.CONFIG, content)
