"""What is trained for each figure and table of Kong et al. 2024, in stages.

A run is named ``<game>-<arm>``, or ``<game>-<arm>-<who else plays>``.
"""

import dataclasses
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from envs.registry import GAMES as CONFIGS
from experiments.findings import Keep
from experiments.paper.book import Runs, Stage
from experiments.paper.lase.views import views
from experiments.paper.scales import Scale
from experiments.schelling.analysis import PAPER
from experiments.variants import settings
from lase_jax.algorithms import ALGORITHMS, AlgorithmConfig, Scripted
from lase_jax.algorithms.gift import Gift
from lase_jax.core.settings import changed, fitting, get
from lase_jax.nets.layers import Net
from lase_jax.presets import preset
from lase_jax.runs.config import RunConfig

GAMES = PAPER
"""The four games of Fig. 5, and of Fig. 10."""
BASELINES = ("a2c", "ia", "si", "lio")
METHODS = ("lase", "lase_wo", "go", "gift")
CONTROLS = ("gains", "shuffled", "moments", "untrained", "untrained_half", "real_policy")
ARMS = (*BASELINES, *METHODS, *CONTROLS)
"""Arms of self-play: algorithms, and LASE with other weights."""
ONLY_IN = {"gains": ("coingame",), "untrained_half": ("coingame",)}
"""Controls of single games: in the Coin Game rewards below 0 are frequent, which gifts of all
rewards hand on, and networks that never learn give twice as much as LASE."""
IN_DILEMMA = (
    *("random", "a2c", "lola", "lase", "lase_wo"),
    *("moments", "untrained", "gift", "gift_more", "go"),
)
"""Arms of Fig. 4, in the order of its table."""
GIVERS = ("lase", "gift", "shuffled", "moments", "untrained")
"""Arms that give about as much as LASE, and LASE."""
INFERRING = ("lase", "untrained")
"""LASE, and LASE of networks that never learn, where its weights are looked at."""
WITH_FREE_RIDERS = ("ssg", "cleanup")
HELPER = {"cleanup": "cleaner", "ssg": "cooperator"}
"""The scripted player that helps, by game."""
ONE_GIVES = {"ssg": 0.39, "cleanup": 0.2}
"""Share of its reward that one LASE among three A2C was measured to give, by game."""
CHANGES = {"stops": "stops helping", "begins": "begins to help"}
"""What a player that changes does half-way, by the name of its run."""
RIDERS = {"defector": "a scripted defector", "selfish": "A2C"}
"""Those who take and do not give, by the kind of a run."""
ALL_SELFISH = "{}-a2c-selfish"
"""Name of the run in a game in which nobody gives, in rollouts as those of LASE."""
CROWD = 6
"""Agents in the games in which helpfulness is graded: LASE, and one for each grade."""
GRADES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of episodes in which a co-player helps."""
EXTENDED = ("ssg_extn", "cleanup_extn")
SIZES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.4)
"""Shares of equal gifts by LASE's learner, from rollouts as LASE's."""
SENSITIVITY: dict[str, dict[str, tuple[float, ...]]] = {
    "agent": dict(
        delta=(0.0, 0.5, 1.0),
        social_every=(4, 16),
        social_lam=(0.5, 0.9, 1.0),
        epsilon_end=(0.01, 0.2),
    ),
    "game": dict(num_agents=(2, 3, 6, 8), radius=(1, 3, 7)),
}
"""Settings of LASE and of the game that are varied one by one, in Snowdrift."""

NET = Net(conv=(16, 32), dense=(128,), lstm=128)
PUBLISHED = dict(net=NET, social_width=128, perspective_width=128)
"""Networks of Kong et al. 2024, of those algorithms that have them."""
WITHOUT_MEMORY = PUBLISHED | dict(net=dataclasses.replace(NET, lstm=0))
"""The same for LIO, which differentiates through the learning of feed-forward networks only."""


def published(run: RunConfig) -> RunConfig:
    """The networks of the paper, where observations are windows."""
    if len(run.game.spec().obs_shape) != 3:
        return run
    published = WITHOUT_MEMORY if run.algo == "lio" else PUBLISHED
    return dataclasses.replace(run, agent=fitting(run.agent, published))


def self_play(*arms: str) -> Callable[[Scale], Runs]:
    """Runs of every arm in the four games."""

    def runs(scale: Scale) -> Runs:
        pairs = [(game, arm) for game in scale.of(GAMES) for arm in arms if able(arm, game)]
        return {f"{game}-{arm}": of_scale(game, arm, seeds(arm, scale)) for game, arm in pairs}

    return runs


def seeds(arm: str, scale: Scale) -> Scale:
    """The scale of an arm in self-play: half the seeds where no claim hangs on it."""
    return scale.half if arm in ("untrained", "real_policy") else scale


def able(arm: str, game: str) -> bool:
    """Whether an arm is one of its own in a game: with several co-players, or with losses."""
    if arm in ONLY_IN:
        return game in ONLY_IN[arm]
    return arm != "shuffled" or CONFIGS[game].spec().num_agents > 2


def iterated_dilemma(scale: Scale) -> Runs:
    """Runs of every arm in the IPD."""
    return {f"ipd-{arm}": of_scale("ipd", arm, scale) for arm in scale.some(IN_DILEMMA, 4)}


def of_scale(game: str, arm: str, scale: Scale) -> RunConfig:
    """A run of an algorithm or variant, of that scale."""
    return scale.fit(settings(game, arm, scale.seeds), published)


def seated(run: RunConfig, scale: Scale, names: Sequence[str], **others: Scripted) -> RunConfig:
    """A run with mixed seats.

    Args:
        run: whose agents are those on seats of its algorithm's name.
        scale: of the run.
        names: of the agents on the seats; algorithms have the game's preset settings.
        others: scripted players by names that they have on the seats.
    """

    def find(name: str) -> AlgorithmConfig:
        return (
            scale.fit(preset(run.env, name), published).agent
            if name in ALGORITHMS
            else Scripted(name)
        )

    return run.with_seats(names, find, others)


def mixed(scale: Scale, game: str, arm: str, beside: Sequence[str]) -> RunConfig:
    """A run in which agents of an arm have the first seats, and others those `beside` them.

    Rollouts are those of LASE in this game, whatever the arm: those beside learn from them, too.
    """
    if arm == "gift":
        run = equal_gifts(game, scale)
    else:
        schedule = of_scale(game, "lase", scale).schedule
        run = dataclasses.replace(of_scale(game, arm, scale), schedule=schedule)
    own = run.game.spec().num_agents - len(beside)
    return seated(run, scale, (run.algo,) * own + tuple(beside))


def equal_gifts(game: str, scale: Scale, share: float | None = None) -> RunConfig:
    """A run with equal gifts by LASE's learner, from rollouts as LASE's.

    Args:
        game: its name.
        scale: of the run.
        share: that is given; None for as much as LASE gives.
    """
    lase = of_scale(game, "lase", scale)
    agent = Gift(lase.agent.learner, as_much(game) if share is None else share)
    return dataclasses.replace(lase, algo="gift", agent=agent)


def as_much(game: str) -> float:
    """The share of its reward that LASE was measured to give in self-play."""
    return preset(game, "gift").agent.share


def adaptation(scale: Scale) -> Runs:
    """One LASE among players of a kind each, in three forms."""
    beside = ("cleaner", "defector", "random")
    arms = (*INFERRING, *scale.some(("literal",), 0))
    return {f"cleanup-{arm}-scripted": mixed(scale, "cleanup", arm, beside) for arm in arms}


def exploitation(scale: Scale) -> Runs:
    """One agent of each arm among three A2C; claim 12 is about three of them in Cleanup."""
    beside = ("a2c",) * 3

    def one(game: str, arm: str) -> RunConfig:
        decides = game == "cleanup" and arm in ("lase", "gift", "go")
        run = mixed(scale if decides else scale.half, game, arm, beside)
        own = dict(share=ONE_GIVES[game]) if arm == "gift" else {}
        return dataclasses.replace(run, agent=changed(run.agent, own))

    return {
        f"{game}-{arm}-one": one(game, arm)
        for game in scale.of(WITH_FREE_RIDERS)
        for arm in (*scale.some(GIVERS, 1), "go")
    }


def riders(kind: str, num_agents: int) -> int:
    """How many of the seats they have, the last ones."""
    return 1 if kind == "defector" else num_agents // 2


def free_riders(scale: Scale) -> Runs:
    """Agents of each arm with a scripted defector, or with selfish learners on half the seats."""
    beside = {"defector": "defector", "selfish": "a2c"}
    return {
        f"{game}-{arm}-{kind}": mixed(
            scale, game, arm, (beside[kind],) * riders(kind, CONFIGS[game].spec().num_agents)
        )
        for game in scale.of((*WITH_FREE_RIDERS, "coingame"))
        for arm in (*scale.some(GIVERS, 1), "a2c")
        if able(arm, game)
        for kind in RIDERS
    }


def changing(scale: Scale) -> Runs:
    """LASE beside a helper, a defector, and a player that changes from one into the other."""
    runs = {}
    for game in scale.of(WITH_FREE_RIDERS):
        helper = HELPER[game]
        players = {"stops": (helper, "defector"), "begins": ("defector", helper)}
        for arm, (name, (first, second)) in product(scale.some(INFERRING, 1), players.items()):
            run = of_scale(game, arm, scale)
            half = run.schedule.steps // run.game.horizon // 2
            player = Scripted(first, other=second, until=half)
            seats = ("lase", name, helper, "defector")
            runs[f"{game}-{arm}-{name}"] = seated(run, scale, seats, **{name: player})
    return runs


def graded(scale: Scale) -> Runs:
    """LASE beside players that help in a share of the episodes."""
    runs = {}
    for game in scale.of(WITH_FREE_RIDERS):
        players = {
            f"helps_{share:.0%}".rstrip("%"): Scripted(HELPER[game], "defector", share)
            for share in GRADES
        }
        for arm in scale.some(INFERRING, 1):
            run = of_scale(game, arm, scale)
            crowd = dataclasses.replace(run.game, num_agents=CROWD)
            run = dataclasses.replace(run, game=crowd)
            runs[f"{game}-{arm}-graded"] = seated(run, scale, ("lase", *players), **players)
    return runs


def pretenders(scale: Scale) -> Runs:
    """LASE beside a helper, one that only looks like it, and a defector."""
    return {
        f"{game}-{arm}-pretender": mixed(scale, game, arm, (HELPER[game], "pretender", "defector"))
        for game in scale.of(WITH_FREE_RIDERS)
        for arm in scale.some(INFERRING, 1)
    }


def extended(scale: Scale) -> Runs:
    """Eight agents on larger maps."""
    arms = scale.some(("lase", *BASELINES, "gift"), 2)
    pairs = [(game, arm) for game in scale.of(EXTENDED) for arm in arms]
    return {f"{game}-{arm}": of_scale(game, arm, scale) for game, arm in pairs}


def sized(game: str, share: float) -> str:
    """The name of a run with equal gifts of a share."""
    return f"{game}-gift-share_{share:g}"


def sizes(scale: Scale) -> Runs:
    """Equal gifts of many sizes, beside which any other gifts can be read at their own size.

    Three seeds, but all of them in the dilemma, where some cooperate and some do not.
    """
    runs = {}
    for game, share in product(("ipd", *scale.some(GAMES, 0)), scale.some(SIZES, 1)):
        of_game = scale if game == "ipd" else scale.few
        runs[sized(game, share)] = equal_gifts(game, of_game, share)
    return runs


def variations() -> list[tuple[str, float]]:
    """Fields and values of `SENSITIVITY`."""
    every = [*SENSITIVITY["agent"].items(), *SENSITIVITY["game"].items()]
    return [(field, value) for field, values in every for value in values]


def part_of(field: str) -> str:
    """Which settings of a run have a field of `SENSITIVITY`: the agent's, or the game's."""
    return "agent" if field in SENSITIVITY["agent"] else "game"


def usual(field: str) -> float:
    """The value that a field of `SENSITIVITY` has elsewhere."""
    return get(getattr(preset("ssg", "lase"), part_of(field)), field)


def varied(arm: str, field: str, value: float) -> str:
    """The name of a run of Snowdrift with one setting changed, or of that with none changed."""
    return unvaried(arm) if value == usual(field) else f"ssg-{arm}-{field}_{value:g}"


def unvaried(arm: str) -> str:
    """The name of the run beside which those with one setting changed are read."""
    return "ssg-lase" if arm == "lase" else sized("ssg", as_much("ssg"))


def sensitivity(scale: Scale) -> Runs:
    """LASE in Snowdrift with one setting changed, and equal gifts in every changed game."""
    equal = equal_gifts("ssg", scale)
    runs = {"ssg-lase_ppo": of_scale("ssg", "lase_ppo", scale), unvaried("gift"): equal}
    plain = {"lase": of_scale("ssg", "lase", scale), "gift": equal}
    for field, value in variations()[:: 1 if scale.whole else 6]:
        part = part_of(field)
        for arm in ("lase",) if part == "agent" else ("lase", "gift"):
            run = plain[arm]
            changes: Any = {part: changed(getattr(run, part), {field: value})}
            runs[varied(arm, field, value)] = dataclasses.replace(run, **changes)
    return runs


def of_self_play(name: str) -> Keep:
    """What the report shows of a run of self-play."""
    game, arm = name.split("-")
    curves = ("event/cooperations",) if game == "ipd" else ()
    if arm in ("lase", "lase_wo", "gift"):
        curves = (*curves, "gift/weight")
    if game == "cleanup" and arm in ("lase", "go"):
        cleaning = ("event/waste_cleaned", "return/extrinsic", "return/after_gifts")
        curves = (*curves, *cleaning, "gift/received")
    has_views = arm == "lase" and game != "ipd"
    return Keep(curves, views) if has_views else Keep(curves)


def of_weights(name: str) -> Keep:
    """The course of weights."""
    del name
    return Keep(("gift/weight", "relation/weight"))


def fewer(runs: Callable[[Scale], Runs]) -> Callable[[Scale], Runs]:
    """The same runs with half the seeds, for what decides no claim or takes long."""
    return lambda scale: runs(scale.half)


STAGES: dict[str, Stage] = {
    "ipd": Stage("Fig. 4: the iterated prisoner's dilemma", iterated_dilemma, of_self_play),
    "baselines": Stage("Fig. 5, Table 9: baselines", self_play(*BASELINES), of_self_play),
    "methods": Stage(
        "Figs 5 to 7, Tables 2, 8, 9: LASE, without perspective taking, GO, equal gifts",
        self_play(*METHODS),
        of_self_play,
    ),
    "controls": Stage("Controls of LASE in self-play", self_play(*CONTROLS), of_self_play),
    "sizes": Stage("Equal gifts of many sizes", sizes),
    "adaptation": Stage("Fig. 8: one LASE among scripted players", adaptation, of_weights),
    "exploitation": Stage("Fig. 9: one giver among three A2C", exploitation),
    "free_riders": Stage("Defectors and selfish learners among givers", fewer(free_riders)),
    "changing": Stage("A co-player that stops helping, or begins", fewer(changing), of_weights),
    "graded": Stage("Co-players that help now and then", fewer(graded)),
    "pretenders": Stage("A co-player that only looks helpful", fewer(pretenders)),
    "extended": Stage("Table 7: eight agents", fewer(extended)),
    "sensitivity": Stage(
        "Settings of LASE and of Snowdrift, one by one", lambda scale: sensitivity(scale.few)
    ),
}
"""Stages that train, by name, in the order in which they run."""
