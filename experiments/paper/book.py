"""A paper's reproduction: what is trained, what decides its claims, and what is shown of it."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import comparison, study
from experiments.comparison import Estimate
from experiments.findings import Finding, Keep
from experiments.paper import verdicts
from experiments.paper.scales import Scale
from experiments.paper.verdicts import Claim, MissingError, Verdict
from lase_jax.core import metrics
from lase_jax.runs.config import RunConfig

FINDINGS = "findings"
"""Name of the folder in which what each run has shown is kept."""
NUMBERS = "results.json"
"""Name of the file with the numbers of an analysis."""
SUMMARY = "summary"
"""Name of the figure that stands below a report's summary."""

Runs = dict[str, RunConfig]
"""Settings of runs by name."""


def per_step(found: Finding) -> np.ndarray:
    """A player's mean reward per step ``[S]`` at the end."""
    return found.final["return/extrinsic"].mean(-1) / found.settings["game"]["horizon"]


def equality(found: Finding, of: str = "return/after_gifts") -> np.ndarray:
    """Equality ``[S]`` of what agents have over the last tenth of training.

    Of the agents' mean rewards, so that it means the same for rollouts of any length.

    Args:
        found: of a run.
        of: the metric ``[S, N]`` of what they have.
    """
    return equalities(found.final[of])


def equalities(values: np.ndarray) -> np.ndarray:
    """Equality ``[...]`` of what N agents have, ``values [..., N]``."""
    flat = jnp.asarray(values.reshape(-1, values.shape[-1]))
    return np.asarray(jax.vmap(metrics.equality)(flat)).reshape(values.shape[:-1])


class Stage(NamedTuple):
    """Runs that belong together."""

    title: str
    """What they are for."""
    runs: Callable[[Scale], Runs]
    """Settings of every run by its name, of which the first part, up to "-", is the game."""
    keep: Callable[[str], Keep] = lambda name: Keep()
    """What is kept of a run, by its name."""


class Analysis(NamedTuple):
    """A study that trains nothing, and writes `NUMBERS` and a figure."""

    write: Callable[[Scale, Path], None]
    """Makes it at a scale, in a folder."""
    folder: Path
    """Where its results of scale "cpu" lie."""
    figure: str
    """Name of its figure's file, without ".png"."""


class Results(NamedTuple):
    """All that is kept of a scale."""

    runs: Mapping[str, Finding]
    """By the runs' names."""
    numbers: Mapping[str, Mapping[str, Any]]
    """Of the analyses, by name."""

    def run(self, *parts: str) -> Finding:
        """The finding of a run.

        Raises:
            MissingError: there is none.
        """
        name = "-".join(parts)
        if name not in self.runs:
            raise MissingError(name)
        return self.runs[name]

    def kept(self, name: str, choices: Iterable[str]) -> list[str]:
        """Those choices of which a run is kept, e.g. ``kept("{}-lase-one", GAMES)``."""
        return [choice for choice in choices if name.format(choice) in self.runs]

    def some(self, name: str, choices: Sequence[str]) -> list[str]:
        """The same, at least one of them.

        Raises:
            MissingError: there is none.
        """
        if not (kept := self.kept(name, choices)):
            raise MissingError(name.format(choices[0]))
        return kept

    def final(self, *parts: str, metric: str = "return/collective") -> np.ndarray:
        """A metric's mean ``[S, ...]`` over the last tenth of training."""
        return self.run(*parts).final[metric]

    def improvement(self, ours: str, theirs: str) -> Estimate:
        """The probability that a seed of one run has more collective return than of another.

        Args:
            ours: the run's name.
            theirs: the other's.

        Raises:
            MissingError: one of them is not kept.
        """
        return comparison.improvement(self.final(ours), self.final(theirs))

    def analysis(self, name: str) -> Mapping[str, Any]:
        """The numbers of an analysis.

        Raises:
            MissingError: it has not been made.
        """
        if not self.numbers.get(name):
            raise MissingError(name)
        return self.numbers[name]


