"""Presets: all of them can be built, and what each says is what a run gets."""

import math

import jax
import numpy as np
import pytest

import envs
from envs.checks import ConfigError
from experiments import findings, study
from experiments.findings import Finding
from experiments.learning_curves import tune
from lase_jax import algorithms
from lase_jax.algorithms.influence.moa import Influencers
from lase_jax.core.settings import items
from lase_jax.learners.actor_critic import Learner
from lase_jax.presets import PUBLISHED, SETTINGS, jaques, preset, published
from lase_jax.runs.config import default, to_json
from lase_jax.runs.setup import set_up


def test_every_game_has_settings_for_every_algorithm():
    assert set(SETTINGS) <= set(envs.names())
    for env in envs.names():
        for algo in algorithms.names():
            run = preset(env, algo)
            assert (run.env, run.algo, run.game) == (env, algo, envs.config(env))


def test_what_an_algorithm_has_of_its_own_comes_last():
    assert preset("ipd", "a2c").agent.learner.net.dense == (32,)
    assert preset("ipd", "lola").agent.learner.net.dense == ()
    assert preset("coingame", "gift").agent.share == 0.09
    assert preset("coingame", "gift").agent.learner == preset("coingame", "a2c").agent.learner


def test_what_a_game_asks_of_all_is_a_field_of_some():
    known = {name for agent in algorithms.ALGORITHMS.values() for name, _ in items(agent)}
    assert all(settings.shared.keys() <= known for settings in SETTINGS.values())


def test_within_a_game_all_have_the_same_budget():
    for env in envs.names():
        assert len({preset(env, algo).schedule.steps for algo in algorithms.names()}) == 1


def test_lio_plays_long_episodes_as_a_whole():
    schedule = preset("cleanup_ssd", "lio").schedule
    assert (schedule.num_envs, schedule.rollout_length) == (1, 0)
    set_up(preset("cleanup_ssd", "lio"))


@pytest.mark.parametrize(("env", "algo"), sorted(PUBLISHED))
def test_published_settings_can_be_set_up(env, algo):
    run = preset(env, algo, "published")
    assert run == published(env, algo) and run.agent != default(env, algo).agent
    assert PUBLISHED[env, algo].source
    set_up(run)


@pytest.mark.thorough
@pytest.mark.parametrize(("env", "algo"), sorted(PUBLISHED))
def test_published_settings_make_a_program(env, algo):
    setup = set_up(published(env, algo))
    carry = jax.eval_shape(setup.initial_carry)
    after, _ = jax.eval_shape(lambda carry: setup.trainer.run(carry, 1), carry)
    assert jax.tree.structure(carry) == jax.tree.structure(after)


def test_what_nobody_published_is_refused():
    with pytest.raises(ConfigError, match="preset is 'published': leave it out for ssh lola, or"):
        preset("ssh", "lola", "published")
    with pytest.raises(ConfigError, match="preset is 'mine'"):
        preset("ssh", "a2c", "mine")


@pytest.mark.parametrize("env", ["coingame", "ssg"])
@pytest.mark.parametrize("algo", sorted(tune.CANDIDATES))
def test_the_baselines_have_settings_that_were_tried(env, algo):
    tried = tune.CANDIDATES[algo]
    agent = preset(env, algo).agent
    assert {name: getattr(agent, name) for name in tried[0]} in tried
    assert len(tried) == len(tune.own(env, algo)) == 4


@pytest.mark.parametrize("game", tune.GAMES)
@pytest.mark.parametrize("algo", [algo for algo in tune.TUNED if algo not in tune.CANDIDATES])
def test_every_algorithm_tries_whole_episodes_and_parts_of_them(game, algo):
    runs = tune.lengths(game, algo)
    for run in runs.values():
        set_up(run)  # a rollout's length that does not fit is refused
    assert [run.schedule.rollout_length for run in runs.values()] == [0, tune.PARTS[game]]


def keep(folder, algo, words, run, score):
    """Keeps a trial in the IPD with this return."""
    final = {"return/collective": np.array([score, 0.0])}
    finding = Finding(to_json(run), {}, np.zeros(0), {}, final, {})
    findings.write(folder / f"{tune.name('ipd', algo, words)}.json", finding)


def test_settings_of_its_own_are_chosen_before_the_length(tmp_path, monkeypatch):
    monkeypatch.setattr(tune, "KEPT", tmp_path)
    tried = tune.own("ipd", "ia")
    assert tune.lengths("ipd", "ia") == {}
    for number, (words, run) in enumerate(tried.items()):
        keep(tmp_path, "ia", words, run, number % 3)
    (run,) = tune.lengths("ipd", "ia").values()
    third = tune.CANDIDATES["ia"][2]
    assert third == {name: getattr(run.agent, name) for name in third}
    assert run.schedule.rollout_length == tune.PARTS["ipd"]
    assert tune.lengths("ipd", "lio") == {}


