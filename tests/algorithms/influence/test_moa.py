"""SI: agents with models of others, what they carry through an episode, and what they are paid."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import (
    cut_in_two,
    facts,
    join,
    one_agent,
    one_seat,
    probe,
    same,
    selfplay,
    settings,
    shaken,
)

from envs import registry
from envs.checks import ConfigError
from lase_jax.algorithms.influence.moa import Influencers
from lase_jax.algorithms.influence.model import Model, read
from lase_jax.learners.actor_critic import Learner, epsilon
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.train import Schedule, make_trainer
from lase_jax.nets.layers import Net

NUM, ACTIONS = 3, 4
MOA = dict(net=Net(dense=(8,)), moa_width=8)
MODEL = dict(net=MOA["net"], width=8)
GAME = probe(lambda action: action, num_agents=NUM, num_actions=ACTIONS, horizon=5)
SPEC = GAME.spec
KEY = jax.random.key(0)
RECURRENT = Net(dense=(8,), lstm=8)


@cache
def random_model():
    """A model whose parameters are all random, biases too."""
    model = Model(SPEC, **MODEL)
    params = model.module.init(KEY, jnp.zeros((1, SPEC.obs_shape[0])))
    return model, shaken(params, KEY)


@cache
def episode():
    """Settings of agents with memories, what they begin with, and the end of an episode."""
    config = settings("si", net=RECURRENT, moa_width=8, epsilon_start=0.3)
    mixed = selfplay(GAME, config)
    state = jax.jit(mixed.init)(KEY, mixed.hyper)
    world = begin(GAME, mixed, KEY, 2)

    @jax.jit
    def played(state):
        return play(GAME, mixed, mixed.prepare(state), world, KEY, SPEC.horizon, "explore")[:2]

    return config, state, *played(state)


def test_agents_note_down_the_policy_they_act_by():
    config, state, _, rollout = episode()
    learner = Learner(config.learner, SPEC, NUM, extra=(NUM - 1) * ACTIONS)
    influencers = Influencers(config, SPEC, (0, 1, 2), learner)
    extended = influencers.own_share(rollout._replace(memory=rollout.memory[0]))
    for seat in range(NUM):
        own = one_seat(extended, seat)._replace(memory=learner.begin(2))
        own = own._replace(memory=jax.tree.map(lambda leaf: leaf[:, 0], own.memory))
        logits = learner.policy.evaluate(
            one_agent(state[0].learner.trained.params, seat), own
        ).logits
        behaviour = 0.7 * jax.nn.softmax(logits) + 0.3 / ACTIONS
        np.testing.assert_allclose(jnp.exp(rollout.notes[0][:, :, seat]), behaviour, atol=1e-5)


def test_policies_read_what_the_others_did_in_the_step_before():
    config, state, _, rollout = episode()
    agent = config.build(GAME, (0, 1, 2))
    (own,) = state
    memory, acting = agent.begin(1), agent.prepare(own)
    obs = rollout.obs[0, :1]

    def policies(joint):
        after = agent.remember(acting, memory, jnp.array([joint]), None)
        fresh = after._replace(learner=memory.learner, model=memory.model)
        decision, _ = agent.act(acting, fresh, obs, jnp.zeros((1, NUM)), "sample")
        return np.asarray(decision.notes[0])

    before, other = policies([0, 1, 2]), policies([0, 1, 3])
    np.testing.assert_allclose(before[2], other[2])  # its own action is no news
    assert not np.allclose(before[0], other[0]) and not np.allclose(before[1], other[1])
    gone = policies([0, 1, ACTIONS])
    assert not np.allclose(before[0], gone[0])


def test_policies_may_be_blind_as_those_of_the_public_code():
    config = settings("si", net=RECURRENT, see_actions=False)
    agent = config.build(GAME, (0, 1, 2))
    assert agent.begin(2).seen == ()
    state = jax.eval_shape(agent.init, KEY, agent.hyper)
    seeing = settings("si", net=RECURRENT).build(GAME, (0, 1, 2))
    more = jax.eval_shape(seeing.init, KEY, seeing.hyper)
    blind, seeing = (
        sum(leaf.size for leaf in jax.tree.leaves(each.learner.trained.params))
        for each in (state, more)
    )
    networks = 2  # the policy's and the critic's
    assert seeing - blind == networks * NUM * (NUM - 1) * ACTIONS * RECURRENT.dense[0]


def test_the_models_memory_lives_through_the_cuts_of_an_episode():
    """After every step, acting remembers what the model makes of the whole past."""
    config, state, after, rollout = episode()
    model = Model(SPEC, config.learner.net, config.moa_width)
    for seat in range(NUM):
        ready = model.prepare(one_agent(state[0].model.params, seat))
        carry = model.blank(2)
        for t in range(SPEC.horizon):
            encoded = model.encode(ready, rollout.obs[t, :, seat].astype(jnp.float32))
            carry = model.advance(ready, carry, encoded, rollout.action[t])
        found = jax.tree.map(lambda leaf, seat=seat: leaf[:, seat], after.memory[0].model)
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), found, carry)
        assert not np.allclose(carry[0], 0.0)


@pytest.mark.parametrize("name", ["si", "si_basic"])
def test_influence_does_not_ask_where_an_episode_is_cut(name):
    game = probe(lambda action: action, num_agents=NUM, num_actions=ACTIONS, horizon=6)
    config = settings(name, net=RECURRENT, epsilon_start=0.2)
    agent, everyone = config.build(game, (0, 1, 2)), selfplay(game, config)
    (state,) = jax.jit(everyone.init)(KEY, everyone.hyper)
    loud = jax.tree.map(lambda leaf: 3 * leaf, state.learner if name == "si" else state)
    loud = loud._replace(hyper=state.learner.hyper if name == "si" else state.hyper)
    if name == "si":
        model = jax.tree.map(lambda leaf: 30 * leaf, state.model.params)
        state = state._replace(learner=loud, model=state.model._replace(params=model))
    else:
        state = loud
    first, second = cut_in_two(game, everyone, (state,))
    delta = jax.jit(lambda rollout: agent.shape(state, rollout, KEY).delta)
    halves = jnp.concatenate([delta(first), delta(second)])
    whole = delta(join(first, second))
    np.testing.assert_allclose(halves, whole, rtol=1e-3, atol=1e-7)
    assert whole[2].any() and whole[3].any()


@pytest.mark.parametrize("conv", [pytest.param((), marks=pytest.mark.thorough), (2,)])
def test_a_model_that_shares_the_policys_eyes_trains_them(conv):
    game = registry.make("coingame", rows=3, columns=3, horizon=4)
    net = Net(conv=conv, conv_relu=True, dense=(8,))
    layer = "conv_0" if conv else "head_0"

    def after(share_eyes, *weights):
        config = settings("si", net=net, moa_width=8, share_eyes=share_eyes, weight=0.0)
        algorithm = selfplay(game, config)
        trainer = make_trainer(game, algorithm, Schedule(num_envs=2))
        init, run = jax.jit(trainer.init), jax.jit(trainer.run, static_argnums=1)
        (hyper,), keys = algorithm.hyper, jax.random.split(KEY, 1)
        lasts = [run(init(keys, (hyper | {"moa_weight": w},)), 1)[0] for w in weights]
        return [last.state[0].learner.trained.params["params"] for last in lasts]

    (alone,), (slight, strong) = after(False, 1.0), after(True, 1e-9, 1.0)
    for name in ("policy_head", "value_head"):
        assert same(alone[name], strong[name])
    np.testing.assert_allclose(alone["eyes"][layer], slight["eyes"][layer], atol=1e-5)
    assert not np.allclose(alone["eyes"][layer], strong["eyes"][layer], atol=1e-4)


def si(episodes=0.0, **options):
    """Agents on two of three seats, with models of others that say something."""
    agent = settings("si", **options).build(GAME, (2, 0))
    state = jax.jit(agent.init)(KEY, agent.hyper)
    _, params = random_model()
    twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), params)
    return agent, state._replace(
        learner=state.learner._replace(episodes=jnp.float32(episodes)),
        model=state.model._replace(params=twice),
    )


def behaviour(rollout, row, seat, episodes=0.0, **options):
    """Log-probabilities ``[T, B, A]`` of the mixture that one of them acts by."""
    _, state = si(episodes, **options)
    config = settings("si", **options)
    params = one_agent(state.learner.trained.params, row)
    policy = Learner(config.learner, SPEC, 2).policy
    logits = policy.evaluate(params, one_seat(rollout, seat)).logits
    eps = epsilon(state.learner)
    return jnp.log((1.0 - eps) * jax.nn.softmax(logits) + eps / ACTIONS)


def influence_of(rollout, **options):
    """What they make of a rollout."""
    agent, state = si(**options)
    notes = [behaviour(rollout, row, seat, **options) for row, seat in enumerate((2, 0))]
    theirs = rollout._replace(memory=agent.begin(2), notes=jnp.stack(notes, 2))
    return jax.jit(agent.shape)(state, theirs, KEY)


def test_agents_are_paid_for_their_own_influence_alone():
    rollout = facts(SPEC, steps=5)
    paid = influence_of(rollout, **MOA, weight=2.0)
    assert not paid.delta[..., 1].any() and not paid.weights.any()
    assert (paid.delta[:-1, :, [0, 2]] > 0).any() and not paid.delta[-1].any()
    once = influence_of(rollout, **MOA, weight=1.0)
    np.testing.assert_allclose(paid.delta, 2 * once.delta, rtol=1e-5)
    pairs = np.asarray(paid.metrics["influence/pair"])
    assert pairs.shape == (2, NUM) and (pairs[0, :2] > 0).all() and np.isnan(pairs[0, 2])


def test_each_agent_is_paid_for_what_its_own_action_moves():
    rollout = facts(SPEC, steps=5)
    options = MOA | {"epsilon_start": 0.4}
    _, state = si(**options)
    model, _ = random_model()
    seen = read(rollout, SPEC, (2, 0), visible_only=True)
    for row, seat in enumerate((2, 0)):
        moved = model.influence(
            one_agent(state.model.params, row),
            jnp.int32(seat),
            one_agent(seen, row),
            behaviour(rollout, row, seat, **options),
            "kl",
        )
        found = influence_of(rollout, **options).delta[..., seat]
        np.testing.assert_allclose(found, moved.sum(-1), rtol=1e-4, atol=1e-5)


def paid_out(moved, counts, **own):
    """The reward ``[n, T, B]`` for influence ``[n, T, B, m]``, of weight 2."""
    config = settings("si", weight=2.0, **own)
    agent = config.build(GAME, (0, 1, 2))
    state = jax.jit(agent.init)(KEY, agent.hyper).learner
    return np.asarray(config.pay(state, SPEC, moved, counts, KEY))


def test_influence_is_bounded_on_both_sides():
    """Pointwise mutual information may be negative without end."""
    moved = jnp.array([[0.5, 0.25], [-7.0, 1.0], [3.0, 3.0]])[:, None, None]
    found = paid_out(moved, jnp.full(moved.shape, True), measure="pmi", clip=1.5)
    np.testing.assert_allclose(found[:, 0, 0], [1.5, -3.0, 3.0])


STEPS = 40
COUNTS = jax.random.bernoulli(jax.random.key(7), 0.5, (3, STEPS, 2, 2))
MOVED = jnp.where(COUNTS, jax.random.uniform(jax.random.key(8), COUNTS.shape), 0.0)


def test_another_agents_influence_is_paid_out_in_the_same_step():
    own, other = (paid_out(MOVED, COUNTS, control=control) for control in ("none", "agents"))
    company = np.asarray(COUNTS.any(-1))
    several = company & (company.sum(0) > 1)
    assert several.mean() > 0.5 and (own != other)[several].all()
    np.testing.assert_allclose(np.sort(own, 0), np.sort(other, 0))
    np.testing.assert_array_equal(other > 0, company)


def test_the_influence_of_any_moment_is_paid_out_to_who_has_company():
    own, other = (paid_out(MOVED, COUNTS, control=control) for control in ("none", "moments"))
    assert abs(np.corrcoef(own[COUNTS.any(-1)], other[COUNTS.any(-1)])[0, 1]) < 0.6
    assert own.sum() == pytest.approx(other.sum(), rel=1e-5)
    np.testing.assert_array_equal(other > 0, np.asarray(COUNTS.any(-1)))


def test_one_agent_has_no_other_whose_influence_it_could_be_paid_for():
    with pytest.raises(ConfigError, match="control is 'agents': give seats two or more"):
        settings("si", control="agents").build(GAME, (1,))
    with pytest.raises(ConfigError, match="control is 'agents': give influencers two or more"):
        settings("si_basic", control="agents").build(GAME, (0, 1, 2))


def test_influence_is_clipped_and_follows_its_curriculum():
    rollout = facts(SPEC, steps=5)
    clipped = influence_of(rollout, **MOA, clip=0.01)
    assert 0 < clipped.delta.max() <= 0.01 + 1e-6  # on both co-players together
    course = MOA | {
        "epsilon_start": 0.05,
        "curriculum_steps": (10.0, 20.0),
        "curriculum": (0.0, 1.0),
    }
    assert not influence_of(rollout, episodes=1.0, **course).delta.any()
    half = influence_of(rollout, episodes=3.0, **course)  # 15 steps
    whole = influence_of(rollout, episodes=9.0, **course)
    np.testing.assert_allclose(2 * half.delta, whole.delta, rtol=1e-5)
    np.testing.assert_allclose(
        whole.delta, influence_of(rollout, **MOA, epsilon_start=0.05).delta, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": -1.0}, "weight is -1.0"),
        ({"measure": "kld"}, "measure is 'kld': did you mean 'kl'"),
        ({"curriculum": (0.0, 1.0)}, "curriculum is"),
        ({"curriculum": (float("nan"),)}, "curriculum is nan"),
        ({"curriculum": (-1.0,)}, "curriculum is -1.0"),
        ({"moa_width": 0}, "moa_width is 0"),
        ({"moa_dense": (0,)}, "moa_dense is 0"),
        ({"share_eyes": True, "net": Net(dense=())}, "share_eyes is True: give net.dense"),
        ({"net": Net(dense=())}, "see_actions is True: give net.dense"),
        ({"curriculum": (1.0, 1.0), "curriculum_steps": (5.0, 5.0)}, "curriculum_steps is"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        settings("si", **wrong)
