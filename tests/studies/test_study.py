"""Sweeps: what is kept, what goes on, what is refused; and the tables that are made from them."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from experiments import ceilings, curves, findings, study, variants
from experiments.bench import speed
from experiments.calibration import analysis as calibration
from experiments.calibration import sweep as rules
from experiments.ceilings import analysis as of_games
from experiments.credit import analysis as credit_analysis
from experiments.credit import sweep as credit
from experiments.learning_curves import analysis, sweep, tune
from experiments.paper.jaques import tune as jaques
from lase_jax.core.settings import changed
from lase_jax.learners import PPO, with_learner
from lase_jax.runs import files, folder, results
from lase_jax.runs.parts import DivergedError

RUN = tiny.config(steps=16)
ALONE = 1
"""Workers: runs are trained in this process, where tests may replace parts of it."""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A study of one run: the parent of the run folders, and what is kept of them."""
    parent, kept = tmp_path_factory.mktemp("sweep"), tmp_path_factory.mktemp("kept")
    assert study.train_all({"ssh-a2c": RUN}, parent, kept, "again", ALONE) == 0
    return parent, kept


def never(*_):
    raise AssertionError("it is trained already")


def test_a_finished_run_is_left_alone(swept, monkeypatch, tmp_path):
    parent, kept = swept
    monkeypatch.setattr(study, "train_run", never)
    assert study.train_all({"ssh-a2c": RUN}, parent, kept, "again", ALONE) == 0
    assert (
        study.train_all({"ssh-a2c": RUN}, tmp_path, kept, "again", ALONE) == 0
    )  # its folder is gone
    assert not list(tmp_path.iterdir())
    assert study.train_all({"ssh-a2c": RUN}, parent, tmp_path, "again", ALONE) == 0  # not kept yet
    assert (tmp_path / "ssh-a2c.json").read_text() == (kept / "ssh-a2c.json").read_text()


def test_a_run_of_other_settings_is_refused_before_anything_is_trained(swept, tmp_path):
    parent, kept = swept
    other = {"new": tiny.config(), "ssh-a2c": tiny.config(steps=24)}
    with pytest.raises(ConfigError, match="ssh-a2c holds a run of other settings: schedule.steps"):
        study.train_all(other, parent, tmp_path, "again", ALONE)
    with pytest.raises(ConfigError, match="ssh-a2c.json is of other settings: schedule.steps"):
        study.train_all(other, tmp_path, kept, "again", ALONE)
    assert not (parent / "new").exists() and not list(tmp_path.iterdir())


def test_a_run_that_diverges_does_not_end_the_sweep(swept, tmp_path, monkeypatch, capsys):
    parent, kept = swept
    seen = []

    def run(path, command, **own):
        seen.append(path.name)
        if path.name == "a":
            raise DivergedError("loss is not finite")
        return 0

    monkeypatch.setattr(study, "train_run", run)
    monkeypatch.setattr(findings, "of_run", lambda *_: findings.read(kept / "ssh-a2c.json", RUN))
    out = tmp_path / "kept"
    assert study.train_all(dict.fromkeys("ab", tiny.config()), tmp_path, out, "again", ALONE) == 1
    assert seen == ["a", "b"] and [path.name for path in out.iterdir()] == ["b.json"]
    assert f"{tmp_path / 'a'} diverged: loss is not finite" in capsys.readouterr().err


def test_a_signal_ends_the_sweep(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "train_run", lambda path, command, **own: 143)
    kept = tmp_path / "kept"
    assert (
        study.train_all(dict.fromkeys("ab", tiny.config()), tmp_path, kept, "again", ALONE) == 143
    )
    assert not (tmp_path / "b").exists() and not kept.exists()


