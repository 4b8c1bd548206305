import dataclasses
import re
from functools import partial

import numpy as np
import pytest
import tiny
from jax import tree

from envs.checks import ConfigError
from lase_jax import algorithms, api
from lase_jax.algorithms import Independent
from lase_jax.learners import A2C
from lase_jax.runs import inspection
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import create_run, extend_run

AGENT = algorithms.config("gift", net=tiny.NET)


@pytest.fixture(scope="module")
def game():
    return tiny.GAME.build()


@pytest.fixture(scope="module")
def result(game):
    said = []
    society = api.society(game, [AGENT, "defector"])
    return api.train(game, society, steps=48, seeds=2, seed=3, num_envs=2, say=said.append)


def test_metrics_are_arrays_over_updates_and_seeds(result):
    assert result.metrics["return/collective"].shape == (6, 2)
    assert result.metrics["gift/weight"].shape == (6, 2, 2, 2)
    np.testing.assert_array_equal(result.record.env_steps, 8 * np.arange(1, 7))


def test_play_look_and_keep(result, tmp_path):
    episode = result.play(seed=4)
    np.testing.assert_allclose(episode.gift[:, 0, 1], 0.15 * episode.reward[:, 0], atol=1e-6)
    assert episode.gif(tmp_path / "x.gif") == (tmp_path / "x.gif").read_bytes()
    result.curves(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").is_file()
    with pytest.raises(ConfigError, match="seed is 0: use one in 3 to 4"):
        result.play(seed=0)


def test_societies_are_checked(game):
    assert api.society(game, "lase").seats == ("lase", "lase")
    with pytest.raises(ConfigError, match="agents is 'lasse': did you mean 'lase'"):
        api.society(game, ["lasse", "a2c"])
    with pytest.raises(ConfigError, match="name 2 agents"):
        api.society(game, ["lase"] * 3)


@pytest.mark.parametrize(
    "agents",
    [3, None, {}, {"a2c"}, [AGENT, None], [[AGENT, AGENT]], Independent, np.array(["a2c"])],
)
def test_agents_are_names_or_settings(game, agents):
    with pytest.raises(ConfigError, match="use names or settings of algorithms"):
        api.society(game, agents)


@pytest.mark.parametrize("other", [dict(radius=2), dict(horizon=3)])
def test_a_society_plays_the_game_that_it_was_made_for(game, other):
    society = api.society(dataclasses.replace(tiny.GAME, **other).build(), "a2c")
    with pytest.raises(ConfigError, match="it was made for another game"):
        api.train(game, society, steps=16)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda result: api.society("ssh", "a2c"), "game is 'ssh': it is no Env"),
        (lambda result: api.train(result.game, "a2c"), "society is 'a2c': it is no Society"),
        (lambda result: api.train(*result[:2], steps=1.5), "steps is 1.5: it is no int"),
        (lambda result: api.train(*result[:2], say=None), "say is None"),
        (lambda result: api.load(3), "path is 3"),
        (lambda result: result.evaluate(0), "episodes is 0"),
        (lambda result: result.evaluate("3"), "episodes is '3': it is no int"),
        (lambda result: result.evaluate(1, ("x",)), "modes is .'x',."),
        (lambda result: result.evaluate(1, ()), "modes is .*: name some of greedy, sample"),
        (lambda result: result.play(3, mode="x"), "mode is 'x'"),
        (lambda result: result.play(3, episode=-1), "episode is -1"),
        (lambda result: result.player(0), "seed is 0: use one in 3 to 4"),
        (lambda result: result.save(3), "path is 3"),
        (lambda result: api.train(*result[:2], start=3), "start is 3"),
        (lambda result: api.train(*result[:2], start="nowhere"), "run is 'nowhere'"),
        (lambda result: result.play(3.0), "seed is 3.0: it is no int"),
        (lambda result: result.play(3).gif("/no/x.gif"), "path is '/no/x.gif': it cannot be"),
        (lambda result: result.curves("/no/x.png"), "path is '/no/x.png': it cannot be written"),
    ],
)
def test_wrong_arguments_are_named(result, call, message):
    with pytest.raises(ConfigError, match=message):
        call(result)


def test_seeds_are_checked(game):
    with pytest.raises(ConfigError, match="seed is -1"):
        api.train(game, api.society(game, "random"), seed=-1)


def test_a_society_that_learns_nothing_can_be_trained_and_played(game):
    society = api.society(game, "random")
    result = api.train(game, society, steps=16, seeds=2, num_envs=2, say=lambda line: None)
    assert result.evaluate(episodes=2)["greedy"]["return/collective"].shape == (2,)


