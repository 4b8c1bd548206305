"""Tables about LASE, as Markdown: those of the paper, and those of what it does not ask.

Letters: S seeds, N seats, R points in time.
"""

import dataclasses
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from envs.registry import GAMES as CONFIGS
from experiments import comparison
from experiments.findings import Finding
from experiments.paper import book
from experiments.paper.book import Results
from experiments.paper.cells import BLANK, collective, grid, line, mean, side_by_side, trained
from experiments.paper.lase.claims import (
    PAYOFF,
    SHUFFLED,
    cooperation,
    late_weight,
    pairs,
    share_given,
    without_epsilon,
)
from experiments.paper.lase.stages import (
    ALL_SELFISH,
    ARMS,
    CHANGES,
    EXTENDED,
    GAMES,
    GIVERS,
    GRADES,
    IN_DILEMMA,
    INFERRING,
    RIDERS,
    SIZES,
    WITH_FREE_RIDERS,
    of_scale,
    part_of,
    riders,
    sized,
    unvaried,
    variations,
    varied,
)
from experiments.paper.scales import Scale
from experiments.paper.verdicts import MissingError, enumerated, label
from lase_jax.reports import stats
from lase_jax.reports.tables import markdown


def self_play(results: Results) -> str:
    """Fig. 5 in numbers."""
    return grid(results, ARMS, GAMES, collective, "collective return")


def iterated_dilemma(results: Results) -> str:
    """Fig. 4 in numbers: probability of cooperation without epsilon, of both agents by seed."""
    rows = []
    for arm in results.kept("ipd-{}", IN_DILEMMA):
        found = results.run("ipd", arm)
        both = without_epsilon(found, found.curves["event/cooperations"] / (PAYOFF / 2))
        last = stats.mean(both[-stats.final_rows(len(both)) :], 0)
        each = ", ".join(f"{max(pair):.2f} {min(pair):.2f}" for pair in last)
        chance = mean(cooperation(results, arm), 2)
        rows.append([label(arm), mean(results.final("ipd", arm)), chance, each])
    return (
        "Without epsilon: 100 episodes of the final policies. By seed: over the last tenth of "
        "training, of the agent that cooperates more and of the other, epsilon taken off.\n\n"
        + markdown(("IPD", "collective return", "P(C) without epsilon", "by seed"), rows)
    )


def weights(results: Results) -> str:
    """Table 2: mean weight to one other, given and inferred, and the floor of Q_SR."""

    def given(found: Finding) -> str:
        return mean(late_weight(found), 3)

    def inferred(metric: str) -> Callable[[Finding], str]:
        return lambda found: mean(pairs(found.final[metric]), 3)

    rows = [
        line(results, f"{label(arm)}, given", arm, GAMES, given)
        for arm in ("lase", "lase_wo", "gift")
    ]
    for arm in ("lase", "lase_wo"):
        for metric, what in (("weight", "inferred"), ("floor", "if Q_SR knew nothing")):
            cell = inferred(f"relation/{metric}")
            rows.append(line(results, f"{label(arm)}, {what}", arm, GAMES, cell))
    return (
        "Given: in steps with a reward to give of, over the last 10,000 episodes; nothing to those "
        "who have left. Inferred: where both take part, over the last tenth of training.\n\n"
        + markdown(("weight to one other", *GAMES), rows)
    )


def gifts(results: Results) -> str:
    """What is given: the share of a reward, and reward per agent and episode."""

    def cell(found: Finding) -> str:
        weight = found.final["gift/weight"]
        share = 1.0 - np.diagonal(weight, axis1=-2, axis2=-1)
        return f"{np.nanmean(share):.2f} / {found.final['gift/given'].mean():.2f}"

    arms = ("lase", "lase_wo", "gift", "gift_more", "gains", *SHUFFLED, "untrained", "real_policy")
    return (
        "Share of a reward that is given away / reward given per agent and episode, net of the "
        "losses that are passed on.\n\n"
        + grid(results, arms, ("ipd", *GAMES), cell, "given / reward")
    )


def equality(results: Results) -> str:
    """Table 9: equality after gifts, of each algorithm in each game."""

    def cell(found: Finding) -> str:
        return mean(book.equality(found), 2)

    return grid(results, ARMS, GAMES, cell, "E after gifts")


