"""Every notebook as a reader runs it, in short: in its own kernel, away from the repository."""

import base64
import re
from pathlib import Path

import nbclient
import nbformat
import pytest

PICTURES = {
    "lase_step_by_step": 4,
    "paper": 5,
    "quickstart": 3,
    "sweeps_and_societies": 2,
    "your_own_game": 3,
}
"""How many pictures each shows."""
NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4), request.param


def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def images(cells, kind):
    outputs = [output for cell in code(cells) for output in cell.outputs if "data" in output]
    return [output.data[kind] for output in outputs if kind in output.data]


def test_the_notebooks_are_there():
    names = {"quickstart", "lase_step_by_step", "sweeps_and_societies", "your_own_game", "paper"}
    assert {path.stem for path in NOTEBOOKS} == names


def test_notebooks_are_kept_with_small_outputs(notebook):
    book, path = notebook
    assert len(images(book.cells, "image/png")) == PICTURES[path.stem]
    assert not [cell.id for cell in code(book.cells) if "error" in str(cell.outputs)[:200]]
    assert path.stat().st_size < 800_000


def test_what_is_kept_was_executed_in_order(notebook):
    counts = [cell.execution_count for cell in code(notebook[0].cells)]
    assert counts == list(range(1, len(counts) + 1))


def test_outputs_name_no_place_of_the_machine(notebook):
    text = notebook[1].read_text()
    assert not re.search(r"/home/|/root/|/tmp/|/work/", text)


def test_notebooks_open_and_install_on_colab(notebook):
    (title, install, *_), path = notebook[0].cells, notebook[1]
    opened = re.search(
        r"colab\.research\.google\.com/github/(\S+?)/blob/main/(\S+?)\)", title.source
    )
    lines = install.source.splitlines()
    guarded, pip = lines[lines.index("") + 1 :], lines[-1]
    assert opened[2] == f"notebooks/{path.name}"
    assert guarded[0].startswith('if "google.colab" in sys.modules:')
    assert all(line.startswith("    ") for line in guarded[1:])
    assert pip.strip() == f"%pip install -q git+https://github.com/{opened[1]}"


@pytest.mark.thorough
def test_notebooks_run(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("LASE_FAST", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # else pictures would not be shown inline
    book, path = notebook
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources=resources).execute()
    assert len(images(book.cells, "image/png")) == PICTURES[path.stem]
    animations = images(book.cells, "image/gif")
    assert len(animations) == (path.stem == "quickstart")
    assert all(base64.b64decode(each).startswith(b"GIF89a") for each in animations)
    assert not list(tmp_path.iterdir())
