"""Tables about LIO, as Markdown."""

import numpy as np

from experiments.findings import Finding
from experiments.paper.book import Results
from experiments.paper.cells import collective, grid, mean, side_by_side, trained
from experiments.paper.lio.measures import RECIPIENTS
from experiments.paper.lio.stages import ARMS, DILEMMAS, MAPS, ROOMS, run_of
from experiments.paper.scales import Scale
from lase_jax.reports import stats


def returns(results: Results) -> str:
    """Collective return of every arm, and without epsilon, which costs much in short episodes."""

    def cell(found: Finding) -> str:
        return f"{collective(found)}; {mean(found.played['return/collective'])}"

    heading = "collective return; without epsilon"
    return grid(results, ARMS, (*ROOMS, *DILEMMAS, *MAPS), cell, heading)


def incentives(results: Results) -> str:
    """What is paid per episode, and how much more, net, in a step with a deed that helps."""

    def cell(found: Finding) -> str:
        paid = np.nansum(found.final["incentive/paid"], axis=(-2, -1))
        more = stats.mean(found.played["paid/deed"] - found.played["paid/else"], -1)
        return f"{mean(paid)}; {mean(more, 3)}"

    arms = [arm for arm, what in ARMS.items() if what.algo in ("lio", "giving")]
    heading = "paid per episode; net, by how much more in a step with a deed"
    return grid(results, arms, (*ROOMS, *DILEMMAS, *MAPS), cell, heading)


def recipients(results: Results) -> str:
    """What trained agents of LIO pay per step to a scripted player among them."""

    def cell(found: Finding) -> str:
        return " / ".join(
            mean(stats.mean(found.played[f"paid/{name}"], -1), 3) for name in RECIPIENTS
        )

    arms = ("lio_published", "lio")
    heading = "paid to a helper / to a defector per step"
    return grid(results, arms, (*ROOMS, *DILEMMAS, *MAPS), cell, heading)


def settings(scale: Scale) -> list[str]:
    """Settings of LIO by its authors and of ours."""
    columns = {}
    for game in (*ROOMS, *DILEMMAS, *MAPS):
        for arm in ("lio_published", "lio"):
            columns[f"{game}, {arm}"] = trained(run_of(game, arm, scale))
    return ["LIO as its authors have it, and as `make train` starts it:\n", side_by_side(columns)]