Table = Callable[[Results], str]
"""Draws up a table in Markdown."""


class Shown(NamedTuple):
    """What stands below a claim."""

    figures: Sequence[str] = ()
    """Names of figures; those of an analysis are ``<analysis>/<file>``."""
    table: Table | None = None
    note: str = ""
    """What a reader should know beside the numbers."""


class Question(NamedTuple):
    """What is reported besides the claims."""

    text: str
    """What is asked, and how to read the table."""
    figure: str
    """Its name, or ""."""
    table: Table
    found: Callable[[Results], str] | None = None
    """The answer in a sentence or two; see `verdicts.MissingError`."""


@dataclass(frozen=True)
class Paper:
    """A paper and its reproduction."""

    name: str
    """As in ``make paper PAPER=...``."""
    source: str
    """Authors, year, method."""
    title: str
    """Of the report."""
    method: str
    """What is compared with the controls, as the subject of a sentence."""
    mechanism: str
    """What an effect may be due to."""
    control: str
    """What the controls do, in half a sentence."""
    folder: Path
    """Where findings and figures of scale "cpu" lie."""
    report: Path
    """The report of scale "cpu"; those of other scales lie beside their findings."""
    stages: Mapping[str, Stage]
    """By name, in the order in which they run."""
    rules: Mapping[int, Callable[[Results], Verdict]]
    """By the numbers of the claims."""
    figures: Mapping[str, Callable[[Results, Path], None]]
    """Functions that draw, by the names of their files; see `verdicts.MissingError`."""
    settings: Callable[[Scale], Sequence[str]]
    """Tables of the settings of a scale, as Markdown, with a line above each."""
    summary: Callable[[Results], str] | None = None
    """What the report opens with, as Markdown; the figure "summary", if there is one, follows."""
    front: Callable[[Results], str] | None = None
    """What README has of the report of scale "cpu", as Markdown."""
    shown: Mapping[int, Shown] = field(default_factory=dict)
    """By the numbers of the claims."""
    questions: Mapping[str, Question] = field(default_factory=dict)
    """By their titles."""
    analyses: Mapping[str, Analysis] = field(default_factory=dict)
    """By name."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of all analyses and stages, in the order in which they run."""
        return (*self.analyses, *self.stages)

    @property
    def claims(self) -> dict[int, Claim]:
        """By their numbers."""
        return {number: claim for number, claim in verdicts.read().items() if number in self.rules}

    def home(self, scale: Scale, out: Path) -> Path:
        """The folder of findings and figures: the committed one, or below `out`."""
        return self.folder if scale.committed else out / self.name / scale.name

    def kept(self, scale: Scale, out: Path) -> Path:
        """The folder of findings."""
        return self.home(scale, out) / FINDINGS

    def place(self, scale: Scale, out: Path) -> Path:
        """Where the report lies."""
        return self.report if scale.committed else self.home(scale, out) / "REPORT.md"

    def folder_of(self, name: str, scale: Scale, out: Path) -> Path:
        """Where the analysis `name` keeps what it found."""
        return self.analyses[name].folder if scale.committed else self.home(scale, out) / name

    def collect(self, scale: Scale, out: Path) -> Results:
        """All that is kept of a scale.

        Raises:
            ConfigError: a finding is of other settings than today's.
        """
        runs: dict[str, Finding] = {}
        for stage in self.stages.values():
            runs |= study.load(stage.runs(scale), self.kept(scale, out))
        files = {name: self.folder_of(name, scale, out) / NUMBERS for name in self.analyses}
        read = {name: file.read_text() for name, file in files.items() if file.is_file()}
        return Results(runs, {name: json.loads(text) for name, text in read.items()})

    def judge(self, number: int, results: Results) -> Verdict:
        """The verdict on a claim by its number."""
        try:
            return self.rules[number](results)
        except MissingError as error:
            return verdicts.lacking(f"{error} is not kept.")

    def judge_all(self, results: Results) -> dict[int, Verdict]:
        """The verdict on every claim."""
        return {number: self.judge(number, results) for number in self.claims}