def uncertainty(results: Results) -> str:
    """Table 8: weights with imagined and with real views."""
    rows = []
    for game in GAMES:
        found = results.runs.get(f"{game}-lase")
        if found is None or "views/imagined/mean" not in found.played:
            continue
        cells = [
            mean(pairs(found.played[f"views/{view}/{kind}"]), 3)
            for kind in ("mean", "deviation")
            for view in ("imagined", "real_view")
        ]
        rows.append([game, *cells])
    heads = ("mean, imagined", "mean, real", "deviation, imagined", "deviation, real")
    return markdown(("game", *heads), rows)


def extended(results: Results) -> str:
    """Table 7: collective return of eight agents, and the share that is given."""

    def cell(found: Finding) -> str:
        share = share_given(found)
        gives = "" if np.isnan(share).all() else f" ({np.nanmean(share):.2f})"
        return collective(found) + gives

    arms = ("lase", "gift", "ia", "lio", "si", "a2c")
    return grid(results, arms, EXTENDED, cell, "collective return (share given)")


COMPANY = {
    "": "all of one kind",
    "-scripted": "among a cleaner, a defector and a random player",
    "-one": "one among three A2C",
    **{f"-{kind}": f"with {who}" for kind, who in RIDERS.items()},
    **{f"-{name}": f"with one that {what}" for name, what in CHANGES.items()},
    "-graded": "among five that help now and then",
    "-pretender": "with one that looks helpful",
}
"""Who plays with LASE, by the last part of a run's name."""
FORESEEN = tuple(f"infer/{name}_cross_entropy" for name in ("own", "other", "uniform"))
"""Cross-entropy in nats of pi_SR on one's own views, and on imagined ones; of a uniform guess."""


def calibration(results: Results) -> str:
    """How well pi_SR foresees, in nats: itself, others on imagined views, and a blind guess."""

    def cell(found: Finding) -> str:
        return " / ".join(f"{np.nanmean(found.final[name]):.2f}" for name in FORESEEN)

    rows = [
        line(results, f"LASE, {who}", f"lase{tail}", GAMES, cell) for tail, who in COMPANY.items()
    ]
    rows.append(line(results, f"{label('untrained')}, all of one kind", "untrained", GAMES, cell))
    return markdown(("own / others / uniform", *GAMES), rows)


def worse_than_blind(results: Results) -> str:
    """In which games a uniform guess would foresee co-players better than pi_SR does."""
    games = results.some("{}-lase", GAMES)

    def gap(game: str) -> comparison.Estimate:
        _, other, uniform = (results.final(game, "lase", metric=name) for name in FORESEEN)
        return comparison.mean(stats.mean(other - uniform, -1))

    gaps = {game: gap(game) for game in games}
    cases = {
        "better": [game for game in games if gaps[game].high < 0],
        "worse": [game for game in games if gaps[game].low > 0],
    }
    cases["about as well"] = [
        game for game in games if not any(game in found for found in cases.values())
    ]
    said = enumerated([f"{how} in {enumerated(found)}" for how, found in cases.items() if found])
    return f"Where all are LASE, pi_SR foresees co-players, beside a uniform guess, {said}."


class Shares(NamedTuple):
    """What free riders get of givers, by seed."""

    theirs: np.ndarray  # [S] share of all gifts that goes to free riders
    seats: float  # the same if every gift were split evenly
    givers: np.ndarray  # [S] a giver's mean reward after gifts
    riders: np.ndarray  # [S] a free rider's
    paid: np.ndarray  # [S] reward per episode that a giver hands to free riders


def shares(found: Finding, riders: int) -> Shares:
    """What the last `riders` seats get of the others, who alone give."""
    given, got = found.final["gift/given"].sum(-1), found.final["gift/received"]
    after, num = found.final["return/after_gifts"], got.shape[-1]
    theirs = got[:, -riders:].sum(-1)
    # Gifts of negative rewards are burdens, which may cancel the others.
    share = np.where(given > 0, theirs / np.where(given > 0, given, 1.0), np.nan)
    own = num - riders
    means = after[:, :own].mean(-1), after[:, own:].mean(-1)
    return Shares(share, riders / (num - 1), *means, theirs / own)


