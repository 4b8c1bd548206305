"""Games as pictures: their boards in mid-play, what an agent sees of them, their dilemmas.

Letters: N seats, H W rows and columns of a window, C planes.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import envs
from docs.address import ROOT
from envs.types import Env, Step
from lase_jax.reports import plots, schelling

DIAGRAMS = ROOT / "experiments" / "schelling" / "results.json"
STEPS = 3
"""Steps of scripted play before a picture is taken."""


class Moment(NamedTuple):
    """A game in mid-play."""

    env: Env
    picture: np.ndarray  # [h, w, 3] uint8
    obs: np.ndarray  # [N, ...]


def moment(name: str, steps: int = STEPS, seed: int = 1) -> Moment:
    """A ready-made game that its cooperators and defectors play, each on every other seat.

    It is after some steps, or as long as all take part.
    """
    env = envs.make(name)
    kinds = [env.scripted["defector" if seat % 2 else "cooperator"] for seat in _seats(env)]

    @jax.jit
    def step(state: Any, obs: jax.Array, key: jax.Array) -> tuple[Any, Step]:
        key_act, key_env = jax.random.split(key)
        keys = jax.random.split(key_act, len(kinds))
        acts = [kind(keys[seat], obs[seat], seat) for seat, kind in enumerate(kinds)]
        return env.step(key_env, state, jax.numpy.stack(acts).astype(np.int32))

    key_reset, key_play = jax.random.split(jax.random.key(seed))
    shown = now = jax.jit(env.reset)(key_reset)
    for key in jax.random.split(key_play, min(steps + 1, env.spec.horizon)):
        later, after = step(*now, key)
        if not after.active.all():
            break
        shown, now = now, (later, after.obs)
    state, obs = shown
    return Moment(env, env.render(jax.device_get(state)), np.asarray(obs))


def _seats(env: Env) -> range:
    return range(env.spec.num_agents)


def draw_board(now: Moment, path: Path) -> None:
    """Writes the board as PNG."""
    from PIL import Image

    Image.fromarray(now.picture).save(path, "PNG")


def has_planes(env: Env) -> bool:
    """Whether agents see a window of the map, of planes or of colours."""
    return len(env.spec.obs_shape) == 3


def draw_planes(now: Moment, path: Path) -> None:
    """Draws what agent 0 sees, plane by plane; ``obs [N, H, W, C]``."""
    from matplotlib.figure import Figure

    names, window = now.env.spec.plane_names, now.obs[0].astype(np.float32)
    columns = min(len(names), 7)
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(1.2 * columns, 1.4 * rows), layout="constrained")
    for index, name in enumerate(names):
        axis = figure.add_subplot(rows, columns, index + 1)
        axis.imshow(window[..., index], cmap="Greens", vmin=0, vmax=1)
        axis.set_title(name, fontsize=8)
        axis.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=110, format="png")


def diagrams() -> dict[str, schelling.Diagram]:
    """The Schelling diagrams that have been measured, by game."""
    return {game: _diagram(game, found) for game, found in json.loads(DIAGRAMS.read_text()).items()}


def _diagram(game: str, found: dict[str, Any]) -> schelling.Diagram:
    """A diagram without intervals, which are not kept."""
    helps = [np.nan if value is None else value for value in found["cooperators"]]
    harms = [np.nan if value is None else value for value in found["defectors"]]
    most = len(helps) - 1
    shares = (
        np.nansum([count * helps[count], (most - count) * harms[count]]) / most
        for count in range(most + 1)
    )

    def estimates(values: Any) -> list[schelling.Estimate]:
        return [schelling.Estimate(float(value), 0.0) for value in values]

    return schelling.Diagram(game, estimates(helps), estimates(harms), estimates(shares))


def draw_diagrams(found: list[schelling.Diagram], path: Path) -> None:
    """Draws what cooperators and defectors earn."""
    plots.schelling(found, path)


def families() -> list[str]:
    """One ready-made game of every kind: that of the fewest agents and steps."""
    by_kind: dict[type, list[str]] = {}
    for name in envs.names():
        by_kind.setdefault(type(envs.config(name)), []).append(name)
    return sorted(min(names, key=_size) for names in by_kind.values())


def _size(name: str) -> tuple[int, int, str]:
    spec = envs.config(name).spec()
    return spec.num_agents * spec.horizon, len(name), name
