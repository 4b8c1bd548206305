"""What is installed, from where, and under which name."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import envs
import lase_jax
from lase_jax import _guard

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "lock.txt"


def run_python(*arguments, path, cwd):
    """Runs Python elsewhere, with the folders in `path` ahead of everything installed."""
    setting = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, path)), JAX_PLATFORMS="cpu")
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=setting, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


# Which `envs`?


def test_envs_is_the_one_in_this_repository():
    assert Path(envs.__file__) == ROOT / "envs" / "__init__.py"
    assert getattr(envs, _guard.SENTINEL)


def test_another_package_called_envs_is_named_in_the_error(tmp_path):
    other = tmp_path / "envs" / "__init__.py"
    other.parent.mkdir()
    other.write_text("def env(name): ...\n")
    result = run_python("-c", "import lase_jax", path=[tmp_path, ROOT], cwd=tmp_path)
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith(f"ImportError: `import envs` finds {other}, not the games")
    assert "pip uninstall envs" in last_line


@pytest.mark.parametrize(
    ("spec", "found"),
    [(None, "nothing"), (ModuleSpec("envs", None, is_package=True), "[]")],
    ids=["no envs", "an empty folder called envs"],
)
def test_missing_games_are_an_import_error(monkeypatch, spec, found):
    monkeypatch.setattr(_guard, "find_spec", lambda name: spec)
    with pytest.raises(ImportError, match=f"finds {re.escape(found)}, not the games"):
        _guard.check_envs()


def test_importing_lase_jax_imports_neither_jax_nor_the_games(tmp_path):
    code = "import sys, lase_jax; print({'jax', 'envs', 'flax'} & set(sys.modules))"
    result = run_python("-c", code, path=[ROOT], cwd=tmp_path)
    assert result.stdout.strip() == "set()", result.stderr


# The wheel


def test_wheel_holds_the_two_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    info = f"lase_jax-{lase_jax.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"envs", "lase_jax", info}
    assert {"envs/py.typed", "lase_jax/py.typed", f"{info}/licenses/LICENSE"} <= set(names)
    sources = [path for package in ("envs", "lase_jax") for path in ROOT.glob(f"{package}/**/*.py")]
    assert {str(path.relative_to(ROOT)) for path in sources} <= set(names)


def test_wheel_works_outside_the_repository(wheel, tmp_path):
    """Unpacking is all there is to installing a wheel of pure Python."""
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    script = ROOT / "tests" / "two_updates.py"
    result = run_python(script, path=[installed], cwd=tmp_path)
    assert result.returncode == 0, result.stderr


# Versions


def test_version_is_the_same_everywhere():
    version = lase_jax.__version__
    assert importlib.metadata.version("lase-jax") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text()


def test_lock_names_no_place():
    found = re.findall(r"\S*(?:://|index-url|find-links|file:|git\+)\S*", LOCK.read_text())
    assert not found


def test_every_locked_package_has_an_exact_version_and_hashes():
    text = re.sub(r"^ *#.*\n", "", LOCK.read_text(), flags=re.MULTILINE)
    for requirement in text.replace("\\\n", " ").splitlines():
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for group in project["dependency-groups"].values():
        wanted += [entry for entry in group if isinstance(entry, str)]
    locked = set(re.findall(r"^([\w.-]+)==", LOCK.read_text(), flags=re.MULTILINE))
    assert {re.match(r"[\w.-]+", entry)[0] for entry in wanted} <= locked
