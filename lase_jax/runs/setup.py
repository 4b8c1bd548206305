"""From settings to a run: its game, society and trainer, its folder and its checkpoints."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from envs.checks import ConfigError, choice, integer, refusal, require
from envs.types import Env
from lase_jax.loop.train import Trainer, make_trainer
from lase_jax.runs import devices, files, folder, lock, program
from lase_jax.runs.checkpoint import Checkpoints
from lase_jax.runs.config import RunConfig, from_json, seated, to_json
from lase_jax.runs.parts import extended, plan_of
from lase_jax.types import Algorithm, Carry


class Setup(NamedTuple):
    """A configuration and what is built from it."""

    config: RunConfig
    env: Env
    algorithm: Algorithm
    trainer: Trainer

    def initial_carry(self) -> Carry:
        """The carry before the first update, on one device."""
        return jax.jit(partial(program.initial_carry, self.trainer))(self.start)

    def shapes(self) -> Carry:
        """The carry's shapes and dtypes."""
        return jax.eval_shape(partial(program.initial_carry, self.trainer), self.start)

    @property
    def start(self) -> program.Start:
        """The seeds and traced settings that training begins from."""
        return program.start_of([(self.algorithm, self.seeds)])

    @property
    def seats(self) -> tuple[str, ...]:
        """Name of the kind of agent on each seat."""
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


def checkpoints_of(
    path: Path,
    config: RunConfig,
    content: dict[str, Any],
    say: Callable[[str], None],
    read_only: bool = False,
) -> Checkpoints:
    """The checkpoints of the run in a folder, whose config.json holds `config` and `content`."""

    def complete(saved: dict[str, Any]) -> dict[str, Any]:
        before = from_json(saved)
        if before.schedule.steps < config.schedule.steps:  # the run was extended since
            before = extended(before, config.schedule.steps)
        return to_json(before)

    keep_every = config.keep_every * plan_of(config).part
    place = path / folder.CHECKPOINTS
    run = content.get("id", "")
    return Checkpoints(place, to_json(config), say, read_only, complete, keep_every, run)


def load_config(path: Path) -> tuple[RunConfig, dict[str, Any]]:
    """A run's settings, and the whole content of its config.json.

    Raises:
        ConfigError: not a run folder, or one that this version cannot read.
    """
    content = folder.read(path)
    config = from_json(content.get("run"))
    require(isinstance(config, RunConfig), "run", str(path), "its config.json holds no run")
    for name in ("id", "created", "sweep"):
        text = content.get(name, "")
        require(isinstance(text, str), name, text, f"it is no text, mend {path / folder.CONFIG}")
    version = content.get("env_version")
    integer("env_version", version, 0)
    remedy = (
        f"the rules of {config.env} are now version {config.game.spec().version}, start a new run"
    )
    require(version == config.game.spec().version, "env_version", version, remedy)
    return config, content


def restore_run(
    path: Path, say: Callable[[str], None] = print, which: str = "newest"
) -> tuple[Setup, int, Carry]:
    """A checkpoint of a run, for playing; nothing in the folder is changed.

    Args:
        path: run folder.
        say: prints a line.
        which: "newest", "best" (by collective return in training), or its number of updates.

    Raises:
        ConfigError: not a run folder, no such checkpoint, or one of another configuration.
    """
    devices.require_any()
    config, content = load_config(path)
    setup = set_up(config)
    restored = None
    if (path / folder.CHECKPOINTS).is_dir():
        checkpoints = checkpoints_of(path, config, content, say, read_only=True)
        try:
            choice("checkpoint", which, ["newest", "best", *map(str, checkpoints.all())])
            best = checkpoints.best()
            unknown = "nobody knows which one it is, use newest"
            require(which != "best" or best is not None, "checkpoint", which, unknown)
            named = best if which == "best" else None
            only = int(which) if which.isdecimal() else named
            restored = checkpoints.restore(setup.shapes(), only)
        finally:
            checkpoints.close()
    if restored is None:
        raise refusal("run", str(path), "it has no checkpoint that can be read, train first")
    return setup, *restored


def create_run(config: RunConfig, path: Path, overwrite: bool, **facts: Any) -> None:
    """Makes a run's folder and its config.json, which also gets `facts`.

    Raises:
        ConfigError: a run exists there and may not be overwritten, or the folder cannot be made.
    """
    content = {
        "run": to_json(config),
        "env_version": config.game.spec().version,
        "id": uuid.uuid4().hex,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **folder.provenance(),
        **facts,
    }
    folder.require_free(path, overwrite)  # first: a foreign folder gets no lock
    with lock.alone(path), files.writing("out", path):
        folder.create(path, overwrite)
        files.write_json(path / folder.CONFIG, content)


def extend_run(path: Path, steps: int) -> None:
    """Gives the run in a folder more environment steps, see `parts.extended`.

    Raises:
        ConfigError: fewer steps than it has, or it is a setting of a sweep.
    """
    config, content = load_config(path)
    more = extended(config, steps)
    if more == config:
        return
    alone = not (path.parent / folder.SWEEP).is_file()
    require(alone, "steps", steps, f"settings of a sweep have the same, copy {path} elsewhere")
    with lock.alone(path), files.writing("run", path):
        summary = path / folder.SUMMARY
        if summary.is_file():
            files.write_json(summary, files.read_json(summary) | {"finished": False})
        files.write_json(path / folder.CONFIG, content | {"run": to_json(more)})


def read_config(file: Path) -> RunConfig:
    """The settings in a config.json, or in that of a run folder, for a new run.

    Raises:
        ConfigError: it cannot be read, or holds no run.
    """
    place = file if file.is_dir() else file.parent
    named = file.is_dir() or file.name == folder.CONFIG
    require(named, "config", str(file), f"name a run folder or its {folder.CONFIG}")
    config = from_json(folder.read(place).get("run"))
    require(isinstance(config, RunConfig), "config", str(file), "it holds no run")
    return config


@contextlib.contextmanager
def refused_without_trace(path: Path) -> Iterator[None]:
    """Deletes the folder of a new run or sweep if that ends before there is anything to keep."""
    try:
        yield
    except (ConfigError, KeyboardInterrupt):
        if devices.first_process():  # the others may not have been refused
            folder.discard_unused(path)
        raise
