"""The settings behind ``make train ENV=... ALGO=...``: what options start from.

Within a game all algorithms get the same budget and the same settings of their actor-critic, so
that what differs between them is their opinion about rewards; but LIO and LOLA, which differentiate
through learning, have steps of their own. The control's share is what LASE gave away there on
average. How the settings were found stands in ``experiments/LOG.md``.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from envs import checks
from experiments import jaques
from lase_jax.algorithms.lio import Lio
from lase_jax.config import RunConfig, default
from lase_jax.nets import Net
from lase_jax.relations import SocialConfig
from lase_jax.train import Schedule


@dataclass(frozen=True)
class Settings:
    """What a game asks of every algorithm."""

    schedule: Schedule = Schedule()
    """Budget and batch."""
    learner: dict[str, Any] = field(default_factory=dict)
    """Fields of the actor-critic, for all algorithms alike."""
    social: dict[str, Any] = field(default_factory=dict)
    """Further fields of those that infer relationships."""
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further fields of single algorithms, by their names."""


LIO = dict(
    lr=1e-3,
    optimiser="adam",
    normalise=True,
    incentive_episodes=8,
    max_incentive=0.1,
    cost=1e-4,
)
"""LIO on the grid games: Adam and normalised advantages, incentives that learn from 8 episodes and
are small beside what the games pay. With the authors' R_max of 2 agents live on incentives and
leave the game alone; with a cost of 1e-2 they stop paying before they learn what it is worth."""

STAG_HUNT = Settings(
    Schedule(steps=8_000_000, num_envs=32),
    dict(
        gamma=0.99,
        lam=0.95,
        entropy=0.01,
        normalise=False,
        epsilon_end=0.01,
        epsilon_episodes=60_000,
    ),
    dict(social_gamma=0.99, social_episodes=8),
    own=dict(gift=dict(share=0.07), ia=dict(beta=0.2), si=dict(weight=2.521), lio=LIO),
)
ESCAPE_ROOM = Settings(
    Schedule(steps=1_000_000),
    dict(
        gamma=0.99,
        entropy=0.01,
        epsilon_end=0.1,
        epsilon_episodes=16_000,
        net=Net(dense=(64, 32), incentive=32),
    ),
    dict(social_gamma=0.99),
    own=dict(lio=dict(baseline=False, lr=1e-3, incentive_lr=3e-3)),
)
"""Policies, entropy, epsilon and R_max as in the authors' code of LIO, whose updates are of single
episodes; step sizes ours, for updates of 16 episodes."""
SNOWDRIFT = Settings(
    Schedule(steps=2_000_000),
    dict(gamma=0.95, lam=0.7, entropy=0.05, epsilon_episodes=4_500),
    dict(social_gamma=0.95),
    own=dict(gift=dict(share=0.3), ia=dict(beta=0.2), si=dict(weight=2.521), lio=LIO),
)
CLEANUP = Settings(
    Schedule(steps=2_500_000),
    dict(lr=2e-3, gamma=0.98, lam=0.9, entropy=0.05, epsilon_episodes=10_000),
    dict(social_gamma=0.98, social_episodes=8),
    own=dict(gift=dict(share=0.15), si=dict(weight=0.62), lio=LIO | dict(lr=2e-3)),
)
CLEANUP_SSD = Settings(
    Schedule(steps=2_500_000),
    dict(
        gamma=0.99,
        lam=0.9,
        entropy=0.1,
        epsilon_end=0.05,
        epsilon_episodes=2_000,
        net=Net(dense=(64, 64), incentive=64),
    ),
    dict(social_gamma=0.99, social_episodes=8),
    own=dict(lio=dict(lr=3e-4, cost=2e-4)),
)
"""LIO's small map. Entropy, discount and R_max of LIO as in its authors' code; the cost is twice
theirs, without which policies come undone when payments rise to R_max (see the log); other step
sizes, epsilon and networks are ours, for updates of 16 episodes."""
CLEANUP_SSD_LARGE = dataclasses.replace(
    CLEANUP_SSD, own=dict(lio=dict(lr=1e-3, entropy=0.01, cost=2e-4))
)
"""LIO's larger map: apples are rarer, and its plain steps lost beside an entropy bonus of .1."""
SSD = Settings(
    Schedule(steps=2_000_000, num_envs=8, rollout_length=100),
    dict(
        gamma=0.99,
        entropy=0.01,
        epsilon_start=0.1,
        epsilon_end=0.01,
        epsilon_episodes=1_000,
        net=Net(dense=(32, 32), social=32, perspective=32, moa=32, incentive=32),
    ),
    dict(social_gamma=0.99),
    own=dict(si=dict(weight=0.62), lio=LIO),
)
"""A start on a CPU, not yet tuned; the papers play 250 times as long, with 6 convolutions before
layers of this width. Epsilon is small, as firing at random costs thousands."""
SSD_SMALL = dataclasses.replace(SSD, schedule=Schedule(steps=800_000))
OF_HARVEST = SSD.own | dict(si=dict(weight=2.521))
BOX_TRAPPED = Settings(
    Schedule(steps=400_000),
    dict(
        lr=2e-3,
        gamma=0.95,
        lam=0.9,
        entropy=0.02,
        epsilon_start=0.3,
        epsilon_end=0.02,
        epsilon_episodes=8_000,
        net=Net(dense=(32,), social=32, perspective=32, moa=32, incentive=32),
    ),
    dict(social_gamma=0.95),
    own=dict(si=dict(weight=20.0), lio=dict(lr=1e-3, optimiser="adam", normalise=True)),
)
COINGAME = Settings(
    Schedule(steps=1_500_000),
    dict(gamma=0.95, lam=0.7, entropy=0.05, epsilon_episodes=4_500),
    dict(social_gamma=0.95),
    own=dict(
        gift=dict(share=0.13),
        si=dict(weight=40.0),
        lio=LIO,
        lola=dict(optimiser="adam", lr=1e-3, lookahead_lr=0.01, games=16),
    ),
)
MATRIX = Settings(
    Schedule(steps=1_000_000),
    dict(
        gamma=0.95,
        lam=0.7,
        entropy=0.01,
        epsilon_episodes=1_000,
        net=Net(dense=(32,), social=32, perspective=32),
    ),
    dict(social_gamma=0.95),
    own=dict(
        gift=dict(share=0.11),
        lio=dict(lr=1e-3, optimiser="adam", normalise=True),
        lola=dict(
            net=Net(dense=()),
            lr=0.1,
            lookahead_lr=0.2,
            gamma=0.96,
            entropy=0.0,
            epsilon_start=0.0,
            epsilon_end=0.0,
        ),
    ),
)
"""LOLA learns tables by plain steps without other noise, as in the authors' code, with their
discount; step sizes are ours, as their payoffs are a harder dilemma."""

