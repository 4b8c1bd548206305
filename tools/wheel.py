"""How the wheel is built: the games, the folder `envs` of the repository, become `lase_jax.envs`.

Many projects have a package of their own that is called `envs`. Where lase_jax is installed it must
neither hide theirs nor be hidden, so the wheel has one top-level package only, and every import of
the games names it.
"""

import ast
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "lase_jax"
GAMES = "envs"


class Wheel(BuildHookInterface):
    """Puts the sources into the wheel, the games under their new name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Writes the sources of the wheel; an editable installation has the repository's own."""
        if version != "standard":
            return
        self.folder = tempfile.TemporaryDirectory()
        root, out = Path(self.root), Path(self.folder.name)
        places = {root / PACKAGE: out, root / GAMES: out / GAMES}
        for source, place in places.items():
            for file in sorted(source.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    copied = copy(file, place / file.relative_to(source))
                    there = PACKAGE / copied.relative_to(out)
                    build_data["force_include"][str(copied)] = there.as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes what `initialize` wrote."""
        if version == "standard":
            self.folder.cleanup()


def copy(file: Path, target: Path) -> Path:
    """Copies a file, Python with the games' new name, and returns the target."""
    target.parent.mkdir(parents=True, exist_ok=True)
    data = file.read_bytes()
    target.write_bytes(moved(data.decode()).encode() if file.suffix == ".py" else data)
    return target


def moved(source: str) -> str:
    """A module's source with `lase_jax.envs` in place of `envs` in its imports.

    Raises:
        ValueError: an import of a form that would bind another name than before.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import) and any(of_games(alias.name) for alias in node.names):
            if len(node.names) > 1 or node.names[0].name != GAMES:
                raise ValueError(
                    f"line {node.lineno}: write `import envs` or `from envs import ...`"
                )
            replace(lines, node, f"import {GAMES}", f"from {PACKAGE} import {GAMES}")
        elif isinstance(node, ast.ImportFrom) and of_games(node.module or ""):
            replace(lines, node, f"from {GAMES}", f"from {PACKAGE}.{GAMES}")
    return "".join(lines)


def of_games(module: str) -> bool:
    """Whether a module belongs to the games."""
    return module.split(".")[0] == GAMES


def replace(lines: list[str], node: ast.stmt, old: str, new: str) -> None:
    """Replaces the beginning of a statement, in place.

    Raises:
        ValueError: it begins otherwise, e.g. with more space between its words.
    """
    line = lines[node.lineno - 1]
    before, rest = line[: node.col_offset], line[node.col_offset :]
    if not rest.startswith(old):
        raise ValueError(f"line {node.lineno}: write `{old}` with one space")
    lines[node.lineno - 1] = before + new + rest.removeprefix(old)
