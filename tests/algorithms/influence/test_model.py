"""Influence: divergences by hand, models of others against plain ones and against scripted ones."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
from lase_jax.algorithms.influence.effect import MEASURES, divergence, marginal
from lase_jax.algorithms.influence.model import Inputs, Model, read
from lase_jax.learners.actor_critic import Learner, epsilon
from lase_jax.loop.rollout import begin, play
from lase_jax.loop.train import Schedule, make_trainer
from lase_jax.nets.layers import Net
from lase_jax.types import Rollout

NUM, ACTIONS = 3, 4
MOA = dict(net=Net(dense=(8,)), moa_width=8)
GAME = probe(lambda action: action, num_agents=NUM, num_actions=ACTIONS, horizon=5)
SPEC = GAME.spec
KEY = jax.random.key(0)
NETS = {"feed-forward": Net(dense=(8,)), "recurrent": Net(dense=(8,), lstm=8)}


def logs(*probs):
    return jnp.log(jnp.array(probs))


def test_divergences_by_hand():
    had = jnp.stack([logs(0.5, 0.5), logs(0.9, 0.1)])
    whatever = marginal(had, logs(0.75, 0.25))
    np.testing.assert_allclose(jnp.exp(whatever), [0.6, 0.4], rtol=1e-6)
    found = {m: float(divergence(had[1], whatever, jnp.int32(0), m)) for m in MEASURES}
    assert found["kl"] == pytest.approx(0.9 * np.log(1.5) + 0.1 * np.log(0.25), rel=1e-5)
    assert found["pmi"] == pytest.approx(np.log(1.5), rel=1e-5)
    left = 0.9 * np.log(0.9 / 0.75) + 0.1 * np.log(0.1 / 0.25)
    right = 0.6 * np.log(0.6 / 0.75) + 0.4 * np.log(0.4 / 0.25)
    assert found["jsd"] == pytest.approx((left + right) / 2, rel=1e-5)
    assert float(divergence(had[1], whatever, jnp.int32(1), "pmi")) < 0


LOGITS = st.lists(st.floats(-4, 4, width=32), min_size=15, max_size=15).map(
    lambda x: np.array(x, np.float32).reshape(5, 3)
)


@jax.jit
def averages(logits):
    """Mean influence over own actions; mutual information; mean PMI over both agents' actions."""
    log_pi, had = jax.nn.log_softmax(logits[0]), jax.nn.log_softmax(logits[1:4])
    whatever = marginal(had, log_pi)
    pi, p, m = jnp.exp(log_pi), jnp.exp(had), jnp.exp(whatever)
    each = jax.vmap(partial(divergence, measure="kl"), (0, None, None))(had, whatever, 0)
    information = -(m * whatever).sum() + (pi[:, None] * p * had).sum()
    over_actions = jax.vmap(partial(divergence, measure="pmi"), (None, None, 0))
    pointwise = jax.vmap(over_actions, (0, None, None))(had, whatever, jnp.arange(3))
    return each, (pi * each).sum(), information, (pi[:, None] * p * pointwise).sum()


@given(LOGITS)
def test_mean_influence_is_the_mutual_information_of_actions(logits):
    each, mean, information, pointwise = averages(logits)
    assert (each >= -1e-5).all()
    np.testing.assert_allclose([mean, pointwise], information, atol=1e-5)


def rollout_of(action, seed=0) -> Rollout:
    """Facts with given actions ``[T, B, N]`` in which nobody leaves and nothing ends early."""
    steps, envs, num = action.shape
    drawn = facts(SPEC, steps=steps, envs=envs, seed=seed)
    return drawn._replace(action=jnp.asarray(action, jnp.int32), active=np.ones(action.shape, bool))