def test_a_run_folder_gives_the_same_as_training_in_memory(game, tmp_path):
    config = tiny.config(steps=48)
    create_run(config, tmp_path / "x", overwrite=False)
    assert train_run(tmp_path / "x", "", lambda line: None) == 0
    loaded = api.load(tmp_path / "x")
    society = api.society(game, Independent(learner=A2C(net=tiny.NET)))
    memory = api.train(game, society, steps=48, seeds=2, num_envs=2, say=lambda line: None)
    assert loaded.metrics.keys() == memory.metrics.keys()
    for name, values in memory.metrics.items():
        np.testing.assert_allclose(loaded.metrics[name], values, rtol=1e-4, atol=1e-5)
    assert loaded.play(seed=1).reward.shape == (4, 2)
    (tmp_path / "x" / "metrics.csv").unlink()
    with pytest.raises(ConfigError, match="metrics.csv.*cannot be read"):
        api.load(tmp_path / "x")


def test_what_was_trained_in_memory_is_kept_as_a_run(result, tmp_path, capsys):
    path = tmp_path / "mine"
    result.save(path, say=print)
    assert "Collective return" in capsys.readouterr().out
    for name in ("config.json", "metrics.csv", "curves.png", "replay.gif", "summary.json"):
        assert (path / name).is_file()
    assert not inspection.inspect(path).problems
    loaded = api.load(path)
    assert (loaded.seeds, loaded.society.kinds) == (result.seeds, result.society.kinds)
    for one, other in zip(tree.leaves(loaded.state), tree.leaves(result.state), strict=True):
        np.testing.assert_array_equal(one, other)
    for name, values in result.metrics.items():
        np.testing.assert_array_equal(loaded.metrics[name], values)
    with pytest.raises(ConfigError, match="--overwrite to delete that run"):
        result.save(path)
    result.save(path, overwrite=True, say=lambda line: None, pictures=False)
    assert not (path / "curves.png").exists() and not inspection.inspect(path).problems


def test_a_kept_run_is_extended_like_any_other(result, tmp_path):
    result.save(tmp_path / "mine", say=lambda line: None, pictures=False)
    extend_run(tmp_path / "mine", 80)
    assert train_run(tmp_path / "mine", "", lambda line: None, pictures=False) == 0
    assert api.load(tmp_path / "mine").record.env_steps[-1] == 80


def test_what_nobody_could_read_is_not_kept(result, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Stranger(Independent):
        """An algorithm that is not registered."""

    game = result.game
    society = api.society(game, Stranger(learner=A2C(net=tiny.NET)))
    trained = api.train(game, society, steps=8, num_envs=2, say=lambda line: None)
    with pytest.raises(ConfigError, match="Stranger': it is not registered"):
        trained.save(tmp_path / "x")
    unknown = result._replace(config=None)
    with pytest.raises(ConfigError, match="game is 'stag_hunt': its Env has no settings"):
        unknown.save(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_training_starts_from_a_result_or_a_run(result, game, tmp_path):
    result.save(tmp_path / "mine", say=lambda line: None, pictures=False)
    train = partial(api.train, game, steps=8, seeds=2, num_envs=2, say=lambda line: None)
    agents = api.society(game, [AGENT, "defector"])
    one, other, fresh = (train(agents, start=s) for s in (result, str(tmp_path / "mine"), None))
    for name, values in one.metrics.items():
        np.testing.assert_array_equal(other.metrics[name], values)
    learnt = [tree.leaves(r.state[0].trained.params) for r in (result, one, fresh)]
    moved, apart = (
        sum(np.abs(a - b).sum() for a, b in zip(learnt[0], params, strict=True))
        for params in learnt[1:]
    )
    assert moved < apart / 10
    with pytest.raises(ConfigError, match="seat 0 is 'gift' there and 'a2c' here"):
        train(api.society(game, "a2c"), start=result)


def test_each_thing_says_what_it_is_in_one_line(result, game):
    assert repr(game) == (
        "Env(stag_hunt version 1: 2 agents, 7 actions, 4 steps, observations 3x3x5 bool)"
    )
    assert repr(result.society) == "Society(gift, defector in stag_hunt)"
    assert re.fullmatch(
        r"Result\(stag_hunt: gift, defector: 2 seeds, 48 steps, collective return \S+\)",
        repr(result),
    )
    assert re.fullmatch(
        r"Episode\(stag_hunt: gift, defector \(seed 3\): 4 steps, returns \S+, \S+\)",
        repr(result.play(3)),
    )


def test_kinds_of_one_name_are_told_apart(game):
    other = dataclasses.replace(AGENT, share=0.5)
    assert api.society(game, [AGENT, other]).seats == ("gift", "gift-2")
    assert api.society(game, [AGENT, AGENT]).seats == ("gift", "gift")