SETTINGS: dict[str, Settings] = {
    "escape_room": ESCAPE_ROOM,
    "escape_room_3": ESCAPE_ROOM,
    "ssh": STAG_HUNT,
    "ssh_strict": STAG_HUNT,
    "ssg": SNOWDRIFT,
    "ssg_extn": SNOWDRIFT,
    "box_trapped": BOX_TRAPPED,
    "cleanup": CLEANUP,
    "cleanup_7x7": CLEANUP_SSD,
    "cleanup_10x10": CLEANUP_SSD_LARGE,
    "cleanup_extn": CLEANUP,
    "cleanup_small": SSD_SMALL,
    "cleanup_ssd": SSD,
    "coingame": COINGAME,
    "harvest_small": dataclasses.replace(SSD_SMALL, own=OF_HARVEST),
    "harvest_ssd": dataclasses.replace(SSD, own=OF_HARVEST),
    "ipd": MATRIX,
    "iterated_harmony": MATRIX,
    "iterated_snowdrift": MATRIX,
    "iterated_stag_hunt": MATRIX,
}
"""Settings by game; a game that is not named here starts from the defaults."""


@dataclass(frozen=True)
class Published:
    """What an algorithm's authors used in a game; what they do not say is our default."""

    source: str
    """Where it is written."""
    schedule: Schedule
    """Budget and batch."""
    agent: dict[str, Any]
    """Fields of the algorithm."""
    game: dict[str, Any] = field(default_factory=dict)
    """Fields of the game."""


