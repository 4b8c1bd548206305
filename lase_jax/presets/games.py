"""Our settings by game; ``experiments/LOG.md`` tells how they were found."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from envs.registry import GAMES
from lase_jax.loop.train import Schedule
from lase_jax.nets.layers import Net, glorot


@dataclass(frozen=True)
class Settings:
    """Settings of all algorithms in one game."""

    schedule: Schedule = Schedule()
    """Budget and batch."""
    shared: dict[str, Any] = field(default_factory=dict)
    """Fields, set in every algorithm that has them."""
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further fields of single algorithms, by their names."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Steps between updates of single algorithms, where they differ from the schedule's."""


FALLS = 0.1
"""Multiple of the weight of the entropy bonus that is reached at the end of training."""


def falling(episodes: int) -> dict[str, float]:
    """An entropy bonus that falls over so many episodes, all of a game's budget."""
    return dict(entropy_end=FALLS, entropy_episodes=episodes)


LIO = dict(
    lr=1e-3,
    optimiser="adam",
    normalise=True,
    incentive_episodes=8,
    max_incentive=0.1,
    cost=1e-4,
)
"""LIO on the grid games: Adam and normalised advantages, incentives that learn from 8 episodes and
are small compared with what the games pay. With the authors' R_max of 2, agents live on incentives
and ignore the game; with a cost of 1e-2 they stop paying before they learn what paying is worth."""

STEADY = dict(entropy_end=1.0)
"""An entropy bonus that does not fall, where trials have preferred it."""
NARROW = dict(social_width=32, perspective_width=32, moa_width=32, incentive_width=32)
"""Widths of the mechanisms' networks, the same as of policies with layers of 32."""

BLIND = dict(see_actions=False)
"""Policies read their own window alone, as those of all other algorithms and those of SI's public
code, which Kong et al. 2024 cite."""

