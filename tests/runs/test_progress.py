import io
import re

import pytest
import rich
import rich.console

from lase_jax.runs import progress, results


def test_lines_count_steps_of_a_seed_and_say_what_is_possible():
    said = []
    with progress.Progress(1000, 0, said.append, seeds=5, most=20.0) as bar:
        bar.update(1000, 11.2)
    assert said[0].startswith("100%  200 of 200 steps per seed, collective return 11.20 of 20, ")
    assert "steps/s of all seeds" in said[0]


def test_a_narrow_terminal_loses_neither_steps_nor_the_time_left(monkeypatch):
    output = io.StringIO()
    terminal = rich.console.Console(file=output, force_terminal=True, width=60)
    monkeypatch.setattr(rich, "get_console", lambda: terminal)
    monkeypatch.setattr("rich.progress.get_console", lambda: terminal)
    with progress.Progress(60_000_000, 0, print, most=200.0) as bar:
        bar.update(30_000_000, 101.25)
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output.getvalue())
    assert "…" not in last and ("-:--:--" in last or re.search(r"\d:\d\d:\d\d", last))
    assert "101.25" in last and "60,000,000" in last


def test_what_is_not_known_to_be_possible_is_not_said():
    assert progress.of_possible("3.50", None) == "3.50"
    assert progress.of_possible("3.50", 120.0) == "3.50 of 120"


@pytest.mark.parametrize(
    ("finished", "words"),
    [
        (True, "Collective return 11.20 of 20 (± 0.50: 95 %, 4 seeds) at the end, 100 steps"),
        (False, "Collective return 11.20 of 20 (± 0.50: 95 %, 4 seeds) after 100 of 400 steps"),
        (False, "Collective return 11.20 of 20 (seeds 11.00, 11.40) after 100 of 400 steps"),
    ],
)
def test_a_run_that_was_stopped_says_how_far_it_came(finished, words):
    seeds = [11.0, 11.4] * (2 if "4 seeds" in words else 1)
    result = {
        "finished": finished,
        "final": {"return/collective": {"mean": 11.2, "ci95": 0.5, "seeds": seeds}},
        "env_steps_per_seed": 100,
        "planned_env_steps_per_seed": 100 if finished else 400,
        "max_return": 20.0,
        "missing_rows": 0,
        "seconds": {"run": 2.0},
        "steps_per_second": 100.0,
    }
    said = results.headline(result)
    assert said == f"{words} per seed in 2.0 s (100 steps/s)."
