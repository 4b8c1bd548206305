"""The claims of Kong et al. 2024, judged by their rules in ``experiments/CLAIMS.md``.

Letters: S seeds, N seats, R points in time.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from envs.registry import GAMES as CONFIGS
from experiments import comparison
from experiments.comparison import Estimate, improvement
from experiments.curves import to_others
from experiments.findings import Finding
from experiments.paper.book import Results, equality
from experiments.paper.lase.stages import ALL_SELFISH, GAMES, able
from experiments.paper.verdicts import (
    Part,
    Verdict,
    Word,
    above,
    at_least,
    by,
    label,
    more,
    of,
    seeds,
    verdict,
)
from lase_jax.reports import stats

SHUFFLED = ("shuffled", "moments")
AS_MUCH = ("gift", *SHUFFLED)
"""Controls of self-play that give as large a share of their reward as LASE."""
OWN = "return/extrinsic"
"""What agents earn by themselves, before gifts."""
LATE = 10_000
"""Episodes at the end of training over which Table 2 takes the mean weight."""
ROUNDING = 1e-3
"""By how much of itself a weight must be larger than another, to be larger than by rounding."""
PAYOFF = CONFIGS["ipd"].spec().max_return
"""Collective return of an episode of the IPD in which both always cooperate. Payoffs are such that
returns are in proportion to the probability of cooperation."""


def beside(
    results: Results, game: str, arms: Iterable[str], suffix: str = ""
) -> dict[str, dict[str, Estimate]]:
    """LASE's collective return beside that of controls, as `verdict` takes them.

    Returns:
        ``controls``, NaN beside those that are not kept, and ``gaps``.
    """
    tail = f"-{suffix}" if suffix else ""
    ours = f"{game}-lase{tail}"
    names = {arm: f"{game}-{arm}{tail}" for arm in arms if able(arm, game)}
    kept = {arm: run for arm, run in names.items() if run in results.runs}
    chances = {arm: results.improvement(ours, run) for arm, run in kept.items()}
    return {
        "controls": {arm: chances.get(arm, comparison.UNKNOWN) for arm in names},
        "gaps": {
            arm: comparison.difference(results.final(ours), results.final(run))
            for arm, run in kept.items()
        },
    }


def cooperation(results: Results, arm: str) -> np.ndarray:
    """Probability ``[S]`` of cooperation in the IPD without epsilon."""
    return results.run("ipd", arm).played["return/collective"] / PAYOFF


def without_epsilon(found: Finding, chance: np.ndarray) -> np.ndarray:
    """Probabilities of one of two actions ``[R, S, N]`` of policies, of those with exploration.

    Those of agents without a learner are as they are.
    """
    learner = found.settings["agent"].get("learner")
    if learner is None:
        return chance
    start, end = learner["epsilon_start"], learner["epsilon_end"]
    episodes = found.env_steps / found.settings["game"]["horizon"]
    left = np.maximum(1.0 - episodes / learner["epsilon_episodes"], 0.0)
    epsilon = (end + (start - end) * left)[:, None, None]
    return np.clip((chance - epsilon / 2) / (1.0 - epsilon), 0.0, 1.0)


def arrival(found: Finding, share: float = 0.9) -> float:
    """Environment steps after which the mean return stays at a share of its end, or more."""
    curve = found.curves["return/collective"].mean(-1)
    below = np.flatnonzero(curve < share * found.final["return/collective"].mean())
    return float(found.env_steps[min(below[-1] + 1, len(curve) - 1)] if len(below) else 0.0)


def iterated_dilemma(results: Results) -> Verdict:
    """Claim 1."""
    ours, theirs = cooperation(results, "lase"), cooperation(results, "lola")
    parts = [
        seeds((ours >= 0.85) & (ours <= 1.0), 0.8, f"LASE in [0.85, 1], mean {ours.mean():.2f}"),
        seeds(cooperation(results, "a2c") < 0.1, 1.0, "A2C below 0.1"),
        seeds(cooperation(results, "go") > 0.97, 1.0, "GO above 0.97"),
    ]
    late = arrival(results.run("ipd", "lola")), arrival(results.run("ipd", "lase"))
    text = (
        f"LOLA's mean {theirs.mean():.2f}; less stable, or slower: deviation over seeds "
        f"{theirs.std(ddof=1):.3f}, LASE's {ours.std(ddof=1):.3f}; 90 % of the end after "
        f"{late[0]:,.0f} steps, LASE {late[1]:,.0f}"
    )
    parts.append(Part(text, bool(theirs.std() > ours.std() or late[0] > late[1])))
    return verdict(parts, **beside(results, "ipd", ("gift", "gift_more", "untrained", "moments")))


def theory(results: Results) -> Verdict:
    """Claim 2."""
    found = results.analysis("theory")
    kinds = [found[name] for name in ("Harmony", "Stag-Hunt", "Snowdrift", "Prisoner's Dilemma")]
    harmony, hunt, *half = kinds
    near = min(kind["near"] for kind in kinds)
    least = min(kind["least"] for kind in half)
    share = hunt["cooperate"]
    return verdict(
        [
            Part(f"at the closed form at {near:.1%} of ends or more", near >= 0.95, near < 0.5),
            Part(f"Harmony: least P(C) {harmony['least']:.2f}", harmony["least"] > 0.98),
            Part(f"Stag-Hunt: {share:.0%} of starts cooperate in the end", share > 0.98),
            Part(
                f"Snowdrift, Prisoner's Dilemma: least P(C) {least:.2f}, mean of both agents; in "
                f"Snowdrift {half[0]['apart']:.0%} of starts end with one of them ahead",
                least >= 0.5,
            ),
        ]
    )


def stag_hunt(results: Results) -> Verdict:
    """Claim 3."""
    steps = CONFIGS["ssh"].spec().horizon
    waits = [
        steps * results.final("ssh", arm, metric="play/active").mean(-1) for arm in ("go", "lase")
    ]
    text = f"GO leaves after {waits[0].mean():.1f} steps, LASE after {waits[1].mean():.1f}"
    ours = results.final("ssh", "lase")
    parts = [
        at_least(ours, 18.0, "LASE"),
        above(ours, results.final("ssh", "go"), "LASE above GO"),
        above(*waits, text),
    ]
    return verdict(parts, **beside(results, "ssh", ("a2c", *AS_MUCH)))


def snowdrift(results: Results) -> Verdict:
    """Claim 4."""
    ours, group = results.final("ssg", "lase"), results.final("ssg", "go")
    high = at_least(ours, 114.0, "LASE")
    selfish = results.runs.get(ALL_SELFISH.format("ssg"))
    if selfish is not None:
        alone = comparison.mean(selfish.final["return/collective"])
        high = high._replace(found=f"{high.found}; A2C with rollouts as long as LASE's {alone}")
    parts = [high, by(group, ours, -2.0, "GO above LASE")]
    return verdict(parts, **beside(results, "ssg", ("a2c", *AS_MUCH)))


def dilemma(game: str, least: float) -> Callable[[Results], Verdict]:
    """Claims 5 and 6."""

    def rule(results: Results) -> Verdict:
        ours = results.final(game, "lase")
        parts = [
            by(ours, results.final(game, "a2c"), least, "LASE above A2C"),
            above(results.final(game, "go"), ours, "GO above LASE"),
        ]
        return verdict(
            parts, **beside(results, game, ("gift", "gains", *SHUFFLED, "untrained_half"))
        )

    return rule


def perspective(results: Results) -> Verdict:
    """Claim 7; the ceiling of perspective taking is no control to be above of."""
    parts = []
    for game in GAMES:
        ours, text = results.final(game, "lase"), game
        if f"{game}-real_policy" in results.runs:
            told = results.final(game, "real_policy")
            text = f"{game}, {ours.mean():.1f} (told co-players' policies {told.mean():.1f})"
        parts.append(above(ours, results.final(game, "lase_wo"), text))
    return verdict(parts, needed=3)


def baselines(results: Results) -> Verdict:
    """Claim 8."""
    return verdict(
        above(results.final(game, "lase"), results.final(game, arm), f"{game}, {label(arm)}")
        for game in GAMES
        for arm in ("ia", "si", "lio")
    )


def fairness(results: Results) -> Verdict:
    """Claim 9."""
    ours, group = (equality(results.run("cleanup", arm)) for arm in ("lase", "go"))
    parts = [near(ours, 0.802, "LASE"), near(group, 0.496, "GO")]
    shared = {
        arm: equality(results.run("cleanup", arm))
        for arm in results.kept("cleanup-{}", ("gift", "untrained"))
    }
    controls = {
        arm: improvement(ours, shared[arm]) if arm in shared else comparison.UNKNOWN
        for arm in ("gift", "untrained")
    }
    exact = verdict(parts, controls, measure="equality")
    if exact.word == "reproduced":
        return exact
    own = equality(results.run("cleanup", "lase"), OWN)
    others = [f"{label(arm)} {values.mean():.3f}" for arm, values in shared.items()]
    text = "; ".join([f"LASE (before gifts {own.mean():.3f}", *others])
    order = above(ours, group, "LASE above GO"), by(ours, group, 0.2, f"{text}) above GO")
    word: Word = "partly" if all(part.holds for part in order) else "not reproduced"
    return exact._replace(word=word, parts=[*parts, *order])


def near(values: np.ndarray, theirs: float, text: str) -> Part:
    """Whether the interval of the mean of ``values [S]`` holds the paper's number."""
    mean = comparison.mean(values)
    holds = mean.low <= theirs <= mean.high
    return Part(f"{text} {mean}, the paper's {theirs}", holds, not holds)


