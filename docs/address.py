"""Where the repository is: one line of ``pyproject.toml``, and all that name it.

python -m docs.address https://github.com/me/lase_jax   # after a move: writes it everywhere
"""

import re
import sys
import tomllib
from pathlib import Path

from lase_jax.runs import files

ROOT = Path(__file__).parent.parent
NAMED = re.compile(
    r"github\.com/[\w.-]+/lase_jax|colab\.research\.google\.com/github/[\w.-]+/lase_jax"
)
"""The address in a clone or pip line or a link, and in a badge of Colab."""
MEANT = "*.md", "*.ipynb", "*.cff", "*.toml"
"""Files that may name it."""


def address(root: Path = ROOT) -> str:
    """The repository's address, e.g. ``https://github.com/me/lase_jax``."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["urls"]["Source"]


def source(path: str, kind: str = "blob") -> str:
    """The address of a file, or with kind "tree" of a folder."""
    return f"{address()}/{kind}/main/{path}"


def naming(root: Path = ROOT) -> list[Path]:
    """The files that name the address."""
    places = root, root / "docs", root / "notebooks"
    found = (path for place in places for kind in MEANT for path in sorted(place.glob(kind)))
    return [path for path in found if NAMED.search(path.read_text(encoding="utf-8"))]


def write(new: str, root: Path = ROOT) -> list[Path]:
    """Writes another address into all that name it, and returns these files."""
    place = new.removeprefix("https://").removesuffix("/")
    if not re.fullmatch(r"github\.com/[\w.-]+/lase_jax", place):
        raise SystemExit(f"{new} is not like https://github.com/me/lase_jax.")
    changed = naming(root)
    for path in changed:
        text = path.read_text(encoding="utf-8")
        files.write(path, NAMED.sub(lambda found: _moved(found[0], place), text))
    return changed


def _moved(old: str, place: str) -> str:
    return f"colab.research.google.com/{place.replace('.com', '')}" if "colab" in old else place


def main() -> int:
    """Writes the address given, and returns an exit code."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    for path in write(sys.argv[1]):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