def test_what_is_kept_is_what_the_run_showed(swept):
    parent, kept = swept
    found = findings.read(kept / "ssh-a2c.json", RUN)
    summary = json.loads((parent / "ssh-a2c" / folder.SUMMARY).read_text())
    returns = summary["final"]["return/collective"]["seeds"]
    np.testing.assert_allclose(found.final["return/collective"], returns, rtol=1e-4)
    minutes = 2 * 16 / summary["steps_per_second"] / 60
    assert found.seeds == 2 and found.facts["minutes"] == pytest.approx(minutes, rel=1e-4)
    assert found.curves["return/collective"].shape == (len(found.env_steps), 2)
    assert found.final["gift/weight"].shape == (2, 2, 2)
    assert found.played["return/collective"].shape == (2,)


def test_a_setting_that_was_added_since_has_its_default(swept, tmp_path):
    content = json.loads((swept[1] / "ssh-a2c.json").read_text())
    del content["settings"]["agent"]["learner"]["entropy_end"]
    (tmp_path / "ssh-a2c.json").write_text(json.dumps(content))
    assert study.load({"ssh-a2c": RUN}, tmp_path)
    other = replace(RUN, agent=changed(RUN.agent, {"entropy_end": 0.0}))
    with pytest.raises(ConfigError, match="ssh-a2c.json is of other settings: agent.entropy_end"):
        study.load({"ssh-a2c": other}, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"curves": 3}'])
def test_a_damaged_file_is_named(swept, tmp_path, text):
    (tmp_path / "ssh-a2c.json").write_text(text)
    with pytest.raises(ConfigError, match="ssh-a2c.json is not readable as a finding"):
        study.load({"ssh-a2c": RUN}, tmp_path)


def test_the_table_of_curves_has_cost_and_command(swept, tmp_path):
    runs = {("ssh", "a2c"): findings.read(swept[1] / "ssh-a2c.json", RUN)}
    text = curves.table(runs, variants.command)
    assert "`make train ENV=ssh ALGO=a2c SEEDS=2`" in text
    assert curves.training(runs).splitlines()[2].startswith("| ssh | a2c | ")
    assert curves.summary(runs, analysis.LINES).startswith("| collective return | A2C |\n")
    curves.plot(runs, tmp_path / "curves.png", ["ssh"], analysis.LINES)


def test_a_variant_is_an_algorithm_with_other_settings():
    run = variants.settings("ssg", "lio_unpaid", 5)
    assert run.algo == "lio" and run.agent.max_incentive == 1e-6
    command = variants.command("ssg", "lio_unpaid", 5)
    assert command == 'make train ENV=ssg ALGO=lio SEEDS=5 ARGS="--agent.max-incentive 1e-06"'


def test_a_variant_may_have_another_learner():
    by_a2c, by_ppo = (variants.settings("ssg", algo, 5) for algo in ("lase", "lase_ppo"))
    assert isinstance(by_ppo.agent.learner, PPO)
    assert by_ppo.agent == with_learner(by_a2c.agent, "ppo")
    command = variants.command("ssg", "lase_ppo", 5)
    assert command == 'make train ENV=ssg ALGO=lase SEEDS=5 ARGS="--learner ppo"'


@pytest.mark.parametrize("by", ["", "_ppo"])
def test_equal_gifts_are_of_the_size_of_lases(by):
    """The control differs from LASE in who gets gifts and when, and not in how much is given."""
    kept = sweep.kept()
    for game in sweep.GAMES:
        lase, gift = (
            np.nanmean(curves.to_others(kept[game, f"{algo}{by}"].final["gift/weight"]))
            for algo in ("lase", "gift")
        )
        assert abs(gift - lase) < 0.1 * lase, f"{game}: LASE gives {lase:.3f}, gift {gift:.3f}"


