from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import shaken

from envs.checks import ConfigError
from lase_jax.algorithms.influence.nets import OtherModel
from lase_jax.algorithms.lase.nets import Perspective, SocialNet
from lase_jax.nets.actor_critic import ActorCritic, Trunk
from lase_jax.nets.layers import (
    LSTM,
    PAPER,
    Eyes,
    Net,
    affine,
    glorot,
    lstm_step,
    lstm_unroll,
    method,
)

SHAPE = (5, 4, 3)
SIZE = 5 * 4 * 3
KEY = jax.random.key(0)


def perturbed(params):
    """Random parameters, so that zero-initialised biases take part."""
    return shaken(params, KEY, scale=0.1)


def images(count=7):
    return jax.random.bernoulli(jax.random.key(1), 0.5, (count, *SHAPE))


def seen(count=7):
    return images(count).reshape(count, -1).astype(jnp.float32)


def convolved(params, x, widths, relu):
    """The plain way: zero-padded convolutions by `jax.lax`, ``[M, h, w, c]``."""
    for i, width in enumerate(widths):
        kernel = params[f"conv_{i}"].reshape(3, 3, x.shape[-1], width)
        x = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = x + params[f"conv_bias_{i}"][None, None, None]
        x = nn.relu(x) if relu else x
    return x.reshape(len(x), -1)


@pytest.mark.parametrize(("relu", "trunk"), [(False, 0), (True, 0), (False, 6)])
def test_eyes_equal_plain_convolutions_and_dense_layers(relu, trunk):
    widths = (2, 4)
    eyes = Eyes(SHAPE, (5, 3), widths, relu, trunk)

    def see(module, x):
        return module(module.fold(), x)

    @jax.jit
    def both(x):
        params = perturbed(nn.init(see, eyes)(KEY, x))
        own = params["params"]
        z = convolved(own, images().astype(jnp.float32), widths, relu)
        if trunk:
            z = nn.relu(nn.Dense(trunk).apply({"params": own["trunk_layer"]}, z))
        plain = [z @ own[f"head_{i}"] + own[f"head_bias_{i}"][None] for i in range(2)]
        return nn.apply(see, eyes)(params, x), plain

    for found, expected in zip(*both(seen()), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_affine_convolutions_are_multiplied_out():
    assert Eyes(SHAPE, (5,), (2, 4)).folds
    assert not Eyes(SHAPE, (5,), (2, 4), conv_relu=True).folds
    assert not Eyes(SHAPE, (5,)).folds


def test_lstm_equals_flax():
    ours, theirs = LSTM(4, 3), nn.OptimizedLSTMCell(4)

    def two_steps(module, carry, x):
        for projected in module.project(x):
            carry = module(carry, projected)
        return carry

    @jax.jit
    def both(x):
        zeros = (jnp.zeros((2, 4)), jnp.zeros((2, 4)))
        params = perturbed(nn.init(two_steps, ours)(KEY, zeros, x))
        own, gates = params["params"], {}
        for i, name in enumerate("ifgo"):
            part = slice(4 * i, 4 * i + 4)
            gates[f"i{name}"] = {"kernel": own["input_kernel"][:, part]}
            gates[f"h{name}"] = {"kernel": own["state_kernel"][:, part], "bias": own["bias"][part]}
        carry = zeros
        for now in x:
            carry, _ = theirs.apply({"params": gates}, carry, now)
        return nn.apply(two_steps, ours)(params, zeros, x), carry[::-1]  # flax: (cell, hidden)

    found, expected = both(jax.random.normal(KEY, (2, 2, 3)))
    for ours_now, theirs_now in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours_now, theirs_now, rtol=1e-5, atol=1e-6)


