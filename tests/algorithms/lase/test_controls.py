"""Controls of LASE: as much is given, but not to whom, or not when, or not for what it is due."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import TINY, episode, facts, one_agent, probe, same, settings, train

import envs
from envs.checks import ConfigError
from lase_jax.algorithms.lase.inference import Inference
from lase_jax.algorithms.lase.mind import SocialConfig
from lase_jax.algorithms.lase.replay import present_batch
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.society import society
from lase_jax.types import Clock

GAME = envs.make(
    "ssh", num_agents=3, rows=4, columns=4, radius=1, horizon=5, num_hares=2, num_stags=1
)
SPEC = GAME.spec
SEATS = (2, 0, 1)
KEY = jax.random.key(0)
PLAIN = settings("lase", weigh="all")
MEMORY = dataclasses.replace(TINY, lstm=4)


class Built:
    """LASE on all seats, in another order than the game's, whose agents all differ."""

    def __init__(self, config):
        learner = Learner(config.learner, SPEC, len(SEATS))
        self.inference = Inference(config, SPEC, SEATS, learner)
        self.society = society(SPEC, [(config.build(GAME, SEATS), SEATS)])
        (own,) = jax.jit(self.society.init)(KEY, self.society.hyper)

        def moved(trained):
            def move(leaf):
                return leaf + 0.5 * jax.random.normal(KEY, leaf.shape)

            return trained._replace(params=jax.tree.map(move, trained.params))

        social, learner = own.social, own.learner
        eyes, eta = moved(social.social), moved(social.perspective)
        self.state = (
            own._replace(
                learner=learner._replace(trained=moved(learner.trained)),
                social=social._replace(social=eyes, perspective=eta),
            ),
        )

    def weigh(self, rollout, key=KEY):
        own = self.state[0]
        return jax.jit(self.inference.weigh)(own.social, own.learner, rollout, key)


def packed(rollout):
    """The rollout of a society of one kind of agent."""
    return rollout._replace(memory=(rollout.memory,), notes=(rollout.notes,))


@cache
def weights(control, weigh="all"):
    """The weights ``[T, B, 3, 3]`` of agents that differ in nothing but the control."""
    known = Built(dataclasses.replace(PLAIN, control=control, weigh=weigh))
    found, _ = known.weigh(facts(SPEC, envs=8))
    return np.asarray(found)


def test_a_random_order_over_co_players_changes_none_of_what_each_step_gives():
    plain, found = weights("none"), weights("co_players")
    assert not np.allclose(plain, found)
    others = np.where(np.arange(3) == np.array(SEATS)[:, None], -1.0, found)
    expected = np.where(np.arange(3) == np.array(SEATS)[:, None], -1.0, plain)
    np.testing.assert_array_equal(np.sort(others, -1), np.sort(expected, -1))
    gone = ~np.asarray(facts(SPEC, envs=8).active)
    assert gone.any() and not np.moveaxis(found, 2, 3)[gone].any()


@pytest.mark.parametrize("weigh", ["all", "rewarded"])
def test_a_random_order_over_steps_changes_none_of_what_each_pair_gives(weigh):
    plain, found = weights("none", weigh), weights("steps", weigh)
    assert not np.allclose(plain, found)
    np.testing.assert_array_equal(*[np.sort(each.reshape(-1, 9), 0) for each in (plain, found)])
    gone = ~np.asarray(facts(SPEC, envs=8).active)
    assert not np.moveaxis(found, 2, 3)[gone].any() and not found[gone[:, :, SEATS]].any()


def test_a_part_of_each_weight_may_be_given():
    rollout = facts(SPEC, envs=4)
    whole, half = (Built(dataclasses.replace(PLAIN, generosity=part)) for part in (1.0, 0.5))
    shares, told = zip(
        *(
            (opinion.weights, opinion.metrics["relation/weight"])
            for each in (whole, half)
            for opinion in [jax.jit(each.society.weigh)(each.state, packed(rollout), KEY)]
        ),
        strict=True,
    )
    away = [np.where(np.eye(3, dtype=bool), 0.0, share) for share in shares]
    assert away[0].any()
    np.testing.assert_allclose(away[1], 0.5 * away[0], rtol=1e-5)
    np.testing.assert_array_equal(*told)  # what is inferred stays