def test_the_bonus_is_tried_with_the_best_of_all_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tune, "KEPT", tmp_path)
    assert tune.bonuses("ipd", "lase") == {}
    for number, (words, run) in enumerate(tune.lengths("ipd", "lase").items()):
        keep(tmp_path, "lase", words, run, number)
    (run,) = tune.bonuses("ipd", "lase").values()
    assert run.agent.learner.entropy_end == 1.0
    assert run.schedule.rollout_length == tune.PARTS["ipd"]


@pytest.mark.parametrize(("code", "stages"), [(0, 3), (1, 3), (143, 1)])
def test_trials_go_on_after_one_that_diverged_but_not_after_a_signal(code, stages, monkeypatch):
    codes = []
    monkeypatch.setattr(tune, "train_all", lambda *_: codes.append(code) or code)
    monkeypatch.setattr(tune.files, "write", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["tune", "--games", "ipd", "--algos", "a2c"])
    assert tune.main() == code and len(codes) == stages


@pytest.mark.parametrize("game", tune.GAMES)
@pytest.mark.parametrize("algo", tune.TUNED)
def test_presets_have_what_the_trials_chose(game, algo):
    tried = tune.trials(game, algo)
    best = tune.chosen(game, algo, tried)
    if best is None or not tune.bonuses(game, algo):
        pytest.skip("not all trials are kept yet")
    now = study.trial(preset(game, algo))
    assert (now.agent, now.schedule) == (tried[best].agent, tried[best].schedule)


def test_the_published_speakers_have_the_papers_embedding():
    for game, sizes in (("cleanup_ssd", (9, 32)), ("harvest_ssd", (7, 16))):
        agent = preset(game, "si_comm", "published").agent
        assert (agent.vocabulary, agent.symbol_width) == sizes


def test_losses_that_their_code_adds_up_are_means_here():
    """With mean losses, 15.007 beside a sum over 50 steps is 0.30 (Jaques et al. 2019, Table 8)."""
    agent = preset("cleanup_ssd", "si", "published").agent
    assert agent.moa_weight == pytest.approx(0.30014)
    assert (agent.learner.critic, agent.learner.max_grad_norm) == pytest.approx((0.05, 0.8))
    inverse = jaques.fields("cleanup_ssd", "moa_influence", "divides")["moa_weight"]
    assert inverse == pytest.approx(1 / 15.007 / 50)


def test_heads_of_plain_learners_begin_as_wide_as_their_authors():
    """By Glorot's rule the deviation is the root of 2 / (inputs + outputs)."""
    room = preset("escape_room", "lio", "published").agent.learner
    assert room.head_scale / math.sqrt(32) == pytest.approx(math.sqrt(2 / (32 + 3)))
    for game in ("cleanup_7x7", "cleanup_10x10"):  # plain steps, whosever settings they are
        for name in ("", "published"):
            learner = preset(game, "lio", name).agent.learner
            assert learner.head_scale == pytest.approx(math.sqrt(2 * 64 / (64 + 6)))
    table = preset("ipd", "lola", "published").agent.learner
    two_logits = table.head_scale / math.sqrt(5)
    assert two_logits * math.sqrt(2) == pytest.approx(0.447, abs=1e-3)


@pytest.mark.parametrize(("game", "ends"), [("cleanup_ssd", (0.0, 0.05)), ("harvest_ssd", (5, 0))])
@pytest.mark.parametrize("name", ["", "published"])
def test_inequity_aversion_is_guilt_in_cleanup_and_envy_in_harvest(game, ends, name):
    agent = preset(game, "ia", name).agent
    assert (agent.alpha, agent.beta) == ends
    assert preset("harvest_small", "ia").agent.alpha == 5.0


def test_the_published_model_of_others_has_the_papers_layers():
    run = preset("cleanup_ssd", "si", "published")
    learner = Learner(run.agent.learner, run.game.spec(), 5)
    model = Influencers(run.agent, run.game.spec(), tuple(range(5)), learner).model
    shapes = jax.eval_shape(model.init, jax.random.key(0))["params"]
    assert shapes["eyes"]["head_0"].shape == (15 * 15 * 6, 32)
    assert shapes["hidden_0"]["kernel"].shape == (32, 32)
    assert shapes["lstm"]["input_kernel"].shape == (32, 4 * 128)
