"""The report: claims and verdicts, figures and tables, from what is kept alone.

Written as Markdown and as one HTML file that needs no network.
"""

import base64
import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from envs.registry import GAMES as CONFIGS
from experiments import study
from experiments.curves import fraction
from experiments.paper import figures, tables
from experiments.paper.claims import (
    Claim,
    MissingError,
    Results,
    Verdict,
    judge_all,
    label,
    read,
)
from experiments.paper.scales import SEED, Scale
from experiments.paper.stages import EXTENDED, GAMES, STAGES
from experiments.presets import preset
from experiments.schelling import analysis as schelling
from experiments.theory import analysis as theory
from lase_jax.core import settings
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import to_json
from lase_jax.runs.earlier import TAG

COMMITTED = Path(__file__).parent.parent / "REPORT.md"
"""The report of the scale "cpu"; those of other scales lie beside their findings."""
ANALYSES = {"theory": theory, "schelling": schelling}
"""Studies that train nothing."""

SHOWN: Mapping[int, tuple[tuple[str, ...], Callable[[Results], str] | None]] = {
    1: (("fig4",), tables.iterated_dilemma),
    2: (("theory/plane",), None),
    3: (("fig5", "controls"), tables.self_play),
    9: ((), tables.equality),
    10: (("fig6_7",), None),
    11: (("fig8",), None),
    12: (("fig9",), tables.one_giver),
    13: ((), tables.weights),
    14: ((), tables.uncertainty),
    15: ((), tables.extended),
    16: (("schelling/diagrams",), None),
}
"""Figures and table below a claim, by its number."""
FURTHER: Mapping[str, tuple[str, str, Callable[[Results], str]]] = {
    "Free riders, and the price of being exploited (questions 19 and 24)": (
        "Does inference keep gifts from those who do not help? Gifts to free riders: their share "
        "of all that is given. What a giver pays them is the price; the gain is the collective "
        "return beside that of the last row of each case, in which nobody gives.",
        "free_riders",
        tables.free_riders,
    ),
    "A co-player that changes (question 21)": (
        "LASE beside a helper, a defector, and a player that stops or begins to help in the middle "
        "of training: episodes until half of the change of its weight has come.",
        "changing",
        tables.changing,
    ),
    "Graded helpfulness (question 22)": (
        "LASE beside five players that help in a share of the episodes: is its weight to them in "
        "the order of their help? The weights of networks that never learn stand beside.",
        "graded",
        tables.graded,
    ),
    "Looking helpful (question 23)": (
        "LASE beside a helper, a defector, and a player that goes where the helper goes and does "
        "nothing there.",
        "",
        tables.pretenders,
    ),
    "How well co-players are foreseen": (
        "Cross-entropy in nats of pi_SR on the agent's own observations and of co-players' actions "
        "on imagined views, beside that of a uniform guess.",
        "",
        tables.calibration,
    ),
    "Settings, one by one": (
        "Snowdrift with one setting of LASE or of the game changed; equal gifts beside, where the "
        "game is.",
        "sensitivity",
        tables.sensitivity,
    ),
}
"""What neither paper asks, by title: the question, its figure and its table."""


def folder_of(name: str, scale: Scale, out: Path) -> Path:
    """Where the analysis "theory" or "schelling" keeps what it found at a scale."""
    committed = ANALYSES[name].HERE
    return committed if scale.name == "cpu" else scale.home(out) / name


def collect(scale: Scale, out: Path) -> Results:
    """All that is kept of a scale.

    Raises:
        ConfigError: a finding is of other settings than today's.
    """
    kept, runs = scale.kept(out), {}
    for stage in STAGES.values():
        runs |= study.load(stage.runs(scale), kept)
    numbers = []
    for name in ANALYSES:
        file = folder_of(name, scale, out) / "results.json"
        numbers.append(json.loads(file.read_text()) if file.is_file() else {})
    return Results(runs, *numbers)


def write(scale: Scale, out: Path) -> None:
    """Draws the figures and writes the report as Markdown and HTML."""
    results, home, target = collect(scale, out), scale.home(out), place_of(scale, out)
    home.mkdir(parents=True, exist_ok=True)
    for name, draw in figures.FIGURES.items():
        with contextlib.suppress(MissingError):  # runs that it needs are not kept
            files.replace(home / f"{name}.png", partial(draw, results))
    verdicts = judge_all(results)
    text = compose(results, verdicts, scale, images(scale, out))
    files.write(target, text)
    files.write(target.with_suffix(".html"), html(text, target.parent))
    print(f"{target}: {summary_line(verdicts)}")


def place_of(scale: Scale, out: Path) -> Path:
    """Where the report lies."""
    return COMMITTED if scale.name == "cpu" else scale.home(out) / "REPORT.md"


def images(scale: Scale, out: Path) -> dict[str, str]:
    """The figures that have been drawn, by name: their paths from the report."""
    drawn = {name: scale.home(out) / f"{name}.png" for name in figures.FIGURES} | {
        f"{name}/{figure}": folder_of(name, scale, out) / f"{figure}.png"
        for name, figure in (("theory", "plane"), ("schelling", "diagrams"))
    }
    start = place_of(scale, out).parent
    return {
        name: Path(os.path.relpath(path, start)).as_posix()
        for name, path in drawn.items()
        if path.is_file()
    }