@pytest.mark.parametrize("replay", [0, 8])
def test_the_untrained_never_learn_but_measure(replay):
    known = Built(dataclasses.replace(PLAIN, control="untrained", replay=replay))
    own = known.state[0]
    after, numbers = jax.jit(known.inference.learn)(
        own.social, own.learner, facts(SPEC), KEY, Clock(jnp.int32(0))
    )
    assert same((after.social, after.perspective), (own.social.social, own.social.perspective))
    assert np.isfinite(numbers["relation/floor"]).any()
    assert np.isfinite(numbers["infer/value_loss"]).all()


def test_real_views_are_what_each_co_player_saw():
    known = Built(dataclasses.replace(PLAIN, foresee="real_view"))
    mind, rollout = known.inference.mind, facts(SPEC)
    everyone = known.inference.networks(known.state[0].social, known.state[0].learner)
    real = known.inference.real(everyone, rollout, ())
    own, x = one_agent(everyone, 1), rollout.obs[:, 0].astype(jnp.float32)
    found = mind.foreseen(own, x[:, 0], jnp.array([1, 2]), (), real[:, 0])
    for column, seat in enumerate((1, 2)):
        expected = mind.policy(own, x[:, seat], ())
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-5, atol=1e-6)
    imagined = mind.foreseen(own, x[:, 0], jnp.array([1, 2]), ())
    assert not np.allclose(found, imagined, atol=1e-2)


@pytest.mark.parametrize("net", [TINY, MEMORY], ids=["dense", "lstm"])
def test_real_policies_are_those_by_which_co_players_act(net):
    known = Built(settings("lase", net=net, foresee="real_policy"))
    played, own = episode(GAME, known.society, known.state), known.state[0]
    rollout = played._replace(memory=played.memory[0], notes=played.notes[0])
    everyone = known.inference.networks(own.social, own.learner)
    memory = known.inference.memories(everyone, present_batch(rollout, SEATS, 2))
    log_probs = known.inference.real(everyone, rollout, memory)
    taken = jnp.take_along_axis(log_probs, rollout.action[..., None], -1)[..., 0]
    np.testing.assert_allclose(
        np.where(rollout.active, taken, 0.0),
        np.where(rollout.active, rollout.log_prob, 0.0),
        rtol=1e-4,
        atol=1e-5,
    )
    given, _ = known.weigh(rollout)
    assert np.isfinite(given).all()


@pytest.mark.parametrize(
    ("control", "apart"), [("none", True), ("steps", True), ("co_players", False)]
)
def test_the_friend_is_told_from_the_foe_only_if_weights_stay_with_their_co_player(control, apart):
    """Action 1 of a co-player pays agent 0; the friend plays it nine times as often as the foe."""
    game = probe(
        lambda action: jnp.array([1, 0, 0]) * (action[1] + action[2]),
        num_agents=3,
        horizon=4,
    )
    groups = [(settings("lase", weigh="all", social_lr=1e-2, control=control), (0,))]
    groups += [(settings("random", policy=name), (j,)) for j, name in ((1, "friend"), (2, "foe"))]
    mixed = society(game.spec, [(config.build(game, seats), seats) for config, seats in groups])
    _, _, metrics = train(game, mixed, updates=200, num_envs=16)
    friend, foe = metrics["relation/weight"][-50:, 0, 0].mean(0)[1:]
    assert (friend > 2 * foe) == apart and friend > 0.1 * apart
    if not apart:
        np.testing.assert_allclose(friend, foe, rtol=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"control": "pairs"},
        {"foresee": "guessed"},
        {"perspective": False, "foresee": "real_view"},
    ],
)
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=f"{list(wrong)[-1]} is"):
        SocialConfig(**wrong)


def test_real_policies_are_those_of_one_kind():
    config = settings("lase", foresee="real_policy")
    with pytest.raises(ConfigError, match="use it where all seats are of this kind"):
        config.build(GAME, (0, 1))
