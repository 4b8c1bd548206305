"""Settings of the algorithms' authors, where they are known."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from envs import checks
from envs.registry import GAMES
from lase_jax.core.settings import changed
from lase_jax.loop.train import Schedule
from lase_jax.nets.layers import Net, glorot
from lase_jax.presets import jaques
from lase_jax.runs.config import RunConfig, default


@dataclass(frozen=True)
class Published:
    """Settings of an algorithm's authors in a game; those not reported are our defaults."""

    source: str
    """Where the settings are reported."""
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
        net=Net(dense=(64, 32)),
        head_scale=glorot(32, GAMES["escape_room"].spec().num_actions),
        incentive_width=64,
    ),
)
"""Their cost of incentives has an optimiser of its own, of learning rate 1e-4; our cost has the
weight 1e-4. Their incentive network narrows from 64 to 16."""
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
        net=Net(conv=(6,), conv_relu=True, dense=(64, 64)),
        head_scale=glorot(64, GAMES["cleanup_7x7"].spec().num_actions),
        incentive_width=64,
    ),
)
"""Half of their episodes are counted here, as every update plays twice. Their incentive network
sees whether others cleaned; ours sees the others' actions."""
PUBLISHED: dict[tuple[str, str], Published] = {
    ("cleanup_7x7", "lio"): LIO_CLEANUP,
    ("cleanup_10x10", "lio"): dataclasses.replace(
        LIO_CLEANUP, agent=LIO_CLEANUP.agent | dict(epsilon_episodes=1_000)
    ),
    ("escape_room", "lio"): LIO_ROOM,
    ("escape_room_3", "lio"): LIO_ROOM,
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
            net=Net(dense=(16, 8)),
            head_scale=glorot(8, 2),
            incentive_width=16,
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
            head_scale=math.sqrt(0.5),
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
            **jaques.MODEL,
        ),
    ),
    ("cleanup_ssd", "ia"): Published(
        "Hughes et al. 2018, Cleanup",
        jaques.SCHEDULE,
        dict(alpha=0.0, beta=0.05, trace=0.975, gamma=0.99, net=jaques.NET),
    ),
    ("harvest_ssd", "ia"): Published(
        "Hughes et al. 2018, Harvest",
        jaques.SCHEDULE,
        dict(alpha=5.0, beta=0.0, trace=0.975, gamma=0.99, net=jaques.NET),
    ),
} | {
    (game, algo): Published(
        "Jaques et al. 2019, tables of experiments I to III",
        jaques.SCHEDULE,
        jaques.fields(game, arm),
    )
    for game in jaques.GAMES
    for algo, arm in {
        "a2c": "a2c",
        "si_basic": "basic",
        "si_comm": "comm",
        "si": "moa_influence",
    }.items()
}
"""Settings of the authors by game and algorithm. LOLA's step sizes are halved, because a policy of
two logits moves twice as far as one of one logit, and the logits of its tables begin with half the
variance. On our Cleanup, SI's decay of the learning rate, its curriculum and the weight of the
model's loss, whose units are not known, are left out, and epsilon is ours; on the games of the
paper they are included, see `jaques`."""


def published(env: str, algo: str) -> RunConfig:
    """A run with the settings of an algorithm's authors.

    Raises:
        ConfigError: an unknown name, or a game that the authors did not use.
    """
    run = default(env, algo)
    names = ", ".join(f"{game} {name}" for game, name in PUBLISHED)
    exists = (env, algo) in PUBLISHED
    checks.require(exists, "preset", "published", f"leave it out for {env} {algo}, or try {names}")
    theirs = PUBLISHED[env, algo]
    return dataclasses.replace(
        run,
        game=changed(run.game, theirs.game),
        agent=changed(run.agent, jaques.CRITIC | theirs.agent),
        schedule=theirs.schedule,
    )
