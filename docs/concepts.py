"""The pictures of the page of concepts: one each, computed by the project's own functions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from docs import boards
from envs.render import AGENT_COLOURS
from experiments.style import COLOURS, INK
from lase_jax.algorithms.influence import effect
from lase_jax.algorithms.lase import counterfactual
from lase_jax.core.rewards import gift_delta
from lase_jax.runs import files

RED, GREEN, BLUE, GREY = COLOURS["lase"], COLOURS["go"], COLOURS["lase_wo"], COLOURS["a2c"]
Q = np.array([0.2, 1.9, 0.6, 0.4])
"""Values of a joint action with each action of j, in the counterfactual's picture."""
PROBS = np.array([0.4, 0.2, 0.25, 0.15])
"""What i expects of j there."""
TAKEN = 1
"""What j did."""
REWARD = np.array([4.0, 0.0, 1.0])
WEIGHTS = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.0, 0.2, 0.8]])
"""Rewards and shares of three agents, in the picture of gifts."""
TOLD = np.array([[0.1, 0.8, 0.1], [0.6, 0.2, 0.2]])
"""What j does next after either action of i, in the picture of influence."""
OWN = np.array([0.5, 0.5])
"""How often i takes either action."""


def figure(width: float, height: float) -> Any:
    """An empty figure, inches wide and high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def box(axis: Any, x: float, y: float, text: str, colour: str, width: float = 2.6) -> None:
    """A box with words, its middle at a point."""
    from matplotlib.patches import FancyBboxPatch

    look = dict(boxstyle="round,pad=0.06", facecolor=colour + "22", edgecolor=colour)
    axis.add_patch(FancyBboxPatch((x - width / 2, y - 0.5), width, 1.0, linewidth=1.3, **look))
    axis.text(x, y, text, ha="center", va="center", fontsize=9, color=INK)


def arrow(axis: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """An arrow."""
    look = dict(arrowstyle="-|>", color=INK, linewidth=1.2)
    axis.annotate("", end, start, arrowprops=look)


def canvas(width: float, height: float, right: float, top: float) -> tuple[Any, Any]:
    """A figure with one axis without marks, from (0, 0) to (right, top)."""
    whole = figure(width, height)
    axis = whole.add_subplot()
    axis.set(xlim=(0, right), ylim=(0, top))
    axis.axis("off")
    return whole, axis


def dilemma(path: Path) -> None:
    """Schelling diagrams of two dilemmas: one of fear and one of greed."""
    found = boards.diagrams()
    boards.draw_diagrams([found["ssh"], found["cleanup"]], path)


def facts(path: Path) -> None:
    """From play to learning: facts, opinions, their sum."""
    whole, axis = canvas(8.0, 3.0, 16, 6)
    box(axis, 2, 3, "games\nenvs/", GREEN)
    box(axis, 6, 3, "rollout: facts\n[T, B, N]", GREY)
    for y, words in ((5, "gifts, by LASE on seats 0, 1"), (3, "envy, by IA on seat 2")):
        box(axis, 10.2, y, words, RED, 3.6)
        arrow(axis, (7.4, 3), (8.3, y))
    box(axis, 10.2, 1, "no opinion, A2C on seat 3", RED, 3.6)
    arrow(axis, (7.4, 3), (8.3, 1))
    arrow(axis, (3.4, 3), (4.6, 3))
    box(axis, 14.3, 3, "learners\nreward + sum of\nall deltas", BLUE)
    for y in (5, 3, 1):
        arrow(axis, (12.1, y), (12.9, 3))
    axis.text(13.6, 4.6, "a delta each,\n[T, B, N]", ha="center", fontsize=8, color=INK)
    whole.savefig(path, dpi=130)


def relationship(path: Path) -> None:
    """Equation 3 with numbers: Q for each action of j, its mean, what was taken, w_ij."""
    whole = figure(6.6, 2.9)
    axis = whole.add_subplot()
    names = [f"action {index}\nexpected {share:.0%}" for index, share in enumerate(PROBS)]
    colours = [RED if index == TAKEN else GREY for index in range(len(Q))]
    axis.bar(names, Q, color=colours, alpha=0.8, width=0.6)
    mean = float((PROBS * Q).sum())
    axis.axhline(mean, color=INK, linestyle="--", linewidth=1)
    axis.text(3.42, mean + 0.05, "mean over what i\nexpected of j", ha="right", fontsize=8)
    axis.annotate("", (1.38, Q[TAKEN]), (1.38, mean), arrowprops=dict(arrowstyle="<->", color=RED))
    share = float(counterfactual.relationship(*map(jnp.float32, (Q[TAKEN], Q, PROBS)), 2))
    gap, spread = Q[TAKEN] - mean, Q.max() - Q.min()
    axis.text(1.45, (mean + Q[TAKEN]) / 2, f"{gap:.2f} of {spread:.2f}: $w_{{ij}}$ = {share:.2f}")
    axis.set_ylabel("Q of agent i")
    whole.savefig(path, dpi=130)


def gifts(path: Path) -> None:
    """A zero-sum exchange of rewards by weights."""
    after = REWARD + np.asarray(gift_delta(jnp.float32(REWARD), jnp.float32(WEIGHTS)))
    whole = figure(7.2, 2.7)
    left, right = whole.subplots(1, 2, width_ratios=(1, 1.5))
    left.imshow(WEIGHTS, cmap="Greens", vmin=0, vmax=1)
    for (giver, receiver), share in np.ndenumerate(WEIGHTS):
        tint = "white" if share > 0.5 else INK
        left.text(receiver, giver, f"{share:g}", ha="center", va="center", color=tint)
    marks = range(len(REWARD))
    left.set(title="shares", xlabel="receiver", ylabel="giver", xticks=marks, yticks=marks)
    x = np.arange(len(REWARD))
    tints = [np.array(AGENT_COLOURS[seat]) / 255 for seat in x]
    for shift, values, alpha, name in ((-0.2, REWARD, 0.35, "paid"), (0.2, after, 1.0, "after")):
        bars = right.bar(x + shift, values, 0.38, color=tints, alpha=alpha)
        right.bar_label(bars, [f"{name}\n{value:.1f}" for value in values], fontsize=8)
    total = f"reward: {REWARD.sum():g} in all before, {after.sum():g} after"
    right.set(title=total, xticks=x, xlabel="agent", ylim=(0, REWARD.max() * 1.35))
    whole.savefig(path, dpi=130)


def perspective(path: Path) -> None:
    """One moment from two seats: what i sees, what j sees, and what lies between."""
    now = boards.moment("cleanup", steps=1)
    me, other = in_view(now)
    whole = figure(7.8, 3.0)
    board, mine, theirs = whole.subplots(1, 3)
    board.imshow(now.picture)
    mine.imshow(layers(now, me))
    theirs.imshow(layers(now, other))
    titles = "the map", f"i, agent {me}, sees this", f"j, agent {other}, sees this"
    below = "", "its colour in the middle, walls grey", "i imagines it, by eta, from its own"
    for axis, title, words in zip((board, mine, theirs), titles, below, strict=True):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(words, fontsize=8.5)
        axis.set(xticks=[], yticks=[])
    whole.savefig(path, dpi=130)


def in_view(now: boards.Moment) -> tuple[int, int]:
    """The first two agents of which one stands in the other's window."""
    seats = range(now.env.spec.num_agents)
    pairs = ((i, j) for i in seats for j in seats if i != j and now.obs[i][..., j].any())
    return next(pairs, (0, 1))