class Case(NamedTuple):
    """Agents of one kind, who may give, with free riders."""

    game: str
    kind: str
    """Of free riders, see `RIDERS`."""
    arm: str
    """Of the others."""

    @property
    def run(self) -> str:
        """The name of its run."""
        return f"{self.game}-{self.arm}-{self.kind}"

    @property
    def agents(self) -> int:
        """How many play."""
        return CONFIGS[self.game].spec().num_agents

    @property
    def seats(self) -> int:
        """How many free riders there are."""
        return riders(self.kind, self.agents)

    @property
    def chooses(self) -> bool:
        """Whether an agent has several others, of whom it can choose to whom it gives."""
        return self.agents > 2


def with_riders(results: Results, *arms: str) -> list[Case]:
    """Cases that are kept, in the order of games, free riders and arms."""
    cases = product((*WITH_FREE_RIDERS, "coingame"), RIDERS, arms)
    return [case for case in (Case(*parts) for parts in cases) if case.run in results.runs]


def free_riders(results: Results) -> str:
    """What free riders get of the gifts, what givers lose, and what the group gains."""
    rows = []
    for case in with_riders(results, *GIVERS, "a2c"):
        found = results.runs[case.run]
        of, gives = shares(found, case.seats), case.arm != "a2c"
        chooses = gives and case.chooses
        cells = [
            mean(of.theirs, 2) if chooses else BLANK,
            f"{of.seats:.2f}" if chooses else BLANK,
            mean(of.paid, 2) if gives else BLANK,
            *(mean(values) for values in (of.givers, of.riders)),
            mean(found.final["return/collective"]),
            *(gain(results, case) if gives else [BLANK, BLANK]),
        ]
        rows.append([case.game, beside_whom(case), label(case.arm), *cells])
    heads = (
        *("game", "free riders", "the others", "share of gifts to free riders", "if even"),
        *("a giver pays them", "a giver has", "a free rider has", "collective return"),
        *("a giver gains", "the group gains"),
    )
    return markdown(heads, rows)


def beside_whom(case: Case) -> str:
    """Free riders in words, e.g. ``"2 A2C"``."""
    who = RIDERS[case.kind]
    return f"{case.seats} {who}" if case.seats > 1 else who


def gain(results: Results, case: Case) -> list[str]:
    """By how much a giver, and the group, have more than where A2C in their seats do not give."""
    nobody = results.runs.get(case._replace(arm="a2c").run)
    if nobody is None:
        return [BLANK, BLANK]
    ours, theirs = results.runs[case.run], nobody
    givers = (shares(found, case.seats).givers for found in (ours, theirs))
    group = (found.final["return/collective"] for found in (ours, theirs))
    return [str(comparison.difference(*givers)), str(comparison.difference(*group))]


def kept_from_riders(results: Results) -> str:
    """Of which givers' gifts free riders get less than an even split, in words."""
    cases = [case for case in with_riders(results, *INFERRING) if case.chooses]
    if not cases:
        raise MissingError("free riders")
    parts = []
    for case in cases:
        of = shares(results.runs[case.run], case.seats)
        share = comparison.mean(of.theirs)
        less = share.high < of.seats
        parts.append(
            f"{label(case.arm)} in {case.game} beside {beside_whom(case)}: "
            f"{share.value:.2f} instead of {of.seats:.2f}{'' if less else ' (no less)'}"
        )
    return f"Share of gifts to free riders, instead of an even one. {'; '.join(parts)}."


def one_giver(results: Results) -> str:
    """One giver among three A2C: what the group earns, what the giver has and pays."""
    rows = []
    for game in WITH_FREE_RIDERS:
        for arm in (*GIVERS, "go", "a2c"):
            run = ALL_SELFISH.format(game) if arm == "a2c" else f"{game}-{arm}-one"
            found = results.runs.get(run)
            if found is None:
                continue
            after = found.final["return/after_gifts"]
            cells = [found.final["return/collective"], after[:, 0], after[:, 1:].mean(-1)]
            given = mean(found.final["gift/given"][:, 0], 2)
            cleaned = found.final.get("event/waste_cleaned")
            busiest = BLANK if cleaned is None else mean(cleaned[:, 1:].max(-1))
            rows.append([game, label(arm), *map(mean, cells), given, busiest])
    heads = ("game", "one", "collective return", "it has", "another has", "it gives")
    return markdown((*heads, "waste cleaned by the busiest other"), rows)


