"""Where the repository is, said in one place."""

import re
import shutil

import pytest

from docs import address

ROOT = address.ROOT


def test_all_that_name_the_repository_name_the_same():
    owner = re.fullmatch(r"https://github\.com/([\w.-]+)/lase_jax", address.address())[1]
    named = address.naming()
    assert ROOT / "README.md" in named and ROOT / "notebooks" / "quickstart.ipynb" in named
    for path in named:
        found = re.findall(r"github(?:\.com)?/([\w.-]+)/lase_jax", path.read_text())
        assert set(found) == {owner}, path


@pytest.fixture
def copy(tmp_path):
    for name in ("pyproject.toml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path


def test_a_new_address_is_written_everywhere(copy):
    address.write("https://github.com/some-one/lase_jax/", copy)
    assert address.address(copy) == "https://github.com/some-one/lase_jax"
    book = (copy / "notebooks" / "quickstart.ipynb").read_text()
    assert "colab.research.google.com/github/some-one/lase_jax/blob/main" in book
    assert "git+https://github.com/some-one/lase_jax" in book
    assert "git clone https://github.com/some-one/lase_jax " in (copy / "README.md").read_text()


@pytest.mark.parametrize("new", ["https://example.org/a/lase_jax", "me", "https://github.com/a/b"])
def test_what_is_no_address_of_the_repository_is_refused(copy, new):
    with pytest.raises(SystemExit, match="is not like"):
        address.write(new, copy)