def layers(now: boards.Moment, seat: int) -> np.ndarray:
    """A window of planes as colours ``[h, w, 3]``: agents in theirs, waste, apples, the outside."""
    num = now.env.spec.num_agents
    window = now.obs[seat]
    names = now.env.spec.plane_names[num:]
    tints = {"waste": (101, 88, 11), "apple": (225, 29, 72)}
    shown = np.full((*window.shape[:2], 3), 245.0)
    shown[~window[..., -1]] = 150.0
    for plane, name in enumerate(names, num):
        if name in tints:
            shown[window[..., plane]] = tints[name]
    for agent in range(num):
        shown[window[..., agent]] = AGENT_COLOURS[agent]
    return shown.astype(np.uint8)


def influence(path: Path) -> None:
    """How far i's action moves what j does next from its average over i's own policy."""
    whole = figure(7.4, 2.6)
    told = jnp.log(jnp.float32(TOLD))
    middle = effect.marginal(told, jnp.log(jnp.float32(OWN)))
    moved = [float(effect.divergence(row, middle, jnp.int32(0), "kl")) for row in told]
    numbers = [*TOLD, np.exp(np.asarray(middle))]
    titles = (
        f"i takes 0: influence {moved[0]:.2f} nat",
        f"i takes 1: influence {moved[1]:.2f} nat",
        "average over i's policy",
    )
    for index, (values, title) in enumerate(zip(numbers, titles, strict=True)):
        axis = whole.add_subplot(1, 3, index + 1)
        axis.bar(range(3), values, color=GREY if index == 2 else RED, alpha=0.8)
        axis.set(ylim=(0, 1), xticks=range(3), xlabel="next action of j")
        axis.set_title(title, fontsize=9)
        axis.set_ylabel("" if index else "probability")
    whole.savefig(path, dpi=130)


def scan(path: Path) -> None:
    """Many seeds in one program: updates in a row, seeds side by side in each."""
    whole, axis = canvas(8.0, 3.2, 16, 6.4)
    for update, x in enumerate((2.4, 6.4, 10.4)):
        for seed, y in enumerate((5.2, 3.9, 2.6)):
            box(axis, x, y, f"seed {seed}\nplay, give, learn", (RED, BLUE, GREEN)[seed], 2.9)
            if x < 10:
                arrow(axis, (x + 1.6, y), (x + 2.4, y))
        axis.text(x, 1.5, f"update {update}", ha="center", fontsize=9)
    side = "jax.vmap\nover seeds\nand settings,\nlaid over\nall devices"
    axis.text(14.3, 3.9, side, ha="center", va="center")
    arrow(axis, (1, 0.9), (12, 0.9))
    axis.text(6.4, 0.25, "jax.lax.scan over updates: one compiled program", ha="center", fontsize=9)
    whole.savefig(path, dpi=130)


PICTURES: dict[str, Callable[[Path], None]] = {
    "dilemma": dilemma,
    "facts": facts,
    "relationship": relationship,
    "gifts": gifts,
    "perspective": perspective,
    "influence": influence,
    "scan": scan,
}


def write_all(out: Path) -> None:
    """Draws every picture."""
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        files.replace(out / f"{name}.png", draw)