TABLES = {
    "learning_curves/results.md": lambda: analysis.tables(sweep.kept()),
    "learning_curves/tuning.md": tune.table,
    "credit/results.md": lambda: credit_analysis.table(credit.KEPT),
    "calibration/results.md": lambda: calibration.table(
        study.load(rules.runs(rules.SEEDS, rules.STEPS), rules.KEPT)
    ),
    "paper/jaques/tuning.md": jaques.TRIALS.table,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_committed_table_is_what_the_committed_findings_give(name):
    home = Path(study.__file__).parent
    assert (home / name).read_text() == TABLES[name](), "write it anew: see the study's README"


def test_what_was_learnt_is_no_more_than_the_best_that_is_known():
    for game in sweep.GAMES:
        assert max(of_games.learnt(game).values()) <= ceilings.reached(game) + 0.01


def test_who_has_nothing_to_share_counts_in_no_mean():
    shares = np.array([[0.7, 0.2, 0.1], [np.nan, np.nan, np.nan], [0.1, np.nan, 0.9]])
    np.testing.assert_allclose(curves.to_others(shares), [0.3, np.nan, 0.1], atol=1e-12)


def test_a_share_by_another_learner_is_in_the_command():
    command = variants.command("ipd", "gift_ppo", 5)
    assert command.endswith('ALGO=gift SEEDS=5 ARGS="--agent.share 0.2 --learner ppo"')
    assert variants.settings("ipd", "gift_ppo", 5).agent.share == 0.2
    assert variants.settings("ipd", "gift", 5).agent.share != 0.2


def test_without_runs_no_table_is_overwritten(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["analysis", "--kept", str(tmp_path)])
    monkeypatch.setattr(files, "write", None)
    with pytest.raises(SystemExit, match="No findings"):
        calibration.main()


STUDIES = (
    *("calibration.sweep", "calibration.analysis", "credit.sweep", "credit.analysis"),
    *("credit.truth", "ceilings.analysis", "learning_curves.sweep", "learning_curves.tune"),
    *("paper.jaques.tune", "paper.jaques.moments", "paper.lio.tune"),
)


@pytest.mark.parametrize("name", STUDIES)
def test_help_trains_nothing(name, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["study", "--help"])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"experiments.{name}").main()
    assert end.value.code == 0 and "usage: study" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_what_is_no_summary_is_not_finished(tmp_path):
    for text in ("", "[]", "{}", '{"finished": false}'):
        (tmp_path / folder.SUMMARY).write_text(text)
        assert not results.finished(tmp_path)


def test_speed_is_measured_with_the_presets():
    case = speed.Case("cleanup", "lase")
    run = speed.settings(case, seeds=3)
    every = speed.settings(replace(case, weigh="all"), seeds=3)
    paper = speed.settings(replace(case, net="paper"), seeds=3)
    assert run.seeds == 3 and run.agent.social_episodes == 8
    assert every == replace(run, agent=replace(run.agent, weigh="all"))
    assert paper.agent.learner.net.lstm and paper.schedule == run.schedule


def test_a_game_alone_is_swept_with_all_that_can_play_it():
    played = {
        game: [algo for _, algo in sweep.pairs((game,), ())] for game in ("ssg", "ssh", "ipd")
    }
    assert played["ssg"] == [algo for algo in sweep.TRAINED if algo not in sweep.ONLY]
    of_two = ("lola", "moments_ppo")
    assert played["ssh"] == [algo for algo in sweep.TRAINED if algo not in of_two]
    assert set(played["ipd"]) - set(played["ssg"]) == set(of_two)
    with pytest.raises(ConfigError, match="algos is 'lola': name one of its games too"):
        sweep.pairs(("ssg",), ("lola",))


def of_the_trials():
    return tune.runs(tune.GAMES, tune.TUNED, tune.trials)


KEEPING = {
    credit.KEPT: lambda: credit.runs(credit.GAMES),
    rules.KEPT: lambda: rules.runs(rules.SEEDS, rules.STEPS),
    sweep.KEPT: lambda: sweep.runs(sweep.GAMES, (), sweep.SEEDS),
    tune.KEPT: of_the_trials,
}
"""Settings of all runs of a study by the folder where what they show is kept."""


@pytest.mark.parametrize("kept", KEEPING, ids=lambda kept: f"{kept.parent.name}/{kept.name}")
def test_what_is_kept_is_of_todays_settings(kept):
    """So that the tables can be made again, and the commands in them make their numbers."""
    assert set(study.load(KEEPING[kept](), kept)) == {path.stem for path in kept.glob("*.json")}
