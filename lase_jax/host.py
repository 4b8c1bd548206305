"""Training as a person sees it: in parts, with progress, metrics, checkpoints, and a clean stop.

Letters: S seeds, U updates of a part, R rows of metrics.

A part always has the same number of updates, and checkpoints lie between parts only. A resumed run
therefore executes the very same compiled program on the very same carry as one that was never cut
off, and gives the same numbers bit for bit (on the same machine).
"""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from envs.checks import ConfigError, require
from envs.types import Env
from lase_jax import folder, results, sinks, stats
from lase_jax.checkpoint import Checkpoints
from lase_jax.config import RunConfig, from_json, seated, to_json
from lase_jax.progress import Progress
from lase_jax.sinks import Record
from lase_jax.train import Schedule, Trainer, make_trainer
from lase_jax.types import Algorithm, Carry


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


class DivergedError(ConfigError):
    """A loss or gradient is no longer finite."""


def make_plan(updates: int, steps: int, chunks: int, points: int) -> Plan:
    """Cuts `updates` updates of `steps` environment steps into about `chunks` equal parts."""
    window = -(-updates // max(points, 1))
    part = window * max(1, round(updates / (chunks * window)))
    return Plan(-(-updates // part) * part, part, window, steps)


def seed_keys(seed: int, seeds: int) -> jax.Array:
    """A key per seed ``[S]``, the same for a number whichever seeds stand beside it."""
    return jax.vmap(jax.random.key)(np.arange(seed, seed + seeds, dtype=np.uint32))


def compiled(trainer: Trainer, carry: Carry, plan: Plan) -> tuple[Callable[..., Any], Times]:
    """The program of one part, compiled ahead of time. It takes over the carry it is given."""
    start = time.perf_counter()
    program = jax.jit(trainer.run, static_argnums=1, donate_argnums=0)
    lowered = program.lower(carry, plan.part)
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


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM instead of dying from them; a second one acts as usual."""
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def handle(number: int, frame: Any) -> None:
        del frame
        received.append(number)
        for other in signals:
            signal.signal(other, before[other])

    try:
        for number in signals:
            signal.signal(number, handle)
    except ValueError:  # not in the main thread, where Python takes no signals
        yield received
        return
    try:
        yield received
    finally:
        for number in signals:
            signal.signal(number, before[number])


class Setup(NamedTuple):
    """What a configuration stands for."""

    config: RunConfig
    env: Env
    algorithm: Algorithm
    trainer: Trainer

    def begin(self) -> Carry:
        """The carry before the first update."""
        keys = seed_keys(self.config.seed, self.config.seeds)
        return jax.jit(self.trainer.init)(keys, self.algorithm.hyper)

    def shapes(self) -> Carry:
        """The carry's shapes and dtypes."""
        keys = seed_keys(self.config.seed, self.config.seeds)
        return jax.eval_shape(self.trainer.init, keys, self.algorithm.hyper)

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


def plan_of(schedule: Schedule, env: Env, chunks: int, points: int) -> Plan:
    """The plan of a schedule in a game."""
    updates = schedule.num_updates(env.spec)
    return make_plan(updates, schedule.steps_per_update(env.spec), chunks, points)


def checkpoints_of(
    path: Path, config: RunConfig, say: Callable[[str], None], read_only: bool = False
) -> Checkpoints:
    """The checkpoints of the run in a folder."""

    def complete(saved: dict[str, Any]) -> dict[str, Any]:
        return to_json(from_json(saved))

    return Checkpoints(path / folder.CHECKPOINTS, to_json(config), say, read_only, complete)


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


def restore(path: Path, say: Callable[[str], None] = print) -> tuple[Setup, int, Carry]:
    """The newest checkpoint of a run, for playing; nothing in the folder is changed.

    Raises:
        ConfigError: not a run folder, no checkpoint, or one of another configuration.
    """
    config, _ = load_config(path)
    setup = set_up(config)
    found = None
    if (path / folder.CHECKPOINTS).is_dir():
        checkpoints = checkpoints_of(path, config, say, read_only=True)
        found = checkpoints.restore(setup.shapes())
        checkpoints.close()
    if found is None:
        raise ConfigError(
            f"run is {str(path)!r}: it has no checkpoint that can be read, train first."
        )
    return setup, *found


def create(config: RunConfig, path: Path, overwrite: bool) -> None:
    """Makes a run's folder and its config.json.

    Raises:
        ConfigError: a run lies there and may not be overwritten, or the folder cannot be made.
    """
    folder.create(path, overwrite)
    content = {
        "run": to_json(config),
        "env_version": config.game.version,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **folder.provenance(),
    }
    with folder.writing("out", path):
        folder.write_json(path / folder.CONFIG, content)


def run(
    path: Path, command: str, say: Callable[[str], None] = print, wandb: sinks.Mode | None = None
) -> int:
    """Trains the run whose config.json lies in `path`, from its newest checkpoint if it has one.

    Args:
        path: run folder.
        command: what a person types to go on with this run.
        say: prints a line.
        wandb: W&B's mode, where it is another than the run began with.

    Returns:
        An exit code: 0 when finished, 130 or 143 when stopped by SIGINT or SIGTERM.

    Raises:
        ConfigError: settings that do not fit, a checkpoint of other settings, or `DivergedError`.
    """
    config, content = load_config(path)
    setup = set_up(config)
    plan = plan_of(config.schedule, setup.env, config.chunks, config.points)
    checkpoints = checkpoints_of(path, config, say)
    try:
        done, carry = checkpoints.restore(setup.shapes()) or (0, None)
        if done >= plan.updates and results.finished(path):
            say(f"{path} is finished: {plan.updates} updates.")
            return 0
        if done:
            say(f"Going on after update {done} of {plan.updates}.")
        carry = setup.begin() if carry is None else carry
        outputs = open_sinks(path, config, content, done, wandb or config.wandb, say)
        with stop_signals() as received:
            session = train(setup, plan, carry, done, outputs, checkpoints, received, say)
        if session.done == 0:
            close(outputs, {})
            say(f"Stopped before the first update. To go on: {command}")
            return 128 + received[0]
        close(outputs, results.write(path, setup, plan, session, say))
        say(f"Results are in {path}")
        if session.done < plan.updates:
            say(f"Stopped after update {session.done}. {_kept(checkpoints)} To go on: {command}")
            return 128 + received[0]
        return 0
    finally:
        checkpoints.close()


class Session(NamedTuple):
    """What training left behind."""

    carry: Carry
    done: int  # updates finished
    began: int  # updates that an earlier session had finished
    times: Times
    seconds: float  # of running, without tracing and compiling


def train(
    setup: Setup,
    plan: Plan,
    carry: Carry,
    done: int,
    outputs: list[sinks.Guarded],
    checkpoints: Checkpoints,
    received: list[int],
    say: Callable[[str], None],
) -> Session:
    """The loop over parts: run, write, save, until the end or a signal.

    Where all parts are done already, nothing is compiled.

    Raises:
        DivergedError: a loss is no longer finite; metrics are written, the last checkpoint stays.
    """
    if done >= plan.updates:
        return Session(carry, done, done, Times(0.0, 0.0), 0.0)
    program, times = compiled(setup.trainer, carry, plan)
    say(f"Traced in {times.trace:.1f} s, compiled in {times.compile:.1f} s.")
    began, start = done, time.perf_counter()
    saved_time = -np.inf
    steps = plan.steps * setup.config.seeds
    with Progress(plan.updates * steps, done * steps, say) as progress:
        while done < plan.updates and not received:
            carry, metrics = program(carry)
            metrics = jax.device_get(metrics)
            record = to_record(metrics, done, plan)
            for sink in outputs:
                sink.write(record)
            try:
                check_health(metrics, done, setup.seeds)
            except DivergedError as error:
                close(outputs, {})
                raise DivergedError(f"{error} {_kept(checkpoints)}") from None
            done += plan.part
            now = time.perf_counter()
            if now - saved_time >= setup.config.save_every:
                checkpoints.save(done, carry)
                saved_time = now
            progress.update(done * steps, collective(record))
        seconds = time.perf_counter() - start
    if done > began and checkpoints.newest() != done:
        checkpoints.save(done, carry)
        checkpoints.wait()
    return Session(carry, done, began, times, seconds)


def _kept(checkpoints: Checkpoints) -> str:
    newest = checkpoints.newest()
    return (
        f"Kept: the checkpoint after update {newest}." if newest else "There is no checkpoint yet."
    )


def open_sinks(
    path: Path,
    config: RunConfig,
    content: dict[str, Any],
    done: int,
    wandb: sinks.Mode,
    say: Callable[[str], None],
) -> list[sinks.Guarded]:
    """The csv file, and W&B unless its mode is "disabled"."""
    seeds = range(config.seed, config.seed + config.seeds)
    outputs = [
        sinks.Guarded("metrics.csv", lambda: sinks.Csv(path / folder.METRICS, seeds, done), say)
    ]
    if wandb != "disabled":
        identity = f"{path.name}-{content.get('created', '')}"
        outputs.append(
            sinks.Guarded(
                "W&B",
                lambda: sinks.Wandb(path, seeds, content, wandb, identity, say),
                say,
            )
        )
    return outputs


def close(outputs: list[sinks.Guarded], files: dict[str, Path]) -> None:
    """Closes every sink with the files that exist."""
    present = {name: file for name, file in files.items() if file.is_file()}
    for sink in outputs:
        sink.close(present)
