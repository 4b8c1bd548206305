"""What notebooks keep of their outputs."""

import base64
import io

import numpy as np
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from docs import notebooks


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_outputs_are_made_small():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    data = {"image/png": png(noise), "text/plain": "<Figure>"}
    outputs = [
        new_output("display_data", data),
        new_output("stream", name="stderr", text="a warning"),
        new_output("stream", name="stdout", text="a number"),
    ]
    book = new_notebook(cells=[new_code_cell("1", outputs=outputs, metadata={"time": 1})])
    (cell,) = notebooks.slim(book).cells
    shown, said = cell.outputs
    picture = Image.open(io.BytesIO(base64.b64decode(shown.data["image/png"])))
    assert picture.size == (64, 64) and len(shown.data["image/png"]) < len(png(noise)) / 2
    assert list(shown.data) == ["image/png"] and said.text == "a number"
    assert cell.metadata == {}
