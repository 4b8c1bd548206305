"""Every notebook as a reader runs it, in short: in its own kernel, away from the repository."""

import base64
import re
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4), request.param


def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def images(cells, kind):
    outputs = [output for cell in code(cells) for output in cell.outputs if "data" in output]
    return [output.data[kind] for output in outputs if kind in output.data]


def test_there_is_a_quickstart():
    assert "quickstart" in [path.stem for path in NOTEBOOKS]


def test_notebooks_are_kept_without_outputs(notebook):
    cells = code(notebook[0].cells)
    assert not [cell.id for cell in cells if cell.outputs or cell.execution_count]


def test_notebooks_open_and_install_on_colab(notebook):
    (title, install, *_), path = notebook[0].cells, notebook[1]
    opened = re.search(
        r"colab\.research\.google\.com/github/(\S+?)/blob/main/(\S+?)\)", title.source
    )
    guard, pip = install.source.splitlines()[-2:]
    assert opened[2] == f"notebooks/{path.name}"
    assert guard.startswith('if "google.colab" in sys.modules:')
    assert pip.strip() == f"%pip install -q git+https://github.com/{opened[1]}"


@pytest.mark.thorough
def test_notebooks_run(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("LASE_FAST", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # else pictures would not be shown inline
    book, _ = notebook
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources=resources).execute()
    assert len(images(book.cells, "image/png")) == 3
    (animation,) = images(book.cells, "image/gif")
    assert base64.b64decode(animation).startswith(b"GIF89a")
    assert not list(tmp_path.iterdir())
