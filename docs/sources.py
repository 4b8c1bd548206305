"""Files of the repository as pages of the site: copies in which links lead where they should.

They lie below a folder as they lie in the repository, so that links among them stay as they are;
what is not among them is linked to in the repository.
"""

import posixpath
import re
import shutil
from pathlib import Path

from docs import address
from docs.address import ROOT
from lase_jax.runs import files

PAGES = {
    "BENCHMARKS.md": "Speed",
    "CHANGELOG.md": "Changes",
    "CONTRIBUTING.md": "Contributing",
    "experiments/REPORT.md": "LASE, judged",
    "experiments/CLAIMS.md": "The claims and their rules",
    "experiments/LOG.md": "What was tried",
    "experiments/learning_curves/README.md": "Learning curves",
    "experiments/learning_curves/results.md": "Learning curves: results",
    "experiments/learning_curves/tuning.md": "Learning curves: trials of settings",
    "experiments/ceilings/README.md": "Ceilings",
    "experiments/ceilings/results.md": "Ceilings: results",
    "experiments/schelling/README.md": "Schelling diagrams",
    "experiments/schelling/results.md": "Schelling diagrams: results",
    "experiments/theory/README.md": "Theory",
    "experiments/theory/results.md": "Theory: results",
    "experiments/calibration/README.md": "Calibration",
    "experiments/calibration/results.md": "Calibration: results",
    "experiments/credit/README.md": "Credit",
    "experiments/credit/results.md": "Credit: results",
    "experiments/credit/truth.md": "Credit: truth",
    "experiments/paper/README.md": "Papers, reproduced",
}
"""Pages and their titles, for those that have none; reports of papers are found."""
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")


def pages() -> list[str]:
    """Paths of all files that become pages."""
    reports = [
        *ROOT.glob("experiments/paper/*/REPORT.md"),
        *ROOT.glob("experiments/paper/*/README.md"),
    ]
    return [*PAGES, *sorted(path.relative_to(ROOT).as_posix() for path in reports)]


def mended(text: str, path: str, known: set[str]) -> tuple[str, list[str]]:
    """A page whose links work on the site.

    Args:
        text: the page in Markdown.
        path: of its file in the repository.
        known: paths of all files that become pages.

    Returns:
        The page, and the paths of the pictures that it shows.
    """
    pictures: list[str] = []

    def one(found: re.Match) -> str:
        start, target, end = found.groups()
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        place, mark, anchor = target.partition("#")
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), place))
        if whole in known:
            return found[0]
        if start.startswith("!"):
            pictures.append(whole)
            return found[0]
        kind = "tree" if (ROOT / whole).is_dir() else "blob"
        return f"{start}{address.source(whole, kind)}{mark}{anchor}{end}"

    return LINK.sub(one, text), pictures


def write_all(out: Path) -> None:
    """Writes all pages, the pictures that they show, and a list of them for the site."""
    known = set(pages())
    for path in pages():
        text, pictures = mended((ROOT / path).read_text(encoding="utf-8"), path, known)
        if not text.lstrip().startswith("# "):
            text = f"# {PAGES[path]}\n\n{text}"
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        files.write(out / path, text)
        for picture in pictures:
            (out / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / picture, out / picture)


def write_notebooks(out: Path) -> None:
    """Copies the notebooks, which hold their outputs."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copyfile(path, out / path.name)
