"""Models of others against plain ones, and against scripted co-players."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from probes import facts, one_agent, probe, shaken

from lase_jax.algorithms.influence.model import Inputs, Model, read
from lase_jax.nets.layers import Net
from lase_jax.types import Rollout

NUM, ACTIONS = 3, 4
GAME = probe(lambda action: action, num_agents=NUM, num_actions=ACTIONS, horizon=5)
SPEC = GAME.spec
KEY = jax.random.key(0)
NETS = {"feed-forward": Net(dense=(8,)), "recurrent": Net(dense=(8,), lstm=8)}


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
