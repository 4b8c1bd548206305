"""Algorithms as studies train them: with other settings than their presets, or learners."""

import dataclasses
from typing import Any, NamedTuple

from lase_jax.core.settings import changed
from lase_jax.learners import with_learner
from lase_jax.presets import preset
from lase_jax.runs.config import RunConfig


class Variant(NamedTuple):
    """An algorithm with other settings than its preset, or by another learner."""

    algo: str
    own: dict[str, Any] = {}
    learner: str = ""

    @property
    def options(self) -> str:
        """The options that make the algorithm this variant."""
        named = {f"agent.{field.replace('_', '-')}": value for field, value in self.own.items()}
        given = named | ({"learner": self.learner} if self.learner else {})
        return " ".join(
            f"--{option}" if value is True else f"--{option} {value}"
            for option, value in given.items()
        )


_BY_A2C = {
    "shuffled": Variant("lase", dict(control="co_players")),
    "moments": Variant("lase", dict(control="steps")),
    "untrained": Variant("lase", dict(control="untrained")),
    "real_policy": Variant("lase", dict(foresee="real_policy")),
    "untrained_half": Variant("lase", dict(control="untrained", generosity=0.5)),
    "literal": Variant("lase", dict(imagine="literal")),
    **{algo: Variant(algo) for algo in ("gift", "lase", "go")},
}
VARIANTS = {
    "lio_unpaid": Variant("lio", dict(max_incentive=1e-6)),
    "gift_more": Variant("gift", dict(share=0.18)),
    "gains": Variant("gift", dict(gains=True)),
    **_BY_A2C,
    **{f"{name}_ppo": variant._replace(learner="ppo") for name, variant in _BY_A2C.items()},
}
"""Variants by name. LIO with incentives close to zero is a control, as its learner, through whose
steps it differentiates, is not the one that the others share. Equal gifts that are larger are of
the share that LASE gives of all that it earns in the IPD, the preset's is that of a mean weight;
those of gains hand no losses on. Controls of LASE: its weights in a random order over co-players or
over moments, and of networks that never learn, halved where these give twice as much; its ceiling,
to which co-players' policies are told; and its pi_SR as the paper has it to the letter."""
LIKE_LASE = {
    ("coingame", "gift_ppo"): dict(share=0.11),
    ("ipd", "gift_ppo"): dict(share=0.2),
    ("coingame", "gains"): dict(share=0.116),
}
"""Shares of equal gifts, by game and variant, where LASE by this learner gives another share of its
reward than by A2C, whose size the presets have; and LASE's share of its gains alone, 11.6 % of them
(and 2.8 % of its losses), which follows from its mean weight and from what it gives in all."""


def variant(game: str, name: str) -> Variant:
    """An algorithm or a variant by its name, as it is trained in a game."""
    found = VARIANTS.get(name, Variant(name))
    return found._replace(own=found.own | LIKE_LASE.get((game, name), {}))


def settings(game: str, name: str, seeds: int, seed: int = 0) -> RunConfig:
    """Settings of a run of an algorithm or a variant by name; it is not logged anywhere.

    Args:
        game: name of the game.
        name: of the algorithm or the variant.
        seeds: number of seeds.
        seed: the first one.
    """
    chosen = variant(game, name)
    run = preset(game, chosen.algo)
    agent = with_learner(changed(run.agent, chosen.own), chosen.learner)
    return dataclasses.replace(run, agent=agent, seeds=seeds, seed=seed, wandb="disabled")


def command(game: str, name: str, seeds: int) -> str:
    """The command that trains this run alone, with seeds from 0 on."""
    chosen = variant(game, name)
    line = f"make train ENV={game} ALGO={chosen.algo} SEEDS={seeds}"
    return f'{line} ARGS="{chosen.options}"' if chosen.options else line
