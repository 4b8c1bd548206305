"""Figures about LASE.

Letters: S seeds, N seats, R points in time.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.render import AGENT_COLOURS
from experiments import comparison, style
from experiments.curves import RETURN, course, in_steps, legend, legend_in_panel, save
from experiments.paper import drawing
from experiments.paper.book import Results
from experiments.paper.drawing import colour_of, new, panels, places, points
from experiments.paper.lase.claims import PAYOFF, share_given, without_epsilon
from experiments.paper.lase.stages import (
    ALL_SELFISH,
    ARMS,
    BASELINES,
    CHANGES,
    GAMES,
    GIVERS,
    GRADES,
    INFERRING,
    METHODS,
    SIZES,
    WITH_FREE_RIDERS,
    sized,
    unvaried,
    usual,
    varied,
)
from experiments.paper.lase.stages import SENSITIVITY as SETTINGS
from experiments.paper.lase.tables import OTHER_GIFTS, beside_whom, shares, with_riders
from experiments.paper.verdicts import MissingError, label
from lase_jax.reports import stats


def iterated_dilemma(results: Results, path: Path) -> None:
    """Fig. 4: paths of both agents over the square of cooperation, and the collective return."""
    arms = results.kept("ipd-{}", ("a2c", "lola", "lase", "go"))
    figure, (*axes, returns, told) = panels(len(arms) + 2, 3, width=2.9, height=2.8)
    for axis, arm in zip(axes, arms, strict=True):
        found = results.run("ipd", arm)
        chance = without_epsilon(found, found.curves["event/cooperations"] / (PAYOFF / 2))
        for seed in range(chance.shape[1]):
            axis.plot(*chance[:, seed].T, color=colour_of(arm), alpha=0.5, linewidth=1)
            axis.plot(*chance[0, seed], ".", color=style.INK, markersize=4)
            axis.plot(*chance[-1, seed], "o", color=colour_of(arm), markersize=5)
        axis.set(title=label(arm), xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axis.set(xlabel="P(C) of agent 0", ylabel="P(C) of agent 1")
        axis.grid(alpha=0.25)
    for arm in results.kept("ipd-{}", ("random", *arms, "gift_more", "moments")):
        found = results.run("ipd", arm)
        curve = found.curves["return/collective"]
        course(returns, found, curve, colour_of(arm), label(arm))
    returns.set(ylabel=RETURN)
    in_steps(returns)
    legend_in_panel(told, [returns])
    save(figure, path)


def self_play(results: Results, path: Path) -> None:
    """Fig. 5: learning curves."""
    drawing.courses(results, path, GAMES, (*BASELINES, *METHODS))


def controls(results: Results, path: Path) -> None:
    """The final collective return of every seed, of every arm in self-play."""
    games = results.some("{}-lase", GAMES)
    figure, axes = panels(len(games), 2)
    for axis, game in zip(axes, games, strict=True):
        drawing.ends(axis, results, game, ARMS)
        axis.set_ylabel(RETURN)
    save(figure, path)


def division_of_labour(results: Results, path: Path) -> None:
    """Figs 6 and 7: what each agent of the first seed earns, cleans and is given in Cleanup."""
    lase, group = (results.run("cleanup", arm) for arm in ("lase", "go"))
    weights = lase.curves["gift/weight"]
    own = np.eye(weights.shape[-1], dtype=bool)
    rows = {
        "own reward per episode": "return/extrinsic",
        "waste cleaned per episode": "event/waste_cleaned",
        "reward after gifts": "return/after_gifts",
    }
    shown = [
        (f"{label(arm)}: {title}", found, found.curves[metric])
        for title, metric in rows.items()
        for arm, found in (("lase", lase), ("go", group))
    ]
    received = stats.mean(np.where(own, np.nan, weights), -2)
    shown.append(("LASE: weight received, mean of the others'", lase, received))
    shown.append(("LASE: gifts received per episode", lase, lase.curves["gift/received"]))
    figure, axes = new(2, len(shown) // 2, width=3.8, height=2.3)
    for axis, (title, found, values) in zip(axes, shown, strict=True):
        for seat in range(values.shape[-1]):
            colour = np.array(AGENT_COLOURS[seat]) / 255
            course, steps = values[:, 0, seat], found.env_steps
            axis.plot(steps, course, color=colour, label=f"agent {seat}", linewidth=1.2)
        axis.set(title=title)
        axis.title.set_fontsize(9)
        in_steps(axis)
    for first in range(0, 2 * len(rows), 2):
        drawing.from_zero(axes[first : first + 2])
    for axis in axes[2 * len(rows) :]:
        drawing.from_zero([axis])
    legend(figure, axes[:1])
    save(figure, path)


PLAYERS = ("cooperator", "defector", "random")
PLAYER_COLOURS = ("#16a34a", "#dc2626", "#a8a29e")


def adaptation(results: Results, path: Path) -> None:
    """Fig. 8: weights to a cooperator, a defector and a random player."""
    arms = results.some("cleanup-{}-scripted", ("lase", "literal", "untrained"))
    figure, axes = new(len(arms), width=3.0, height=2.8)
    for axis, arm in zip(axes, arms, strict=True):
        found = results.run("cleanup", arm, "scripted")
        for seat, (name, colour) in enumerate(zip(PLAYERS, PLAYER_COLOURS, strict=True), 1):
            weights = found.curves["gift/weight"][:, :, 0, seat]
            course(axis, found, weights, colour, name, each_seed=True)
        axis.set(title=label(arm), ylabel="weight")
        in_steps(axis)
    drawing.from_zero(axes)
    legend(figure, axes[:1])
    save(figure, path)


ONE = ("lase", "gift", "go", "a2c")
"""Of whom each agent is shown in Fig. 9."""


def exploitation(results: Results, path: Path) -> None:
    """Fig. 9: the group's return, what each has after gifts, and who cleans."""
    games = results.some("{}-lase-one", WITH_FREE_RIDERS)
    figure, axes = new(2, len(games) + 1)
    for row, game in enumerate(games):
        arms = results.kept(game + "-{}-one", (*GIVERS, "go"))
        group, each = axes[2 * row : 2 * row + 2]
        nobody = results.runs.get(ALL_SELFISH.format(game))
        if nobody is not None:
            points(group, len(arms), nobody.final["return/collective"], colour_of("a2c"))
        for place, arm in enumerate(arms):
            points(group, place, results.final(game, arm, "one"), colour_of(arm))
            after = results.final(game, arm, "one", metric="return/after_gifts")
            points(each, place - 0.2, after[:, 0], colour_of(arm), width=0.6)
            points(each, place + 0.2, after[:, 1:].mean(-1), colour_of("a2c"), width=0.6)
        places(group, [*map(label, arms), "A2C: nobody gives"])
        places(each, [label(arm) for arm in arms])
        group.set(title=f"{game}: one of these and three A2C", ylabel=RETURN)
        each.set(title=f"{game}: the one, and the mean A2C (grey)", ylabel="reward after gifts")
        drawing.from_zero([group])
        drawing.from_zero([each])
    every_agent(results, dict(zip(EACH_AGENT, axes[2 * len(games) :], strict=True)))
    save(figure, path)


