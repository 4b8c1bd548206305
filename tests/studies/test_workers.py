"""Jobs side by side: each once, labelled, on a core of its own; ended by signals and errors."""

import os
import signal
import sys
import time
from functools import partial

import jax
import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from experiments import study, workers


def note(folder, name, code=0, wait=0.0):
    """Leaves a file that says where it was done, and says so."""
    time.sleep(wait)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    quick = jax.config.read("jax_disable_most_optimizations")
    (folder / name).write_text(f"{os.getpid()} {cores} {jax.device_count()} {quick}")
    print(f"did {name}")
    return code


def fail(code):
    return code


def refuse():
    raise ConfigError("lr is 0.0: use a number above 0.")


def crash():
    raise ZeroDivisionError("a fault")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_alone_every_job_is_done_in_turn_and_a_failure_does_not_end_it(tmp_path, capsys):
    jobs = {name: partial(note, tmp_path, name, code) for name, code in dict(a=0, b=1, c=0).items()}
    assert workers.run_all(jobs, 1) == 1
    assert capsys.readouterr().out == "did a\ndid b\ndid c\n"
    assert (tmp_path / "c").read_text().startswith(f"{os.getpid()} ")


def test_what_would_fail_for_all_ends_it(tmp_path):
    jobs = {"a": partial(fail, 2), "b": partial(note, tmp_path, "b")}
    assert workers.run_all(jobs, 1) == 2
    assert not (tmp_path / "b").exists()


def test_a_signal_between_jobs_ends_it(tmp_path):
    jobs = {"a": partial(signal.raise_signal, signal.SIGTERM), "b": partial(note, tmp_path, "b")}
    assert workers.run_all(jobs, 1) == 128 + signal.SIGTERM
    assert not (tmp_path / "b").exists()


def test_nothing_to_do_is_done():
    assert workers.run_all({}, 4) == 0


def test_lines_are_whole_and_labelled(capsys):
    stream = workers.Labelled("ssh-a2c", sys.stdout)
    stream.write("one\ntw")
    assert capsys.readouterr().out == "ssh-a2c: one\n"
    print("o", file=stream)
    assert capsys.readouterr().out == "ssh-a2c: two\n"
    assert not stream.isatty()


def test_a_number_of_workers_below_none_is_refused():
    with pytest.raises(ConfigError, match="workers is -1: use a whole number, 0 or more"):
        study.do({}, -1)


@pytest.fixture
def quick():
    """Programs are compiled fast here, and in workers."""
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, True)
    yield
    jax.config.update(name, before)


@pytest.mark.thorough
def test_workers_share_the_jobs_each_on_a_core_of_its_own(tmp_path, capfd, quick):
    jobs = {name: partial(note, tmp_path, name, wait=1.0) for name in "abcd"}
    assert workers.run_all(jobs, 2) == 0
    said = [(tmp_path / name).read_text().split() for name in "abcd"]
    assert len({pid for pid, *_ in said} - {str(os.getpid())}) == 2
    assert {tuple(rest) for _, *rest in said} == {("1", "1", "True")}
    assert sorted(capfd.readouterr().out.splitlines()) == [f"{n}: did {n}" for n in "abcd"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("job", "code", "why"),
    [
        (partial(fail, 1), 1, ""),
        (refuse, 2, "error: lr is 0.0: use a number above 0."),
        (crash, workers.CRASHED, "ZeroDivisionError: a fault"),
        (die, 137, "A worker was ended by signal 9"),
    ],
    ids=["fails", "refuses", "crashes", "dies"],
)
def test_what_goes_wrong_in_a_worker_is_told(job, code, why, tmp_path, capfd):
    jobs = {"a": job, "b": partial(note, tmp_path, "b")}
    assert workers.run_all(jobs, 2) == code
    assert why in capfd.readouterr().err


class Gone:
    """What can be pickled, but not be made again."""

    def __reduce__(self):
        return exec, ("raise ImportError('gone')",)

    def __call__(self):
        return 0


@pytest.mark.thorough
def test_workers_that_cannot_begin_are_no_success(capfd):
    assert workers.run_all({"a": Gone(), "b": Gone()}, 2) == workers.CRASHED
    assert "ImportError: gone" in capfd.readouterr().err


@pytest.mark.thorough
def test_runs_of_workers_show_what_runs_of_one_process_show(tmp_path):
    runs = {name: tiny.config(steps=16) for name in "ab"}
    for name, count in {"one": 1, "two": 2}.items():
        kept = tmp_path / name / "kept"
        assert study.train_all(runs, tmp_path / name, kept, "again", count) == 0
    one, two = (study.load(runs, tmp_path / name / "kept") for name in ("one", "two"))
    assert one.keys() == two.keys() == runs.keys()
    for name in runs:
        returns = [found[name].curves["return/collective"] for found in (one, two)]
        np.testing.assert_allclose(*returns, rtol=1e-4)
