"""What is installed, from where, and under which name."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import packages
import pytest
from hatchling.builders.wheel import WheelBuilder

import envs
import lase_jax
from lase_jax import _games
from lase_jax.presets import preset
from lase_jax.runs.config import to_json

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "lock.txt"
EXTRAS = sorted(set((ROOT / "requirements").glob("*.txt")) - {LOCK})
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
PLATFORMS = (  # for which there is a jaxlib
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)


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
    assert getattr(envs, _games.SENTINEL)


def test_the_games_are_the_same_modules_under_both_names(tmp_path):
    code = """
import lase_jax.envs.types
from lase_jax.envs import registry, types
from lase_jax import envs as ours
import envs, envs.registry, envs.types
assert ours is envs and lase_jax.envs is envs and lase_jax.envs.types is types is envs.types
assert registry is envs.registry and envs.__name__ == "envs" == envs.__spec__.name
import sys
assert envs.types.__spec__.name == "envs.types" and sys.modules["envs.types"] is types
try:
    import lase_jax.envs.chess
except ModuleNotFoundError as error:
    assert error.name == "envs.chess"
"""
    result = run_python("-c", code, path=[ROOT], cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_an_editable_installation_has_them_too(tmp_path):
    code = "from lase_jax import envs; print(envs.__file__)"
    result = run_python("-P", "-c", code, path=[], cwd=tmp_path)
    assert result.stdout.strip().endswith(os.path.join("envs", "__init__.py")), result.stderr


def test_another_package_called_envs_is_named_in_the_error(tmp_path):
    other = tmp_path / "envs" / "__init__.py"
    other.parent.mkdir()
    other.write_text("def env(name): ...\n")
    result = run_python("-c", "import lase_jax", path=[tmp_path, ROOT], cwd=tmp_path)
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith(f"ImportError: `import envs` finds {other}, not the games")
    assert "pip install path/to/lase_jax" in last_line


@pytest.mark.parametrize(
    ("spec", "found"),
    [(None, "nothing"), (ModuleSpec("envs", None, is_package=True), "[]")],
    ids=["no envs", "an empty folder called envs"],
)
def test_missing_games_are_an_import_error(monkeypatch, spec, found):
    monkeypatch.setattr(_games, "find_spec", lambda name: spec)
    with pytest.raises(ImportError, match=f"finds {re.escape(found)}, not the games"):
        _games.settle()


def test_importing_lase_jax_imports_neither_jax_nor_the_games(tmp_path):
    code = "import sys, lase_jax; print({'jax', 'envs', 'flax'} & set(sys.modules))"
    result = run_python("-c", code, path=[ROOT], cwd=tmp_path)
    assert result.stdout.strip() == "set()", result.stderr


# The wheel


def hook():
    spec = spec_from_file_location("wheel", ROOT / "tools" / "wheel.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_imports_of_the_games_are_moved_and_nothing_else():
    source = """from envs import checks
from envs.types import (
    Env,
)
import envsetup  # import envs
def f():
    import envs
    return envs.make("from envs import")
if TYPE_CHECKING:
    import envs as envs