class Turn(NamedTuple):
    """LASE's weight to a co-player that changes half-way, by seed."""

    before: np.ndarray  # [S] mean over the last fifth of the time before the change
    end: np.ndarray  # [S] mean over the last tenth of training
    episodes: np.ndarray  # [S] after the change until half of the way, NaN if it does not follow
    apart: float  # episodes between weights that are kept


def deviation(course: np.ndarray) -> np.ndarray:
    """Standard deviation ``[S]`` of ``course [R, S]`` over time; NaN where there is nothing."""
    mean = stats.mean(course, 0)
    return np.sqrt(stats.mean((course - mean) ** 2, 0))


CHANGING_SEAT, HELPER_SEAT = 1, 2
"""Of the player that changes, and of one that always helps."""


def turn(found: Finding, rises: bool, seat: int = CHANGING_SEAT) -> Turn:
    """How the weight follows the change.

    Args:
        found: of a run with a player that changes on seat 1.
        rises: whether it begins to help. A weight follows if its mean changes that way, by more
            than the weights of both times deviate from their means.
        seat: of the player whose weight it is.
    """
    curve = found.curves["relation/weight"][:, :, 0, seat]
    steps, horizon = found.env_steps, found.settings["game"]["horizon"]
    half = steps[-1] / 2
    first, last = curve[(steps > 0.8 * half) & (steps <= half)], curve[steps > 1.8 * half]
    before, end = stats.mean(first, 0), stats.mean(last, 0)
    way = (end - before) if rises else (before - end)
    follows = way > deviation(first) + deviation(last)
    late = steps > half
    crossed = np.sign(end - before) * (curve[late] - (before + end) / 2) > 0
    taken = (steps[late][crossed.argmax(0)] - half) / horizon
    apart = float(np.median(np.diff(steps))) / horizon
    return Turn(before, end, np.where(follows, taken, np.nan), apart)


def changing(results: Results) -> str:
    """How soon weights follow a co-player that stops helping, or begins."""
    rows = []
    for game in WITH_FREE_RIDERS:
        for name, arm in product(CHANGES, INFERRING):
            found = results.runs.get(f"{game}-{arm}-{name}")
            if found is not None:
                of = turn(found, name == "begins")
                follow, drift = (
                    f"{np.isfinite(each.episodes).sum()} of {len(each.episodes)}"
                    for each in (of, turn(found, name == "begins", HELPER_SEAT))
                )
                cells = mean(of.before, 3), mean(of.end, 3), follow, drift, mean(of.episodes, 0)
                rows.append([game, CHANGES[name], label(arm), *cells, f"{of.apart:.0f}"])
    heads = (
        *("game", "co-player", "arm", "weight before", "weight at the end", "seeds that follow"),
        *("false alarms: seeds in which the constant helper's moves so", "episodes to half-way"),
    )
    return markdown((*heads, "kept every"), rows)


def rank(found: Finding) -> np.ndarray:
    """Rank correlation ``[S]`` of LASE's weights and its co-players' helpfulness."""
    weights = found.final["relation/weight"][:, 0, 1:]
    return np.array([spearmanr(row, GRADES).statistic for row in weights])


def follows(results: Results) -> str:
    """In how many seeds weights follow, and in how many a constant helper's move as much."""
    parts = []
    for game, arm in product(WITH_FREE_RIDERS, INFERRING):
        names = results.kept(f"{game}-{arm}-{{}}", [*CHANGES])
        moved = [
            [
                np.isfinite(turn(results.run(game, arm, name), name == "begins", seat).episodes)
                for name in names
            ]
            for seat in (CHANGING_SEAT, HELPER_SEAT)
        ]
        if names:
            ours, drift = map(np.concatenate, moved)
            count = f"{ours.sum()} of {len(ours)} seeds (false alarms {drift.sum()})"
            parts.append(f"{label(arm)}'s in {game} in {count}")
    if not parts:
        raise MissingError("a player that changes")
    return f"Weights follow: {', '.join(parts)}."


def graded(results: Results) -> str:
    """Weights to co-players that help in a share of the episodes."""
    rows = []
    for game in WITH_FREE_RIDERS:
        for arm in INFERRING:
            found = results.runs.get(f"{game}-{arm}-graded")
            if found is None:
                continue
            weights = found.final["relation/weight"][:, 0, 1:]
            monotone = "yes" if (np.diff(weights.mean(0)) > 0).all() else "no"
            cells = [mean(weights[:, index], 3) for index in range(len(GRADES))]
            rows.append([game, label(arm), *cells, mean(rank(found), 2), monotone])
    heads = [f"helps in {share:.0%}" for share in GRADES]
    return markdown(("game", "arm", *heads, "rank correlation", "monotone"), rows)


