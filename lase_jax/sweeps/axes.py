"""The settings that a sweep varies, given as text: ``"lr=1e-4,3e-4 delta=0,0.1,0.3"``.

Every field of the agent, the game and the schedule can be swept. It is named by its name alone if
no other field has this name (``lr``), or by its path (``agent.lr``, ``agent.net.lstm``). Values are
separated by commas; if a value consists of several numbers, these are joined with "x"
(``agent.net.dense=64x64``). A random search also takes a range in place of values:
``uniform(0,0.3)`` or ``log(1e-4,1e-2)``.
"""

import dataclasses
import hashlib
import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.checks import choice, refusal, require
from lase_jax.core import settings
from lase_jax.runs.config import RunConfig

PLACES = ("agent", "game", "schedule")
"""Fields of a `RunConfig` that hold the fields that can be swept."""
DIGITS = 4
"""Significant digits of numbers that are drawn."""
LONGEST = 100
"""Most characters of a setting's name: W&B's and folders' names have limits."""
MOST = 10_000
"""Most settings of a sweep: each is a folder."""
Convert = Callable[[str, str], Any]
"""``(path, text) -> value``: the value of a field from the text that was typed for it."""


@dataclass(frozen=True)
class Range:
    """An interval to draw from."""

    low: float
    high: float
    log: bool

    def draw(self, rng: np.random.Generator) -> float:
        """Draws a uniform or log-uniform number, rounded to `DIGITS` digits."""
        ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        drawn = rng.uniform(*ends)
        return float(f"{math.exp(drawn) if self.log else drawn:.{DIGITS}g}")


@dataclass(frozen=True)
class Axis:
    """One field and its possible values."""

    path: str
    """Path of the field, e.g. "agent.lr"."""
    label: str
    """Name of the axis in names of runs and in tables."""
    values: tuple[str, ...] | Range
    """The text that was typed for each value, or an interval."""


Setting = dict[str, str]
"""The chosen value of each axis, as it would be typed, by the label of the axis."""


def parse(text: str, config: RunConfig) -> list[Axis]:
    """The axes of a sweep.

    Args:
        text: see the module's docstring.
        config: the run whose settings are varied.

    Raises:
        ConfigError: a field that does not exist or is named twice, or no values.
    """
    require(bool(text.split()), "sweep", text, "name fields and values, e.g. 'lr=1e-4,1e-3'")
    axes = []
    for word in text.split():
        name, equals, values = word.partition("=")
        require(bool(equals and values), "sweep", word, f"write values, e.g. '{name}=1,2'")
        path = resolve(name, config)
        require(path not in [a.path for a in axes], "sweep", word, "name each field once")
        axes.append(Axis(path, name.rpartition(".")[2], _values(word, values)))
    labels = [axis.label for axis in axes]
    return [
        axis if labels.count(axis.label) == 1 else dataclasses.replace(axis, label=axis.path)
        for axis in axes
    ]


def _values(word: str, text: str) -> tuple[str, ...] | Range:
    interval = re.fullmatch(r"(uniform|log)\(([^,]+),([^,]+)\)", text)
    if not interval:
        return tuple(dict.fromkeys(text.split(",")))
    try:
        low, high = float(interval[2]), float(interval[3])
    except ValueError as error:
        raise refusal("sweep", word, "use two numbers in the parentheses") from error
    require(low < high, "sweep", word, "write the lower number first")
    log = interval[1] == "log"
    require(low > 0 or not log, "sweep", word, "use numbers above 0, or uniform(...)")
    return Range(low, high, log)


def fields(config: RunConfig) -> Iterator[str]:
    """The path of every field that can be swept."""

    def below(prefix: str, value: Any) -> Iterator[str]:
        for name, inner in settings.items(value):
            path = f"{prefix}.{name}"
            yield from below(path, inner) if dataclasses.is_dataclass(inner) else [path]

    for place in PLACES:
        yield from below(place, getattr(config, place))


def resolve(name: str, config: RunConfig) -> str:
    """The path of the field that a name stands for.

    Raises:
        ConfigError: no such field (with the nearest ones), or several.
    """
    paths = list(fields(config))
    if name in paths:
        return name
    fits = [path for path in paths if path.endswith(f".{name}")]
    choice("sweep", name, {name} if fits else {path.rpartition(".")[2] for path in paths})
    require(len(fits) == 1, "sweep", name, f"say which one is meant: {' or '.join(fits)}")
    return fits[0]


