"""Pages of games, algorithms, learners and metrics, made from the code and the results.

Each function returns Markdown; `write_all` writes the pages and their pictures below a folder.
"""

import hashlib
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

import envs
from docs import address, boards, prose
from docs.address import ROOT
from docs.prose import cell, inline
from envs.registry import GAMES
from experiments import curves, findings
from experiments.learning_curves import sweep
from experiments.learning_curves.analysis import LINES, PPO_LINES
from experiments.variants import command
from lase_jax.algorithms import ALGORITHMS
from lase_jax.algorithms.gift import EqualGifts, Gift
from lase_jax.algorithms.giving import Givers, Giving
from lase_jax.algorithms.group import Group
from lase_jax.algorithms.independent import Independent
from lase_jax.algorithms.inequity import Inequity
from lase_jax.algorithms.influence import effect
from lase_jax.algorithms.influence.basic import BasicInfluence
from lase_jax.algorithms.influence.communication import Communication
from lase_jax.algorithms.influence.moa import Influence
from lase_jax.algorithms.lase import counterfactual
from lase_jax.algorithms.lase.agent import Lase
from lase_jax.algorithms.svo import Orientation, Svo
from lase_jax.core import metrics, rewards
from lase_jax.learners import LEARNERS
from lase_jax.learners.a2c import A2C
from lase_jax.presets import SETTINGS
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import RunConfig, default
from lase_jax.runs.setup import set_up

CEILINGS = ROOT / "experiments" / "ceilings" / "results.md"
CACHE = ROOT / ".cache" / "docs"
EQUATIONS: dict[type, tuple[Any, ...]] = {
    BasicInfluence: (effect.marginal, effect.divergence),
    Communication: (effect.marginal, effect.divergence),
    Gift: (EqualGifts.shape,),
    Giving: (Givers.shape,),
    Group: (rewards.group_delta,),
    Independent: (A2C.objective,),
    Inequity: (rewards.inequity_delta,),
    Influence: (effect.marginal, effect.divergence),
    Lase: (counterfactual.advantage, counterfactual.relationship, rewards.gift_delta),
    Svo: (Orientation.shape,),
}
"""The functions that compute what is an algorithm's own, which its page shows as they are."""


def kinds(menu: Mapping[str, Any]) -> dict[type, list[str]]:
    """Names on a menu by the class of their settings, both in the order of their names."""
    found: dict[type, list[str]] = {}
    for name in sorted(menu):
        found.setdefault(type(menu[name]), []).append(name)
    return found


def module_of(cls: type) -> Any:
    """The module that a class is defined in."""
    return importlib.import_module(cls.__module__)


def source(thing: Any) -> str:
    """Path of a module's or function's file from the repository's root."""
    return Path(inspect.getfile(thing)).relative_to(ROOT).as_posix()


def title_of(cls: type) -> tuple[str, str]:
    """The name and the gist that the first sentence of a class's module gives, e.g. ``A: b.``."""
    name, _, gist = prose.first_sentence(module_of(cls).__doc__).partition(": ")
    short = re.sub(r" \(\w.* \d{4}.*\)", "", name.removesuffix("."))
    return short, gist.removesuffix(".")


# Games


def game_page(cls: type, names: list[str], diagrams: Mapping[str, Any]) -> str:
    """The page of a kind of game and of all that are ready-made."""
    title, _ = title_of(cls)
    doc = prose.sections(module_of(cls).__doc__ or "")
    games = {name: envs.make(name) for name in names}
    shown = [name for name in names if name in diagrams]
    parts = [
        f"# {inline(title)}",
        f"{_named(names)} · [{source(cls)}]({address.source(source(cls))})",
        "\n".join(f"![{name} after some steps](pictures/{name}.png){{.board}}" for name in names),
        f"```bash\nmake train ENV={names[0]} ALGO=lase\n```",
        f"```python\nfrom lase_jax import envs\n\ngame = envs.make({names[0]!r})\n```",
        f"## Rules\n\n{doc[prose.MAIN]}",
        f"## Ready-made games\n\n{ready_made(games)}",
        f"## What an agent sees\n\n{observations(games)}",
        f"## Events\n\n{events(games)}",
    ]
    if shown:
        parts.append(f"## Is it a dilemma?\n\n{dilemmas({n: diagrams[n] for n in shown}, cls)}")
    parts += [*earned(names), f"## Settings\n\nDefaults are those of `{cls.__name__}()`.\n\n"]
    parts[-1] += prose.settings(cls())
    return "\n\n".join(parts) + "\n"


