"""Settings as earlier versions wrote them; a whole run folder of theirs stands in `test_host`."""

import pytest

from envs.checks import ConfigError
from lase_jax import algorithms
from lase_jax.nets.layers import Net
from lase_jax.runs import config

NET = {
    **{"kind": "Net", "conv": [2], "conv_relu": False, "dense": [8], "lstm": 4},
    **{"social": 5, "perspective": 6, "moa": 7, "moa_dense": [9], "incentive": 10},
}
LEARNER = {"lr": 0.5, "gamma": 0.25, "normalise": False}
CRITIC = dict(critic_trunk="shared", scale_values=False)
OURS = dict(LEARNER, **CRITIC, net=Net(conv=(2,), dense=(8,), lstm=4))


@pytest.mark.parametrize(
    ("algo", "kind", "own", "widths"),
    [
        ("a2c", "A2C", {}, {}),
        ("go", "Group", {}, {}),
        ("gift", "Gift", {"share": 0.5}, {}),
        ("lase", "Lase", {"delta": 0.75}, {"social_width": 5, "perspective_width": 6}),
        (
            "si",
            "Influence",
            {"weight": 3.0},
            {"moa_width": 7, "moa_dense": (9,), "see_actions": False},
        ),
        ("si_basic", "BasicInfluence", {"influencers": 2}, {}),
    ],
)
def test_learners_settings_stood_among_the_agents_own(algo, kind, own, widths):
    run = config.default("cleanup", algo)
    content = config.to_json(run)
    content["agent"] = {"kind": kind, **LEARNER, "net": NET, **own}
    content["others"] = [{"kind": "Kind", "name": "b", "agent": content["agent"]}]
    found = config.from_json(content)
    assert found.agent == algorithms.config(algo, **OURS, **own, **widths)
    assert found.others[0].agent == found.agent


def test_incentives_had_the_width_of_a_network():
    content = config.to_json(config.default("ipd", "lio"))
    net = NET | {"conv": [], "lstm": 0}
    content["agent"] = {"kind": "Lio", **LEARNER, "net": net, "cost": 0.5}
    own = dict(LEARNER, **CRITIC, net=Net(dense=(8,)), cost=0.5, incentive_width=10)
    assert config.from_json(content).agent == algorithms.config("lio", **own)


def test_what_was_wrong_then_is_refused_still():
    content = config.to_json(config.default("ipd", "a2c"))
    content["agent"] = {"kind": "A2C", "gama": 0.5, "net": NET}
    with pytest.raises(ConfigError, match="field of Independent is 'gama'"):
        config.from_json(content)


def test_in_box_trapped_everyone_was_locked_in():
    content = config.to_json(config.default("box_ring", "a2c"))
    del content["game"]["outside"]
    found = config.from_json(content)
    assert found.game == config.default("box_ring", "a2c").game and found.game.outside == 0