AUTHORS_DILEMMA = dict(reward=-1.0, sucker=-3.0, temptation=0.0, punishment=-2.0)
LIO_ROOM = Published(
    "Yang et al. 2020, config_room_lio.py",
    Schedule(steps=250_000, num_envs=1),
    dict(
        lr=1e-4,
        incentive_lr=1e-3,
        max_incentive=2.0,
        gamma=0.99,
        entropy=0.01,
        baseline=False,
        epsilon_end=0.1,
        epsilon_episodes=1_000,
        max_grad_norm=1e6,
        net=Net(dense=(64, 32), incentive=64),
    ),
)
"""Their cost has an optimiser of its own, of rate 1e-4; ours is the weight 1e-4. Their incentive
network narrows from 64 to 16."""
LIO_CLEANUP = Published(
    "Yang et al. 2020, config_ssd_lio.py",
    Schedule(steps=1_250_000, num_envs=1),
    dict(
        lr=1e-4,
        critic_lr=1e-3,
        incentive_lr=1e-3,
        max_incentive=2.0,
        gamma=0.99,
        lam=0.0,
        entropy=0.1,
        epsilon_end=0.05,
        epsilon_episodes=100,
        bootstrap_at_horizon=True,
        max_grad_norm=1e6,
        net=Net(conv=(6,), conv_relu=True, dense=(64, 64), incentive=64),
    ),
)
"""Half of their episodes are counted here, as every update plays twice. Their incentives see
whether others cleaned, ours what others did."""
PUBLISHED: dict[tuple[str, str], Published] = {
    ("cleanup_7x7", "lio"): LIO_CLEANUP,
    ("cleanup_10x10", "lio"): dataclasses.replace(
        LIO_CLEANUP, agent=LIO_CLEANUP.agent | dict(epsilon_episodes=1_000)
    ),
    ("escape_room", "lio"): LIO_ROOM,
    ("ipd", "lio"): Published(
        "Yang et al. 2020, config_ipd_lio.py",
        Schedule(steps=300_000, num_envs=1),
        dict(
            lr=1e-3,
            incentive_lr=1e-3,
            max_incentive=3.0,
            cost=0.0,
            gamma=0.99,
            entropy=0.1,
            baseline=False,
            epsilon_start=1.0,
            epsilon_end=0.01,
            epsilon_episodes=5_000,
            max_grad_norm=1e6,
            net=Net(dense=(16, 8), incentive=16),
        ),
        AUTHORS_DILEMMA | dict(horizon=5),
    ),
    ("ipd", "lola"): Published(
        "Foerster et al. 2018, run_lola_dice.py",
        Schedule(steps=480_000, num_envs=16),
        dict(
            lr=0.1,
            lookahead=2,
            lookahead_lr=0.05,
            games=64,
            gamma=0.96,
            entropy=0.0,
            epsilon_start=0.0,
            epsilon_end=0.0,
            max_grad_norm=1e6,
            net=Net(dense=()),
        ),
        AUTHORS_DILEMMA | dict(horizon=150),
    ),
    ("cleanup", "ia"): Published(
        "Hughes et al. 2018, Cleanup (their map is larger)",
        Schedule(steps=2_500_000),
        dict(alpha=0.0, beta=0.05, trace=0.975, gamma=0.99),
    ),
    ("cleanup", "si"): Published(
        "Jaques et al. 2019, table of experiment III, Cleanup (their map is larger)",
        Schedule(steps=2_500_000),
        dict(
            weight=0.62,
            measure="kl",
            lr=1.23e-3,
            gamma=0.99,
            entropy=1.76e-3,
            net=jaques.NET,
        ),
    ),
} | {
    (game, algo): Published(
        "Jaques et al. 2019, tables of experiments I to III",
        jaques.SCHEDULE,
        jaques.fields(game, arm),
    )
    for game in jaques.GAMES
    for algo, arm in (("a2c", "a2c"), ("si_basic", "basic"), ("si_comm", "comm"), ("si", "si"))
}
"""Settings of the authors by game and algorithm. LOLA's step sizes are halved, because a policy of
two logits moves twice as far as one of one logit. On our Cleanup, SI's decay of the learning rate,
its curriculum and the weight of the model's loss, whose units are not known, are left out, and
epsilon is ours; on the games of the paper they are there, see `jaques`."""


def published(env: str, algo: str) -> RunConfig:
    """A run with the settings of an algorithm's authors.

    Raises:
        ConfigError: an unknown name, or authors who did not play this game.
    """
    run = default(env, algo)
    known = ", ".join(f"{game} {name}" for game, name in PUBLISHED)
    found = (env, algo) in PUBLISHED
    checks.require(found, "preset", "published", f"leave it out for {env} {algo}, or try {known}")
    theirs = PUBLISHED[env, algo]
    return dataclasses.replace(
        run,
        game=dataclasses.replace(run.game, **theirs.game),
        agent=dataclasses.replace(run.agent, **theirs.agent),
        schedule=theirs.schedule,
    )


def preset(env: str, algo: str, name: str = "") -> RunConfig:
    """The run that is meant by a game's and an algorithm's name.

    Args:
        env: name of the game.
        algo: name of the algorithm.
        name: "" for our settings, "published" for those of the algorithm's authors.

    Raises:
        ConfigError: an unknown name, with the nearest ones.
    """
    checks.choice("preset", name or "published", ("published",))
    if name:
        return published(env, algo)
    run = default(env, algo)
    settings = SETTINGS.get(env, Settings())
    fields = settings.learner | settings.own.get(algo, {})
    if isinstance(run.agent, SocialConfig):
        fields = fields | settings.social
    if not hasattr(run.agent, "net"):  # scripted agents have nothing to set
        fields = {}
    agent, schedule = dataclasses.replace(run.agent, **fields), settings.schedule
    if isinstance(agent, Lio) and schedule.rollout_length:
        schedule = whole_episodes(schedule, run.game.horizon)
    return dataclasses.replace(run, schedule=schedule, agent=agent)


def whole_episodes(schedule: Schedule, horizon: int) -> Schedule:
    """About as many steps between updates, in whole episodes, which LIO plays twice."""
    num_envs = max(1, round(schedule.num_envs * schedule.rollout_length / horizon))
    return dataclasses.replace(schedule, num_envs=num_envs, rollout_length=0)
