"""Files of the repository as pages."""

import re

import pytest

from docs import address, sources

WRITTEN = [*sources.ROOT.glob("*.md"), *sources.ROOT.glob("experiments/**/*.md")]
KNOWN = {"experiments/LOG.md", "BENCHMARKS.md"}


def mend(text):
    return sources.mended(text, "experiments/paper/README.md", KNOWN)


def test_links_lead_to_pages_or_to_the_repository():
    assert mend("[a](../LOG.md#x)") == ("[a](../LOG.md#x)", [])
    assert mend("[a](https://x.org) [b](#c)")[0] == "[a](https://x.org) [b](#c)"
    assert mend("[a](../study.py)")[0] == f"[a]({address.source('experiments/study.py')})"
    folder = address.source("experiments/credit", "tree")
    assert mend("[a](../credit)")[0] == f"[a]({folder})"


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_links_of_every_file_lead_somewhere(path):
    targets = [
        found[2].partition("#")[0]
        for found in sources.LINK.finditer(path.read_text(encoding="utf-8"))
    ]
    inside = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert not [target for target in inside if not (path.parent / target).exists()]


def test_pictures_are_brought_along():
    text = "![a](lase/fig4.png)"
    assert mend(text) == (text, ["experiments/paper/lase/fig4.png"])


def test_all_pages_and_their_pictures_are_there(tmp_path):
    sources.write_all(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")}
    assert written == set(sources.pages())
    assert all((tmp_path / path).read_text().startswith("# ") for path in written)
    assert (tmp_path / "experiments/schelling/diagrams.png").is_file()


def test_every_report_of_a_paper_is_a_page():
    found = {path.as_posix() for path in sources.ROOT.glob("experiments/paper/*/REPORT.md")}
    assert {f"{sources.ROOT.as_posix()}/{path}" for path in sources.pages()} >= found
