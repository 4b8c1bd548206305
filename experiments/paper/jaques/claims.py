"""The claims of Jaques et al. 2019, judged by their rules in ``experiments/CLAIMS.md``.

Letters: S seeds, N seats.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import spearmanr

from experiments.comparison import Estimate, improvement
from experiments.curves import fraction
from experiments.findings import Finding
from experiments.paper.book import Results, equality
from experiments.paper.jaques.arms import ARMS, EXPERIMENTS
from experiments.paper.jaques.stages import CONDITIONS, DILEMMAS, SPURIOUS
from experiments.paper.verdicts import Part, Verdict, above, at_least, at_most, label, verdict
from lase_jax.presets.jaques import GAMES as FULL_SIZE
from lase_jax.reports import stats

TABLE_4 = {
    "cleanup": dict(a2c=89, ia=275, basic=190, comm=166, moa_influence=392),
    "harvest": dict(a2c=485, ia=750, basic=1073, comm=951, moa_influence=588),
}
"""The paper's collective rewards in Cleanup and Harvest, by kind of game and arm."""
PAIR, MOMENTS = "influence/pair", "influence/moments"
ORDERS = 1999
"""Orders of conditions that are drawn."""
COORDINATION = "symbol_action_influential"
"""Of symbols and the others' next actions, at the moments at which the paper saw any."""


def judged(results: Results) -> tuple[str, ...]:
    """The games that claims are about: the paper's if all arms are kept there, else small maps."""
    whole = all(results.kept(f"{game}-{{}}", ARMS) == [*ARMS] for game in FULL_SIZE)
    return FULL_SIZE if whole else DILEMMAS


def table_4(game: str) -> dict[str, int]:
    """The row of `TABLE_4` of a game, small or not."""
    return TABLE_4[game.partition("_")[0]]


LEAST = 0.25
"""Share of the mean agent's apples below which an agent has not learnt to eat."""


def starved(found: Finding) -> np.ndarray:
    """Seeds ``[S]`` in which an agent has not learnt to eat."""
    eaten = found.final["event/apples"]
    return eaten.min(-1) < LEAST * eaten.mean(-1)


def counted(found: Finding) -> np.ndarray:
    """The collective return of those seeds that count: all, or in `SPURIOUS` those that eat.

    All of them where fewer than two would be left.
    """
    values = found.final["return/collective"]
    if found.settings["env"] not in SPURIOUS:
        return values
    sound = ~starved(found)
    return values[sound] if sound.sum() > 1 else values


def order(results: Results, game: str, *arms: str) -> list[Part]:
    """Whether each arm is above the next, in collective return."""
    returns = [counted(results.run(game, arm)) for arm in arms]
    return [
        above(better, worse, f"{game}, {label(arms[place])} above {label(arms[place + 1])}")
        for place, (better, worse) in enumerate(zip(returns, returns[1:], strict=False))
    ]


def controls(results: Results, experiment: str, games: Sequence[str]) -> dict[str, Estimate]:
    """The arm with influence beside the controls that pay as much for company, by game."""
    _, arm, others = EXPERIMENTS[experiment]
    return {
        f"{label(other)} in {game}": improvement(
            counted(results.run(game, arm)), counted(results.run(game, other))
        )
        for game in games
        for other in others
    }


def strongest(values: np.ndarray) -> np.ndarray:
    """The largest value ``[S]`` of any pair of agents, of ``values [S, N, N]``."""
    return np.nanmax(values, axis=(1, 2))


def beyond_chance(found: Finding, name: str) -> np.ndarray:
    """A measure of communication ``[S]`` less what chance makes of it.

    Speaker consistency is the mean over agents, coordination that of the strongest pair. Chance is
    the same measure with the action of another environment: both are above 0 for rare symbols.
    """
    true, chance = (found.played[f"talk/{name}{end}"] for end in ("", "_shuffled"))
    if name == "consistency":
        return stats.mean(true - chance, -1)
    return strongest(true) - strongest(chance)


def communication(results: Results) -> Verdict:
    """Claim 17."""
    parts, beside = [], {}
    for game in judged(results):
        parts += order(results, game, "basic", "visible", "a2c")
        parts += order(results, game, "comm", "talk", "a2c")
        ours, without = (results.run(game, arm) for arm in ("comm", "talk"))
        consistent = (beyond_chance(found, "consistency") for found in (ours, without))
        told = (beyond_chance(found, COORDINATION) for found in (ours, without))
        parts.append(above(*consistent, f"{game}, speaker consistency above that without"))
        parts.append(above(*told, f"{game}, coordination at influential moments above"))
        beside |= controls(results, "I", [game]) | controls(results, "II", [game])
    return verdict(parts, beside)


def opened(found: Finding) -> np.ndarray:
    """Share ``[S]`` of episodes without epsilon in which a box is opened."""
    return found.played["opening/by_step"][:, -1]


