"""Tables about social influence, as Markdown."""

from functools import partial
from itertools import product

from experiments.curves import fraction
from experiments.findings import Finding
from experiments.paper.book import Results, equality
from experiments.paper.cells import BLANK, collective, grid, mean, side_by_side, trained
from experiments.paper.jaques.arms import ARMS
from experiments.paper.jaques.claims import (
    LEAST,
    MOMENTS,
    PAIR,
    fair,
    judged,
    opened,
    starved,
    strongest,
    suffered,
    table_4,
)
from experiments.paper.jaques.stages import BOXES, CONDITIONS, DILEMMAS, is_full, run_of
from experiments.paper.scales import Scale
from experiments.paper.verdicts import label
from lase_jax.core import settings as fields
from lase_jax.presets.jaques import GAMES as FULL_SIZE
from lase_jax.reports import stats
from lase_jax.reports.tables import markdown


def returns(results: Results) -> str:
    """Collective return of every arm."""
    return grid(results, ARMS, judged(results), collective, "collective return")


def published(results: Results) -> str:
    """Table 4 beside ours: other maps, so that only the order can be compared."""
    rows = []
    for game in judged(results):
        theirs = table_4(game)
        for arm, number in sorted(theirs.items(), key=lambda item: item[1]):
            found = results.runs.get(f"{game}-{arm}")
            rows.append([game, label(arm), str(number), collective(found) if found else BLANK])
    return markdown(("game", "arm", "the paper, full size", "here"), rows)


def fairness(results: Results) -> str:
    """Return times equality, equality, and seeds in which an agent never eats."""

    def cell(found: Finding) -> str:
        shared, hungry = equality(found, "return/extrinsic"), starved(found)
        marked = f", {hungry.sum()} of {found.seeds} seeds" if hungry.any() else ""
        return f"{mean(fair(found))}, E {mean(shared, 2)}{marked}"

    heading = f"return x E; E; seeds in which an agent eats less than {LEAST:g} of the mean"
    return grid(results, ARMS, judged(results), cell, heading)


def boxes(results: Results) -> str:
    """Share of episodes without epsilon in which a box is opened, and the collective return."""
    rows = []
    for arm in ARMS:
        row = [label(arm)]
        for game in BOXES:
            found = results.runs.get(f"{game}-{arm}")
            row += (
                [BLANK] * 2
                if found is None
                else [
                    mean(opened(found), 2),
                    mean(found.final["return/collective"]),
                ]
            )
        rows.append(row)
    heads = [f"{game}: {what}" for game in BOXES for what in ("opened", "return")]
    return markdown(("arm", *heads), rows)


def beside_chance(found: Finding, name: str) -> str:
    """A measure as in `claims.beyond_chance`, and in brackets what chance makes of it."""
    if f"talk/{name}" not in found.played:
        return BLANK
    both = (found.played[f"talk/{name}{end}"] for end in ("", "_shuffled"))
    over = partial(stats.mean, axis=-1) if name == "consistency" else strongest
    true, chance = (fraction(over(values).mean(), 3) for values in both)
    return f"{true} ({chance})"


def measures(results: Results) -> str:
    """Speaker consistency, instantaneous coordination and influence, of the strongest pair."""
    rows = []
    both = product(("symbol_action", "action_action"), ("", "_influential"))
    names = ("consistency", *(f"{what}{when}" for what, when in both))
    for game in judged(results):
        for arm, what in ARMS.items():
            found = results.runs.get(f"{game}-{arm}")
            if found is None or not what.algo.startswith("si"):
                continue
            moments = found.played.get(MOMENTS)
            cells = [
                *(beside_chance(found, name) for name in names),
                mean(strongest(found.final[PAIR]), 4),
                BLANK if moments is None else mean(moments, 2),
            ]
            rows.append([game, label(arm), *cells])
    heads = (
        *("game", "arm", "speaker consistency", "symbol, next action", "at moments"),
        *("action, next action", "at moments", "influence", "steps at or above its mean"),
    )
    return markdown(heads, rows)


def conditions(results: Results) -> str:
    """Influence suffered and own return in every condition."""
    rows, games = [], judged(results)
    for weight, alpha in CONDITIONS:
        row = [f"{weight:g}", f"{alpha:g}"]
        for game in games:
            found = results.runs.get(f"{game}-comm-weight_{weight:g}-alpha_{alpha:g}")
            row += (
                [BLANK] * 2
                if found is None
                else [
                    mean(suffered(found), 4),
                    mean(found.final["return/extrinsic"].mean(-1), 2),
                ]
            )
        rows.append(row)
    heads = [f"{game}: {what}" for game in games for what in ("influence", "own return")]
    return markdown(("weight", "alpha", *heads), rows)


def full_size(results: Results) -> str:
    """Collective return on the paper's maps."""
    return grid(results, ARMS, FULL_SIZE, collective, "collective return")


def settings(scale: Scale) -> list[str]:
    """What the arms have of their own, and the actor-critic's settings."""
    games = (*BOXES, *DILEMMAS, *(FULL_SIZE if is_full(scale) else ()))
    own = {
        game: {
            f"{arm}.{field}": value
            for arm, what in ARMS.items()
            if not what.tuned and arm != "a2c"
            for field, value in fields.items(run_of(game, arm, scale).agent)
            if field in ("weight", "alpha", "beta", "eta", "influencers", "vocabulary")
        }
        for game in games
    }
    return [
        "What arms have of their own:\n",
        side_by_side(own),
        "What all arms share:\n",
        side_by_side({game: trained(run_of(game, "a2c", scale)) for game in games}),
    ]
