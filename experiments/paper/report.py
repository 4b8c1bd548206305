"""The report: claims and verdicts, figures and tables, from what is kept alone.

Written as Markdown and as one HTML file that needs no network.
"""

import base64
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt

from experiments import places
from experiments.curves import fraction
from experiments.paper.book import SUMMARY, Paper, Results, Table
from experiments.paper.scales import SEED, Scale
from experiments.paper.verdicts import Claim, MissingError, Verdict, label
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

README = Path(__file__).parent.parent.parent / "README.md"


def write(paper: Paper, scale: Scale, out: Path) -> None:
    """Draws the figures and writes the report as Markdown and HTML, and its front in README."""
    results, home, target = (
        paper.collect(scale, out),
        paper.home(scale, out),
        paper.place(scale, out),
    )
    home.mkdir(parents=True, exist_ok=True)
    for name, draw in paper.figures.items():
        try:
            files.replace(home / f"{name}.png", partial(draw, results))
        except MissingError:  # runs that it needs are not kept, nor is a figure of earlier ones
            (home / f"{name}.png").unlink(missing_ok=True)
    verdicts = paper.judge_all(results)
    text = compose(paper, results, verdicts, scale, images(paper, scale, out))
    files.write(target, text)
    files.write(target.with_suffix(".html"), html(paper.title, text, target.parent))
    if scale.committed and paper.front is not None:
        with suppress(MissingError):  # what it needs is not kept
            places.fill(f"report {paper.name}", paper.front(results), README)
    print(f"{target}: {summary_line(verdicts)}")


def images(paper: Paper, scale: Scale, out: Path) -> dict[str, str]:
    """The figures that have been drawn, by name: their paths from the report."""
    home, start = paper.home(scale, out), paper.place(scale, out).parent
    drawn = {name: home / f"{name}.png" for name in paper.figures} | {
        f"{name}/{each.figure}": paper.folder_of(name, scale, out) / f"{each.figure}.png"
        for name, each in paper.analyses.items()
    }
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
    paper: Paper,
    results: Results,
    verdicts: Mapping[int, Verdict],
    scale: Scale,
    images: Mapping[str, str],
) -> str:
    """The whole report as Markdown.

    Args:
        paper: that is judged.
        results: what is kept.
        verdicts: on every claim, see `Paper.judge_all`.
        scale: of the runs.
        images: paths of the figures by name, relative to the report.
    """
    parts = [
        f"# {paper.title}\n",
        opening(paper, results, scale),
        *short(paper, results, images),
        "## Verdicts\n",
        overview(paper, verdicts),
        "## Claim by claim\n",
    ]
    for number, claim in paper.claims.items():
        parts.append(section(paper, claim, verdicts[number]))
        if number in paper.shown:
            figures, table, note = paper.shown[number]
            parts += [f"{note}\n"] if note and not verdicts[number].lacks else []
            parts += [picture(name, images) for name in figures if name in images]
            parts += [tabled(table, results)] if table else []
    if paper.questions:
        parts.append("## What the paper does not ask\n")
    for title, (question, name, table, found) in paper.questions.items():
        parts += [f"### {title}\n", f"{question}\n"]
        parts += [f"**Found.** {tabled(found, results)}\n"] if found else []
        parts.append(tabled(table, results))
        if name in images:
            parts.append(picture(name, images))
    parts += ["## Settings\n", *paper.settings(scale), "## Runs\n", cost(paper, results, scale)]
    return "\n".join(parts)


def tabled(table: Table, results: Results) -> str:
    """A table, or another text of the results; or what it lacks."""
    try:
        return table(results)
    except MissingError as error:
        return f"{error} is not kept.\n"


def opening(paper: Paper, results: Results, scale: Scale) -> str:
    """What this is, and from which runs."""
    facts = [found.facts for found in results.runs.values()]
    dates = sorted({fact["date"] for fact in facts})
    devices = sorted({fact["device"] for fact in facts})
    days = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if facts else ""
    when = f", made {days} on {', '.join(devices)}" if facts else ""
    return (
        f"Each claim of {paper.source} with its rule, which `CLAIMS.md` fixed before the "
        "runs (what changed later is dated there), what was found, and what of the effect remains "
        "beside controls that "
        f'{paper.control}. Scale "{scale.name}": {len(facts)} runs, seeds from '
        f"{SEED} on{when}. `make paper PAPER={paper.name} SCALE={scale.name}` makes all of it.\n\n"
        "Numbers are means over the last tenth of training with 95 % bootstrap intervals; P is the "
        "probability that a seed of the first is above one of the second, IQM the inter-quartile "
        "mean.\n"
    )


def short(paper: Paper, results: Results, images: Mapping[str, str]) -> list[str]:
    """The paper's summary and its figure; nothing where what it needs is not kept."""
    if paper.summary is None:
        return []
    try:
        text = paper.summary(results)
    except MissingError:
        return []
    return ["## In short\n", text, *([picture(SUMMARY, images)] if SUMMARY in images else [])]


def overview(paper: Paper, verdicts: Mapping[int, Verdict]) -> str:
    """A row for each claim."""
    rows = [
        [number, claim.place, claim.claim, f"**{verdicts[number].word}**"]
        + [verdicts[number].cause(paper.mechanism) or fraction(None)]
        for number, claim in paper.claims.items()
    ]
    return markdown(("#", "place", "claim", "verdict", "beside controls"), rows)


def section(paper: Paper, claim: Claim, found: Verdict) -> str:
    """A claim, its rule, what was found, and the verdict."""
    lines = [
        f"### {claim.number}. {claim.place}: {found.word}\n",
        f"**Claim.** {claim.claim}\n",
        f"**Rule.** {claim.rule}\n",
        "**Found.**\n",
        *(f"- {part.outcome}: {part.found}" for part in found.parts),
        *(
            f"- {label(arm)} is not kept."
            if np.isnan(chance.value)
            else f"- {paper.method} above {label(arm)} in {found.measure}: P = {chance}"
            + (f", by {found.gaps[arm]}" if arm in found.gaps else "")
            for arm, chance in found.controls.items()
        ),
        *([f"- {found.lacks}"] if found.lacks else []),
    ]
    cause = found.cause(paper.mechanism)
    if cause:
        lines.append(f"\nBeside its controls the effect: {cause}.")
    return "\n".join(lines) + "\n"


def picture(name: str, images: Mapping[str, str]) -> str:
    """A figure in Markdown."""
    return f"![{name}]({images[name]})\n"


def cost(paper: Paper, results: Results, scale: Scale) -> str:
    """Runs, seeds, steps and time of every stage."""
    rows = []
    for name, stage in paper.stages.items():
        planned = stage.runs(scale)
        made = [results.runs[run] for run in planned if run in results.runs]
        taken = sum(found.facts["minutes"] or 0.0 for found in made)
        steps = sum(found.facts["env_steps"] * found.seeds for found in made)
        seeds = " or ".join(map(str, sorted({found.seeds for found in made}))) or fraction(None)
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


def html(title: str, text: str, folder: Path) -> str:
    """The report as one HTML file, with its figures inside.

    Args:
        title: of the page.
        text: the report as Markdown.
        folder: that its figures' paths are relative to.
    """
    body = MarkdownIt("commonmark").enable("table").render(text)

    def embedded(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="([^"]+\.png)"', embedded, body)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}</body></html>\n'
