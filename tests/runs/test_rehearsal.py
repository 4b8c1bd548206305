import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import devices, rehearsal
from lase_jax.runs.setup import set_up


@pytest.mark.parametrize(
    ("seconds", "words"), [(12.4, "12 s"), (350, "6 min"), (5_900, "98 min"), (20_000, "5.6 h")]
)
def test_times_are_said_in_fitting_units(seconds, words):
    assert rehearsal.duration(seconds) == words


def test_the_time_grows_with_what_is_to_be_played(monkeypatch):
    monkeypatch.setattr(rehearsal, "SECONDS", 0.2)
    said = []
    rehearsal.rehearse(tiny.config(steps=8 * 10**9, seeds=1), said.append)
    time = next(line for line in said if line.startswith("Time:"))
    assert " h of training" in time
    assert any(line.startswith("Sees:") and "of bool" in line for line in said)


def test_what_does_not_fit_into_memory_is_refused(monkeypatch):
    monkeypatch.setattr(devices, "free", lambda grid: 100.0)
    with pytest.raises(ConfigError, match="num_envs is 2: this takes"):
        rehearsal.rehearse(tiny.config(), lambda line: None)


SETTINGS = {
    "a": tiny.config(steps=16, seeds=1),
    "b": tiny.config(steps=16, seeds=1, seed=5),
    "c": tiny.config(steps=32, seeds=1),
}
"""Settings of which the first two share a program."""


def rehearsed(monkeypatch, *names, **course):
    """What is said of some settings of a sweep."""
    monkeypatch.setattr(rehearsal, "SECONDS", 0.0)
    said = []
    setups = {name: set_up(SETTINGS[name]) for name in names}
    rehearsal.rehearse_sweep(setups, said.append, **course)
    return said


def test_settings_that_share_a_program_are_measured_side_by_side(monkeypatch):
    said = rehearsed(monkeypatch, "a", "c", "b")
    assert "Program 1 of 2: 2 settings, 2 seeds." in said
    assert "Settings:   a; b" in said
    assert "Program 2 of 2: 1 settings, 1 seeds." in said
    assert sum(line.startswith("Memory:") for line in said) == 2


def test_settings_too_large_for_memory_are_measured_in_halves(monkeypatch):
    monkeypatch.setattr(devices, "in_halves", lambda executable, grid, runs, say: runs > 1)
    said = rehearsed(monkeypatch, "a", "b")
    assert sum(line.startswith("Memory:") for line in said) == 2


def test_the_time_of_a_sweep_counts_what_is_played_and_compiled(monkeypatch):
    need = rehearsal.Need(compiling=10.0, training=40.0)
    monkeypatch.setattr(rehearsal, "_measured", lambda setups, say: [need])
    said = rehearsed(monkeypatch, "a", "c", share=0.75, stages=2)
    assert said[-2] == ("In all:     about 60 s of training, after 40 s of tracing and compiling")


def test_many_settings_are_counted_rather_than_named():
    names = [str(number) for number in range(rehearsal.NAMED + 2)]
    assert rehearsal._listed(names).endswith("; 7; and 2 more")
