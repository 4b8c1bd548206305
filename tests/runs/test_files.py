import errno
import os
import stat
from typing import NamedTuple

import pytest

from envs.checks import ConfigError
from lase_jax.runs import files


def test_a_file_is_written_completely_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    files.write_json(path, {"é": 1})
    assert files.read_json(path) == {"é": 1} and path.read_bytes().endswith(b"\n")

    def stops(temporary):
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.replace(path, stops)
    assert files.read_json(path) == {"é": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_a_file_may_be_read_by_whom_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        files.write(tmp_path / "x", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path):
    (tmp_path / "thesis").write_text("mine")
    (tmp_path / "x").symlink_to(tmp_path / "thesis")
    files.write(tmp_path / "x", "new")
    assert (tmp_path / "thesis").read_text() == "mine"
    assert (tmp_path / "x").read_text() == "new" and not (tmp_path / "x").is_symlink()


def test_names_of_temporary_files_cannot_be_foretold(tmp_path):
    names = []
    for _ in range(2):
        files.replace(tmp_path / "x.png", lambda file: (names.append(file.name), file.touch()))
    assert len(set(names)) == 2 and all(name.endswith(".tmp.png") for name in names)


def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(OSError, match="is no file"):
            files.write(path, "")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b"[" * 60 + b"]" * 60, b"[" * 9999, b"1" * 9999, b""]
)
def test_what_is_no_sane_json_is_a_value_error(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError):
        files.read_json(tmp_path / "x")


def test_a_pipe_a_loop_and_a_huge_file_are_not_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "big").write_text("[" + " " * 100 + "]")
    monkeypatch.setattr(files, "LARGEST", 50)
    for name in ("pipe", "loop", "big", "missing"):
        with pytest.raises(OSError):
            files.read_json(tmp_path / name)


class Pair(NamedTuple):
    name: str
    numbers: dict[str, int]


@pytest.mark.parametrize(
    "content",
    [
        {"name": 3, "numbers": {}},
        {"name": "x", "numbers": {"a": "b"}},
        {"name": "x", "numbers": []},
        {"name": "x"},
        {"name": "x", "numbers": {}, "more": 1},
        [],
        None,
        7,
    ],
)
def test_json_of_another_form_is_a_value_error(content):
    assert files.structured(Pair, {"name": "x", "numbers": {"a": 1}}) == Pair("x", {"a": 1})
    with pytest.raises(ValueError):
        files.structured(Pair, content)


def test_room_is_asked_for_before_it_is_needed(tmp_path, monkeypatch):
    files.require_room(tmp_path, 1000)
    assert not list(tmp_path.iterdir())

    def full(*_):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError) as error:
        files.require_room(tmp_path, 1000)
    assert files.is_full(error.value) and not list(tmp_path.iterdir())
    assert not files.is_full(PermissionError(errno.EACCES, "no")) and not files.is_full(None)
    with pytest.raises(OSError):
        files.require_room(tmp_path / "missing", 1)


def test_a_path_that_is_no_path_is_one_sentence(tmp_path):
    for name in ("a\0b", "x" * 300, "missing/x"):
        with pytest.raises(ConfigError, match="out is .*cannot be written"):
            with files.writing("out", tmp_path / name):
                files.write(tmp_path / name, "")
