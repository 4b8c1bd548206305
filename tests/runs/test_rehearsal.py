import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.runs import devices, rehearsal


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
