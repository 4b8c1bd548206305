"""What is trained for each figure of Yang et al. 2020 (LIO), in stages.

A run is named ``<game>-<arm>``.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from envs.registry import GAMES as CONFIGS
from experiments.findings import Keep
from experiments.paper.book import Runs, Stage
from experiments.paper.lio.measures import measure
from experiments.paper.scales import Scale
from experiments.variants import VARIANTS
from lase_jax.algorithms import AlgorithmConfig
from lase_jax.core.settings import changed, items
from lase_jax.presets import preset
from lase_jax.runs.config import RunConfig

ROOMS = ("escape_room", "escape_room_3")
DILEMMAS = ("ipd",)
MAPS = ("cleanup_7x7", "cleanup_10x10")


class Arm(NamedTuple):
    """An algorithm and its settings."""

    algo: str
    own: Mapping[str, Any] = {}
    published: bool = False
    """Whether all its settings are its authors'."""
    tuned: str = ""
    """The arm whose tuned settings it has; "" for its own."""
    elsewhere: Mapping[str, Any] = {}
    """Further settings of games other than `MAPS`."""
    games: tuple[str, ...] = ()
    """Those in which it plays; () for all."""


GIVING = dict(amount=2.0, price=1e-4)
"""The authors' baselines with reward-giving actions: what they give, and what that costs them."""
AT_ONCE = GIVING | dict(gift_entropy=0.01)
"""All or nothing, with the bonus for entropy that actions have."""
SEEN = GIVING | dict(levels=10, see_actions=True, gift_entropy=0.0)
"""Any amount, for actions that are seen; the authors have no bonus for the entropy of gifts."""
ARMS: Mapping[str, Arm] = {
    "a2c": Arm("a2c"),
    "giving_d": Arm("giving", AT_ONCE),
    "zero_sum": Arm("giving", AT_ONCE | dict(price=1.0), tuned="giving_d"),
    "giving_c": Arm("giving", SEEN, elsewhere=dict(price=1.0)),
    "ia": Arm("ia", dict(trace=0.95), games=MAPS),
    "go": Arm("go", games=(*ROOMS, *MAPS)),
    "lio": Arm("lio"),
    "lio_published": Arm("lio", published=True),
    "lio_models": Arm("lio", dict(opponents="learned"), published=True, games=ROOMS),
    "lio_unpaid": Arm("lio", VARIANTS["lio_unpaid"].own, tuned="lio"),
}
"""By name. LIO with incentives close to zero is a control, as its learner is not the others'; GO is
the bound that one learner of all actions would have."""
DECIDES_NOTHING = ("go", "lio_models")
"""Arms that no claim is about."""
TUNED: Mapping[tuple[str, str], dict[str, Any]] = {}
"""Settings by game and arm on the maps, found by `tune`; elsewhere they are those of the game."""
FEW = ("a2c", "giving_c", "lio", "lio_published")
"""Arms of the check that everything works."""


def settings(game: str, arm: str, **own: Any) -> RunConfig:
    """An arm's settings; the dilemma has the authors' payoffs and length.

    Args:
        game: its name.
        arm: one of `ARMS`.
        own: further settings of the algorithm.
    """
    algo, defining, published, tuned, elsewhere, _ = ARMS[arm]
    theirs = preset(game, "lio", "published")
    run = theirs if published else preset(game, algo)
    if game in DILEMMAS:
        schedule = dataclasses.replace(run.schedule, rollout_length=0)  # whole episodes
        agent = run.agent if published else for_shorter(run, theirs.game.horizon)
        run = dataclasses.replace(run, game=theirs.game, schedule=schedule, agent=agent)
    best = {} if published else TUNED.get((game, tuned or arm), {})
    defining = {**defining, **({} if game in MAPS else elsewhere)}
    return dataclasses.replace(run, agent=changed(run.agent, defining | best | own))


def run_of(game: str, arm: str, scale: Scale) -> RunConfig:
    """A run of an arm, of that scale.

    What decides no claim has half the seeds, and so has LIO by its authors' settings on the maps,
    whose updates of one episode take hours.
    """
    half = game in MAPS and (ARMS[arm].published or arm == "zero_sum") or arm in DECIDES_NOTHING
    return (scale.half if half else scale).fit(settings(game, arm))


def for_shorter(run: RunConfig, horizon: int) -> AlgorithmConfig:
    """An agent whose settings that count episodes are for episodes of `horizon` steps."""
    times = run.game.horizon // horizon
    counts = ("epsilon_episodes", "entropy_episodes", "lr_episodes")
    own = {name: value for name, value in items(run.agent) if name in counts}
    return changed(run.agent, {name: value * times for name, value in own.items()})


def all_arms(*games: str) -> Callable[[Scale], Runs]:
    """Runs of all arms in some games."""

    def runs(scale: Scale) -> Runs:
        return {
            f"{game}-{arm}": run_of(game, arm, scale)
            for game in scale.some(games, 1)
            for arm in (ARMS if scale.whole else FEW)
            if game in (ARMS[arm].games or (game,))
        }

    return runs


def kept(name: str) -> Keep:
    """What the report shows of a run."""
    game, arm = name.split("-")
    events = CONFIGS[game].spec().helps
    algo, curves = ARMS[arm].algo, tuple(f"event/{event}" for event in events)
    if algo not in ("lio", "giving"):
        return Keep(curves)
    paid = ("incentive/paid", "incentive/deed", "incentive/else")
    return Keep((*curves, *paid), partial(measure, gives=algo == "giving"))


STAGES: dict[str, Stage] = {
    "rooms": Stage("The Escape Room of two and three", all_arms(*ROOMS), kept),
    "dilemma": Stage("The iterated prisoner's dilemma of five steps", all_arms(*DILEMMAS), kept),
    "maps": Stage("Cleanup on the authors' two maps", all_arms(*MAPS), kept),
}
"""Stages that train, by name, in the order in which they run."""