def ready_made(games: Mapping[str, Any]) -> str:
    """A table of the ready-made games of a kind."""
    rows = [
        [
            f"`{name}`",
            str(game.spec.num_agents),
            str(game.spec.horizon),
            "-" if game.spec.max_return is None else f"{game.spec.max_return:g}",
            ", ".join(f"`{action}`" for action in game.spec.action_names),
            ", ".join(f"`{player}`" for player in game.scripted),
            f"`{prose.written(GAMES[name])}`",
        ]
        for name, game in games.items()
    ]
    heads = ("name", "agents", "steps", "return at most", "actions", "scripted", "settings")
    return markdown(heads, rows)


def observations(games: Mapping[str, Any]) -> str:
    """What agents see: shapes and planes of each game, and a picture of one."""
    rows = [
        [
            f"`{name}`",
            f"`{game.spec.obs_shape}` {np.dtype(game.spec.obs_dtype).name}",
            ", ".join(f"`{plane}`" for plane in game.spec.plane_names),
        ]
        for name, game in games.items()
    ]
    text = markdown(("game", "one observation", "planes"), rows)
    first = next(iter(games))
    if boards.has_planes(games[first]):
        text += f"\nThe planes of agent 0 in `{first}`, itself in the middle:\n\n"
        text += f"![planes](pictures/{first}-planes.png)\n"
    return text


def events(games: Mapping[str, Any]) -> str:
    """What is counted, in which games, and what of it helps or harms others."""
    specs = {name: game.spec for name, game in games.items()}
    rows = []
    for event in dict.fromkeys(event for spec in specs.values() for event in spec.event_names):
        where = [name for name, spec in specs.items() if event in spec.event_names]
        each = [specs[name] for name in where]
        said = {"helps others": any(event in spec.helps for spec in each)}
        said["harms others"] = any(event in spec.harms for spec in each)
        effect = ", ".join(what for what, holds in said.items() if holds) or "-"
        rows.append(
            [f"`event/{event}`", effect, "all" if len(where) == len(specs) else _named(where)]
        )
    return markdown(("metric, per agent and episode", "said to", "in"), rows)


def dilemmas(found: Mapping[str, Any], cls: type) -> str:
    """Schelling diagrams, and which properties of a dilemma hold."""
    verdicts = json.loads(boards.DIAGRAMS.read_text())
    sentences = list(verdicts[next(iter(found))]["verdicts"])
    rows = [
        [f"`{name}`", *(verdicts[name]["verdicts"][sentence] for sentence in sentences)]
        for name in found
    ]
    return (
        "What scripted cooperators and defectors earn, by how many of the others cooperate "
        "([schelling](../files/experiments/schelling/README.md)).\n\n"
        f"![Schelling diagrams](pictures/{cls.__name__}-schelling.png)\n\n"
        f"{markdown(('game', *sentences), rows)}"
    )


def earned(names: list[str]) -> list[str]:
    """What societies can earn and have learnt to earn, as sections; none where nothing is known."""
    parts = []
    head, rule, *rows = [line for line in CEILINGS.read_text().splitlines() if line[:1] == "|"]
    mine = [row for row in rows if row.split("|")[1].strip() in names]
    if mine:
        link = "Measured in [ceilings](../files/experiments/ceilings/README.md)."
        parts.append("\n".join(["## What can be earned\n", head, rule, *mine, "", link]))
    kept = {pair: found for pair, found in results().items() if pair[0] in names}
    if kept:
        link = "Five seeds or ten, see [results](../../results.md)."
        tables = "\n".join(curves.summary(kept, lines) for lines in (LINES, PPO_LINES))
        parts.append(f"## What was learnt\n\n{tables}\n{link}")
    return parts


