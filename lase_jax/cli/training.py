"""The options of ``train`` and ``sweep``, which depend on the game and the algorithm."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from envs.checks import ConfigError
from lase_jax import algorithms
from lase_jax.algorithms import NETS
from lase_jax.core.settings import fitting
from lase_jax.learners import with_learner
from lase_jax.runs.config import Presets, RunConfig, named
from lase_jax.runs.dashboards import Dashboards
from lase_jax.runs.setup import read_config

LOGGING = {f"--{field.name.replace('_', '-')}" for field in fields(Dashboards)}
"""The options that say what a run is called on dashboards; a resumed run may change them."""


def deciding(arguments: Sequence[str]) -> argparse.Namespace:
    """The options that decide which other options there are."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--env", default="ssh")
    parser.add_argument("--algo", default="lase")
    parser.add_argument("--preset", default="")
    parser.add_argument("--learner", default="")
    parser.add_argument("--config", default=None)
    parser.add_argument("--resume", default=None)
    parser.add_argument("--hosts", default="")
    try:
        return parser.parse_known_args(arguments)[0]
    except argparse.ArgumentError as error:
        raise ConfigError(f"{error.argument_name} is empty: {error.message}.") from error


def flags(arguments: Sequence[str]) -> set[str]:
    """The options that were typed, without their values, e.g. ``{"--seeds"}``."""
    return {argument.split("=")[0] for argument in arguments if argument.startswith("--")}


def begun(presets: Presets, chosen: argparse.Namespace) -> RunConfig:
    """The settings that the options of a new run or sweep start from.

    Raises:
        ConfigError: names that do not exist, or a config.json that cannot be read.
    """
    if chosen.config is None:
        start = presets(chosen.env, chosen.algo, chosen.preset)
    else:
        start = read_config(Path(chosen.config))
    return replace(start, agent=with_learner(start.agent, chosen.learner))


def configured(options: Any, presets: Presets) -> RunConfig:
    """The run that the options of ``train`` or ``sweep`` describe."""
    config = fitted(options.run, options)
    if not options.seats:
        return config

    def find(name: str) -> Any:
        agent = (
            presets(options.env, name, "").agent if name in algorithms.ALGORITHMS else named(name)
        )
        return fitted(replace(config, agent=agent), options).agent

    return config.with_seats(options.seats.split(","), find)


def fitted(config: RunConfig, options: Any) -> RunConfig:
    """The same run with the networks and the learner that options name, where agents have any."""
    agent = with_learner(config.agent, options.learner)
    return replace(config, agent=fitting(agent, NETS[options.net] if options.net else {}))


def train_options(default: RunConfig) -> Any:
    """The options of ``train`` as a dataclass instance, which starts from `default`."""

    @dataclass(frozen=True)
    class Train(_common(default)):
        """Trains a society of agents in a game."""

        pictures: bool = True
        """Draw curves.png and replay.gif in the end, which takes about 20 s."""

    return Train(default)


def _common(default: RunConfig) -> type:
    """The options that ``train`` and ``sweep`` share, which start from `default`."""

    @dataclass(frozen=True)
    class Common:
        """Trains societies of agents in a game."""

        run: Annotated[RunConfig, tyro.conf.arg(name="")]
        dashboards: Annotated[Dashboards, tyro.conf.arg(name="")] = Dashboards()
        env: str = default.env
        """Name of the game; it decides the options under "game" and their defaults."""
        algo: str = default.algo
        """Name of the algorithm; it decides the options under "agent" and their defaults."""
        preset: str = ""
        """Settings to start from: empty for ours, "published" for those of the algorithm's paper or
        its authors' code, where they are known for the game; other seats start from ours."""
        seats: str = ""
        """A name per seat, e.g. lase,a2c,a2c,random: algorithms and the game's scripted seats."""
        learner: str = ""
        """How policies and critics of all agents learn: a2c or ppo; empty for what the algorithm
        starts from, which is a2c. It decides which options under "agent" there are."""
        net: Literal["", "dense", "paper"] = ""
        """Networks of all agents: two dense layers, or the paper's convolutions and LSTM."""
        name: str = ""
        """Name of the run; empty for game-algorithm and a number."""
        out: Path = Path("runs")
        """Folder in which the run's folder is made."""
        overwrite: bool = False
        """Delete an existing run of this name."""
        dry_run: bool = False
        """Only say what would be needed: shapes, parameters, memory and, after some compiling and
        playing, time; no folder is made."""
        hosts: str = ""
        """One process on each of several machines: "auto" under SLURM, Kubernetes, Open MPI or on a
        TPU pod, else "address:port,count,number": the first process's address, how many there are,
        and which one this is, from 0."""
        config: Path | None = None
        """A run's config.json, or its folder, whose settings a new run starts from; options change
        them, --env, --algo and --preset are its own."""
        start_from: Path | None = None
        """Folder of a run whose agents' parameters a new run starts from, seat by seat; schedules
        and optimisers begin anew."""
        resume: Path | None = None
        """Folder of a run to resume from its newest checkpoint; no setting may change but --steps,
        of which more extend it. Schedules count episodes and go on, or stay at their end."""

    return Common


def sweep_options(default: RunConfig) -> Any:
    """The options of ``sweep`` as a dataclass instance, which starts from `default`."""

    @dataclass(frozen=True)
    class Sweep(_common(default)):
        """Trains many settings of a society in a game, in as few programs as possible."""

        sweep: str = ""
        """Fields and values, e.g. "lr=1e-4,1e-3 delta=0,0.1", in every combination; with --samples
        also ranges, e.g. "lr=log(1e-4,1e-2) delta=uniform(0,0.3)"."""
        samples: int = 0
        """Settings to draw at random, 1 or more; 0 for every combination."""
        halvings: int = 0
        """How many times the worse half of the settings is stopped, 0 to 20: the last time after
        half of all updates, the time before after a quarter, and so on."""
        metric: str = "return/collective"
        """Metric to compare settings by: its mean over the last tenth of a run; more is better."""

    return Sweep(default)
