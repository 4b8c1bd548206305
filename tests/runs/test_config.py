import json
from dataclasses import replace

import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.algorithms import ALGORITHMS, Scripted
from lase_jax.core.settings import changed
from lase_jax.learners import PPO
from lase_jax.runs import config


@pytest.mark.parametrize("algo", sorted(ALGORITHMS))
def test_json_gives_back_the_very_same_settings(algo):
    run = config.default("cleanup", algo).with_seats(["lase", "a2c", algo, "cooperator"])
    assert config.from_json(json.loads(json.dumps(config.to_json(run)))) == run


def test_settings_older_than_a_field_have_its_default():
    run = config.default("cleanup", "si")
    content = config.to_json(run)
    del content["agent"]["moa_dense"], content["agent"]["learner"]["log_prob"]
    assert config.from_json(content) == run


def test_json_of_another_version_is_refused_by_name():
    content = config.to_json(tiny.config())
    content["game"]["colums"] = content["game"].pop("columns")
    with pytest.raises(ConfigError, match="did you mean 'columns'"):
        config.from_json(content)
    with pytest.raises(ConfigError, match="kind is 'StagHnt'.*StagHunt"):
        config.from_json({"kind": "StagHnt"})
    with pytest.raises(ConfigError, match="can read: .*agent"):
        config.from_json({"kind": "Kind", "name": "x"})


@pytest.mark.parametrize("name", [None, 3, [], {}, ["A2C"], "", "nowhere:A2C"])
def test_a_class_that_cannot_be_named_is_refused(name):
    with pytest.raises(ConfigError, match=r"^kind is "):
        config.from_json({config.TAG: name})


def test_seats_are_one_per_agent_and_known():
    run = config.default("ssh", "lase")
    with pytest.raises(ConfigError, match="seats is 'lase,a2c': name 4 agents"):
        run.with_seats(["lase", "a2c"])
    with pytest.raises(ConfigError, match="did you mean 'cooperator'"):
        run.with_seats(["lase", "coperator", "a2c", "a2c"])


def test_agents_may_have_names_of_their_own():
    half = Scripted("cooperator", other="defector", share=0.5)
    run = config.default("cleanup", "lase").with_seats(
        ["lase", "half", "defector", "lase"], own={"half": half}
    )
    assert [kind.name for kind in run.others] == ["defector", "half"]
    assert run.kinds()[1].agent == half and run.kinds()[2].agent == Scripted("defector")
    assert config.from_json(config.to_json(run)) == run


def test_seats_named_after_the_algorithm_have_the_runs_own_settings():
    run = config.default("ssh", "lase")
    run = replace(run, agent=changed(run.agent, {"lr": 0.5}))
    kinds = run.with_seats(["a2c", "lase", "defector", "lase"]).kinds()
    assert [kind.name for kind in kinds] == ["a2c", "lase", "defector", "lase"]
    assert kinds[1].agent.learner.lr == kinds[3].agent.learner.lr == 0.5
    assert kinds[0].agent == ALGORITHMS["a2c"]
    assert kinds[2].agent == Scripted("defector")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seeds", 0),
        ("seed", -1),
        ("seed", 2**31),
        ("chunks", 0),
        ("points", 0),
        ("save_every", -1.0),
        ("wandb", "onlin"),
    ],
)
def test_fields_are_checked(field, value):
    with pytest.raises(ConfigError, match=f"{field} is {value!r}"):
        replace(tiny.config(), **{field: value})


@pytest.mark.parametrize("seats", [(), ("lase", "a2c")])
def test_a_replay_buffer_has_to_fit_the_schedule(seats):
    run = tiny.config("lase").with_seats(seats) if seats else tiny.config("lase")
    small, large = (replace(run.agent, replay=size) for size in (1, 2))
    replace(run, agent=large)
    with pytest.raises(ConfigError, match="replay is 1: use at least num_envs, 2, or 0"):
        replace(run, agent=small)
    with pytest.raises(ConfigError, match="rollout_length is 2: use 4 or 0 .* set replay to 0"):
        replace(run, agent=large, schedule=replace(run.schedule, rollout_length=2))
    replace(run, agent=small, seats=("a2c", "a2c"), others=run.with_seats(["a2c"] * 2).others)


def test_the_schedule_has_to_fit_the_game():
    run = tiny.config()
    with pytest.raises(ConfigError, match="rollout_length is 3.*horizon 4"):
        replace(run, schedule=replace(run.schedule, rollout_length=3))


def test_runs_share_a_program_where_only_traced_settings_and_the_first_seed_differ():
    run = tiny.config("lase")
    same = replace(run, seed=7, agent=changed(run.agent, dict(lr=0.5, delta=0.3)))
    assert config.program_key(same) == config.program_key(run)
    other = [
        replace(run, seeds=3),
        replace(run, agent=changed(run.agent, {"normalise": False})),
        replace(run, agent=changed(run.agent, dict(learner=PPO(minibatches=2)))),
        replace(run, game=replace(run.game, horizon=8)),
        run.with_seats(["lase", "a2c"]),
    ]
    assert len({config.program_key(each) for each in (run, *other)}) == 6
