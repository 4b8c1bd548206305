"""Sphinx's settings: makes the generated pages, then reads them with those that are written."""

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(HERE.parent / ".cache" / "jax"))

from docs import address, concepts, pages, sources  # noqa: E402
from lase_jax import __version__  # noqa: E402

project, author, release = "lase_jax", "The lase_jax authors", __version__
copyright = f"{author}, Apache-2.0"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_generated/metrics.md"]
default_role = "literal"

myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
html_math_renderer = "mathml"

autosummary_generate = True
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": False}

html_theme = "furo"
html_title = "lase_jax"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": address.address(), "source_branch": "main"}
html_copy_source = html_show_sourcelink = False


def generate(app: Any) -> None:
    """Writes all generated pages."""
    out = HERE / "_generated"
    pages.write_all(out)
    sources.write_all(out / "files")
    sources.write_notebooks(out / "notebooks")
    concepts.write_all(out / "concepts")


def escape(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Makes plain text of docstrings reStructuredText, before napoleon reads their sections.

    Stars and bars stay what they are, and an indented block of a module's is code or an equation.
    """
    if lines and lines[0].startswith("Alias for field number"):  # a tuple's field without words
        lines.clear()
    plain = what == "module"
    text: list[str] = []
    inside = False
    for line in lines:
        inside = line.startswith("    ") if line.strip() else inside
        if plain and inside and text and not text[-1] and line.strip() and not _literal(text):
            text += ["::", ""]
        text.append(line if plain and inside else _escaped(line))
    lines[:] = text


def _literal(text: list[str]) -> bool:
    """Whether the last line that is not empty belongs to an indented block."""
    return next((line for line in reversed(text) if line.strip()), "").startswith("    ")


def _escaped(line: str) -> str:
    bullet = "* " if line.startswith("* ") else ""
    parts = line.removeprefix(bullet).split("`")
    parts[::2] = [part.replace("*", "\\*").replace("|", "\\|") for part in parts[::2]]
    return bullet + "`".join(parts)


def mathml(display: str) -> Any:
    """A writer of equations as MathML, which browsers draw by themselves."""

    def visit(translator: Any, node: Any) -> None:
        from docutils.nodes import SkipNode
        from latex2mathml.converter import convert

        translator.body.append(convert(node.astext(), display=display))
        raise SkipNode

    return visit


def setup(app: Any) -> None:
    """Registers what is above."""
    app.connect("builder-inited", generate, priority=100)
    app.connect("autodoc-process-docstring", escape, priority=100)
    app.add_html_math_renderer("mathml", (mathml("inline"), None), (mathml("block"), None))
