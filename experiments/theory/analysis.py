"""How often LASE agents come to cooperate in every game of two actions (Kong et al. 2024, Fig. 2).

    python -m experiments.theory.analysis

Writes ``results.md``, ``results.json`` and ``plane.png`` beside this file.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments import style
from experiments.theory.dynamics import ascent, resting
from lase_jax.cli import guarded
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

IPD = (1.2, -0.2)
"""T and S of the paper's iterated prisoner's dilemma."""
NEAR = 0.02
"""A start has reached a point if it ends no farther from it."""
HEADS = (
    *("game", "T, S", "mean P(C)", "least", "most", "starts at (1, 1)", "at (0, 0)"),
    *("agents apart", "within 0.02 of the closed form"),
)
SHARES = ("cooperate", "defect", "apart", "near")
CORNERS = {"Harmony": (0.5, 0.5), "Stag-Hunt": (0.5, -0.5), "Snowdrift": (1.5, 0.5)}
CORNERS["Prisoner's Dilemma"] = (1.5, -0.5)

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Analysis:
    """What to simulate."""

    points: int = 51
    """Points of each axis of the plane; the paper has 101."""
    starts: int = 20
    """Random pairs of policies that agents start from, the same at every point."""
    out: Path = HERE
    """Where the table and the figure go."""


def kind(temptation: np.ndarray, sucker: np.ndarray) -> np.ndarray:
    """Names of the games at some points; "" on a border between two kinds, and where S = 1."""
    names = np.where(
        temptation < 1.0,
        np.where(sucker > 0.0, "Harmony", "Stag-Hunt"),
        np.where(sucker > 0.0, "Snowdrift", "Prisoner's Dilemma"),
    )
    border = np.isclose(temptation, 1.0) | np.isclose(sucker, 0.0) | np.isclose(sucker, 1.0)
    return np.where(border, "", names)


def missed(temptation: float, sucker: float, ends: np.ndarray) -> np.ndarray:
    """How far ``ends [n, 2]`` lie from the nearest point of the closed form, ``[n]``."""
    return np.abs(resting(temptation, sucker)[:, None] - ends).max(-1).min(0)


def numbers(ends: np.ndarray, miss: np.ndarray) -> dict[str, float]:
    """What became of ``ends [p, n, 2]`` of p points and n starts, ``miss [p, n]``."""
    means = ends.mean((1, 2))
    return {
        "mean": float(means.mean()),
        "least": float(means.min()),
        "most": float(means.max()),
        **{
            name: float((np.abs(ends - corner).max(-1) < NEAR).mean())
            for name, corner in (("cooperate", 1.0), ("defect", 0.0))
        },
        "apart": float((np.abs(ends[..., 0] - ends[..., 1]) > 2 * NEAR).mean()),
        "near": float((miss <= NEAR).mean()),
    }


def row(name: str, where: str, found: dict[str, float]) -> list[str]:
    """A row of the table, of `numbers`."""
    shown = [f"{found[key]:.2f}" for key in ("mean", "least", "most")]
    return [name, where, *shown, *(f"{found[key]:.0%}" for key in SHARES)]


def draw(grid: tuple[np.ndarray, np.ndarray], ends: np.ndarray, path: Path) -> None:
    """The surface and the map of the mean probability of cooperation, ``ends [p, p, n, 2]``."""
    from matplotlib.figure import Figure

    chance, stays = ends.mean((2, 3)), (ends.mean(3) < NEAR).mean(-1)
    chance = np.where(np.isclose(grid[1], 1.0), np.nan, chance)
    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    surface = figure.add_subplot(1, 2, 1, projection="3d")
    surface.plot_surface(*grid, chance, cmap="viridis", vmin=0.0, vmax=1.0, rcount=60, ccount=60)
    surface.view_init(elev=28, azim=-120)
    surface.set(xlabel="T", ylabel="S", zlabel="P(C)", zlim=(0.0, 1.0))
    surface.locator_params(nbins=5)
    surface.set_box_aspect(None, zoom=0.85)
    flat = figure.add_subplot(1, 2, 2)
    shown = flat.pcolormesh(*grid, chance, cmap="viridis", vmin=0.0, vmax=1.0, shading="nearest")
    figure.colorbar(shown, ax=flat, label="probability of cooperation")
    _label(flat)
    flat.contour(*grid, stays, levels=[0.05], colors="white", linestyles="dashed")
    figure.savefig(path, dpi=110, format="png")


def _label(axes: Any) -> None:
    """Names the games, and marks the IPD."""
    axes.axvline(1.0, color="white", lw=0.8)
    axes.axhline(0.0, color="white", lw=0.8)
    for name, place in CORNERS.items():
        axes.text(*place, name, color=style.INK, ha="center", va="center", fontweight="bold")
    axes.plot(*IPD, "o", color=style.COLOURS["lase"], markeredgecolor="white")
    axes.annotate("IPD", IPD, (8, -4), textcoords="offset points", color=style.INK)
    axes.set(xlabel="T, temptation to defect", ylabel="S, payoff of who is defected from")


def write(settings: Analysis) -> None:
    """Simulates, and writes the table, its numbers and the figure."""
    axes = np.linspace(0.0, 2.0, settings.points), np.linspace(-1.0, 1.0, settings.points)
    grid = np.meshgrid(*axes, indexing="ij")
    start = jax.random.uniform(jax.random.key(0), (settings.starts, 2))
    over_starts = jax.vmap(ascent, (None, None, 0))
    games = jnp.array([*map(np.ravel, grid)]).T
    games = jnp.concatenate([games, jnp.array([IPD])])
    ends = np.asarray(jax.jit(jax.vmap(lambda game: over_starts(*game, start)))(games))
    miss = np.array([missed(*game, end) for game, end in zip(np.array(games), ends, strict=True)])
    kinds = kind(*np.asarray(games).T)
    found = {name: numbers(ends[kinds == name], miss[kinds == name]) for name in CORNERS}
    found["IPD"] = numbers(ends[-1:], miss[-1:])
    wheres = {name: f"T {_sign(t - 1)} 1, S {_sign(s)} 0" for name, (t, s) in CORNERS.items()}
    wheres["IPD"] = f"{IPD[0]}, {IPD[1]}"
    note = (
        f"{settings.points} times {settings.points} games, {settings.starts} random starts each; "
        "borders between kinds are left out. P(C) is the mean of both agents. "
        "`python -m experiments.theory.analysis`"
    )
    table = markdown(HEADS, [row(name, wheres[name], found[name]) for name in found])
    settings.out.mkdir(parents=True, exist_ok=True)
    files.write(settings.out / "results.md", f"{table}\n{note}\n")
    files.write(settings.out / "results.json", json.dumps(found, indent=1) + "\n")
    files.replace(
        settings.out / "plane.png",
        lambda path: draw((grid[0], grid[1]), ends[:-1].reshape(*grid[0].shape, -1, 2), path),
    )


def _sign(difference: float) -> str:
    return "<" if difference < 0 else ">"


def main() -> int:
    """Simulates, writes what was found, and returns an exit code."""
    write(tyro.cli(Analysis, description=__doc__))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
