"""Trials of what arms have of their own."""

import dataclasses

import numpy as np
import pytest
from made import made

from experiments import findings
from experiments.paper.trials import Trials, name
from experiments.study import TRIAL_SEEDS, TUNING_SEED
from lase_jax.core.settings import changed
from lase_jax.presets import preset
from lase_jax.runs.config import to_json

WEIGHTS = (1.0, 2.0)


def run(game, arm, **own):
    base = preset(game, arm)
    return dataclasses.replace(base, agent=changed(base.agent, own))


@pytest.fixture
def trials(tmp_path):
    def candidates(game, arm):
        return [dict(weight=weight) for weight in WEIGHTS]

    return Trials(("ssh",), ("si",), candidates, run, tmp_path, "make trials")


def keep(trials, weight, returns):
    each = name("ssh", "si", dict(weight=weight))
    settings = to_json(trials.runs("ssh", "si")[each])
    found = made(**{"return__collective": returns})._replace(settings=settings)
    findings.write(trials.kept / f"{each}.json", found)


def test_trials_have_seeds_that_are_not_reported(trials):
    for each, weight in zip(trials.runs("ssh", "si").values(), WEIGHTS, strict=True):
        assert (each.seed, each.seeds) == (TUNING_SEED, TRIAL_SEEDS)
        assert each.agent.weight == weight


def test_the_best_is_chosen_when_all_have_been_tried(trials):
    keep(trials, 1.0, [1.0, 2.0])
    assert trials.best("ssh", "si", trials.found("ssh", "si")) is None
    assert "| ssh | SI | weight 1 | 1.50 | 1.00, 2.00 |" in trials.table()
    keep(trials, 2.0, [0.0, 4.0])
    assert trials.best("ssh", "si", trials.found("ssh", "si")) == dict(weight=2.0)
    assert "| ssh | SI | **weight 2** | 2.00 | 0.00, 4.00 |" in trials.table()
    assert "| ssh | SI | weight 1 | 1.50 |" in trials.table()


def test_of_equal_scores_the_larger_return_is_chosen(trials):
    """As where no candidate has a seed that counts."""
    keep(trials, 1.0, [1.0, 2.0])
    keep(trials, 2.0, [0.0, 4.0])
    blind = trials._replace(score=lambda found: -np.inf)
    assert blind.best("ssh", "si", trials.found("ssh", "si")) == dict(weight=2.0)


@pytest.mark.parametrize("wrong", [["--games", "ssg"], ["--arms", "lase"]])
def test_a_name_that_is_not_tried_is_refused(trials, monkeypatch, wrong):
    monkeypatch.setattr("sys.argv", ["tune", *wrong])
    with pytest.raises(ValueError, match="ss[gh]|lase"):
        trials.main(None)