EACH_AGENT = {"return/after_gifts": "reward after gifts", "event/waste_cleaned": "waste cleaned"}
"""What is shown of each agent, by its metric."""


def every_agent(results: Results, axes: Mapping[str, Any]) -> None:
    """The one in Cleanup, and the three A2C from who has least to who has most, by metric."""
    runs = {
        arm: ALL_SELFISH.format("cleanup") if arm == "a2c" else f"cleanup-{arm}-one" for arm in ONE
    }
    kept = {arm: results.runs[run] for arm, run in runs.items() if run in results.runs}
    for metric, axis in axes.items():
        for place, (arm, found) in enumerate(kept.items()):
            values = found.final[metric]
            ordered = np.concatenate([values[:, :1], np.sort(values[:, 1:])], -1)
            for seat, seeds in enumerate(ordered.T):
                colour = colour_of(arm if seat == 0 else "a2c")
                points(axis, place + 0.2 * seat - 0.3, seeds, colour, width=0.35)
        places(axis, [label(arm) for arm in kept])
        text = EACH_AGENT[metric]
        axis.set(title="cleanup: the one, and each A2C by rank (grey)", ylabel=text)
        axis.title.set_fontsize(10)
        drawing.from_zero([axis])


def free_riders(results: Results, path: Path) -> None:
    """Share of the gifts that goes to free riders, beside an even split; and the group's return.

    Where there is one co-player it is what is given.
    """
    cases = with_riders(results, "lase")
    if not cases:
        raise MissingError("free riders")
    columns = min(3, len(cases))
    figure, axes = new(columns, 2 * -(-len(cases) // columns), width=3.0, height=2.8)
    for axis in axes:
        axis.set_axis_off()
    for number, case in enumerate(cases):
        row, column = divmod(number, columns)
        upper, lower = (axes[(2 * row + part) * columns + column] for part in (0, 1))
        upper.set_axis_on()
        lower.set_axis_on()
        arms = results.kept(f"{case.game}-{{}}-{case.kind}", (*GIVERS, "a2c"))
        for place, arm in enumerate(arms):
            found = results.runs[case._replace(arm=arm).run]
            of = shares(found, case.seats)
            points(lower, place, found.final["return/collective"], colour_of(arm))
            if arm != "a2c":
                points(upper, place, of.theirs if case.chooses else of.paid, colour_of(arm))
        if case.chooses:
            upper.axhline(of.seats, color=style.INK, linewidth=0.8, linestyle=":")
        upper.set(title=f"{case.game}: {beside_whom(case)} among {case.agents}")
        drawing.from_zero([upper])
        upper.title.set_fontsize(9)
        places(upper, [label(arm) for arm in arms if arm != "a2c"])
        places(lower, [label(arm) for arm in arms])
        upper.set_ylabel("share of gifts to them" if case.chooses else "given to it per episode")
        if column == 0:
            lower.set_ylabel(RETURN)
    save(figure, path)


def changing(results: Results, path: Path) -> None:
    """Weights to a helper, a defector and a player that changes half-way."""
    games = results.some("{}-lase-stops", WITH_FREE_RIDERS)
    rows = [(game, arm) for game in games for arm in results.kept(f"{game}-{{}}-stops", INFERRING)]
    cases = [(game, arm, name) for game, arm in rows for name in CHANGES]
    figure, axes = new(2, len(rows), width=3.8, height=2.3)
    for axis, case in zip(axes, cases, strict=True):
        if "-".join(case) not in results.runs:
            axis.set_axis_off()
            continue
        game, arm, name = case
        found = results.run(*case)
        lines = ("changes", "#ca8a04"), ("helps", "#16a34a"), ("never helps", "#dc2626")
        for seat, (text, colour) in enumerate(lines, 1):
            values = found.curves["relation/weight"][:, :, 0, seat]
            course(axis, found, values, colour, text, each_seed=True)
        axis.axvline(found.env_steps[-1] / 2, color=style.INK, linewidth=0.8, linestyle=":")
        axis.set(title=f"{game}, {label(arm)}: one {CHANGES[name]}")
        axis.title.set_fontsize(9)
        in_steps(axis)
        axis.set_ylabel("weight")
    drawing.from_zero(axes)
    legend(figure, axes[:1])
    save(figure, path)


MARKS = dict(zip(OTHER_GIFTS, ("D", "<", "P", "^", "v", "o", "s", "*"), strict=True))
"""Shapes of the points of gifts that are not equal at all times."""


def sizes(results: Results, path: Path) -> None:
    """The collective return by the share that is given: equal gifts as a line, others as points."""
    games = results.some(sized("{}", SIZES[0]), ("ipd", *GAMES))
    figure, (*axes, told) = panels(len(games) + 1, 3, width=2.9, height=2.6)
    for axis, game in zip(axes, games, strict=True):
        kept = [size for size in SIZES if sized(game, size) in results.runs]
        returns = [results.final(sized(game, size)) for size in kept]
        for size, values in zip(kept, returns, strict=True):
            axis.plot([size] * len(values), values, ".", color=colour_of("gift"), alpha=0.4)
        means = [values.mean() for values in returns]
        axis.plot(kept, means, color=colour_of("gift"), label=label("gift"))
        for arm in results.kept(game + "-{}", OTHER_GIFTS):
            found = results.run(game, arm)
            share, earned = share_given(found), found.final["return/collective"]
            look = dict(color=colour_of(arm), marker=MARKS[arm], linestyle="", markersize=5)
            axis.plot(share, earned, alpha=0.5, mew=0, label=label(arm), **look)
        axis.set(title=game, xlabel="share given")
        axis.grid(alpha=0.25)
    for axis in axes[::3]:
        axis.set_ylabel(RETURN)
    legend_in_panel(told, axes)
    save(figure, path)


def graded(results: Results, path: Path) -> None:
    """Weights by the share of episodes in which a co-player helps."""
    games = results.some("{}-lase-graded", WITH_FREE_RIDERS)
    figure, axes = new(len(games))
    for axis, game in zip(axes, games, strict=True):
        for arm in results.kept(game + "-{}-graded", INFERRING):
            weights = results.final(game, arm, "graded", metric="relation/weight")[:, 0, 1:]
            means = [comparison.mean(values) for values in weights.T]
            lows, highs = ([mean[end] for mean in means] for end in (1, 2))
            axis.plot(GRADES, weights.T, ".", color=colour_of(arm), alpha=0.4)
            axis.plot(GRADES, weights.mean(0), color=colour_of(arm), label=label(arm))
            axis.vlines(GRADES, lows, highs, color=colour_of(arm), linewidth=1.2)
        axis.set(title=game, xlabel="share of episodes with help", ylabel="weight")
        axis.grid(alpha=0.25)
    drawing.from_zero(axes)
    legend(figure, axes[:1])
    save(figure, path)


def pretenders(results: Results, path: Path) -> None:
    """Weights to a helper, to one that only looks like it, and to a defector."""
    games = results.some("{}-lase-pretender", WITH_FREE_RIDERS)
    figure, axes = new(len(games))
    for axis, game in zip(axes, games, strict=True):
        for number, arm in enumerate(results.kept(game + "-{}-pretender", INFERRING)):
            weights = results.final(game, arm, "pretender", metric="relation/weight")[:, 0, 1:]
            for place, values in enumerate(weights.T):
                points(axis, place + 0.4 * number - 0.2, values, colour_of(arm), width=0.6)
            drawing.key(axis, arm)
        places(axis, ["helps", "looks helpful", "never helps"])
        axis.set(title=game, ylabel="weight")
    drawing.from_zero(axes)
    legend(figure, axes[:1])
    save(figure, path)


def sensitivity(results: Results, path: Path) -> None:
    """The collective return in Snowdrift by the value of each setting, the usual one included."""
    every = [(field, values) for part in SETTINGS.values() for field, values in part.items()]
    if not any(varied("lase", field, v) in results.runs for field, vs in every for v in vs):
        raise MissingError("sensitivity")
    cases: dict[str, list[tuple[str, tuple[str, str]]]] = {
        "learner": [("a2c", (unvaried("lase"), unvaried("gift"))), ("ppo", ("ssg-lase_ppo", ""))]
    }
    for field, values in every:
        cases[field] = [
            (f"{value:g}", (varied("lase", field, value), varied("gift", field, value)))
            for value in sorted({*values, usual(field)})
        ]
    figure, axes = panels(len(cases), 4, width=2.3, height=2.3)
    for axis, (field, names) in zip(axes, cases.items(), strict=True):
        for place, (_, runs) in enumerate(names):
            for arm, name in zip(("lase", "gift"), runs, strict=True):
                if name in results.runs:
                    points(axis, place, results.final(name), colour_of(arm))
        axis.set(title=field)
        places(axis, [text for text, _ in names])
    for arm in ("lase", "gift"):
        drawing.key(axes[0], arm)
    for axis in axes[::4]:
        axis.set_ylabel(RETURN)
    legend(figure, axes[:1])
    save(figure, path)


FIGURES: Mapping[str, Callable[[Results, Path], None]] = {
    "fig4": iterated_dilemma,
    "fig5": self_play,
    "controls": controls,
    "fig6_7": division_of_labour,
    "fig8": adaptation,
    "fig9": exploitation,
    "sizes": sizes,
    "free_riders": free_riders,
    "changing": changing,
    "graded": graded,
    "pretenders": pretenders,
    "sensitivity": sensitivity,
}
"""Figures by the names of their files."""
