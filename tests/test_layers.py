"""The drawing of the house: who may import whom, read from the sources.

A module may import from its own layer and from those below it. Two flights of stairs lead from the
contract between games and learners to the host, one through the games and one through learning, so
neither of the two knows the other.
"""

import ast
import graphlib
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CONTRACT = [["envs.types", "envs.checks", "envs.menu", "lase_jax", "lase_jax._games"]]
GAMES = [
    ["envs.grid", "envs.motion", "envs.render"],
    ["envs.ssd"],
    ["envs.*"],  # every other module of envs is a game
    ["envs.registry"],
    ["envs"],
]
LEARNING = [
    ["lase_jax.types"],
    ["lase_jax.core*"],
    ["lase_jax.nets*"],
    ["lase_jax.loop", "lase_jax.loop.rollout", "lase_jax.loop.player", "lase_jax.loop.society"],
    ["lase_jax.learners*"],
    ["lase_jax.algorithms*"],
    ["lase_jax.loop.train"],
]
HOST = [  # files, clocks, pictures, printing
    ["lase_jax.reports*"],
    ["lase_jax.runs*"],
    ["lase_jax.presets*"],
    ["lase_jax.sweeps*"],
    ["lase_jax.cli*", "lase_jax.api"],
    ["lase_jax.adapters*"],
    ["experiments*"],
]
STAIRS = (CONTRACT + GAMES + HOST, CONTRACT + LEARNING + HOST)

OWNERS = {
    "PIL": ["envs.render", "lase_jax.reports.animate"],
    "distrax": ["lase_jax.core.distributions"],
    "markdown_it": ["experiments.paper.report"],
    "matplotlib": [
        "lase_jax.reports.plots",
        "lase_jax.reports.heatmap",
        "experiments.curves",
        "experiments.*.analysis",
        "experiments.paper.drawing",
        "experiments.bench.report",
    ],
    "orbax": ["lase_jax.runs.checkpoint"],
    "tensorboardX": ["lase_jax.runs.tensorboard"],
    "wandb": ["lase_jax.runs.wandb"],
}
"""Libraries that are slow to import or meant for one task, and the modules that may use them."""

LAZY = ["matplotlib", "orbax", "tensorboardX", "wandb"]
"""Libraries that even their owners import inside functions, since not every run needs them."""


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SECOND_NAMES = {"lase_jax": {"envs"}}
"""Modules that others give a second name, which only type checkers read there."""


SOURCES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for package in ("envs", "lase_jax", "experiments")
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imports(nodes):
    """Full names of all that the nodes import: ``from envs import checks`` is ``envs.checks``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in SOURCES else node.module


def imports_on_loading(module):
    """What the module imports as soon as it is imported, not inside functions."""
    return imports(SOURCES[module].body)


def layer(stairs, module):
    """The number of the module's layer, counted from below; None where it is not on the stairs."""
    entries = [entry for flight in STAIRS for names in flight for entry in names]
    fits = [entry for entry in entries if fnmatchcase(module, entry)]
    home = max(fits, key=lambda entry: (entry == module, len(entry)))
    return next((number for number, names in enumerate(stairs) if home in names), None)


def may_import(importer, imported):
    pairs = [(layer(stairs, importer), layer(stairs, imported)) for stairs in STAIRS]
    return any(None not in pair and pair[1] <= pair[0] for pair in pairs)


@pytest.mark.parametrize("module", SOURCES)
def test_imports_come_from_the_same_layer_or_below(module):
    inside = {name for name in imports(ast.walk(SOURCES[module])) if name in SOURCES}
    inside -= SECOND_NAMES.get(module, set())
    assert not {name for name in inside if not may_import(module, name)}


@pytest.mark.parametrize("module", SOURCES)
def test_libraries_for_one_task_are_used_by_their_owners(module):
    used = {name.split(".")[0] for name in imports(ast.walk(SOURCES[module]))}
    owned = {name: any(fnmatchcase(module, owner) for owner in OWNERS[name]) for name in OWNERS}
    assert not {name for name in used & set(OWNERS) if not owned[name]}
    on_loading = {name.split(".")[0] for name in imports_on_loading(module)}
    assert not on_loading & set(LAZY)


def test_no_modules_import_each_other_in_a_circle():
    """Imports inside functions and for type checkers count: a circle is one, however late."""
    graph = {module: set(imports(ast.walk(SOURCES[module]))) & set(SOURCES) for module in SOURCES}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


FOLDER = re.compile(r"lase_jax\.algorithms\.(\w+)\.")


@pytest.mark.parametrize("module", [name for name in SOURCES if FOLDER.match(name)])
def test_folders_of_algorithms_do_not_know_each_other(module):
    folders = {FOLDER.match(name) for name in imports(ast.walk(SOURCES[module]))} - {None}
    assert {match[1] for match in folders} <= {FOLDER.match(module)[1]}


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("lase_jax.nets.layers", "envs.types", True),
        ("lase_jax.runs.setup", "envs.registry", True),
        ("lase_jax.runs.setup", "lase_jax.loop.train", True),
        ("experiments.study", "lase_jax.cli", True),
        ("envs.stag_hunt", "envs.grid", True),
        ("envs.grid", "envs.stag_hunt", False),
        ("envs.stag_hunt", "lase_jax.types", False),
        ("lase_jax.loop.train", "envs.registry", False),
        ("lase_jax.algorithms.lase.agent", "envs.stag_hunt", False),
        ("lase_jax.algorithms.lase.agent", "lase_jax.learners.ppo", True),
        ("lase_jax.learners.ppo", "lase_jax.algorithms.lase.agent", False),
        ("lase_jax.loop.society", "lase_jax.learners.agents", False),
        ("lase_jax.loop.train", "lase_jax.runs.setup", False),
        ("lase_jax.reports.plots", "lase_jax.runs.sinks", False),
        ("lase_jax.runs.results", "lase_jax.reports.plots", True),
        ("lase_jax.cli", "lase_jax.presets", True),
        ("lase_jax.cli", "experiments.study", False),
        ("lase_jax.runs.config", "lase_jax.presets", False),
    ],
)
def test_the_drawing_says_what_it_should(importer, imported, allowed):
    assert may_import(importer, imported) is allowed