def paid_cleaner(found: Finding) -> np.ndarray:
    """Seeds ``[S]`` in which who cleans most earns least by itself and is given most."""
    cleaner = busiest(found)
    poorest = found.final[OWN].argmin(-1)
    weights = received(found)
    is_cleaner = np.arange(weights.shape[-1]) == cleaner[:, None]
    others = np.where(is_cleaner, -np.inf, weights).max(-1)
    most = np.where(is_cleaner, weights, -np.inf).max(-1) > others * (1.0 + ROUNDING)
    return (cleaner == poorest) & most


def received(found: Finding) -> np.ndarray:
    """Mean ``[S, N]`` of the weights to each seat, of those others who had a reward to give of."""
    weights = found.final["gift/weight"]
    own = np.eye(weights.shape[-1], dtype=bool)
    return stats.mean(np.where(own, np.nan, weights), -2)


def times_as_much(found: Finding) -> float:
    """By how many times the weight of who cleans most is that of another, in the mean."""
    weights = received(found)
    is_cleaner = np.arange(weights.shape[-1]) == busiest(found)[:, None]
    return float(weights[is_cleaner].mean() / weights[~is_cleaner].mean())


def busiest(found: Finding) -> np.ndarray:
    """The seat ``[S]`` that cleans most."""
    return found.final["event/waste_cleaned"].argmax(-1)


