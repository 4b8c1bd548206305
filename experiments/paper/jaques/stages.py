"""What is trained for each figure and table of Jaques et al. 2019, in stages.

A run is named ``<game>-<arm>``, with its settings behind where these vary.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import product

from experiments.findings import Keep
from experiments.paper.book import Runs, Stage
from experiments.paper.jaques.arms import ARMS, full, small
from experiments.paper.jaques.measures import measure
from experiments.paper.scales import Scale
from lase_jax.core.settings import changed
from lase_jax.presets.jaques import GAMES as FULL_SIZE
from lase_jax.runs.config import RunConfig

BOXES = ("box_trapped", "box_ring")
DILEMMAS = ("cleanup_small", "harvest_small")
"""Small maps with turning agents: Cleanup and Harvest that two cores can learn."""
SPURIOUS = ("harvest_small", "harvest_ssd")
"""Where the group earns more if an agent does not learn to eat, so that such seeds do not count."""
CONDITIONS = tuple(product((0.1, 0.3, 1.0, 3.0, 10.0), (0.2, 1.0)))
"""Weight of influence and of reward for symbols, over which being influenced and the own return are
correlated. Only the ratio of the two counts for normalised advantages, so that it is never the same
twice, and that no weight of reward is 0, where the weight of influence would not matter."""
OF_FULL_SIZE = ("a2c", "moa", "moa_influence")
"""Arms that are trained on the paper's maps at a scale for two cores."""
FEW = ("a2c", "comm", "moa_influence")
"""Arms of the check that everything works."""
IN_TIME = ("return/extrinsic", "event/apples")
"""What the figures about Cleanup and Harvest show besides."""


def run_of(game: str, arm: str, scale: Scale, **own: float) -> RunConfig:
    """A run of an arm, of that scale: in the paper's games at scale "full" with its settings."""

    def published(run: RunConfig) -> RunConfig:
        if game not in FULL_SIZE:
            return run
        theirs = full(game, arm)
        return dataclasses.replace(theirs, agent=changed(theirs.agent, own))

    return scale.fit(small(game, arm, **own), published)


def all_arms(*games: str) -> Callable[[Scale], Runs]:
    """Runs of all arms in some games."""

    def runs(scale: Scale) -> Runs:
        return {
            f"{game}-{arm}": run_of(game, arm, scale)
            for game in scale.of(games)
            for arm in (ARMS if scale.whole else FEW)
        }

    return runs


def conditions(scale: Scale) -> Runs:
    """Influential communication with weights of influence and reward that vary, few seeds each."""
    return {
        f"{game}-comm-weight_{weight:g}-alpha_{alpha:g}": run_of(
            game, "comm", scale.few, weight=weight, alpha=alpha
        )
        for game in scale.of(FULL_SIZE if is_full(scale) else DILEMMAS)
        for weight, alpha in scale.some(CONDITIONS, 1)
    }


def full_size(scale: Scale) -> Runs:
    """The paper's games: all arms at scale "full", else our settings, a small budget, few arms.

    Of two seeds then, as a step of these games takes twenty times as long as one of the small maps.
    """
    size = scale.half if is_full(scale) else dataclasses.replace(scale, seeds=2)
    arms = ARMS if is_full(scale) else scale.some(OF_FULL_SIZE, 1)
    return {
        f"{game}-{arm}": run_of(game, arm, size) for game in scale.of(FULL_SIZE) for arm in arms
    }


def is_full(scale: Scale) -> bool:
    """Whether the paper's games are trained as the paper trained them."""
    return scale.name == "full"


def kept(name: str) -> Keep:
    """What the report shows of a run."""
    game, arm = name.split("-")[:2]
    influences = ARMS[arm].algo.startswith("si")
    curves = IN_TIME if game in (*DILEMMAS, *FULL_SIZE) else ()
    if influences or game in BOXES:
        return Keep(curves, partial(measure, game=game, influences=influences))
    return Keep(curves)


STAGES: dict[str, Stage] = {
    "boxes": Stage("Figs 12 and 13: Box Trapped, and a ring of boxes", all_arms(*BOXES), kept),
    **{game: Stage(f"All arms in {game}", all_arms(game), kept) for game in DILEMMAS},
    "conditions": Stage("Being influenced and own return, over conditions", conditions, kept),
    "full_size": Stage("The paper's games at full size", full_size, kept),
}
"""Stages that train, by name, in the order in which they run."""