def test_lstm_over_many_steps_has_the_derivatives_of_its_steps():
    def stepwise(kernel, carry, projected):
        before, hidden = [], []
        for gates in projected:
            before.append(carry)
            carry = lstm_step(kernel, carry, gates)[:2]
            hidden.append(carry[0])
        return jnp.stack(hidden), jax.tree.map(lambda *leaves: jnp.stack(leaves), *before)

    def total(unroll, *given):
        weights = jax.random.normal(KEY, (3, 6, 2, 4))
        leaves = jax.tree.leaves(unroll(*given))
        return sum((w * jnp.sin(leaf)).sum() for w, leaf in zip(weights, leaves, strict=True))

    keys = iter(jax.random.split(KEY, 4))
    kernel, hidden, cell, gates = (
        jax.random.normal(next(keys), shape) for shape in ((4, 16), (2, 4), (2, 4), (6, 2, 16))
    )
    both = [
        jax.jit(jax.value_and_grad(partial(total, unroll), (0, 1, 2)))(
            kernel, (hidden, cell), gates
        )
        for unroll in (stepwise, lstm_unroll)
    ]
    for plain, ours in zip(*map(jax.tree.leaves, both), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-5)


def test_social_value_is_a_dense_layer_over_observation_and_one_hot_joint_action():
    net = SocialNet(SHAPE, 4, 3, Net(dense=(6,)), 5)
    joint = np.array([[0, 1, 2], [3, 3, 3], [0, 0, 1], [2, 1, 0], [1, 2, 3], [0, 3, 0], [2, 2, 2]])

    @jax.jit
    def both(x):
        params = perturbed(net.init(KEY, x))
        pre = net.apply(params, net.apply(params, method="fold"), x, method="encode")[1]
        added = net.apply(params, method="rows")[np.arange(3)[None], joint].sum(1)
        own = params["params"]
        trunk = nn.relu(nn.Dense(6).apply({"params": own["eyes"]["trunk_layer"]}, x))
        whole = jnp.concatenate([trunk, jax.nn.one_hot(joint, 4).reshape(7, -1)], 1)
        kernel = jnp.concatenate([own["eyes"]["head_1"], own["rows"]])
        z = nn.relu(whole @ kernel + own["eyes"]["head_bias_1"][None])
        plain = nn.Dense(1).apply({"params": own["value_head"]}, z)[:, 0]
        return net.apply(params, pre + added, method="value"), plain

    found, expected = both(seen())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lstm", [0, 8])
def test_models_of_others_have_dense_layers_of_any_widths(lstm):
    net = OtherModel(SHAPE, 6, 3, Net(lstm=lstm), 5, (4, 3))
    params = perturbed(net.init(KEY, seen()))
    eyes, hidden = params["params"]["eyes"], params["params"]["hidden_0"]
    z = nn.relu(affine((eyes["head_0"], eyes["head_bias_0"]), seen()))
    z = nn.relu(affine((hidden["kernel"], hidden["bias"]), z))
    last = params["params"]["lstm" if lstm else "mix"]
    pre = affine((last["input_kernel" if lstm else "kernel"], last["bias"]), z)
    assert pre.shape == (7, 4 * 5 if lstm else 5)
    found = method(net, "encode")(params, method(net, "fold")(params), seen())
    np.testing.assert_allclose(found, pre, rtol=1e-5, atol=1e-6)


def test_imagined_views_differ_by_seat_and_lie_between_0_and_1():
    net = Perspective(SHAPE, 3, Net(conv=(2,)), 5)

    @jax.jit
    def views_of_all_and_of_one(x):
        params = perturbed(net.init(KEY, x))
        folded = net.apply(params, method="fold")
        one = net.apply(params, folded, x, jnp.full(len(x), 2), method="imagine")
        return net.apply(params, x), one

    views, one = views_of_all_and_of_one(seen())
    assert views.shape == (7, 3, SIZE)
    assert ((views > 0) & (views < 1)).all()
    np.testing.assert_allclose(one, views[:, 2], rtol=1e-6)
    assert np.abs(views[:, 0] - views[:, 1]).max() > 1e-3


