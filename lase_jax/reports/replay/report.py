"""The data of a report page: facts, tables, learning curves and settings.

Letters: R points in time, S seeds, N seats.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lase_jax.core import metrics
from lase_jax.reports import plots, stats
from lase_jax.reports.evaluate import COLUMNS
from lase_jax.reports.record import Record, Row
from lase_jax.reports.replay import pack

GREY = "#78716c"
"""What stands for the near black of the pictures' lines, which dark pages hide."""
Table = dict[str, Any]
MOST = 20
"""Largest number of settings of a sweep whose curves are shown."""


def report(
    facts: Mapping[str, str],
    tables: Sequence[Table],
    courses: Sequence[dict[str, Any]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """A report as JSON.

    Args:
        facts: what was trained, in the order of the page.
        tables: see `table`, `of_group` and `of_agents`.
        courses: learning curves, see `courses` and `of_sweep`.
        settings: nested settings, which are shown as a flat list.
    """
    return {
        "facts": [[name, value] for name, value in facts.items()],
        "tables": list(tables),
        "courses": list(courses),
        "settings": [[name, value] for name, value in flat(settings)],
    }


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts, whose first column names the rows."""
    return {"caption": caption, "headings": list(headings), "rows": [list(row) for row in rows]}


def of_group(record: Record) -> Table:
    """What the whole group came to: every metric without a seat, over the last rows of a run."""
    rows = []
    for name, values in sorted(record.metrics.items()):
        if values.ndim == 2:
            mean, half = stats.mean_and_band(stats.final(values)[None])
            row = metrics.describe(name)
            rows.append([name, _pair(mean[0], half[0]), row.unit, row.meaning])
    caption = f"At the end (means over the last {stats.final_rows(len(record.update))} rows)"
    return table(caption, ["metric", "mean ± 95 %", "unit", "meaning"], rows)


def of_agents(record: Record, seats: Sequence[str]) -> Table:
    """What every agent came to: returns, gifts and events, over the last rows of a run."""
    events = sorted(name for name in record.metrics if name.startswith("event/"))
    names = COLUMNS | {name: name.removeprefix("event/").replace("_", " ") for name in events}
    shown = [name for name in names if name in record.metrics]
    final = {name: stats.final(record.metrics[name]) for name in shown}  # [S, N] each
    rows = []
    for seat, kind in enumerate(seats):
        cells = []
        for name in shown:
            mean, half = stats.mean_and_band(final[name][:, seat][None])
            cells.append(_pair(mean[0], half[0]))
        rows.append([f"{seat} ({kind})", *cells])
    return table("Each agent, per episode", ["agent", *(names[name] for name in shown)], rows)


def _pair(mean: float, half: float) -> str:
    if not np.isfinite(mean):
        return "–"
    return _short(mean) + (f" ± {_short(half)}" if np.isfinite(half) else "")


def _short(number: float) -> str:
    """A number with about three digits that count, e.g. 0.123, 12.3, 123."""
    size = abs(number)
    return f"{number:.{3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0}f}"


def courses(record: Record, seats: tuple[str, ...]) -> list[dict[str, Any]]:
    """The learning curves of a run: the panels of its picture, as means over seeds with bands."""
    thin = plots.thinned(record)
    drawn = []
    for panel, lines in plots.filled(thin.metrics, seats):
        found = [_line(each.label, each.values, _hex(each.colour)) for each in lines]
        course = _course(plots.named(panel, lines), panel.unit, thin.env_steps, found)
        drawn.append(course | ({"floor": panel.floor} if np.isfinite(panel.floor) else {}))
    return drawn


def of_sweep(rows: Sequence[Row], metric: str) -> list[dict[str, Any]]:
    """The curves of the best settings of a sweep, all of them in one chart.

    Settings that were stopped end where they were.
    """
    longest = max(rows, key=lambda row: len(row.steps))
    lines = []
    for place, row in enumerate(rows[:MOST]):
        padded = np.full((len(longest.steps), row.curve.shape[1]), np.nan)
        padded[: len(row.curve)] = row.curve
        lines.append(_line(row.name, padded, pack.colour(place)))
    return [_course(metric, "mean over seats", longest.steps, lines)]


def _course(title: str, unit: str, steps: np.ndarray, lines: list[dict]) -> dict[str, Any]:
    x = pack.array(np.asarray(steps, np.float64))
    return {"title": title, "unit": unit, "x": x, "lines": lines}


def _line(label: str, values: np.ndarray, colour: str) -> dict[str, Any]:
    low, high = stats.bootstrap(values)
    numbers = {"mean": stats.mean(values, -1), "low": low, "high": high}
    packed = {name: pack.array(np.asarray(each, np.float32)) for name, each in numbers.items()}
    return {"label": label, "colour": colour, **packed}


def _hex(colour: Any) -> str:
    """A line's colour as the page reads it."""
    if isinstance(colour, str):
        return GREY if colour == plots.COLLECTIVE else colour
    return "#" + bytes(round(255 * part) for part in colour[:3]).hex()


def flat(settings: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as dotted names and texts."""
    if not isinstance(settings, Mapping):
        listed = isinstance(settings, list | tuple)
        yield name, ", ".join(map(str, settings)) if listed else str(settings)
        return
    for key, value in settings.items():
        yield from flat(value, f"{name}.{key}" if name else str(key))
