"""The hyper-parameters of Jaques et al. 2019, as its first author's code once listed them.

Arms: "a2c" (their A3C); of experiment I "visible" and "basic", of II "talk" and "comm", of III
"moa" and "moa_influence", the first of each pair the control without influence. What the paper
does not say follows later code: unrolls of 50 steps, weight of the critic 0.1, gradients clipped at
40, influence clipped at 10 nats. Windows are planes, not colours, as visibility is read from them.

That code adds up the losses of policy, critic and entropy over an unroll, but takes the mean of the
model's; ours are all means. What multiplies a sum there stays as it is, half of it for the critic,
whose loss has a half there; the model's weight and the largest norm are divided by `UNROLL`.
"""

from typing import Any, Literal

from lase_jax.loop.train import Schedule
from lase_jax.nets.layers import Net

GAMES = ("cleanup_ssd", "harvest_ssd")
"""Games of the paper."""
UNROLL = 50
"""Steps over which the later code adds up the policy's loss."""
SCHEDULE = Schedule(steps=500_000_000, num_envs=16, rollout_length=UNROLL)
"""Steps of the paper; environments and steps between updates are ours."""
NET = Net(conv=(6,), conv_relu=True, dense=(32, 32), lstm=128)
"""Networks of the paper."""
CRITIC = dict(critic_trunk="shared", scale_values=False)
"""Critics as all these authors have them: on the policy's layers or trained on plain rewards."""
MODEL = dict(moa_width=128, moa_dense=(32, 32))
"""Sizes of the paper's model of other agents."""
DECAY_EPISODES = 20_000
"""Episodes of 1000 steps over which learning rates fell in the later code; whether they did so in
the paper is not known."""

Convention = Literal["multiplies", "divides"]

_A2C = {
    "cleanup_ssd": dict(entropy=1.76e-3, lr=1.26e-3, lr_final=1.2e-5),
    "harvest_ssd": dict(entropy=6.87e-4, lr=1.36e-3, lr_final=2.8e-5),
}
_COMM = {
    "cleanup_ssd": dict(symbol_entropy=7.89e-4, symbol_loss=0.0758, vocabulary=9, symbol_width=32),
    "harvest_ssd": dict(symbol_entropy=2.08e-3, symbol_loss=0.0709, vocabulary=7, symbol_width=16),
}
TABLE: dict[tuple[str, str], dict[str, Any]] = {
    ("cleanup_ssd", "a2c"): _A2C["cleanup_ssd"],
    ("cleanup_ssd", "visible"): _A2C["cleanup_ssd"] | dict(influencers=3),
    ("cleanup_ssd", "basic"): dict(
        entropy=2.48e-4,
        lr=1.07e-3,
        lr_final=4.2e-5,
        influencers=1,
        weight=0.146,
        curriculum=140,
        measure="jsd",
        influencee_reward=True,
    ),
    ("cleanup_ssd", "talk"): dict(entropy=2.49e-4, lr=2.23e-3, lr_final=2.2e-5)
    | _COMM["cleanup_ssd"],
    ("cleanup_ssd", "comm"): dict(
        entropy=3.05e-3, lr=2.49e-3, lr_final=1.27e-5, weight=2.752, alpha=0.0, curriculum=1
    )
    | _COMM["cleanup_ssd"],
    ("cleanup_ssd", "moa"): dict(
        entropy=1.76e-3, lr=1.23e-3, lr_final=1.2e-5, moa_weight=1.312, train_visible=False
    ),
    ("cleanup_ssd", "moa_influence"): dict(
        entropy=1.76e-3, lr=1.23e-3, lr_final=1.2e-5, weight=0.62, moa_weight=15.007, curriculum=40
    ),
    ("harvest_ssd", "a2c"): _A2C["harvest_ssd"],
    ("harvest_ssd", "visible"): dict(entropy=1.84e-3, lr=2.15e-3, lr_final=1.3e-5, influencers=3),
    ("harvest_ssd", "basic"): dict(
        entropy=2.5e-4,
        lr=1.07e-3,
        lr_final=4.2e-5,
        influencers=3,
        weight=0.224,
        curriculum=140,
        measure="pmi",
        influencee_reward=False,
    ),
    ("harvest_ssd", "talk"): dict(entropy=1.74e-4, lr=1.37e-3, lr_final=1.27e-5)
    | _COMM["harvest_ssd"],
    ("harvest_ssd", "comm"): dict(
        entropy=2.2e-3, lr=4.13e-4, lr_final=4.9e-5, weight=4.825, alpha=1.0, curriculum=8
    )
    | _COMM["harvest_ssd"],
    ("harvest_ssd", "moa"): dict(
        entropy=4.95e-3, lr=2.06e-3, lr_final=2.2e-5, moa_weight=1.711, train_visible=False
    ),
    ("harvest_ssd", "moa_influence"): dict(
        entropy=2.23e-3, lr=1.2e-3, lr_final=4.4e-5, weight=2.521, moa_weight=10.911, curriculum=226
    ),
}
"""By game and arm. ``lr_final`` is the learning rate at the end, ``curriculum`` the paper's C. For
the control of II the paper gives no settings of symbols: it has those of the influence arm."""


def fields(
    game: str, arm: str, moa_weight: Convention = "multiplies", curriculum_unit: float = 1e6
) -> dict[str, Any]:
    """The settings of an algorithm in one arm; the caller adds those that define the arm.

    Args:
        game: one of `GAMES`.
        arm: see above.
        moa_weight: whether the table's weight of the model's loss "multiplies" or "divides" it,
            which later versions of the code leave open.
        curriculum_unit: environment steps that one unit of the table's C stands for; the paper's is
            not known.
    """
    theirs = dict(TABLE[game, arm])
    ours = dict(
        gamma=0.99,
        lam=1.0,
        epsilon_start=0.0,
        epsilon_end=0.0,
        critic=0.1 / 2,
        max_grad_norm=40.0 / UNROLL,
        normalise=False,
        net=NET,
        **CRITIC,
        lr_end=theirs.pop("lr_final") / theirs["lr"],
        lr_episodes=DECAY_EPISODES,
    )
    reached = theirs.pop("curriculum", None)
    if reached is not None:
        ours |= dict(curriculum_steps=(0.0, reached * curriculum_unit), curriculum=(0.0, 1.0))
    if "moa_weight" in theirs:
        ours |= dict(moa_lr=theirs["lr"], share_eyes=True, **MODEL)
        weight = theirs["moa_weight"]
        theirs["moa_weight"] = (weight if moa_weight == "multiplies" else 1.0 / weight) / UNROLL
    return ours | theirs