def ranked(results: Results) -> str:
    """Rank correlations of weights and help, in words."""
    parts = [
        f"{mean(rank(results.run(game, arm, 'graded')), 2)} for {label(arm)} in {game}"
        for game, arm in product(WITH_FREE_RIDERS, INFERRING)
        if f"{game}-{arm}-graded" in results.runs
    ]
    if not parts:
        raise MissingError("graded help")
    return f"Rank correlation of weights and help: {', '.join(parts)}."


def beside_equal(results: Results, game: str, arm: str) -> comparison.Estimate:
    """By how much an arm's collective return is above that of equal gifts of its own share.

    Of every seed of the arm: between two shares that were trained, returns are read from the line
    that joins their means. It is level from the largest on; if the arm's mean share is above that,
    nothing is known.

    Raises:
        MissingError: the arm, or equal gifts of a share around one of its own, are not kept.
    """
    found = results.run(game, arm)
    earned, share = found.final["return/collective"], np.nan_to_num(share_given(found))
    if share.mean() > SIZES[-1]:
        return comparison.UNKNOWN
    each = [np.interp(share, SIZES, hat) for hat in np.eye(len(SIZES))]
    near = [(size, part) for size, part in zip(SIZES, each, strict=True) if part.any()]

    def gap(seeds: np.ndarray, *equal: np.ndarray, axis: int = -1) -> np.ndarray:
        drawn = seeds.astype(int)
        line = [
            part[drawn].mean(axis) * returns.mean(axis)
            for (_, part), returns in zip(near, equal, strict=True)
        ]
        return earned[drawn].mean(axis) - sum(line)

    equal = [results.run(sized(game, size)).final["return/collective"] for size, _ in near]
    return comparison.estimate(gap, np.arange(len(earned)), *equal)


def sizes(results: Results) -> str:
    """What each giver's collective return is beside equal gifts of the same size."""
    rows = []
    for game in ("ipd", *GAMES):
        for arm in results.kept(game + "-{}", OTHER_GIFTS):
            found = results.run(game, arm)
            try:
                gap = beside_equal(results, game, arm)
            except MissingError:
                continue
            cells = mean(share_given(found), 3), mean(found.final["return/collective"])
            rows.append([game, label(arm), *cells, BLANK if np.isnan(gap.value) else str(gap)])
    heads = ("share given", "collective return", "above equal gifts of that share by")
    return markdown(("game", "arm", *heads), rows)


def beside_their_size(results: Results, arm: str) -> dict[str, list[str]]:
    """Games by whether an arm is above, below or neither beside equal gifts of its own share.

    Those in which it is not known are left out.
    """
    sides: dict[str, list[str]] = {"above": [], "below": [], "neither": []}
    for game in results.kept("{}-" + arm, ("ipd", *GAMES)):
        try:
            gap = beside_equal(results, game, arm)
        except MissingError:
            continue
        if not np.isnan(gap.low):
            sides["above" if gap.low > 0 else "below" if gap.high < 0 else "neither"].append(game)
    return sides


def whose_size(results: Results) -> str:
    """Where LASE, and networks that never learn, earn more than equal gifts of their share."""
    parts = []
    for arm in INFERRING:
        sides = beside_their_size(results, arm)
        words = {"above": "more in {}", "below": "less in {}", "neither": "as much in {}"}
        said = [words[side].format(enumerated(games)) for side, games in sides.items() if games]
        if said:
            parts.append(f"{label(arm)} earns {enumerated(said)}.")
    if not parts:
        raise MissingError("sizes")
    return f"Beside equal gifts of its own share {' '.join(parts)}"


OTHER_GIFTS = (
    *("lase", "lase_wo", "gains", *SHUFFLED, "untrained", "untrained_half", "real_policy"),
)
"""Gifts that are not equal at all times."""


def pretenders(results: Results) -> str:
    """Weights to a helper, to one that only looks like it, and to a defector."""
    rows = []
    for game in WITH_FREE_RIDERS:
        for arm in INFERRING:
            found = results.runs.get(f"{game}-{arm}-pretender")
            if found is not None:
                weights = found.final["relation/weight"][:, 0, 1:]
                cells = (mean(weights[:, index], 3) for index in range(3))
                rows.append([game, label(arm), *cells])
    return markdown(("game", "arm", "helper", "pretender", "defector"), rows)


