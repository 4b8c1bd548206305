"""Tables about LIO, as Markdown."""

import numpy as np

from experiments.findings import Finding
from experiments.paper.book import Results
from experiments.paper.cells import collective, grid, mean, side_by_side, trained
from experiments.paper.lio.measures import RECIPIENTS
from experiments.paper.lio.stages import ARMS, DILEMMAS, MAPS, ROOMS, run_of
from experiments.paper.scales import SCALES
from lase_jax.reports import stats


def returns(results: Results) -> str:
    """Collective return of every arm, and without epsilon, which costs much in short episodes."""

    def cell(found: Finding) -> str:
        return f"{collective(found)}; {mean(found.played['return/collective'])}"

    heading = "collective return; without epsilon"
    return grid(results, ARMS, (*ROOMS, *DILEMMAS, *MAPS), cell, heading)


def incentives(results: Results) -> str:
    """What is paid per episode, and net in steps with and without a deed that helps.

    LIO sees the deed that it pays for; who gives by an act of its own gives in the same step.
    """

    def cell(found: Finding) -> str:
        paid = np.nansum(found.final["incentive/paid"], axis=(-2, -1))
        cases = (stats.mean(found.played[f"paid/{case}"], (0, 1)) for case in ("deed", "else"))
        return f"{mean(paid)}; " + " / ".join(f"{value:.3f}" for value in cases)

    arms = [arm for arm, what in ARMS.items() if what.algo in ("lio", "giving")]
    heading = "paid per episode; net in a step with / without a deed"
    return grid(results, arms, (*ROOMS, *DILEMMAS, *MAPS), cell, heading)


def recipients(results: Results) -> str:
    """What trained agents of LIO would pay per step to scripted players on all seats."""

    def cell(found: Finding) -> str:
        return " / ".join(
            mean(stats.mean(found.played[f"paid/{name}"], -1), 3) for name in RECIPIENTS
        )

    arms = ("lio_published", "lio")
    heading = "paid to cooperators / defectors per step"
    return grid(results, arms, (*ROOMS, *DILEMMAS, *MAPS), cell, heading)


def settings() -> list[str]:
    """Settings of LIO by its authors and of ours."""
    columns = {}
    for game in (*ROOMS, *DILEMMAS, *MAPS):
        for arm in ("lio_published", "lio"):
            columns[f"{game}, {arm}"] = trained(run_of(game, arm, SCALES["cpu"]))
    return ["LIO as its authors have it, and as `make train` starts it:\n", side_by_side(columns)]
