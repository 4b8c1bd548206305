"""The claims of Yang et al. 2020, judged by their rules in ``experiments/CLAIMS.md``.

Letters: S seeds, N seats.
"""

from collections.abc import Callable, Sequence

from envs.registry import GAMES as CONFIGS
from experiments import comparison
from experiments.comparison import Estimate
from experiments.paper.book import Results, per_step
from experiments.paper.lio.stages import MAPS, ROOMS
from experiments.paper.verdicts import Verdict, above, at_least, label, verdict
from lase_jax.reports import stats

WITHOUT = ("a2c", "giving_d", "giving_c")
"""The authors' baselines: policy gradients without and with reward-giving actions."""
NEAR = 0.9
"""Share of the optimum that counts as near to it."""


def best_of(results: Results, game: str) -> str:
    """The arm of LIO that earns most in a game: by the authors' settings or by ours.

    Raises:
        MissingError: one of them is not kept.
    """
    return max(("lio_published", "lio"), key=lambda arm: results.final(game, arm).mean())


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
        arm, optimum = best_of(results, game), CONFIGS[game].spec().max_return
        assert optimum is not None
        ours = results.final(game, arm)
        parts.append(at_least(ours, NEAR * optimum, f"{game}, {label(arm)}, optimum {optimum:g}:"))
        for other in WITHOUT:
            text = f"{game}, {label(arm)} above {label(other)}"
            parts.append(above(ours, results.final(game, other), text))
    return verdict(parts, beside(results, ROOMS))


def dilemma(results: Results) -> Verdict:
    """Claim 36."""
    arm = best_of(results, "ipd")
    ours = per_step(results.run("ipd", arm))
    parts = [at_least(ours, -1.25, f"{label(arm)} a step")]
    for other in WITHOUT:
        text = f"{label(arm)} above {label(other)}"
        parts.append(above(ours, per_step(results.run("ipd", other)), text))
    return verdict(parts, beside(results, ["ipd"]))


def maps(results: Results) -> Verdict:
    """Claim 37."""
    parts = []
    for game in MAPS:
        arm = best_of(results, game)
        for other in (*WITHOUT, "ia"):
            text = f"{game}, {label(arm)} above {label(other)}"
            parts.append(above(results.final(game, arm), results.final(game, other), text))
    return verdict(parts, beside(results, MAPS))


def paid_deeds(results: Results) -> Verdict:
    """Claim 38."""
    parts = []
    for game in (*ROOMS, *MAPS):
        arm = best_of(results, game)
        course = results.run(game, arm).curves
        deed, other = (stats.mean(course[f"incentive/{case}"], (0, 2)) for case in ("deed", "else"))
        means = f"{comparison.mean(deed)} and {comparison.mean(other)} a step"
        parts.append(above(deed, other, f"{game}, {label(arm)}: {means}"))
    return verdict(parts, needed=3)


RULES: dict[int, Callable[[Results], Verdict]] = {
    35: rooms,
    36: dilemma,
    37: maps,
    38: paid_deeds,
}
"""The rules by the numbers of their claims."""