"""
    assert hook().moved(source).splitlines() == [
        "from lase_jax.envs import checks",
        "from lase_jax.envs.types import (",
        "    Env,",
        ")",
        "import envsetup  # import envs",
        "def f():",
        "    from lase_jax import envs",
        '    return envs.make("from envs import")',
        "if TYPE_CHECKING:",
        "    from lase_jax import envs as envs",
    ]


@pytest.mark.parametrize("source", ["import os, envs", "import envs.types", "from  envs import x"])
def test_imports_that_cannot_be_moved_are_refused(source):
    with pytest.raises(ValueError, match="line 1: write"):
        hook().moved(source)


def test_wheel_holds_one_package_with_the_games_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    info = f"lase_jax-{lase_jax.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"lase_jax", info}
    assert len(names) == len(set(names))
    typed = {"lase_jax/envs/py.typed", "lase_jax/py.typed"}
    assert typed | {f"{info}/licenses/LICENSE"} <= set(names)
    kinds = ("py", "html", "css", "js")
    for kind in kinds:
        ours, games = (set((ROOT / each).rglob(f"*.{kind}")) for each in ("lase_jax", "envs"))
        places = {path.relative_to(ROOT) for path in ours}
        places |= {"lase_jax" / path.relative_to(ROOT) for path in games}
        inside = {name for name in names if name.endswith(f".{kind}")}
        assert inside and inside == {path.as_posix() for path in places}


@pytest.fixture(scope="module")
def project(wheel, tmp_path_factory):
    """A project with a package `envs` of its own, and lase_jax installed for it.

    Unpacking is all there is to installing a wheel of pure Python.
    """
    folder = tmp_path_factory.mktemp("project")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    (folder / "envs").mkdir()
    (folder / "envs" / "__init__.py").write_text("mine = True\n")
    return folder


@pytest.mark.parametrize("first", ["import envs, lase_jax", "import lase_jax, envs"])
def test_a_project_may_have_a_package_envs_of_its_own(project, first):
    code = f"""
{first}
from lase_jax import api
from lase_jax.envs.types import Env
import lase_jax.envs
assert envs.mine and lase_jax.envs is not envs
assert isinstance(lase_jax.envs.make("ipd"), Env)
assert lase_jax.envs.__file__.startswith({str(project / "installed")!r})
"""
    result = run_python("-c", code, path=[project, project / "installed"], cwd=project)
    assert result.returncode == 0, result.stderr


@pytest.mark.thorough
def test_wheel_works_in_such_a_project(project):
    script = ROOT / "tests" / "two_updates.py"
    result = run_python(script, path=[project, project / "installed"], cwd=project)
    assert result.returncode == 0, result.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("installed", [True, False], ids=["wheel", "repository"])
def test_pyright_finds_the_games(project, tmp_path, installed):
    program = tmp_path / "program.py"
    program.write_text(
        "from lase_jax import envs\n\ngame: envs.Env = envs.make('ssh')\nreveal_type(game.spec)\n"
    )
    place = project / "installed" if installed else ROOT
    settings = {"extraPaths": [str(place)], "venvPath": str(ROOT), "venv": ".venv"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    result = run_python("-m", "pyright", "-p", tmp_path, path=[], cwd=tmp_path)
    assert '"EnvSpec"' in result.stdout and result.returncode == 0, result.stdout


def test_the_installed_command_starts_from_our_settings(project, tmp_path):
    code = (
        "import sys; from lase_jax import cli; from lase_jax.cli import commands; "
        "commands.train_run = lambda *_: 0; sys.argv[1:] = ['train', '--env', 'ssh']; "
        "sys.exit(cli.main())"
    )
    result = run_python("-P", "-c", code, path=[project / "installed"], cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    content = json.loads((tmp_path / "runs" / "ssh-lase" / "config.json").read_text())
    assert content["run"] == json.loads(json.dumps(to_json(preset("ssh", "lase"))))


# Versions


def test_version_is_the_same_everywhere():
    version = lase_jax.__version__
    assert importlib.metadata.version("lase-jax") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("lock", [LOCK, *EXTRAS], ids=lambda path: path.stem)
def test_a_lock_names_no_place_but_exact_versions_and_hashes(lock):
    found = re.findall(r"\S*(?:://|index-url|find-links|file:|git\+)\S*", lock.read_text())
    assert not found
    text = re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    for requirement in text.replace("\\\n", " ").splitlines():
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement


def test_every_dependency_is_locked():
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
    for group in PROJECT["dependency-groups"].values():
        wanted += [entry for entry in group if isinstance(entry, str)]
    locked = set(re.findall(r"^([\w.-]+)==", LOCK.read_text(), flags=re.MULTILINE))
    assert {re.match(r"[\w.-]+", entry)[0] for entry in wanted} <= locked
    extras = PROJECT["project"]["optional-dependencies"].items()
    accelerators = {name for name, (needed, *_) in extras if needed.startswith("jax[")}
    assert {path.stem for path in EXTRAS} == accelerators
    inside = {
        entry
        for group in PROJECT["dependency-groups"].values()
        for entry in group
        if isinstance(entry, str)
    }
    assert all(set(needed) <= inside for name, needed in extras if name not in accelerators)


def resolve(tmp_path, python, platform, *locks):
    """Why uv, which follows every requirement, would not install locks there; "" where it would."""
    files = [argument for lock in locks for argument in ("-r", lock)]
    there = ["--python-version", python, "--python-platform", platform, "--target", tmp_path]
    only = ["--dry-run", "--require-hashes", "--only-binary", ":all:"]
    done = packages.install(*only, *there, *files)
    return done.stderr if done.returncode else ""


@pytest.mark.thorough
def test_a_lock_that_lacks_a_package_is_noticed(tmp_path):
    text = re.sub(r"^coverage==(.*\n)( .*\n)+", "", LOCK.read_text(), flags=re.MULTILINE)
    (tmp_path / "lock.txt").write_text(text)
    assert "`coverage`" in resolve(tmp_path, PYTHONS[0], PLATFORMS[0], tmp_path / "lock.txt")


@pytest.mark.thorough
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_all_that_its_packages_require_and_a_wheel_of_each(python, platform, tmp_path):
    assert not resolve(tmp_path, python, platform, LOCK)


@pytest.mark.thorough
@pytest.mark.parametrize("extra", EXTRAS, ids=lambda path: path.stem)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_of_accelerators_have_all_that_is_missing(python, extra, tmp_path):
    assert not resolve(tmp_path, python, "x86_64-manylinux_2_31", LOCK, extra)


def interpreter(python):
    """A Python of some version, of the PATH or of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(f"python{python}"), *pyenv.glob(f"versions/{python}.*/bin/python")]
    for candidate in filter(None, found):
        asked = subprocess.run([candidate, "-c", "import ensurepip"], capture_output=True)
        if asked.returncode == 0:
            return candidate
    pytest.skip(f"no Python {python} is here")


@pytest.mark.newest
@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheel_trains_with_the_newest_of_all_it_needs(python, wheel, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([interpreter(python), "-m", "venv", venv], check=True, timeout=300)
    inside = venv / ("Scripts" if os.name == "nt" else "bin")
    for command in (
        [inside / "python", "-m", "pip", "install", "--quiet", "--upgrade", wheel],
        [inside / "python", ROOT / "tests" / "two_updates.py"],
        [inside / "lase", "list"],
    ):
        setting = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
        done = subprocess.run(
            command, cwd=tmp_path, env=setting, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, done.stderr
