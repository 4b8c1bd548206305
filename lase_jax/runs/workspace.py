"""A dashboard on Weights & Biases: a workspace whose panels fit what runs have logged.

Metrics stand in sections by the first word of their names, with the mean over the seeds of a group
and the band of its standard error; heat maps of weights, replays and results have sections of
their own.
"""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from envs.checks import ConfigError, refusal, require
from lase_jax.reports import evaluate
from lase_jax.runs import dashboards, files, folder, inspection, metrics_csv, tools
from lase_jax.runs.dashboards import Destination
from lase_jax.runs.setup import load_config
from lase_jax.runs.wandb import default_entity, require_key

FIRST = ("return", "social", "gift", "relation", "event")
"""Sections that come first and are open; others follow by name, without what is only health."""
HIDDEN = ("health",)
"""Metrics that are 1 in every run that goes on."""


def destinations(paths: Sequence[Path]) -> list[Destination]:
    """Where runs, or the runs of sweeps, were logged to.

    Raises:
        ConfigError: no run folder, runs of several projects, or one that was not logged.
    """
    found = []
    for path in paths:
        for run in inspection.runs_in(path):
            to = dashboards.read(run)
            if to is None or to.mode == "disabled":
                raise refusal(
                    "run", str(run), "it was not logged to W&B, train with --wandb online"
                )
            found.append(to)
    places = {(to.project, to.entity) for to in found}
    remedy = "name runs of one project"
    require(len(places) == 1, "project", ", ".join(sorted(to.project for to in found)), remedy)
    return found


def names(paths: Sequence[Path]) -> list[str]:
    """The names of all numbers that runs have logged, as they stand in metrics.csv.

    Raises:
        ConfigError: a run without rows.
    """
    found = {}
    for path in paths:
        for run in inspection.runs_in(path):
            record = metrics_csv.load(run / folder.METRICS)
            found |= dict.fromkeys(name for name, _ in metrics_csv.columns(record.metrics))
    return sorted(found)


def build(paths: Sequence[Path], entity: str, title: str) -> Any:
    """The workspace of some runs or sweeps, not saved.

    Args:
        paths: folders of runs or sweeps of one project.
        entity: user or team that owns the project.
        title: what it is called on W&B.

    Returns:
        A ``wandb_workspaces.workspaces.Workspace``.

    Raises:
        ConfigError: see `destinations` and `names`, or the library is not installed.
    """
    tools.require_library("wandb_workspaces", "wandb-workspaces")
    import wandb_workspaces.workspaces as ws

    to = destinations(paths)
    groups = list(dict.fromkeys(each.group for each in to))
    each_seed = not any(
        dashboards.together(*load_config(run)) for path in paths for run in inspection.runs_in(path)
    )
    return ws.Workspace(
        entity=entity,
        project=to[0].project,
        name=title,
        sections=[*_curves(names(paths)), *_media(), _results()],
        settings=ws.WorkspaceSettings(x_axis="env_steps", max_runs=20),
        runset_settings=ws.RunsetSettings(
            filters=[ws.Metric("Group").isin(groups)],
            groupby=[ws.Metric("Group")] if each_seed else [],
            pinned_columns=["summary:return/collective", "config:seed"],
        ),
    )


def _curves(found: Sequence[str]) -> list[Any]:
    """A section for the metrics that begin with the same word, and a plot for each metric."""
    import wandb_workspaces.reports.v2 as panels
    import wandb_workspaces.workspaces as ws

    def plot(metric: str, columns: list[Any]) -> Any:
        return panels.LinePlot(
            title=metric,
            x="env_steps",
            y=columns,
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
            title_x="environment steps per seed",
        )

    sections: dict[str, list[Any]] = {}
    for metric, columns in groupby(sorted(found, key=_metric), _metric):
        kept = [column for column in columns if not _is_own(column)]
        sections.setdefault(metric.partition("/")[0], []).append(plot(metric, kept))
    order = sorted(set(sections) - {*HIDDEN}, key=lambda name: (_rank(name), name))
    return [ws.Section(name, sections[name], is_open=name in FIRST[:2]) for name in order]


def _rank(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _metric(column: str) -> str:
    """The name of a metric without the numbers of seats."""
    return re.sub(r"(/\d+)*$", "", column)


def _is_own(column: str) -> bool:
    """Whether a column says what a seat gives to itself."""
    pair = re.search(r"/(\d+)/(\d+)$", column)
    return bool(pair) and pair[1] == pair[2]


def _media() -> list[Any]:
    """Sections for heat maps of weights, episodes and curves as pictures."""
    import wandb_workspaces.reports.v2 as panels
    import wandb_workspaces.workspaces as ws

    keys = {"weights": "weights/heatmap", "replay": "replay/replay", "picture": "picture/curves"}
    return [
        ws.Section(name, [panels.MediaBrowser(title=name, media_keys=[key])], is_open=True)
        for name, key in keys.items()
    ]


def _results() -> Any:
    """A section for the results of evaluation and cross-play."""
    import wandb_workspaces.reports.v2 as panels
    import wandb_workspaces.workspaces as ws

    scores = ("return/collective", "social/equality", "social/equality_after")
    bars = [
        panels.BarPlot(
            title=score,
            metrics=[f"eval/{mode}/{score}" for mode in evaluate.MODES],
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
        )
        for score in scores
    ]
    met = panels.WeavePanelSummaryTable(table_name="crossplay/table")
    return ws.Section("evaluation", [*bars, met])


def save(paths: Sequence[Path], say: Callable[[str], None]) -> None:
    """Makes a dashboard for runs or sweeps on W&B, and says where it is.

    Args:
        paths: folders of runs or sweeps of one project.
        say: prints a line.

    Raises:
        ConfigError: see `build`, or there is no API key, or W&B refuses it.
    """
    tools.require_library("wandb_workspaces", "wandb-workspaces")
    to = destinations(paths)[0]
    require_key()
    title = ", ".join(path.name for path in paths)
    try:
        made = build(paths, to.entity or default_entity(), title)
        made.save()
    except ConfigError:
        raise
    except Exception as error:
        remedy = f"W&B has not made it ({files.reason(error)}), try again"
        raise refusal("dashboard", title, remedy) from error
    say(f"Dashboard: {made.url}")
