import json
from dataclasses import replace

import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.core.settings import changed
from lase_jax.sweeps import axes

RUN = tiny.config("lase")


def test_a_field_is_found_by_its_name_or_by_its_place():
    found = axes.parse("lr=1e-4,3e-4 agent.net.lstm=0,8 steps=80 horizon=4,8", RUN)
    paths = ["agent.lr", "agent.net.lstm", "schedule.steps", "game.horizon"]
    assert [axis.path for axis in found] == paths
    assert [axis.label for axis in found] == ["lr", "lstm", "steps", "horizon"]
    assert found[0].values == ("1e-4", "3e-4")


def test_equal_labels_say_where_their_field_stands(monkeypatch):
    monkeypatch.setattr(axes, "fields", lambda config: ["agent.radius", "game.radius"])
    found = axes.parse("agent.radius=1 game.radius=2", RUN)
    assert [axis.label for axis in found] == ["agent.radius", "game.radius"]
    with pytest.raises(ConfigError, match="radius.*say which.*agent.radius or game.radius"):
        axes.parse("radius=1", RUN)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "name fields and values"),
        ("lr", "write values, e.g. 'lr=1,2'"),
        ("lr=", "write values"),
        ("entropie=1", "did you mean 'entropy'"),
        ("lr=1 lr=2", "name each field once"),
        ("lr=log(0,1)", "above 0"),
        ("lr=uniform(2,1)", "lower number first"),
        ("lr=uniform(a,1)", "two numbers"),
        ("seeds=1,2", "seeds"),
    ],
)
def test_what_cannot_be_swept_is_said(text, complaint):
    with pytest.raises(ConfigError, match=complaint):
        axes.parse(text, RUN)


def test_a_grid_has_every_combination_and_no_interval():
    found = axes.parse("lr=1,2 delta=0,0.1,0.3", RUN)
    settings = axes.grid(found)
    assert len(settings) == 6
    assert settings[1] == {"lr": "1", "delta": "0.1"}
    assert axes.name(settings[1]) == "lr=1,delta=0.1"
    with pytest.raises(ConfigError, match="--samples"):
        axes.grid(axes.parse("lr=log(1e-4,1)", RUN))


def test_what_is_drawn_is_different_repeatable_and_inside():
    found = axes.parse("lr=log(1e-4,1e-2) lr_episodes=uniform(10,1000) delta=0,0.1", RUN)
    settings = axes.random(found, 40, 0, RUN)
    assert settings == axes.random(found, 40, 0, RUN) != axes.random(found, 40, 1, RUN)
    assert len({axes.name(setting) for setting in settings}) == 40
    rates = np.array([float(setting["lr"]) for setting in settings])
    assert (rates >= 1e-4).all() and (rates <= 1e-2).all()
    assert 0.2 < (rates < 1e-3).mean() < 0.8
    assert all(setting["lr_episodes"].isdecimal() for setting in settings)
    assert {setting["delta"] for setting in settings} == {"0", "0.1"}
    few = axes.parse("delta=0,0.1", RUN)
    assert len(axes.random(few, 40, 0, RUN)) == 2


def test_values_are_typed_as_on_the_command_line():
    assert axes.arguments("agent.lr", "1e-4", RUN) == ["--agent.lr", "1e-4"]
    assert axes.arguments("schedule.num_envs", "4", RUN) == ["--num-envs", "4"]
    assert axes.arguments("agent.net.dense", "8x16", RUN) == ["--agent.net.dense", "8", "16"]
    assert axes.arguments("agent.normalise", "true", RUN) == ["--agent.normalise"]
    assert axes.arguments("agent.normalise", "False", RUN) == ["--agent.no-normalise"]
    with pytest.raises(ConfigError, match=r"agent.normalise is 'maybe'.*true"):
        axes.arguments("agent.normalise", "maybe", RUN)


def test_every_setting_is_the_run_with_its_values():
    found = axes.parse("lr=0.25,0.5 lstm=0,8", RUN)
    settings = axes.grid(found)
    runs = axes.configured(RUN, found, settings, lambda path, text: json.loads(text))
    agent = changed(RUN.agent, dict(lr=0.25, net=replace(tiny.NET, lstm=8)))
    assert runs[1] == replace(RUN, agent=agent)
    assert axes.value_at(runs[3], "agent.net.lstm") == 8


def test_a_value_is_named_once_however_it_is_typed():
    config = tiny.config()
    found = axes.parse("lr=1e-3,1e-2,0.001", config)
    with pytest.raises(ConfigError, match=r"agent.lr=0.001,1e-3': name each value once"):
        axes.configured(config, found, axes.grid(found), lambda path, text: float(text))


def test_a_name_is_short_and_a_folders_and_its_own():
    many = {f"agent.learner.field_{count}": str(count) for count in range(20)}
    names = {axes.name(many | {"last": last}) for last in "ab"}
    assert len(names) == 2 and all(len(name) == axes.LONGEST for name in names)
    odd = axes.name({"x": "a/../b", "y": "1:2"})
    assert odd.startswith("x=a_.._b,y=1_2-") and odd != axes.name({"x": "a/../b", "y": "1_2"})
    assert axes.name({"lr": "1e-3", "delta": "0.1"}) == "lr=1e-3,delta=0.1"


def test_few_values_end_the_drawing_and_too_many_are_refused():
    found = axes.parse("lr=1e-3,1e-4", RUN)
    assert len(axes.random(found, 10_000, 0, RUN)) == 2
    many = ",".join(str(number) for number in range(1, 202))
    with pytest.raises(ConfigError, match="40401 settings.: use at most 10000"):
        axes.grid(axes.parse(f"num_envs={many} steps={many}", RUN))