def _named(names: list[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


@cache
def results() -> dict[tuple[str, str], findings.Finding]:
    """The committed learning curves by game and algorithm."""
    return dict(sweep.kept())


def games_index(of: Mapping[type, list[str]]) -> str:
    """A table of all games, and the list of their pages."""
    rows = []
    for cls, names in of.items():
        title, gist = title_of(cls)
        named = ", ".join(f"`{name}`" for name in names)
        rows.append([f"[{inline(title)}]({page_name(names)}.md)", cell(gist), named])
    pages = "\n".join(page_name(names) for names in of.values())
    return (
        f"# Games\n\n{markdown(('game', '', '`ENV`'), rows)}\n"
        f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    )


def page_name(names: list[str]) -> str:
    """The page of a kind has the shortest of its names."""
    return min(names, key=lambda name: (len(name), name))


# Algorithms


def algorithm_page(cls: type, names: list[str], traced: Mapping[str, list[str]]) -> str:
    """The page of a kind of agent and of all names under which it is ready-made."""
    doc = prose.sections(module_of(cls).__doc__ or "")
    title, _ = title_of(cls)
    configs = {name: ALGORITHMS[name] for name in names}
    own = {field.name for field in fields(cls)} - {"learner"}
    parts = [
        f"# {inline(title)}",
        f"{_named(names)} · [{source(cls)}]({address.source(source(cls))})",
        f"```bash\nmake train ENV={_playable(cls)} ALGO={names[0]}\n```",
        f"## Idea\n\n{doc[prose.MAIN]}",
    ]
    if cls in EQUATIONS:
        parts.append(f"## Equation, as computed\n\n{as_computed(EQUATIONS[cls])}")
    parts += [
        f"## {name}\n\n{doc[name]}" for name in ("What it sees", "Differences") if name in doc
    ]
    if "Letters" in doc:
        parts.append(doc["Letters"])
    parts += [*folder(cls), "## Settings"]
    if len(names) > 1:
        rows = [[f"`{name}`", f"`{prose.written(config)}`"] for name, config in configs.items()]
        parts.append(markdown(("name", "settings"), rows))
    skip = () if not hasattr(cls(), "learner") else ("learner",)
    parts.append(prose.settings(cls(), skip) if own else "None of its own.")
    if skip:
        parts.append("Those of its policy and critic are its [learner's](../learners.md).")
    parts += [*in_presets(names), f"## Metrics\n\n{metric_table(traced[names[0]])}"]
    parts += learnt(names)
    return "\n\n".join(parts) + "\n"


def _playable(cls: type) -> str:
    return "ipd" if title_of(cls)[0].startswith("LOLA") else "ssh"


def as_computed(functions: tuple[Any, ...]) -> str:
    """The source of some functions, as Sphinx takes it in."""
    blocks = []
    for function in functions:
        blocks.append(
            f"From {source(function)}:\n\n"
            f"```python\n{inspect.cleandoc(chr(10) + inspect.getsource(function))}\n```"
        )
    return "\n\n".join(blocks)


def folder(cls: type) -> list[str]:
    """The modules of the folder that an algorithm fills, as a section."""
    package = cls.__module__.rpartition(".")[0]
    if package == "lase_jax.algorithms":
        return []
    parent = importlib.import_module(package)
    found = [f"{package}.{each.name}" for each in pkgutil.iter_modules(parent.__path__)]
    rows = [
        [f"`{name}`", cell(prose.first_sentence(importlib.import_module(name).__doc__))]
        for name in sorted(found)
    ]
    return [f"## Where to read\n\n{markdown(('module', ''), rows)}"]


def in_presets(names: list[str]) -> list[str]:
    """What ``make train`` sets for these algorithms by game, as a section."""
    rows = [
        [f"`{game}`", f"`{name}`", f"`{', '.join(f'{k}={v!r}' for k, v in own.items())}`"]
        for game, settings in SETTINGS.items()
        for name, own in settings.own.items()
        if name in names
    ]
    text = "What `make train` sets for it alone, beside what all algorithms share in a game:"
    heads = ("game", "algorithm", "settings")
    return [f"## Settings by game\n\n{text}\n\n{markdown(heads, rows)}"] if rows else []


def metric_table(names: list[str]) -> str:
    """Some metrics with their units and meanings."""
    rows = []
    for name in names:
        row = metrics.describe(name)
        rows.append([f"`{name}`", AXES[row.axes], row.unit, cell(row.meaning)])
    return markdown(("metric", "for each", "unit", "meaning"), rows)


AXES = {"": "society", "N": "seat", "NN": "pair of seats"}
"""What a metric has one number of."""


def metrics_page() -> str:
    """All metrics."""
    return metric_table(list(metrics.TABLE))


def learnt(names: list[str]) -> list[str]:
    """What runs of some algorithms have shown, as a section."""
    kept = {
        pair: found
        for pair, found in results().items()
        if pair[1].removesuffix("_ppo") in names or pair[1] in names
    }
    if not kept:
        return []
    heads = ("game", "algorithm", "collective return", "without epsilon", "E after", "steps", "min")
    rows = [[f"`{game}`", f"`{algo}`", *_scores(found)] for (game, algo), found in kept.items()]
    commands = "\n".join(command(*pair, found.seeds) for pair, found in kept.items())
    note = (
        "Means over the last tenth of training and over seeds, ± 95 % interval; steps and minutes "
        "per seed and run. E: equality after gifts. Every seed stands in "
        "[results](../files/experiments/learning_curves/results.md). The commands:"
    )
    return [f"## Results\n\n{markdown(heads, rows)}\n{note}\n\n```bash\n{commands}\n```"]


def _scores(found: findings.Finding) -> list[str]:
    minutes = curves.fraction(found.facts["minutes"], 1)
    return [
        curves.plus_minus(found.final["return/collective"]),
        curves.average(found.played["return/collective"], 1),
        curves.average(found.final["social/equality_after"]),
        f"{found.facts['env_steps'] / 1e6:.1f}M",
        minutes,
    ]


def algorithms_index(of: Mapping[type, list[str]]) -> str:
    """A table of all algorithms, and the list of their pages."""
    rows = []
    for cls, names in of.items():
        title, gist = title_of(cls)
        named = ", ".join(f"`{name}`" for name in names)
        rows.append([named, f"[{inline(title)}]({page_name(names)}.md)", cell(gist)])
    pages = "\n".join(page_name(names) for names in of.values())
    return (
        f"# Algorithms\n\n{markdown(('`ALGO`', 'agents', ''), rows)}\n"
        "Any seat may be held by any of them, and by a game's scripted players: "
        '`ARGS="--seats lase,cooperator,..."`.\n\n'
        f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    )


def learners_page() -> str:
    """All learners and their settings."""
    parts = [
        "# Learners",
        "How a policy and a critic learn from a rollout and the reward they get: a setting of "
        'every algorithm (`ARGS="--learner ppo"`).',
    ]
    for name, config in LEARNERS.items():
        doc = prose.sections(module_of(type(config)).__doc__ or "")
        parts.append(f"## `{name}`\n\n{doc[prose.MAIN]}")
        if "Differences" in doc:
            parts.append(doc["Differences"])
        parts.append(prose.settings(config))
    return "\n\n".join(parts) + "\n"


def traced_metrics() -> dict[str, list[str]]:
    """Names of the metrics that each algorithm has, in a matrix game: an update is traced."""
    return {name: _metrics_of(default("ipd", name)) for name in ALGORITHMS}


def _metrics_of(config: RunConfig) -> list[str]:
    made = set_up(config)
    _, found = jax.eval_shape(lambda carry: made.trainer.run(carry, 1), made.shapes())
    order = list(metrics.TABLE)
    return sorted(found, key=lambda name: (order.index(_entry(name)), name))


def _entry(name: str) -> str:
    return name if name in metrics.TABLE else f"{name.split('/')[0]}/*"


# Writing


def digest() -> str:
    """A digest of all that traced metrics and pictures are made from."""
    found = hashlib.sha256()
    for folder in ("envs", "lase_jax", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found.update(path.read_bytes())
    found.update(boards.DIAGRAMS.read_bytes())
    return found.hexdigest()[:16]


def kept_metrics() -> dict[str, list[str]]:
    """`traced_metrics`, kept from build to build while the code stays as it is."""
    file = CACHE / f"metrics-{digest()}.json"
    if not file.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        files.write_json(file, traced_metrics())
    return json.loads(file.read_text())


def write_all(out: Path) -> None:
    """Writes all pages below a folder, and their pictures."""
    _write_games(out / "games")
    _write_algorithms(out / "algorithms")
    files.write(out / "learners.md", learners_page())
    files.write(out / "metrics.md", metrics_page())


def _write_games(out: Path) -> None:
    of, diagrams = kinds(GAMES), boards.diagrams()
    (out / "pictures").mkdir(parents=True, exist_ok=True)
    for cls, names in of.items():
        files.write(out / f"{page_name(names)}.md", game_page(cls, names, diagrams))
    files.write(out / "index.md", games_index(of))
    stamp = out / "pictures" / f"{digest()}.stamp"
    if not stamp.is_file():
        for cls, names in of.items():
            _draw(cls, names, {n: diagrams[n] for n in names if n in diagrams}, out / "pictures")
        files.write(stamp, "")


def _draw(cls: type, names: list[str], found: Mapping[str, Any], out: Path) -> None:
    for name in names:
        now = boards.moment(name)
        boards.draw_board(now, out / f"{name}.png")
        if name == names[0] and boards.has_planes(now.env):
            boards.draw_planes(now, out / f"{name}-planes.png")
    if found:
        boards.draw_diagrams(list(found.values()), out / f"{cls.__name__}-schelling.png")


def _write_algorithms(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    of, traced = kinds(ALGORITHMS), kept_metrics()
    for cls, names in of.items():
        files.write(out / f"{page_name(names)}.md", algorithm_page(cls, names, traced))
    files.write(out / "index.md", algorithms_index(of))