STAG_HUNT = Settings(
    Schedule(steps=4_000_000, num_envs=32),
    dict(
        gamma=0.99,
        lam=0.95,
        entropy=0.05,
        **BLIND,
        **falling(episodes=133_333),
        normalise=False,
        epsilon_end=0.01,
        epsilon_episodes=25_000,
        social_gamma=0.99,
        social_episodes=8,
    ),
    own=dict(gift=dict(share=0.08), ia=dict(beta=0.2), si=dict(weight=0.62), lio=LIO | STEADY),
)
ESCAPE_ROOM = Settings(
    Schedule(steps=1_000_000),
    dict(
        gamma=0.99,
        entropy=0.01,
        epsilon_end=0.1,
        epsilon_episodes=16_000,
        net=Net(dense=(64, 32)),
        incentive_width=32,
        social_gamma=0.99,
    ),
    own=dict(lio=dict(baseline=False, lr=1e-3, incentive_lr=3e-3)),
)
"""Policies, entropy, epsilon and R_max as in the authors' code of LIO, whose updates use single
episodes; step sizes ours, for updates of 16 episodes."""
SNOWDRIFT = Settings(
    Schedule(steps=2_000_000),
    dict(
        gamma=0.95,
        lam=0.7,
        entropy=0.05,
        **BLIND,
        **falling(episodes=40_000),
        epsilon_episodes=4_500,
        social_gamma=0.95,
        social_steps=4,
    ),
    own=dict(
        gift=dict(share=0.26),
        ia=dict(beta=0.2) | STEADY,
        si=dict(weight=2.521),
        lase=STEADY,
        lase_wo=STEADY,
        lio=LIO | dict(cost=1e-2),
    ),
    lengths=dict(a2c=25, si=25, gift=25),
)
CLEANUP = Settings(
    Schedule(steps=2_500_000),
    dict(
        lr=2e-3,
        gamma=0.98,
        lam=0.9,
        entropy=0.05,
        **BLIND,
        **falling(episodes=25_000),
        epsilon_episodes=10_000,
        social_gamma=0.98,
        social_episodes=8,
    ),
    own=dict(
        gift=dict(share=0.2),
        ia=dict(beta=0.05),
        si=dict(weight=0.62) | STEADY,
        lio=LIO | dict(lr=2e-3, max_incentive=0.5, cost=1e-2),
    ),
    lengths=dict(ia=25, si=25, go=25),
)
PLAIN_STEPS = dict(
    scale_values=False, head_scale=glorot(64, GAMES["cleanup_7x7"].spec().num_actions)
)
"""What LIO's plain gradient steps are of the right size for: values in the unit of rewards, and a
head of the policy that hands gradients on to the layers below it."""
CLEANUP_SSD = Settings(
    Schedule(steps=2_500_000),
    dict(
        gamma=0.99,
        lam=0.9,
        entropy=0.1,
        epsilon_end=0.05,
        epsilon_episodes=2_000,
        net=Net(dense=(64, 64)),
        social_gamma=0.99,
        social_episodes=8,
    ),
    own=dict(lio=dict(lr=3e-4, cost=2e-4) | PLAIN_STEPS),
)
"""LIO's small map. Entropy, discount and R_max of LIO as in its authors' code; the cost is twice
theirs, because with theirs policies collapse when payments rise to R_max (see the log); other step
sizes, epsilon and networks are ours, for updates of 16 episodes."""
CLEANUP_SSD_LARGE = dataclasses.replace(
    CLEANUP_SSD, own=dict(lio=dict(lr=1e-3, entropy=0.01, cost=2e-4) | PLAIN_STEPS)
)
"""LIO's larger map: apples are rarer, and in plain steps an entropy bonus of 0.1 outweighs them."""
SSD = Settings(
    Schedule(steps=2_000_000, num_envs=8, rollout_length=100),
    dict(
        gamma=0.99,
        entropy=0.01,
        epsilon_start=0.1,
        epsilon_end=0.01,
        epsilon_episodes=1_000,
        net=Net(dense=(32, 32)),
        social_gamma=0.99,
        **NARROW,
    ),
    own=dict(si=dict(weight=0.62), lio=LIO),
)
"""Settings to start from on a CPU, not yet tuned; the papers train 250 times as long, with 6
convolution filters before layers of this width. Epsilon is small: random firing costs thousands."""
SSD_SMALL = dataclasses.replace(
    SSD, schedule=Schedule(steps=1_200_000, rollout_length=25), shared=SSD.shared | dict(lam=0.9)
)
"""Short rollouts: with one update in an episode agents learn to eat, and nothing else."""
OF_HARVEST = SSD.own | dict(si=dict(weight=2.521), ia=dict(alpha=5.0, beta=0.0))
"""Influence of Jaques et al. 2019 and envy of Hughes et al. 2018 in Harvest."""
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
        net=Net(dense=(32,)),
        social_gamma=0.95,
        **NARROW,
    ),
    own=dict(si=dict(weight=20.0), lio=dict(lr=1e-3, optimiser="adam", normalise=True)),
)
COINGAME = Settings(
    Schedule(steps=1_500_000),
    dict(
        gamma=0.95,
        lam=0.7,
        entropy=0.05,
        **BLIND,
        **falling(episodes=15_000),
        epsilon_episodes=4_500,
        social_gamma=0.95,
        social_lam=0.5,
        social_steps=4,
    ),
    own=dict(
        a2c=STEADY,
        ia=STEADY,
        gift=dict(share=0.09) | STEADY,
        lase=STEADY,
        lase_wo=STEADY,
        si=dict(weight=40.0) | STEADY,
        lio=LIO,
        lola=dict(optimiser="adam", lr=1e-3, lookahead_lr=0.01, games=16),
    ),
    lengths=dict(ia=25, si=25, lase=25, go=25),
)
COINGAME_3X3 = dataclasses.replace(
    COINGAME, shared=COINGAME.shared | dict(gamma=0.96, social_gamma=0.96)
)
"""The literature's Coin Game: its discount, all else as in the larger one."""
MATRIX = Settings(
    Schedule(steps=1_000_000),
    dict(
        gamma=0.95,
        lam=0.7,
        entropy=0.01,
        **BLIND,
        **falling(episodes=10_000),
        epsilon_episodes=1_000,
        net=Net(dense=(32,)),
        social_width=32,
        perspective_width=32,
        social_gamma=0.95,
    ),
    own=dict(
        gift=dict(share=0.125),
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
"""LOLA learns tabular policies by plain gradient steps without exploration noise, as in the
authors' code, with their discount; step sizes are ours, as their payoffs are a harder dilemma."""

IPD = dataclasses.replace(
    MATRIX,
    own=MATRIX.own
    | dict(
        a2c=STEADY,
        gift=MATRIX.own["gift"] | STEADY,
        ia=dict(beta=0.2),
        si=dict(weight=10.0),
        lio=MATRIX.own["lio"] | dict(max_incentive=2.0, cost=1e-4),
    ),
    lengths=dict(ia=25, lase_wo=25, go=25),
)

SETTINGS: dict[str, Settings] = {
    "escape_room": ESCAPE_ROOM,
    "escape_room_3": ESCAPE_ROOM,
    "ssh": dataclasses.replace(STAG_HUNT, shared=STAG_HUNT.shared | dict(social_lam=0.5)),
    "ssh_strict": STAG_HUNT,
    "ssg": SNOWDRIFT,
    "ssg_extn": SNOWDRIFT,
    "box_ring": BOX_TRAPPED,
    "box_trapped": BOX_TRAPPED,
    "cleanup": CLEANUP,
    "cleanup_7x7": CLEANUP_SSD,
    "cleanup_10x10": CLEANUP_SSD_LARGE,
    "cleanup_extn": CLEANUP,
    "cleanup_small": SSD_SMALL,
    "cleanup_ssd": SSD,
    "coingame": COINGAME,
    "coingame_3x3": COINGAME_3X3,
    "harvest_small": dataclasses.replace(SSD_SMALL, own=OF_HARVEST),
    "harvest_ssd": dataclasses.replace(SSD, own=OF_HARVEST),
    "ipd": IPD,
    "iterated_harmony": MATRIX,
    "iterated_snowdrift": MATRIX,
    "iterated_stag_hunt": MATRIX,
    "matching_pennies": MATRIX,
}
"""Settings by game; a game that is not named here starts from the defaults."""