def test_a_next_action_counts_if_both_are_there_and_the_episode_goes_on():
    drawn = facts(SPEC, steps=5, envs=2)
    active = np.ones((5, 2, NUM), bool)
    active[2:, 0, 1] = False  # co-player 1 leaves environment 0 after step 1
    active[3:, 1, 2] = False  # the agent itself leaves environment 1 after step 2
    rollout = drawn._replace(active=active)
    seen = read(rollout, SPEC, (2,), visible_only=False)
    np.testing.assert_array_equal(seen.following[0, :-1], rollout.action[1:, :, :2])
    expected = np.ones((5, 2, 2), bool)
    expected[1:, 0, 1] = False  # its last action was that of step 1
    expected[3:, 1] = False
    expected[-1] = False
    np.testing.assert_array_equal(seen.counts[0], expected)
    assert (seen.joint[0, 2:, 0, 1] == ACTIONS).all() and (seen.own[0, 3:, 1] == ACTIONS).all()


def test_a_rollout_that_is_cut_knows_no_next_action_but_influence_goes_on():
    rollout = facts(SPEC, steps=5, ends=False)._replace(active=jnp.ones((5, 2, NUM), bool))
    seen = read(rollout, SPEC, (2,), visible_only=False)
    assert seen.reaches.all() and seen.counts[:, :-1].all() and not seen.counts[:, -1].any()
    assert seen.where("kl") is seen.reaches and seen.where("pmi") is seen.counts


def test_only_co_players_in_the_window_count_if_asked():
    spec = SPEC._replace(can_see_all=False, obs_shape=(2, 2, NUM + 1))
    rollout = rollout_of(np.zeros((5, 2, NUM)))
    windows = np.zeros((5, 2, NUM, 2, 2, NUM + 1), bool)
    windows[1, :, 2, 0, 1, 0] = True  # seat 2 sees seat 0 in step 1
    rollout = rollout._replace(obs=jnp.asarray(windows.reshape(5, 2, NUM, -1)))
    counts = read(rollout, spec, (2,), visible_only=True).counts[0]
    expected = np.zeros((5, 2, 2), bool)
    expected[1, :, 0] = True
    np.testing.assert_array_equal(counts, expected)


@cache
def random_model(kind):
    """A model whose parameters are all random, biases too."""
    model = Model(SPEC, NETS[kind], 8)
    params = model.module.init(KEY, jnp.zeros((1, SPEC.obs_shape[0])))
    return model, shaken(params, KEY)


def plainly(model, params, x, joint, change=None):
    """Predictions ``[T, K, A]`` of one environment; `change` is (time, seat, action)."""
    net, out = model.module, []
    call = partial(net.apply, params)
    folded, rows = call(method="fold"), call(method="rows")
    carry = (jnp.zeros(8), jnp.zeros(8))
    for t in range(len(x)):
        acts = [int(a) for a in joint[t]]
        if change and change[0] == t:
            acts[change[1]] = change[2]
        pre = call(folded, x[t].astype(jnp.float32), method="encode")
        pre = pre + sum(rows[j, a] for j, a in enumerate(acts) if a < ACTIONS)
        if model.net.lstm:
            carry = call(carry, pre, method="recur")
            hidden = carry[0]
        else:
            hidden = jax.nn.relu(pre)
        out.append(call(hidden, method="predict"))
    return jnp.stack(out)


@pytest.mark.parametrize("kind", NETS)
def test_expectations_equal_the_plain_way(kind):
    model, params = random_model(kind)
    seat = 1
    rollout = facts(SPEC, steps=4, envs=1)
    blank = jax.tree.map(lambda leaf: leaf[:, None], model.blank(1))
    seen = one_agent(read(rollout, SPEC, (seat,), visible_only=False, memory=blank), 0)
    true, had = jax.jit(model.expect)(params, jnp.int32(seat), seen)
    x, joint = seen.obs[:, 0], np.asarray(seen.joint)[:, 0]
    np.testing.assert_allclose(true[:, 0], plainly(model, params, x, joint), rtol=1e-4, atol=1e-5)
    for t in (0, 3):
        for action in range(ACTIONS):
            expected = plainly(model, params, x, joint, (t, seat, action))[t]
            np.testing.assert_allclose(had[t, 0, action], expected, rtol=1e-4, atol=1e-5)


