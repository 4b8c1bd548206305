"""Cells and rows of the reports' tables, as Markdown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments import comparison
from experiments.curves import fraction
from experiments.findings import Finding
from experiments.paper.book import Results
from experiments.paper.verdicts import label
from lase_jax.core import settings
from lase_jax.reports.tables import markdown
from lase_jax.runs.config import RunConfig, to_json
from lase_jax.runs.earlier import TAG

BLANK = fraction(None)


def mean(values: np.ndarray, digits: int = 1) -> str:
    """Mean over seeds of ``values [S]`` and its bootstrap interval; a dash where it is unknown."""
    found = comparison.mean(np.asarray(values, float))
    if np.isnan(found.value):
        return BLANK
    if np.isnan(found.low):
        return f"{found.value:.{digits}f}"
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


Cell = Callable[[Finding], str]


def line(results: Results, name: str, arm: str, games: Sequence[str], cell: Cell) -> list[str]:
    """A row of a table with a column for each game; dashes for what is not kept."""
    runs = [results.runs.get(f"{game}-{arm}") for game in games]
    return [name, *(BLANK if run is None else cell(run) for run in runs)]


def grid(
    results: Results, arms: Iterable[str], games: Sequence[str], cell: Cell, corner: str
) -> str:
    """A table with a row for each arm and a column for each game."""
    rows = [line(results, label(arm), arm, games, cell) for arm in arms]
    return markdown((corner, *games), rows)


def collective(found: Finding) -> str:
    """Collective return: mean and inter-quartile mean with their intervals."""
    returns = found.final["return/collective"]
    middle = comparison.inter_quartile_mean(returns)
    if np.isnan(middle.low):
        return f"{mean(returns)}, IQM {middle.value:.1f}"
    return f"{mean(returns)}, IQM {middle.value:.1f} [{middle.low:.1f}, {middle.high:.1f}]"


def trained(run: RunConfig) -> dict[str, Any]:
    """Settings of a run that say how it is trained, by field."""
    return vars(run.schedule) | dict(settings.items(run.agent))


def side_by_side(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Settings as a table: a row for each field, a column for each game."""
    fields = dict.fromkeys(field for column in columns.values() for field in column)
    rows = [
        [field, *(_shown(column.get(field)) for column in columns.values())] for field in fields
    ]
    return markdown(("setting", *columns), rows)


def _shown(value: Any) -> str:
    plain = to_json(value)
    if isinstance(plain, dict):
        return ", ".join(f"{name} {each}" for name, each in plain.items() if name != TAG)
    return BLANK if plain is None else str(plain)
