"""The claims of Foerster et al. 2018, judged by their rules in ``experiments/CLAIMS.md``.

Letters: S seeds, N seats.
"""

from collections.abc import Callable

import numpy as np

from experiments import comparison
from experiments.findings import Finding
from experiments.paper.book import Results, per_step
from experiments.paper.verdicts import Part, Verdict, above, at_least, at_most, verdict

NAIVE, AHEAD = "0", "1"
"""Lookaheads of the naive learner and of the paper's LOLA, as `exact` names them."""


def exact_dilemma(results: Results) -> Verdict:
    """Claim 30."""
    found = results.analysis("exact")["ipd"]
    naive, lola = found[NAIVE], found[AHEAD]
    value, share = lola["value"], lola["tit_for_tat"]
    return verdict(
        [
            Part(
                f"highest value of a naive player {naive['highest']:.2f}", naive["highest"] < -1.9
            ),
            Part(f"LOLA's mean {value:.2f}, the paper's -1.06", value >= -1.2, value < -1.6),
            Part(f"tit for tat {share:.0%}, the paper's 81 %", share >= 0.6, share < 0.3),
        ]
    )


def exact_pennies(results: Results) -> Verdict:
    """Claim 31."""
    found = results.analysis("exact")["matching_pennies"]
    naive, lola = found[NAIVE]["even"], found[AHEAD]["even"]
    return verdict(
        [
            Part(f"LOLA mixes evenly in {lola:.0%} of the pairs", lola >= 0.9, lola < 0.5),
            Part(f"naive learners in {naive:.0%}", naive <= 0.1, naive > 0.5),
        ]
    )


def tournament(results: Results) -> Verdict:
    """Claim 32."""
    values = np.array(results.analysis("exact")["tournament"])
    means, against = values.mean(1), values[:, 0]
    return verdict(
        [
            Part(
                f"mean over opponents {means[-1]:.2f}, the naive learner's {means[0]:.2f}",
                bool(means[-1] > means[0]),
                bool(means[-1] < means[0]),
            ),
            Part(
                f"against naive learners {against[-1]:.2f}, these among themselves "
                f"{against[0]:.2f}",
                bool(against[-1] > against[0]),
                bool(against[-1] < against[0]),
            ),
        ]
    )


def dice(results: Results) -> Verdict:
    """Claim 33."""
    parts = []
    for arm, text in (
        ("lola_2", "two steps ahead"),
        ("lola_3", "three steps ahead"),
        ("lola_model", "two steps of a learned model"),
    ):
        parts.append(at_least(per_step(results.run("ipd", arm)), -1.35, f"{text}:"))
    parts.append(at_most(per_step(results.run("ipd", "naive")), -1.9, "naive:"))
    return verdict(parts)


def own_share(found: Finding) -> np.ndarray:
    """Share ``[S]`` of the coins that are taken by their owner."""
    own, others = (found.final[f"event/{kind}_coins"].sum(-1) for kind in ("own", "others"))
    return own / (own + others)


def coins(results: Results) -> Verdict:
    """Claim 34."""
    ours, naive = (results.run("coingame_3x3", arm) for arm in ("lola", "naive"))
    share = own_share(ours)
    text = f"LOLA {comparison.mean(share)}, naive {comparison.mean(own_share(naive))}"
    return verdict(
        [
            above(share, own_share(naive), text),
            above(
                ours.final["return/collective"],
                naive.final["return/collective"],
                "collective return above",
            ),
        ]
    )


RULES: dict[int, Callable[[Results], Verdict]] = {
    30: exact_dilemma,
    31: exact_pennies,
    32: tournament,
    33: dice,
    34: coins,
}
"""The rules by the numbers of their claims."""
