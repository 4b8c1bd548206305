"""The whole site, built as `make docs` does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import concepts

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "html"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "docs",
        out,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=590)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.thorough
def test_the_site_is_built_without_warnings_and_its_links_lead_somewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    for page in pages:
        text = re.sub(r"<(script|pre)\b.*?</\1>", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r'(?:href|src)="([^"#?]+)', text):
            if not re.match(r"[a-z]+:", target):
                assert (page.parent / target).exists(), (page, target)


@pytest.mark.thorough
def test_equations_and_docstrings_are_set(site):
    assert (
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">'
        in (site / "concepts.html").read_text()
    )
    api = (site / "_generated" / "reference" / "lase_jax.api.html").read_text()
    assert "Alias for field number" not in api
    assert re.search(r"<pre>.*>import<.*>envs<", api)  # the example is code


@pytest.mark.parametrize("name", concepts.PICTURES)
def test_a_concept_has_its_picture(name, tmp_path):
    concepts.PICTURES[name](tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    assert f"concepts/{name}.png" in (ROOT / "docs" / "concepts.md").read_text()