def early(found: Finding) -> float:
    """The share of these by the middle of an episode, of all seeds."""
    by_step = found.played["opening/by_step"]
    return float(by_step[:, by_step.shape[-1] // 2 - 1].mean())


def model_of_others(results: Results) -> Verdict:
    """Claim 18."""
    parts, beside = [], {}
    for game in judged(results):
        parts += order(results, game, "moa_influence", "moa", "a2c")
        beside |= controls(results, "III", [game])
    share = opened(results.run("box_trapped", "moa_influence"))
    soon = early(results.run("box_trapped", "moa_influence"))
    text = f"Box Trapped, opened in a share (the paper's 0.88; by the middle {soon:.2f}) of"
    parts.append(at_least(share, 0.7, text))
    without = np.concatenate([opened(results.run("box_trapped", arm)) for arm in ("a2c", "moa")])
    parts.append(at_most(without, 0.05, "Box Trapped without influence (the paper's 0)"))
    by_chance = opened(results.run("box_trapped", "moa_moments"))
    beside[f"{label('moa_moments')} in box_trapped"] = improvement(share, by_chance)
    return verdict(parts, beside, measure="collective return (in box_trapped: opened episodes)")


def ranking(results: Results) -> Verdict:
    """Claim 25."""
    parts = []
    for game in judged(results):
        theirs = table_4(game)
        ours = [counted(results.run(game, arm)).mean() for arm in theirs]
        rank = float(spearmanr(ours, [*theirs.values()]).statistic)
        each = ", ".join(
            f"{label(arm)} {value:.1f}" for arm, value in zip(theirs, ours, strict=True)
        )
        rest = [place for place, arm in enumerate(theirs) if arm != "ia"]
        others = spearmanr(np.array(ours)[rest], np.array([*theirs.values()])[rest]).statistic
        text = f"{game}: rank correlation {rank:.2f} (without IA {others:.2f}; {each})"
        parts.append(Part(text, rank >= 0.7, rank < 0))
    return verdict(parts)


def suffered(found: Finding) -> np.ndarray:
    """Influence ``[S]`` that an agent suffers in the mean."""
    return stats.mean(found.final[PAIR], (-2, -1))


def of_conditions(results: Results, game: str) -> list[Finding]:
    """The runs of all conditions.

    Raises:
        MissingError: one is not kept.
    """
    return [
        results.run(game, "comm", f"weight_{weight:g}", f"alpha_{alpha:g}")
        for weight, alpha in CONDITIONS
    ]


def over_conditions(results: Results, game: str) -> tuple[np.ndarray, np.ndarray]:
    """Influence suffered and own return of every condition and seed, ``[C, S]`` each.

    Raises:
        MissingError: a condition is not kept.
    """
    runs = of_conditions(results, game)
    own = [found.final["return/extrinsic"].mean(-1) for found in runs]
    return np.stack([suffered(found) for found in runs]), np.stack(own)


def correlation(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Spearman's rho of two numbers ``[C, S]`` of every condition and seed, and its p.

    Seeds of a condition are alike, so that p is the share of orders of whole conditions, drawn
    at random, that correlate as much as theirs.
    """

    def rho(order: np.ndarray) -> float:
        return float(spearmanr(first.ravel(), second[order].ravel()).statistic)

    draw, conditions = np.random.default_rng(0), np.arange(len(first))
    rank = rho(conditions)
    as_much = [abs(rho(draw.permutation(conditions))) >= abs(rank) for _ in range(ORDERS)]
    return rank, (1 + sum(as_much)) / (1 + ORDERS)


def within_seeds(results: Results, game: str) -> float:
    """Rank correlation over agents of influence suffered and own return, both beside their seed's.

    NaN where all agents of a seed are alike.

    Raises:
        MissingError: a condition is not kept.
    """

    def beside_others(values: np.ndarray) -> np.ndarray:
        return (values - stats.mean(values, -1)[:, None]).ravel()

    runs = of_conditions(results, game)
    pairs = [beside_others(stats.mean(found.final[PAIR], -2)) for found in runs]
    own = [beside_others(found.final["return/extrinsic"]) for found in runs]
    sides = np.concatenate(pairs), np.concatenate(own)
    return np.nan if min(map(np.ptp, sides)) == 0 else float(spearmanr(*sides).statistic)


def influenced(results: Results) -> Verdict:
    """Claim 26."""
    parts = []
    for game, theirs in zip(judged(results), (0.67, 0.34), strict=True):
        rank, chance = correlation(*over_conditions(results, game))
        within = within_seeds(results, game)
        text = (
            f"{game}: rho = {rank:.2f}, p = {chance:.2g}; the paper's {theirs}; over agents within "
            f"a seed {fraction(None if np.isnan(within) else within, 2)}"
        )
        parts.append(Part(text, rank > 0 and chance < 0.05, rank < 0 and chance < 0.05))
    return verdict(parts)


def rare(results: Results) -> Verdict:
    """Claim 27."""
    return verdict(
        at_most(results.run(game, "comm").played[MOMENTS], 0.1, f"{game}, share of the steps")
        for game in judged(results)
    )


def fair(found: Finding) -> np.ndarray:
    """Collective return times equality, ``[S]``; 0 where nothing is earned to be shared."""
    product = found.final["return/collective"] * equality(found, "return/extrinsic")
    return np.where(np.isnan(product), 0.0, product)


def equal_returns(results: Results) -> Verdict:
    """Claim 28."""
    parts = []
    for game in judged(results):
        plain = fair(results.run(game, "a2c"))
        for arm in ("basic", "comm", "moa_influence"):
            text = f"{game}, {label(arm)} above A2C"
            parts.append(above(fair(results.run(game, arm)), plain, text))
    return verdict(parts)


def prosocial(results: Results) -> Verdict:
    """Claim 29."""
    parts = []
    for game in judged(results):
        group, plain = (results.run(game, arm) for arm in ("prosocial", "a2c"))
        earned = (found.final["return/collective"] for found in (group, plain))
        parts.append(above(*earned, f"{game}, GO's return above A2C's"))
        shared = (equality(found, "return/extrinsic") for found in (plain, group))
        parts.append(above(*shared, f"{game}, A2C's equality above GO's"))
    return verdict(parts)


RULES: dict[int, Callable[[Results], Verdict]] = {
    17: communication,
    18: model_of_others,
    25: ranking,
    26: influenced,
    27: rare,
    28: equal_returns,
    29: prosocial,
}
"""The rules by the numbers of their claims."""
