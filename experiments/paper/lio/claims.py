"""The claims of Yang et al. 2020, judged by their rules in ``experiments/CLAIMS.md``.

Letters: S seeds, N seats.
"""

from collections.abc import Callable, Sequence

import numpy as np

from envs.registry import GAMES as CONFIGS
from experiments import comparison
from experiments.comparison import Estimate
from experiments.findings import Finding
from experiments.paper.book import Results
from experiments.paper.lio.stages import MAPS, ROOMS
from experiments.paper.verdicts import Verdict, above, at_least, at_most, label, verdict
from lase_jax.reports import stats

WITHOUT = ("a2c", "giving_d", "giving_c")
"""The authors' baselines: policy gradients without and with reward-giving actions."""
AT_ANY_PRICE = (*WITHOUT, "zero_sum")
"""The same, and at a price of 1."""
DIVIDED = 0.75
"""Share of the cleaning of one of two agents from which on the labour is divided."""
NEAR = 0.9
"""Share of the optimum that counts as near to it."""


def judged(game: str) -> str:
    """The arm of LIO that is judged in a game: by its authors' settings, on the maps by ours."""
    return "lio" if game in MAPS else "lio_published"


def without_epsilon(found: Finding) -> np.ndarray:
    """Collective return ``[S]`` of the final policies."""
    return found.played["return/collective"]


def beside(results: Results, games: Sequence[str]) -> dict[str, Estimate]:
    """LIO by our settings beside the same without incentives, by game."""
    return {
        f"{label('lio_unpaid')}, both by our settings, in {game}": results.improvement(
            f"{game}-lio", f"{game}-lio_unpaid"
        )
        for game in games
    }


def rooms(results: Results) -> Verdict:
    """Claim 35."""
    parts = []
    for game in ROOMS:
        arm, optimum = judged(game), CONFIGS[game].spec().max_return
        assert optimum is not None
        ours, near = without_epsilon(results.run(game, arm)), NEAR * optimum
        parts.append(at_least(ours, near, f"{game}, {label(arm)}, optimum {optimum:g}:"))
        for other in AT_ANY_PRICE:
            theirs = without_epsilon(results.run(game, other))
            parts.append(above(ours, theirs, f"{game}, {label(arm)} above {label(other)}"))
            parts.append(at_most(theirs, near, f"{game}, {label(other)}"))
    return verdict(parts, beside(results, ROOMS))


def dilemma(results: Results) -> Verdict:
    """Claim 36."""
    arm = judged("ipd")

    def a_step(arm: str) -> np.ndarray:
        found = results.run("ipd", arm)
        game = found.settings["game"]
        return without_epsilon(found) / game["horizon"] / CONFIGS["ipd"].spec().num_agents

    ours = a_step(arm)
    parts = [at_least(ours, -1.25, f"{label(arm)} a step")]
    for other in AT_ANY_PRICE:
        parts.append(above(ours, a_step(other), f"{label(arm)} above {label(other)}"))
        parts.append(at_most(a_step(other), -1.5, f"{label(other)} a step"))
    return verdict(parts, beside(results, ["ipd"]))


def labour(found: Finding) -> np.ndarray:
    """Share ``[S]`` of the cleaning that the agent does who cleans most."""
    cleaned = found.final["event/waste_cleaned"]
    return cleaned.max(-1) / np.maximum(cleaned.sum(-1), 1e-9)


def maps(results: Results) -> Verdict:
    """Claim 37."""
    parts = []
    for game in MAPS:
        arm = judged(game)
        text = f"{game}, {label(arm)}, share of the cleaning that the one does who cleans most"
        parts.append(at_least(labour(results.run(game, arm)), DIVIDED, text))
        for other in (*WITHOUT, "ia"):
            text = f"{game}, {label(arm)} above {label(other)}"
            parts.append(above(results.final(game, arm), results.final(game, other), text))
    return verdict(parts, beside(results, MAPS))


def for_deeds(found: Finding) -> np.ndarray:
    """What an agent is paid more ``[S]`` in a step in which it does what helps than in others.

    Within the same agent and time, so that it counts for nothing who helps more, or when.
    """
    deed, other = (found.curves[f"incentive/{case}"] for case in ("deed", "else"))
    return stats.mean(deed - other, (0, 2))


def paid_deeds(results: Results) -> Verdict:
    """Claim 38."""
    parts = []
    for game in (*ROOMS, *MAPS):
        arm = judged(game)
        more = for_deeds(results.run(game, arm))
        text = f"{game}, {label(arm)}: {comparison.mean(more)} a step more for a deed"
        parts.append(above(more, np.zeros_like(more), text))
    return verdict(parts, needed=3)


RULES: dict[int, Callable[[Results], Verdict]] = {
    35: rooms,
    36: dilemma,
    37: maps,
    38: paid_deeds,
}
"""The rules by the numbers of their claims."""
