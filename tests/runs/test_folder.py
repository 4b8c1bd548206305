import subprocess
from pathlib import Path

import pytest

from envs.checks import ConfigError
from lase_jax.runs import files, folder


def commit(repository):
    def git(*arguments):
        command = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@y"]
        subprocess.run([*command, *arguments], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "x")


@pytest.fixture
def packages(tmp_path):
    names = [tmp_path / name for name in ("one", "two")]
    for package in names:
        package.mkdir()
        (package / "__init__.py").touch()
    return names


def test_the_revision_tells_changes_in_either_package(packages, tmp_path):
    commit(tmp_path)
    clean = folder.revision(*packages)
    assert clean is not None and len(clean) == 40
    (tmp_path / "notes").touch()
    assert folder.revision(*packages) == clean
    (packages[1] / "new.py").touch()
    assert folder.revision(*packages) == clean + "+changes"
    assert folder.revision(packages[0]) == clean


def test_sources_that_git_does_not_track_have_no_revision(packages, tmp_path):
    assert folder.revision(*packages) is None
    (tmp_path / ".gitignore").write_text("two\n")
    commit(tmp_path)
    assert folder.revision(packages[0]) is not None
    assert folder.revision(*packages) is None


@pytest.mark.parametrize("text", ["[]", "3", "{", ""])
def test_a_config_that_holds_no_settings_is_one_sentence(text, tmp_path):
    (tmp_path / folder.CONFIG).write_text(text)
    with pytest.raises(ConfigError, match="its config.json"):
        folder.read(tmp_path)


def test_a_folder_that_cannot_be_emptied_or_made_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "x" / folder.CHECKPOINTS).mkdir(parents=True)
    files.write_json(tmp_path / "x" / folder.CONFIG, {"run": {}, "env_version": 1})

    def fails(path):
        raise OSError("Read-only file system")

    monkeypatch.setattr(folder.shutil, "rmtree", fails)
    with pytest.raises(ConfigError, match="cannot be written .Read-only file system"):
        folder.create(tmp_path / "x", overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="out is '.*below': it cannot be written"):
        folder.create(Path(tmp_path / "file" / "below"), overwrite=False)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("a\\b", "reads a backslash as a slash"), ("\udcd0\udcb8", "is not UTF-8, set PYTHONUTF8=1")],
)
def test_a_folder_in_which_no_checkpoint_can_be_saved_is_refused_at_once(name, problem, tmp_path):
    with pytest.raises(ConfigError, match=problem):
        folder.require_free(tmp_path / name / "run", overwrite=False)
    with pytest.raises(ConfigError, match=problem):
        folder.claim(tmp_path / name, "run")
    assert not list(tmp_path.iterdir())


def test_only_a_folder_without_checkpoints_and_metrics_is_discarded(tmp_path):
    for kept in (folder.METRICS, f"{folder.CHECKPOINTS}/10", None):
        path = tmp_path / "run"
        (path / folder.CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        if kept:
            (path / kept).mkdir()
        folder.discard_unused(path)
        assert path.exists() == bool(kept)
        if kept:
            (path / kept).rmdir()


def test_what_could_have_been_meant_by_a_folder_that_is_no_runs_is_named(tmp_path):
    for name in ("sweep/lr=1", "sweep/lr=2", "ipd-lase"):
        (tmp_path / name).mkdir(parents=True)
        files.write(tmp_path / name / folder.CONFIG, "{}")

    def said(path):
        with pytest.raises(ConfigError) as error:
            folder.read(path)
        return str(error.value)

    best = tmp_path / "sweep" / "lr=1"
    assert said(tmp_path / "sweep").endswith(f"name one of the runs in it, such as {best}.")
    assert f"did you mean {tmp_path / 'ipd-lase'}? " in said(tmp_path / "ipd-las")
    assert "did you mean" not in said(tmp_path / "zzz")
    assert "did you mean" not in said(tmp_path / "nowhere" / "zzz")
