"""What finished runs have shown: a small JSON file for each, which is committed.

A study's tables and figures are made from these files alone, so that they can be made again, and
the study continued, where the run folders no longer exist.

Letters: R rows in time, S seeds.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from envs.checks import ConfigError
from lase_jax import api
from lase_jax.loop.train import by_seed
from lase_jax.reports import evaluate, plots, stats
from lase_jax.reports.evaluate import Played
from lase_jax.runs import files, folder
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import RunConfig, from_json, to_json
from lase_jax.types import Algorithm, Array, PyTree

CURVES = ("return/collective", "social/equality", "social/equality_after")
"""Metrics whose course every study keeps."""
EPISODES = 100
"""Episodes per seed that are played after training, without epsilon."""
PLAYED = ("return/collective", "social/episode_equality", "social/episode_equality_after")
"""Metrics of these episodes that are kept."""
DIGITS = 5
"""Significant digits of numbers that are kept."""

Numbers = Mapping[str, np.ndarray]
T = TypeVar("T")


def nothing(path: Path, result: api.Result) -> Numbers:
    """No further numbers."""
    del path, result
    return {}


class Keep(NamedTuple):
    """What a study keeps of a run besides what every study keeps."""

    curves: tuple[str, ...] = ()
    """Further metrics whose course is kept."""
    measure: Callable[[Path, api.Result], Numbers] = nothing
    """Further numbers ``[S, ...]`` of the trained agents in a run folder, kept among `played`; can
    be pickled, as `workers` need it."""


NOTHING_ELSE = Keep()


class Finding(NamedTuple):
    """What a run has shown."""

    settings: dict[str, Any]  # JSON of the run's `RunConfig`
    facts: dict[str, Any]  # date, device, env_steps per seed, minutes of training or None
    env_steps: np.ndarray  # [R], of the curves
    curves: dict[str, np.ndarray]  # [R, S, ...]
    final: dict[str, np.ndarray]  # every metric's mean over the last tenth of training, [S, ...]
    played: dict[str, np.ndarray]  # means over episodes without epsilon, [S, ...]

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.final["return/collective"])


def of_run(path: Path, keep: Keep = NOTHING_ELSE) -> Finding:
    """What the finished run in the folder `path` has shown; plays some episodes.

    Args:
        path: of the run folder.
        keep: what is kept besides what every study keeps.

    Raises:
        ConfigError: not a run folder, or its checkpoint or metrics are missing or unreadable.
    """
    content = folder.read(path)
    summary = json.loads((path / folder.SUMMARY).read_text())
    result = api.load(path)
    steps, speed = summary["env_steps_per_seed"], summary["steps_per_second"]
    record = plots.thinned(result.record)
    sampled = result.evaluate(EPISODES, ("sample",))["sample"]
    return Finding(
        settings=to_json(from_json(content["run"])),
        facts={
            "date": content["created"][:10],
            "device": content["device"]["kind"],
            "env_steps": steps,
            "minutes": len(result.seeds) * steps / speed / 60 if speed else None,
        },
        env_steps=record.env_steps,
        curves={name: record.metrics[name] for name in (*CURVES, *keep.curves)},
        final={name: stats.final(values) for name, values in result.metrics.items()},
        played={name: np.asarray(sampled[name]) for name in PLAYED} | keep.measure(path, result),
    )


def of_each_seed(
    result: api.Result,
    algorithm: Algorithm,
    measure: Callable[[PyTree, Played], T],
    episodes: int = EPISODES,
) -> T:
    """Measures some episodes without epsilon of every seed.

    Args:
        result: the trained run.
        algorithm: plays them with the run's state.
        measure: of one seed's state and its episodes; pure.
        episodes: how many.

    Returns:
        What `measure` returns, leaves ``[S, ...]`` in NumPy.
    """

    def one(state: PyTree, key: Array) -> T:
        played = evaluate.episodes(result.game, algorithm, state, key, episodes, "sample")
        return measure(state, played)

    keys = jax.random.split(jax.random.key(0), len(result.seeds))
    found = jax.device_get(jax.jit(partial(by_seed, one))(result.state, keys))
    return jax.tree.map(np.asarray, found)


def write(path: Path, finding: Finding) -> None:
    """Writes a finding as JSON, a line for each of its parts' entries; None stands for NaN."""
    parts = []
    for name, part in finding._asdict().items():
        if isinstance(part, dict):
            lines = (f"{json.dumps(key)}: {json.dumps(_plain(part[key]))}" for key in part)
            text = "{\n" + ",\n".join(lines) + "\n}"
        else:
            text = json.dumps(_plain(part))
        parts.append(f"{json.dumps(name)}: {text}")
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, "{\n" + ",\n".join(parts) + "\n}\n")


def read(path: Path, expected: RunConfig) -> Finding | None:
    """Reads a finding; None if there is none.

    Args:
        path: of the file.
        expected: the settings that the run must have had, but for its number of seeds.

    Raises:
        ConfigError: it had other settings, or the file is unreadable.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
        parts = {name: _arrays(content[name]) for name in ("curves", "final", "played")}
        steps = np.asarray(content["env_steps"])
        finding = Finding(content["settings"], content["facts"], steps, **parts)
        remedy = "delete the file to make the run again"
        made_with = to_json(from_json(finding.settings))  # settings that have been added since
        check_same(made_with, to_json(expected) | {"seeds": finding.seeds}, remedy)
    except ConfigError as error:
        raise ConfigError(f"{path} is of other settings: {error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError(f"{path} is not readable as a finding: {error}") from error
    return finding


def _plain(value: Any) -> Any:
    """Arrays as lists of numbers of few digits."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return value


def _arrays(part: dict[str, Any]) -> dict[str, np.ndarray]:
    """Lists of numbers as float64 arrays."""
    return {name: np.asarray(values, np.float64) for name, values in dict(part).items()}