def taken_in(results: Results) -> str:
    """How much more LASE gives to a helper than to a pretender, and to this than to a defector."""
    parts = []
    for game in results.some("{}-lase-pretender", WITH_FREE_RIDERS):
        weights = results.final(game, "lase", "pretender", metric="relation/weight")[:, 0, 1:]
        helper, pretender, defector = weights.T
        more = comparison.difference(helper, pretender, paired=True)
        fooled = comparison.difference(pretender, defector, paired=True)
        parts.append(
            f"{game}: helper over pretender by {more}, pretender over defector by {fooled}"
        )
    return f"LASE's weights in {'; in '.join(parts)}."


def sensitivity(results: Results) -> str:
    """LASE in Snowdrift with one setting changed, beside equal gifts where the game is changed."""

    def cells(name: str) -> list[str]:
        if name not in results.runs:
            return [BLANK, BLANK]
        found = results.runs[name]
        return [mean(found.final["return/collective"]), mean(share_given(found), 2)]

    def row(text: str, ours: str, theirs: str | None, game: Any) -> list[str]:
        best = game.spec().max_return
        return [text, *cells(ours), *(cells(theirs) if theirs else [BLANK] * 2), f"{best:g}"]

    game = CONFIGS["ssg"]
    rows = [
        row("as in Fig. 5", unvaried("lase"), unvaried("gift"), game),
        row("by PPO", "ssg-lase_ppo", None, game),
    ]
    for field, value in variations():
        own = dataclasses.replace(game, **{field: value}) if part_of(field) == "game" else game
        theirs = None if own is game else varied("gift", field, value)
        rows.append(row(f"{field} = {value:g}", varied("lase", field, value), theirs, own))
    heads = (column for arm in ("lase", "gift") for column in (label(arm), "share given"))
    return markdown(("setting: collective return", *heads, "best known"), rows)


def spread(results: Results) -> str:
    """Between which settings LASE's return varies, as the game is."""
    usual = results.final(unvaried("lase")).mean()
    changed = {"learner = PPO": "ssg-lase_ppo"} | {
        f"{field} = {value:g}": varied("lase", field, value)
        for field, value in variations()
        if part_of(field) == "agent"
    }
    returns = {text: results.final(run).mean() for text, run in changed.items()}
    least, most = min(returns, key=returns.__getitem__), max(returns, key=returns.__getitem__)
    return (
        f"With one setting of LASE changed the return is {returns[least]:.1f} ({least}) to "
        f"{returns[most]:.1f} ({most}), as it is {usual:.1f}."
    )


def settings(scale: Scale) -> list[str]:
    """Tables 4 to 6: settings of the games, of LASE in them, and of the other algorithms."""
    games = ("ipd", *GAMES, *EXTENDED)
    lase = {game: of_scale(game, "lase", scale) for game in games}
    return [
        "Games (the paper's Tables 4 and 6):\n",
        side_by_side({game: vars(run.game) for game, run in lase.items()}),
        "LASE and its budget (Table 5). The paper's networks have two convolutions and an LSTM, as "
        "at scale full; at scale cpu they are dense:\n",
        side_by_side({game: trained(run) for game, run in lase.items()}),
        *(part for game in ("ipd", *GAMES) for part in apart(game, scale)),
    ]


def apart(game: str, scale: Scale) -> list[str]:
    """In what the algorithms of a game differ, besides settings that LASE alone has."""
    of_lase = ("lase", "lase_wo")
    arms = ("a2c", *(("lola",) if game == "ipd" else ("ia", "si", "lio")), "gift", "go", *of_lase)
    columns = {arm: trained(of_scale(game, arm, scale)) for arm in arms}
    shared = columns["a2c"].keys()
    every = dict.fromkeys(field for column in columns.values() for field in column)

    def differs(field: str) -> bool:
        own = field in columns["lase"] and field not in shared
        compared = of_lase if own else arms
        return len({str(columns[arm].get(field)) for arm in compared}) > 1

    shown = [field for field in every if differs(field)]
    differ = {
        label(arm): {field: column.get(field) for field in shown} for arm, column in columns.items()
    }
    return [f"In what algorithms differ in `{game}`:\n", side_by_side(differ)]
