"""What a sweep varies: ``"lr=1e-4,3e-4 delta=0,0.1,0.3"`` as settings of runs.

Every field of the agent, the game and the schedule can be swept, by its name alone where no other
field has it (``lr``), or with where it stands (``agent.lr``, ``agent.net.lstm``). Values are listed
with commas; those of a field that takes several numbers are joined with "x"
(``agent.net.dense=64x64``). In a random search a range may stand for them: ``uniform(0,0.3)`` or
``log(1e-4,1e-2)``.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from envs.checks import ConfigError, choice, require
from lase_jax.core import settings
from lase_jax.runs.config import RunConfig

PLACES = ("agent", "game", "schedule")
"""Where the fields that can be swept stand in a `RunConfig`."""
DIGITS = 4
"""Significant digits of numbers that are drawn."""
Convert = Callable[[str, str], Any]
"""``(path, text) -> value`` reads what was typed for a field."""


@dataclass(frozen=True)
class Range:
    """An interval to draw from."""

    low: float
    high: float
    log: bool

    def draw(self, rng: np.random.Generator) -> float:
        """A number, evenly distributed or evenly in its logarithm, of `DIGITS` digits."""
        ends = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        drawn = rng.uniform(*ends)
        return float(f"{math.exp(drawn) if self.log else drawn:.{DIGITS}g}")


@dataclass(frozen=True)
class Axis:
    """One field and what it may be."""

    path: str
    """Where the field stands, e.g. "agent.lr"."""
    label: str
    """What it is called in names and tables."""
    values: tuple[str, ...] | Range
    """What was typed for each value, or an interval."""


Setting = dict[str, str]
"""What was chosen for each axis, by its label, as it would be typed."""


def parse(text: str, config: RunConfig) -> list[Axis]:
    """The axes of a sweep.

    Args:
        text: see the module's docstring.
        config: what the sweep starts from.

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
    found = re.fullmatch(r"(uniform|log)\(([^,]+),([^,]+)\)", text)
    if not found:
        return tuple(dict.fromkeys(text.split(",")))
    try:
        low, high = float(found[2]), float(found[3])
    except ValueError as error:
        raise ConfigError(f"sweep is {word!r}: use two numbers in the parentheses.") from error
    require(low < high, "sweep", word, "write the lower number first")
    log = found[1] == "log"
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
    """The path of the field that a name means.

    Raises:
        ConfigError: no such field (with the nearest ones), or several.
    """
    known = list(fields(config))
    if name in known:
        return name
    fits = [path for path in known if path.endswith(f".{name}")]
    choice("sweep", name, {name} if fits else {path.rpartition(".")[2] for path in known})
    require(len(fits) == 1, "sweep", name, f"say which one is meant: {' or '.join(fits)}")
    return fits[0]


def option(path: str) -> str:
    """The option of the command line that sets a field."""
    return "--" + path.removeprefix("schedule.").replace("_", "-")


def arguments(path: str, text: str, config: RunConfig) -> list[str]:
    """What to type on the command line of ``train`` for a value."""
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
        ConfigError: an axis is an interval.
    """
    for axis in axes:
        listed = isinstance(axis.values, tuple)
        require(listed, "sweep", axis.label, "list values, or say with --samples how many to draw")
    texts = [axis.values for axis in axes if isinstance(axis.values, tuple)]
    labels = [axis.label for axis in axes]
    return [dict(zip(labels, chosen, strict=True)) for chosen in itertools.product(*texts)]


def random(axes: list[Axis], samples: int, seed: int, config: RunConfig) -> list[Setting]:
    """Different combinations that are drawn, `samples` or as many as there are."""
    rng = np.random.default_rng(seed)

    def draw(axis: Axis) -> str:
        if isinstance(axis.values, tuple):
            return str(rng.choice(axis.values))
        drawn = axis.values.draw(rng)
        whole = isinstance(value_at(config, axis.path), int)
        return str(round(drawn)) if whole else f"{drawn:g}"

    drawn = ({axis.label: draw(axis) for axis in axes} for _ in range(100 * samples))
    different = {tuple(setting.items()): setting for setting in drawn}
    return list(different.values())[:samples]


def configured(
    config: RunConfig, axes: list[Axis], chosen: list[Setting], convert: Convert
) -> list[RunConfig]:
    """The run of each setting.

    Raises:
        ConfigError: a value that cannot work.
    """
    paths = {axis.label: axis.path for axis in axes}
    pairs = {(paths[label], text) for setting in chosen for label, text in setting.items()}
    values = {pair: convert(*pair) for pair in sorted(pairs)}
    runs = []
    for setting in chosen:
        run = config
        for label, text in setting.items():
            run = replaced(run, paths[label], values[paths[label], text])
        runs.append(run)
    return runs


def name(setting: Setting) -> str:
    """What a setting is called, such that a folder can be called so too."""
    return ",".join(f"{label}={text}" for label, text in setting.items())