def scene(key, memory):
    """Seat 0 acts at random, seat 1 repeats it a step later, seat 2 acts at random."""
    random = jax.random.randint(key, (6, 64, NUM), 0, ACTIONS)
    joint = random.at[1:, :, 1].set(random[:-1, :, 0])
    counts = jnp.ones((5, 64, 2), bool).at[-1].set(False)
    blank = jnp.zeros((5, 64, SPEC.obs_shape[0]))
    own, following = joint[:-1, :, 0], joint[1:, :, 1:]
    return Inputs(blank, own, joint[:-1], following, counts, counts, memory)


@pytest.mark.parametrize("kind", NETS)
def test_a_copycat_is_influenced_and_a_stranger_is_not(kind):
    model, seat = Model(SPEC, NETS[kind], 8), jnp.int32(0)
    tx, blank = optax.adam(3e-2), model.blank(64)

    @jax.jit
    def trained(key):
        def step(carry, key):
            params, opt = carry
            grads = jax.grad(model.loss)(params, seat, scene(key, blank))
            with jax.numpy_dtype_promotion("standard"):
                updates, opt = tx.update(grads, opt)
            return (optax.apply_updates(params, updates), opt), None

        params = model.module.init(key, jnp.zeros((1, SPEC.obs_shape[0])))
        keys = jax.random.split(key, 300)
        params = jax.lax.scan(step, (params, tx.init(params)), keys)[0][0]
        seen = scene(jax.random.key(1), blank)
        uniform = jnp.full((5, 64, ACTIONS), -jnp.log(ACTIONS))
        moved = model.influence(params, seat, seen, uniform, "kl")
        return moved, model.loss(params, seat, seen)

    moved, loss = trained(KEY)
    copycat, stranger = moved[:-1].mean((0, 1))
    assert copycat == pytest.approx(np.log(ACTIONS), rel=0.05)
    assert 0 <= stranger < 0.05
    assert not moved[-1].any()
    # the copycat is foretold, the stranger is not
    assert loss == pytest.approx(np.log(ACTIONS) / 2, rel=0.05)


@cache
def episode():
    """Settings of agents with memories, what they begin with, and the end of an episode."""
    config = settings("si", net=NETS["recurrent"], moa_width=8, epsilon_start=0.3)
    mixed = selfplay(GAME, config)
    state = jax.jit(mixed.init)(KEY, mixed.hyper)
    world = begin(GAME, mixed, KEY, 2)

    @jax.jit
    def played(state):
        return play(GAME, mixed, mixed.prepare(state), world, KEY, SPEC.horizon, "explore")[:2]

    return config, state, *played(state)


def test_agents_note_down_the_policy_they_act_by():
    config, state, _, rollout = episode()
    learner = Learner(config.learner, SPEC, NUM)
    for seat in range(NUM):
        own = one_seat(rollout, seat)._replace(memory=learner.begin(2))
        own = own._replace(memory=jax.tree.map(lambda leaf: leaf[:, 0], own.memory))
        logits = learner.policy.evaluate(
            one_agent(state[0].learner.trained.params, seat), own
        ).logits
        behaviour = 0.7 * jax.nn.softmax(logits) + 0.3 / ACTIONS
        np.testing.assert_allclose(jnp.exp(rollout.notes[0][:, :, seat]), behaviour, atol=1e-5)


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
    config = settings(name, net=NETS["recurrent"], epsilon_start=0.2)
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
    _, params = random_model("feed-forward")
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
    model, _ = random_model("feed-forward")
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


def test_influence_is_clipped_and_follows_its_curriculum():
    rollout = facts(SPEC, steps=5)
    clipped = influence_of(rollout, **MOA, clip=0.01)
    assert 0 < clipped.delta.max() <= 0.02 + 1e-6  # on two co-players
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
        ({"curriculum": (1.0, 1.0), "curriculum_steps": (5.0, 5.0)}, "curriculum_steps is"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        settings("si", **wrong)
