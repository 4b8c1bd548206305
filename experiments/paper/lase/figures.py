"""Figures about LASE.

Letters: S seeds, N seats, R points in time.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from envs.render import AGENT_COLOURS
from experiments import style
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
    RIDERS,
    SIZES,
    WITH_FREE_RIDERS,
    riders,
    sized,
    usual,
    varied,
)
from experiments.paper.lase.stages import SENSITIVITY as SETTINGS
from experiments.paper.lase.tables import OTHER_GIFTS, shares
from experiments.paper.verdicts import MissingError, label


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
    for arm in results.kept("ipd-{}", ("random", *arms, "gift", "moments")):
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
    numbers = {
        "return/extrinsic": "own reward per episode",
        "event/waste_cleaned": "waste cleaned per episode",
        "gift/received": "gifts received per episode",
        "return/after_gifts": "reward after gifts",
    }
    arms = ("lase", "go")
    figure, axes = new(len(arms), len(numbers), width=3.8, height=2.3)
    for index, axis in enumerate(axes):
        metric, arm = list(numbers)[index // len(arms)], arms[index % len(arms)]
        found = results.run("cleanup", arm)
        for seat in range(found.curves[metric].shape[-1]):
            colour = np.array(AGENT_COLOURS[seat]) / 255
            values = found.curves[metric][:, 0, seat]
            axis.plot(found.env_steps, values, color=colour, label=f"agent {seat}", linewidth=1.2)
        axis.set(title=f"{label(arm)}: {numbers[metric]}")
        axis.title.set_fontsize(9)
        in_steps(axis)
    for first in range(0, len(axes), len(arms)):
        drawing.from_zero(axes[first : first + len(arms)])
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
            course(axis, found, found.curves["gift/weight"][:, :, 0, seat], colour, name)
        axis.set(title=label(arm), ylabel="weight")
        in_steps(axis)
    drawing.from_zero(axes)
    legend(figure, axes[:1])
    save(figure, path)


def exploitation(results: Results, path: Path) -> None:
    """Fig. 9: the group's return, and what the giver and the others have after gifts."""
    games = results.some("{}-lase-one", WITH_FREE_RIDERS)
    figure, axes = new(2, len(games))
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
    save(figure, path)


def free_riders(results: Results, path: Path) -> None:
    """Share of the gifts that goes to free riders, beside an even split; and the group's return."""
    games = (*WITH_FREE_RIDERS, "coingame")
    cases = [(game, kind) for kind in RIDERS for game in results.kept("{}-lase-" + kind, games)]
    if not cases:
        raise MissingError("free riders")
    columns = min(3, len(cases))
    figure, axes = new(columns, 2 * -(-len(cases) // columns), width=3.0, height=2.8)
    for axis in axes:
        axis.set_axis_off()
    for number, (game, kind) in enumerate(cases):
        row, column = divmod(number, columns)
        upper, lower = (axes[(2 * row + part) * columns + column] for part in (0, 1))
        upper.set_axis_on()
        lower.set_axis_on()
        arms = results.kept(f"{game}-{{}}-{kind}", (*GIVERS, "a2c"))
        for place, arm in enumerate(arms):
            found = results.run(game, arm, kind)
            of = shares(found, riders(kind, found.final["gift/given"].shape[-1]))
            points(lower, place, found.final["return/collective"], colour_of(arm))
            if arm != "a2c":
                points(upper, place, of.theirs, colour_of(arm))
                upper.axhline(of.seats, color=style.INK, linewidth=0.8, linestyle=":")
        upper.set(title=f"{game}, {RIDERS[kind]}", ylim=(0.0, None))
        upper.title.set_fontsize(9)
        places(upper, [label(arm) for arm in arms if arm != "a2c"])
        places(lower, [label(arm) for arm in arms])
        if column == 0:
            upper.set_ylabel("gifts to free riders")
            lower.set_ylabel(RETURN)
    save(figure, path)


def changing(results: Results, path: Path) -> None:
    """Weights to a helper, a defector and a player that changes half-way."""
    games = results.some("{}-lase-stops", WITH_FREE_RIDERS)
    cases = [(game, name) for game in games for name in CHANGES]
    figure, axes = new(2, len(games), width=3.8, height=2.8)
    for axis, (game, name) in zip(axes, cases, strict=True):
        found = results.run(game, "lase", name)
        lines = ("changes", "#ca8a04"), ("helps", "#16a34a"), ("never helps", "#dc2626")
        for seat, (text, colour) in enumerate(lines, 1):
            values = found.curves["relation/weight"][:, :, 0, seat]
            course(axis, found, values, colour, text)
        axis.axvline(found.env_steps[-1] / 2, color=style.INK, linewidth=0.8, linestyle=":")
        axis.set(title=f"{game}: one {CHANGES[name]}")
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
            axis.plot(GRADES, weights.T, ".", color=colour_of(arm), alpha=0.4)
            axis.plot(GRADES, weights.mean(0), color=colour_of(arm), label=label(arm))
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
            key(axis, arm)
        places(axis, ["helps", "looks helpful", "never helps"])
        axis.set(title=game, ylabel="weight")
    drawing.from_zero(axes)
    legend(figure, axes[:1])
    save(figure, path)


def key(axis: Any, arm: str) -> None:
    """What a legend says of the points of an arm."""
    axis.plot([], [], "o", color=colour_of(arm), markersize=4, label=label(arm))


def sensitivity(results: Results, path: Path) -> None:
    """The collective return in Snowdrift by the value of each setting, the usual one included."""
    every = [(field, values) for part in SETTINGS.values() for field, values in part.items()]
    if not any(varied("lase", field, v) in results.runs for field, vs in every for v in vs):
        raise MissingError("sensitivity")
    cases: dict[str, list[tuple[str, tuple[str, str]]]] = {
        "learner": [("a2c", ("ssg-lase", "ssg-gift")), ("ppo", ("ssg-lase_ppo", ""))]
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
        key(axes[0], arm)
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
