"""The real `tools/venv.sh` with a lock, packages and an index of its own.

No network is used but for pip's oldest release, which is kept in uv's cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import packages
import pytest

ROOT = Path(__file__).parent.parent
TOOLS = "sh", "awk", "sed", "grep"
"""All that the script runs besides Python."""

OLDEST_PIP = {  # that a release of each Python brings
    (3, 11): "22.3 --hash=sha256:1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab",
    (
        3,
        12,
    ): "23.2.1 --hash=sha256:7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be",
    (3, 13): "24.2 --hash=sha256:2cd581cf58ab7fcfca4ce8efa6dcacd0de5bf8d0a3eb9ec927e07405f4d9e2a2",
}

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "project"
version = "1.0"
"""
BACKEND = """
import shutil
name = "project-1.0-py3-none-any.whl"
def build_editable(folder, config_settings=None, metadata_directory=None):
    shutil.copy(name, folder)
    return name
build_wheel = build_editable
"""
FAKE_UV = """#!/bin/sh
[ "$1" = --version ] && exit
if [ "${UV_BREAKS:-}" ]; then echo "warning: a word" && echo "error: no route" && exit 2; fi
shift 4  # pip install --python .venv/bin/python
.venv/bin/python -m pip install "$@" && : >.venv/by-uv
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a script for a shell")


def write_wheel(folder, name, version, lines=(), files=()):
    """Writes a wheel of hardly anything and returns its line in a lock."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = dict(files) | {
        f"{info}/METADATA": head + "".join(f"{line}\n" for line in lines),
        f"{info}/WHEEL": kind,
    }
    content[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in (*content, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in content.items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            wheel.writestr(entry, text)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


@pytest.fixture(scope="module")
def old_venv(tmp_path_factory):
    """A .venv as the first release of this Python makes it."""
    folder = tmp_path_factory.mktemp("old")
    pip = OLDEST_PIP[max(version for version in OLDEST_PIP if version <= sys.version_info[:2])]
    (folder / "pip.txt").write_text(f"pip=={pip}\n")
    python = folder / ".venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    done = packages.install("--python", python, "--require-hashes", "-r", folder / "pip.txt")
    assert done.returncode == 0, done.stderr
    return folder / ".venv"


class Project:
    """A folder with the script and a lock of three packages, of which newer releases are out."""

    def __init__(self, folder, old_venv):
        self.folder = folder
        self.links = folder / "links"
        for name in ("tools", "requirements", "bin", "links"):
            (folder / name).mkdir()
        shutil.copytree(old_venv, folder / ".venv", symlinks=True)
        shutil.copy(ROOT / "tools" / "venv.sh", folder / "tools")
        for tool in TOOLS:
            (folder / "bin" / tool).symlink_to(shutil.which(tool))
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "backend.py").write_text(BACKEND)
        write_wheel(folder, "project", "1.0")
        extra = ["Provides-Extra: fast", "Requires-Dist: speed; extra == 'fast'"]
        self.lock(
            write_wheel(self.links, "library", "1.0", extra),
            write_wheel(self.links, "speed", "1.0"),
            write_wheel(self.links, "tool", "1.0", ["Requires-Dist: library[fast]>=1"]),
        )
        chip = write_wheel(self.links, "chip", "1.0", ["Requires-Dist: library"])
        (folder / "requirements" / "cuda12.txt").write_text(chip)
        for name in ("library", "speed", "chip"):
            write_wheel(self.links, name, "2.0")

    def lock(self, *lines):
        with (self.folder / "requirements" / "lock.txt").open("a") as file:
            file.writelines(lines)

    def lock_uv(self):
        self.lock(
            write_wheel(self.links, "uv", "1.0", files={"uv-1.0.data/scripts/uv": FAKE_UV}),
        )

    def set_up(self, *arguments, **setting):
        """Runs the script where no registry can be reached."""
        setting = {
            "PATH": str(self.folder / "bin"),
            "HOME": str(self.folder),
            "PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(self.links),
            "PIP_RETRIES": "0",
            "https_proxy": "http://127.0.0.1:9",
        } | setting
        return subprocess.run(
            ["tools/venv.sh", *arguments],
            cwd=self.folder,
            env=setting,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def installed(self):
        found = self.folder.glob(".venv/lib/python*/site-packages/*.dist-info")
        versions = dict(path.name.removesuffix(".dist-info").split("-") for path in found)
        return {name: version for name, version in versions.items() if name != "pip"}


@pytest.fixture
def project(tmp_path, old_venv):
    return Project(tmp_path, old_venv)


LOCKED = {"library": "1.0", "speed": "1.0", "tool": "1.0", "project": "1.0"}


def test_a_release_that_is_younger_than_the_lock_changes_nothing(project):
    done = project.set_up()
    assert done.returncode == 0, done.stderr
    assert project.installed() == LOCKED
    said = done.stderr.splitlines()
    assert said[-2:] == [
        "Installing 3 locked packages into .venv with pip, which takes a minute ...",
        "  unpacking",
    ]
    assert not [line for line in said if "WARNING" in line]


def test_the_locked_packages_of_an_accelerator_come_besides(project):
    done = project.set_up("cuda12")
    assert done.returncode == 0, done.stderr
    assert project.installed() == LOCKED | {"chip": "1.0"}


def test_an_unknown_accelerator_is_refused(project):
    done = project.set_up("cuda11")
    assert done.returncode == 2
    assert done.stderr == "EXTRA is 'cuda11': use cuda12, cuda13 or tpu\n"


def test_a_users_settings_change_neither_what_is_installed_nor_where(project):
    (project.folder / "constraints.txt").write_text("library>=2\n")
    (project.folder / "more.txt").write_text("speed==2.0\n")
    (project.folder / "pip.conf").write_text(
        "[install]\nuser = true\nconstraint = constraints.txt\n"
    )
    done = project.set_up(
        PIP_CONFIG_FILE="pip.conf", PIP_TARGET="elsewhere", PIP_REQUIREMENT="more.txt"
    )
    assert done.returncode == 0, done.stderr
    assert project.installed() == LOCKED
    assert not (project.folder / "elsewhere").exists()


def test_a_package_that_is_not_the_locked_one_stops_it_and_the_reason_is_shown(project):
    write_wheel(project.links, "speed", "1.0", ["Summary: another"])
    done = project.set_up()
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr and "speed" in done.stderr


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_pip_brings_uv_unless_told_otherwise(project, installer):
    project.lock_uv()
    done = project.set_up(INSTALLER=installer)
    assert done.returncode == 0, done.stderr
    assert project.installed() == LOCKED | {"uv": "1.0"}
    assert (project.folder / ".venv" / "by-uv").exists() == (installer == "uv")


def test_pip_goes_on_where_uv_fails(project):
    project.lock_uv()
    done = project.set_up(UV_BREAKS="yes")
    assert done.returncode == 0, done.stderr
    assert "error: no route\nuv failed; pip tries.\n" in done.stderr
    assert "a word" not in done.stderr
    assert project.installed() == LOCKED | {"uv": "1.0"}


def test_an_index_of_the_users_own_is_for_pip_alone(project):
    project.lock_uv()
    for name in ("library", "speed", "tool", "uv"):
        page = project.folder / "index" / name / "index.html"
        page.parent.mkdir(parents=True)
        wheels = project.links.glob(f"{name}-*.whl")
        page.write_text("".join(f'<a href="{wheel.as_uri()}">{wheel.name}</a>' for wheel in wheels))
    index = (project.folder / "index").as_uri()
    for _ in range(2):  # the second time uv is there
        done = project.set_up(PIP_INDEX_URL=index, PIP_FIND_LINKS="")
        assert done.returncode == 0, done.stderr
        assert project.installed() == LOCKED | {"uv": "1.0"}
        assert not (project.folder / ".venv" / "by-uv").exists()


def test_a_missing_python_is_one_line(project):
    shutil.rmtree(project.folder / ".venv")
    done = project.set_up(PYTHON="python2")
    assert done.returncode == 2
    assert done.stderr.startswith("PYTHON is 'python2': no Python >= 3.11")
    assert done.stderr.count("\n") == 1
