"""Files of the repository as pages."""

from docs import address, sources

KNOWN = {"experiments/LOG.md", "BENCHMARKS.md"}


def mend(text):
    return sources.mended(text, "experiments/paper/README.md", KNOWN)


def test_links_lead_to_pages_or_to_the_repository():
    assert mend("[a](../LOG.md#x)") == ("[a](../LOG.md#x)", [])
    assert mend("[a](https://x.org) [b](#c)")[0] == "[a](https://x.org) [b](#c)"
    assert mend("[a](../study.py)")[0] == f"[a]({address.source('experiments/study.py')})"
    folder = address.source("experiments/credit", "tree")
    assert mend("[a](../credit)")[0] == f"[a]({folder})"


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