def division_of_labour(results: Results) -> Verdict:
    """Claim 10."""
    arms = ("lase", "gift", *SHUFFLED, "untrained")
    runs = {arm: results.run("cleanup", arm) for arm in arms}
    paid = {arm: paid_cleaner(found) for arm, found in runs.items()}
    more = ", ".join(f"{label(arm)} {times_as_much(found):.2f}" for arm, found in runs.items())
    text = "the cleaner earns least and is given most"
    return shown_by_seeds(paid, 0.8, f"{text} (times the weight of another: {more})")


def adaptation(results: Results) -> Verdict:
    """Claim 11."""

    def ordered(weights: np.ndarray) -> np.ndarray:
        """Of ``weights [S, N]`` that LASE on the first seat gives."""
        cooperator, defector, chance = weights[:, 1], weights[:, 2], weights[:, 3]
        return (cooperator > chance) & (chance > defector)

    def at_the_end(arm: str) -> np.ndarray:
        return ordered(results.final("cleanup", arm, "scripted", metric="gift/weight")[:, 0])

    course = results.run("cleanup", "lase", "scripted").curves["gift/weight"][:, :, 0]
    early = ordered(stats.mean(course[: max(1, len(course) // 10)], 0))
    text = f"cooperator, random, defector (in the first tenth {early.sum()} of {len(early)} seeds"
    if results.kept("cleanup-{}-scripted", ["literal"]):
        found = at_the_end("literal")
        text += f"; {label('literal')} {found.sum()} of {len(found)}"
    return shown_by_seeds({arm: at_the_end(arm) for arm in ("lase", "untrained")}, 1.0, f"{text})")


def shown_by_seeds(fulfil: Mapping[str, np.ndarray], share: float, text: str) -> Verdict:
    """The verdict on what a share of LASE's seeds should show.

    Args:
        fulfil: whether each seed shows it, ``[S]`` bool by arm: LASE, and its controls.
        share: see `seeds`.
        text: what is shown.
    """
    others = {arm: shown for arm, shown in fulfil.items() if arm != "lase"}
    counts = ", ".join(
        f"{label(arm)} {shown.sum()} of {len(shown)}" for arm, shown in others.items()
    )
    part = seeds(fulfil["lase"], share, text)
    controls = {
        arm: comparison.improvement_of_shares(fulfil["lase"], shown)
        for arm, shown in others.items()
    }
    part = part._replace(found=f"{part.found} ({counts})")
    return verdict([part], controls, measure="the share of seeds")


def exploitation(results: Results) -> Verdict:
    """Claim 12."""
    found, other = results.run("cleanup", "lase", "one"), results.run("cleanup", "go", "one")
    group, with_go = (each.final["return/collective"] for each in (found, other))
    means = f"{comparison.mean(group)} (with GO {comparison.mean(with_go)})"
    cleaned = found.final["event/waste_cleaned"]
    made = cleaned[:, 1:].max(-1) > np.maximum(cleaned.sum(-1) / 2, 1.0)
    parts = [
        above(group, results.final("cleanup", "a2c"), f"the group, {means}, above four A2C"),
        seeds(made, 0.8, "an A2C does most of the cleaning"),
    ]
    for arm, low, high in (("lase", 0.8, np.inf), ("go", -np.inf, 0.2)):
        after = results.final("cleanup", arm, "one", metric="return/after_gifts")
        own, others = after[:, 0], after[:, 1:].mean(-1)
        parts.append(of(own, others, low, high, f"{label(arm)} beside the others"))
    return verdict(parts, **beside(results, "cleanup", ("gift",), "one"))


def share_given(found: Finding) -> np.ndarray:
    """Share ``[S]`` of a reward that those who give at all give away; NaN if nobody does."""
    shares = to_others(found.final["gift/weight"])
    return stats.mean(np.where(shares > 0, shares, np.nan), -1)


def late_weight(found: Finding) -> np.ndarray:
    """Mean weight ``[S]`` to another over the last `LATE` episodes."""
    horizon = found.settings["game"].get("horizon", 1)
    rows = found.env_steps > found.env_steps[-1] - LATE * horizon
    weights = found.curves["gift/weight"][rows]
    return stats.mean(weights[..., ~np.eye(weights.shape[-1], dtype=bool)], (0, 2))


def weights_given(results: Results) -> Verdict:
    """Claim 13."""
    parts = []
    for game in GAMES:
        with_views, without = (late_weight(results.run(game, arm)) for arm in ("lase", "lase_wo"))
        text = f"{game}, {with_views.mean():.3f} beside {without.mean():.3f}"
        parts.append(above(without, with_views, text))
    return verdict(parts, needed=3)


def pairs(values: np.ndarray) -> np.ndarray:
    """Mean ``[S]`` over ordered pairs of ``values [S, N, N]``."""
    return stats.mean(values[:, ~np.eye(values.shape[-1], dtype=bool)], -1)


def uncertainty(results: Results) -> Verdict:
    """Claim 14."""
    parts = []
    for game in ("ssh", "coingame", "cleanup"):
        found = results.run(game, "lase").played
        imagined, real = (pairs(found[f"views/{view}/mean"]) for view in ("imagined", "real_view"))
        spread = [pairs(found[f"views/{view}/deviation"]) for view in ("imagined", "real_view")]
        text = f"{game}: means {imagined.mean():.3f} and {real.mean():.3f}, ratio"
        agree = of(imagined, real, 0.9, 1.1, text)
        text = f"deviations {spread[0].mean():.3f} and {spread[1].mean():.3f}"
        wider = more(*spread, text)
        parts.append(
            Part(
                f"{agree.found}; {wider.found}",
                agree.holds and wider.holds,
                agree.against or wider.against,
            )
        )
    return verdict(parts, needed=2)


def extended(results: Results) -> Verdict:
    """Claim 15."""
    parts, controls = [], {}
    for game in ("cleanup_extn", "ssg_extn"):
        ours = results.final(game, "lase")
        others = {arm: results.final(game, arm) for arm in ("ia", "lio", "si", "a2c")}
        second = max(others, key=lambda arm: others[arm].mean())
        text = f"{game}, LASE {ours.mean():.1f} above {label(second)} {others[second].mean():.1f}"
        parts.append(above(ours, others[second], text))
        beside_gifts = beside(results, game, ("gift",))
        controls[f"{label('gift')} in {game}"] = beside_gifts["controls"]["gift"]
    return verdict(parts, controls)


KINDS = {"ssh": ("fear",), "cleanup": ("greed",), "ssg": ("greed",), "coingame": ("fear", "greed")}
"""What makes each game a dilemma."""


def schelling(results: Results) -> Verdict:
    """Claim 16."""
    parts = []
    for game, kinds in KINDS.items():
        answers = results.analysis("schelling")[game]["verdicts"]
        wanted = [
            answer
            for sentence, answer in answers.items()
            if not sentence.startswith(("fear", "greed")) or sentence.startswith(kinds)
        ]
        text = f"{game}: cooperation pays for all, {' and '.join(kinds)}"
        parts.append(Part(text, all(answer == "yes" for answer in wanted), "no" in wanted))
    return verdict(parts)


RULES: dict[int, Callable[[Results], Verdict]] = {
    1: iterated_dilemma,
    2: theory,
    3: stag_hunt,
    4: snowdrift,
    5: dilemma("coingame", 3.0),
    6: dilemma("cleanup", 10.0),
    7: perspective,
    8: baselines,
    9: fairness,
    10: division_of_labour,
    11: adaptation,
    12: exploitation,
    13: weights_given,
    14: uncertainty,
    15: extended,
    16: schelling,
}
"""The rules by the numbers of their claims."""