@pytest.mark.parametrize("net", [Net(dense=(8, 8)), Net(conv=(2, 4), dense=(8,), lstm=8)])
def test_policies_begin_almost_uniform(net):
    module = ActorCritic(SHAPE, net, num_actions=6)
    x = seen()
    logits, value = jax.jit(lambda x: module.apply(module.init(KEY, x), x))(x)
    assert logits.shape == (7, 6) and value.shape == (7,)
    np.testing.assert_allclose(jax.nn.softmax(logits), 1 / 6, atol=0.02)


@pytest.mark.parametrize("extra", [0, 2])
@pytest.mark.parametrize("conv", [{}, {"conv": (2, 4)}, {"conv": (2,), "conv_relu": True}])
def test_policy_and_critic_read_a_window_together_as_they_would_apart(conv, extra):
    net = Net(dense=(8, 6), **conv)
    module = ActorCritic(SHAPE, net, extra, num_actions=3, own_critic=True)
    x = jnp.concatenate([seen(), jnp.ones((7, extra))], axis=-1)
    params = perturbed(module.init(KEY, x))
    call = partial(module.apply, params)
    folded = call(method="fold")
    encoded, z = call(folded, x, method="encode_both")
    np.testing.assert_allclose(encoded, call(folded, x, method="encode"), rtol=1e-5, atol=1e-6)
    critic = Trunk(SHAPE, net, extra)
    apart = {"params": params["params"]["critic"]}
    judged = critic.apply(apart, critic.apply(apart, method="fold"), x, method="encode")
    found = call(x, z, encoded, method="critic_features")
    np.testing.assert_allclose(found, judged, rtol=1e-5, atol=1e-6)


def test_without_dense_layers_policies_and_critics_are_tables():
    """One row per state and nothing that moves all states at once."""
    states = jnp.eye(5)
    module = ActorCritic((5,), Net(dense=()), num_actions=2)
    params = module.init(KEY, states)
    shapes = {
        jax.tree_util.keystr(path): leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }
    assert sorted(shapes.values()) == [(5, 1), (5, 2)]
    logits, value = module.apply(params, states)
    np.testing.assert_array_equal(logits, params["params"]["policy_head"]["kernel"])
    np.testing.assert_array_equal(value, params["params"]["value_head"]["kernel"][:, 0])


@pytest.mark.parametrize(("scale", "deviation"), [(0.01, 0.00125), (1.0, 0.125)])
def test_the_policys_head_begins_as_wide_as_asked(scale, deviation):
    module = ActorCritic(SHAPE, Net(dense=(64,)), num_actions=200, head_scale=scale)
    params = module.init(KEY, jnp.zeros((1, int(np.prod(SHAPE)))))["params"]
    assert params["policy_head"]["kernel"].std() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize(("scale", "low", "high"), [(0.01, 0.0, 0.05), (glorot(64, 6), 0.3, 3.0)])
def test_a_head_by_glorots_rule_hands_gradients_on(scale, low, high):
    """How long the gradient of the layers below it is beside its own."""
    module = ActorCritic(SHAPE, Net(dense=(64, 64)), num_actions=6, head_scale=scale)
    x = seen()
    params = module.init(KEY, x)["params"]
    wanted = jnp.arange(len(x)) % 6

    def loss(params):
        chances = jax.nn.log_softmax(module.apply({"params": params}, x)[0])
        return -jnp.take_along_axis(chances, wanted[:, None], 1).mean()

    slopes = jax.jit(jax.grad(loss))(params)
    own = jnp.linalg.norm(slopes.pop("policy_head")["kernel"])
    below = jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slopes)))
    assert low <= below / own < high


@pytest.mark.parametrize(
    "wrong",
    [
        {"dense": (), "lstm": 4},
        {"dense": (), "conv": (4,)},
        {"dense": (0,)},
        {"dense": [8]},
        {"conv": (16, -1)},
        {"lstm": -1},
    ],
)
def test_impossible_sizes_are_named(wrong):
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))} is"):
        Net(**wrong)


def test_convolutions_need_windows():
    with pytest.raises(ConfigError, match="^net.conv"):
        PAPER.check((5,))
    PAPER.check(SHAPE)
    Net().check((5,))
