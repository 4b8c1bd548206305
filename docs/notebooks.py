"""Executes notebooks and keeps their outputs, small enough to be committed.

    python -m docs.notebooks            # all of them
    python -m docs.notebooks quickstart

Pictures are stored in few colours, and what a reader does not need is left out.
"""

import base64
import io
import sys
import tempfile
from typing import Any

from PIL import Image

from docs.address import ROOT

FOLDER = ROOT / "notebooks"
COLOURS = 128
"""Colours of a picture."""
KERNEL = "python3"
SECONDS = 1800
"""The most that a cell may take."""


def small(png: str) -> str:
    """A PNG in base64, in few colours."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    file = io.BytesIO()
    plain = picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    plain.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def slim(book: Any) -> Any:
    """A notebook with small outputs, and without what differs from machine to machine."""
    for cell in book.cells:
        cell.metadata = {}
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = small(data["image/png"])
            if any(kind.startswith("image/") for kind in data):
                data.pop("text/plain", None)
                output["metadata"] = {}
    book.metadata.pop("widgets", None)
    book.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    return book


def execute(book: Any, folder: str) -> Any:
    """Executes a notebook in a folder, and returns it."""
    from nbclient import NotebookClient

    resources = {"metadata": {"path": folder}}
    NotebookClient(book, timeout=SECONDS, kernel_name=KERNEL, resources=resources).execute()
    return book


def main() -> int:
    """Executes the notebooks that are named, or all, and returns an exit code."""
    import nbformat

    names = sys.argv[1:] or [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
    for name in names:
        path = FOLDER / f"{name}.ipynb"
        with tempfile.TemporaryDirectory() as folder:
            book = slim(execute(nbformat.read(path, as_version=4), folder))
        nbformat.write(book, path)
        print(f"{name}: {path.stat().st_size // 1000} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