def summary_line(verdicts: Mapping[int, Verdict]) -> str:
    """How many claims got which verdict."""
    words = [verdict.word for verdict in verdicts.values()]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def compose(
    results: Results, verdicts: Mapping[int, Verdict], scale: Scale, images: Mapping[str, str]
) -> str:
    """The whole report as Markdown.

    Args:
        results: what is kept.
        verdicts: on every claim, see `claims.judge_all`.
        scale: of the runs.
        images: paths of the figures by name, relative to the report.
    """
    claims = read()
    parts = [
        "# LASE, judged\n",
        opening(results, scale),
        "## Verdicts\n",
        overview(claims, verdicts),
        "## Claim by claim\n",
    ]
    for number, claim in claims.items():
        parts.append(section(claim, verdicts[number]))
        pictures, table = SHOWN.get(number, ((), None))
        parts += [picture(name, images) for name in pictures if name in images]
        if table is not None:
            parts.append(table(results))
    parts.append("## What neither paper asks\n")
    for title, (question, name, table) in FURTHER.items():
        parts += [f"### {title}\n", f"{question}\n", table(results)]
        if name in images:
            parts.append(picture(name, images))
    parts += ["## Settings\n", *setting_tables(), "## Runs\n", cost(results, scale)]
    return "\n".join(parts)


def opening(results: Results, scale: Scale) -> str:
    """What this is, and from which runs."""
    facts = [found.facts for found in results.runs.values()]
    dates = sorted({fact["date"] for fact in facts})
    devices = sorted({fact["device"] for fact in facts})
    when = f", made {dates[0]} to {dates[-1]} on {', '.join(devices)}" if facts else ""
    return (
        "Each claim of Kong et al. 2024 (LASE) with its rule, which `CLAIMS.md` fixed before the "
        "runs, what was found, and what of the effect remains beside controls that give as much "
        f'without inferring anything. Scale "{scale.name}": {len(facts)} runs, seeds from '
        f"{SEED} on{when}. `make paper SCALE={scale.name}` makes all of it.\n\n"
        "Numbers are means over the last tenth of training with 95 % bootstrap intervals; P is the "
        "probability that a seed of the first is above one of the second, IQM the inter-quartile "
        "mean.\n"
    )


def overview(claims: Mapping[int, Claim], verdicts: Mapping[int, Verdict]) -> str:
    """A row for each claim."""
    rows = [
        [number, claim.place, claim.claim, f"**{verdicts[number].word}**"]
        + [verdicts[number].inference or "-"]
        for number, claim in claims.items()
    ]
    return markdown(("#", "place", "claim", "verdict", "beside controls"), rows)


def section(claim: Claim, found: Verdict) -> str:
    """A claim, its rule, what was found, and the verdict."""
    lines = [
        f"### {claim.number}. {claim.place}: {found.word}\n",
        f"**Claim.** {claim.claim}\n",
        f"**Rule.** {claim.rule}\n",
        "**Found.**\n",
        *(f"- {part.outcome}: {part.found}" for part in found.parts),
        *(f"- LASE above {label(arm)}: P = {chance}" for arm, chance in found.controls.items()),
        *([f"- {found.lacks}"] if found.lacks else []),
    ]
    if found.inference:
        lines.append(f"\nBeside its controls the effect: {found.inference}.")
    return "\n".join(lines) + "\n"


def picture(name: str, images: Mapping[str, str]) -> str:
    """A figure in Markdown."""
    return f"![{name}]({images[name]})\n"


def setting_tables() -> list[str]:
    """Tables 4 to 6: settings of the games, and of LASE in them."""
    games = (*GAMES, *EXTENDED)
    runs = {game: preset(game, "lase") for game in games}
    trained = {
        game: vars(run.schedule) | dict(settings.items(run.agent)) for game, run in runs.items()
    }
    return [
        "Games (the paper's Tables 4 and 6):\n",
        side_by_side({game: vars(CONFIGS[game]) for game in games}),
        "LASE and its budget (Table 5), as `make train` starts it:\n",
        side_by_side(trained),
    ]


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
    return fraction(None) if plain is None else str(plain)


def cost(results: Results, scale: Scale) -> str:
    """Runs, seeds, steps and time of every stage."""
    rows = []
    for name, stage in STAGES.items():
        planned = stage.runs(scale)
        made = [results.runs[run] for run in planned if run in results.runs]
        taken = sum(found.facts["minutes"] or 0.0 for found in made)
        steps = sum(found.facts["env_steps"] * found.seeds for found in made)
        seeds = "-".join(sorted({str(found.seeds) for found in made})) or fraction(None)
        rows.append([name, stage.title, f"{len(made)} of {len(planned)}", seeds])
        rows[-1] += [f"{steps / 1e6:,.1f}M", f"{taken:,.0f}"]
    return markdown(("stage", "what for", "runs", "seeds", "steps of all seeds", "minutes"), rows)


STYLE = """
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #292524;
  font: 16px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { border: 1px solid #d6d3d1; padding: 0.25rem 0.5rem; text-align: left;
  vertical-align: top; }
th { background: #f5f5f4; }
img { max-width: 100%; }
"""


def html(text: str, folder: Path) -> str:
    """The report as one HTML file, with its figures inside.

    Args:
        text: the report as Markdown.
        folder: that its figures' paths are relative to.
    """
    body = MarkdownIt("commonmark").enable("table").render(text)

    def embedded(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="([^"]+\.png)"', embedded, body)
    head = f'<meta charset="utf-8"><title>LASE, judged</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}</body></html>\n'