def option(path: str) -> str:
    """The command-line option that sets a field."""
    return "--" + path.removeprefix("schedule.").replace("_", "-")


def arguments(path: str, text: str, config: RunConfig) -> list[str]:
    """The command-line arguments of ``train`` that set a field to a value."""
    flag, now = option(path), value_at(config, path)
    if isinstance(now, bool):
        choice(path, text.lower(), ("true", "false"))
        place, _, field = flag[2:].rpartition(".")
        field = field if text.lower() == "true" else f"no-{field}"
        return ["--" + ".".join(filter(None, (place, field)))]
    return [flag, *(text.split("x") if isinstance(now, tuple) else [text])]


def value_at(config: Any, path: str) -> Any:
    """The value of a field."""
    for name in path.split("."):
        config = settings.get(config, name)
    return config


def replaced(config: Any, path: str, value: Any) -> Any:
    """The same settings with another value of one field.

    Raises:
        ConfigError: a value that cannot work.
    """
    name, _, rest = path.partition(".")
    inner = replaced(settings.get(config, name), rest, value) if rest else value
    return settings.changed(config, {name: inner})


def grid(axes: list[Axis]) -> list[Setting]:
    """Every combination of values.

    Raises:
        ConfigError: an axis is an interval, or there are more than `MOST` combinations.
    """
    for axis in axes:
        listed = isinstance(axis.values, tuple)
        require(listed, "sweep", axis.label, "list values, or say with --samples how many to draw")
    texts = [axis.values for axis in axes if isinstance(axis.values, tuple)]
    count = math.prod(map(len, texts))
    require(count <= MOST, "sweep", f"{count} settings", f"use at most {MOST}, or --samples")
    labels = [axis.label for axis in axes]
    return [dict(zip(labels, chosen, strict=True)) for chosen in itertools.product(*texts)]


def random(axes: list[Axis], samples: int, seed: int, config: RunConfig) -> list[Setting]:
    """Draws `samples` different combinations, or fewer if there are not so many."""
    rng = np.random.default_rng(seed)

    def draw(axis: Axis) -> str:
        if isinstance(axis.values, tuple):
            return str(rng.choice(axis.values))
        drawn = axis.values.draw(rng)
        whole = isinstance(value_at(config, axis.path), int)
        return str(round(drawn)) if whole else f"{drawn:g}"

    listed = [len(axis.values) for axis in axes if isinstance(axis.values, tuple)]
    wanted = min(samples, math.prod(listed)) if len(listed) == len(axes) else samples
    different: dict[tuple, Setting] = {}
    for _ in range(100 * wanted):
        setting = {axis.label: draw(axis) for axis in axes}
        different[tuple(setting.items())] = setting
        if len(different) == wanted:
            break
    return list(different.values())


def configured(
    config: RunConfig, axes: list[Axis], chosen: list[Setting], convert: Convert
) -> list[RunConfig]:
    """The run of each setting.

    Raises:
        ConfigError: a value that cannot work, or one that is named twice, e.g. as 1e-3 and 0.001.
    """
    paths = {axis.label: axis.path for axis in axes}
    pairs = {(paths[label], text) for setting in chosen for label, text in setting.items()}
    values = {pair: convert(*pair) for pair in sorted(pairs)}
    seen: dict[tuple[str, str], str] = {}
    for (path, text), value in values.items():
        first = seen.setdefault((path, repr(value)), text)
        require(first == text, "sweep", f"{path}={first},{text}", "name each value once")
    runs = []
    for setting in chosen:
        run = config
        for label, text in setting.items():
            run = replaced(run, paths[label], values[paths[label], text])
        runs.append(run)
    return runs


def name(setting: Setting) -> str:
    """The name of a setting, which is also the name of its run's folder.

    Where it would be too long or no folder's name, a digest takes the place of its end.
    """
    whole = ",".join(f"{label}={text}" for label, text in setting.items())
    plain = re.sub(r"[^\w=,.+-]", "_", whole)
    if plain == whole and len(whole) <= LONGEST:
        return whole
    return f"{plain[: LONGEST - 9]}-{hashlib.blake2b(whole.encode(), digest_size=4).hexdigest()}"
