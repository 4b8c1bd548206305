"""Social relationship inference against plain oracles, and what may and may not reach what.

The oracles concatenate a one-hot joint action to the features and run the whole of Q_SR for every
action of every co-player, one step at a time.
"""

import dataclasses
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import TINY, facts, one_agent, probe, same, settings, train

import envs
from envs.checks import ConfigError
from lase_jax.algorithms.lase.inference import Inference
from lase_jax.algorithms.lase.mind import SocialConfig
from lase_jax.algorithms.lase.nets import Perspective, SocialNet
from lase_jax.algorithms.lase.replay import EPISODE_AXES, Replay, present_batch
from lase_jax.core import blocks, population
from lase_jax.core.distributions import cross_entropy
from lase_jax.core.metrics import masked_mean
from lase_jax.core.scales import Scale, blank, root
from lase_jax.core.seats import visible
from lase_jax.core.settings import changed
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.society import society
from lase_jax.nets.actor_critic import ActorCritic
from lase_jax.types import Clock

GAME = envs.make(
    "ssh", num_agents=3, rows=4, columns=4, radius=1, horizon=5, num_hares=2, num_stags=1
)
SPEC = GAME.spec
NUM, ACTIONS = SPEC.num_agents, SPEC.num_actions
SEATS = (2, 0)
CLOCK = Clock(jnp.int32(0))
KEY = jax.random.key(0)
ALL = settings("lase", weigh="all")
BLIND = settings("lase_wo", weigh="all")
BORROWED = settings(
    "lase", weigh="all", imagine="acting", net=dataclasses.replace(TINY, lstm=4, conv=(2,))
)


@cache
def initial(net):
    """An actor-critic, and SR networks moved at random so that no policy of theirs is uniform."""
    config = settings("lase", net=net)
    learner = Learner(config.learner, SPEC, len(SEATS))
    social = Inference(config, SPEC, SEATS, learner)

    def move(leaf):
        return leaf + 0.5 * jax.random.normal(KEY, leaf.shape)

    def init(key):
        key_learner, key_social = jax.random.split(key)
        learnt, known = learner.init(key_learner, config.hyper()), social.init(key_social)
        moved = jax.tree.map(move, (known.social.params, known.perspective.params))
        return learnt, known._replace(
            social=known.social._replace(params=moved[0]),
            perspective=known.perspective._replace(params=moved[1]),
        )

    return jax.jit(init)(KEY)


class Built:
    """LASE on two of three seats: its jitted functions, and the state that they begin with."""

    def __init__(self, config):
        self.config = config
        learner = Learner(config.learner, SPEC, len(SEATS))
        self.inference = Inference(config, SPEC, SEATS, learner)
        self.weigh = partial(jax.jit(self.inference.weigh), key=KEY)
        self.learn = jax.jit(self.inference.learn)
        learnt, state = initial(config.learner.net)
        self.learnt = learnt._replace(hyper=jax.tree.map(jnp.float32, config.hyper()))
        eta = state.perspective if config.perspective else ()
        buffer = Replay(SPEC, SEATS, config.replay).init()
        scale = state.scale if config.learner.scale_values else ()
        error = state.scale if config.min_spread else ()
        self.state = state._replace(perspective=eta, buffer=buffer, scale=scale, error=error)
        self.begin = learner.begin

    def facts(self, envs=2, **options):
        return facts(SPEC, envs=envs, memory=self.begin(envs), **options)

    def update(self, rollout, state=None, clock=CLOCK):
        return self.learn(state or self.state, self.learnt, rollout, KEY, clock)

    def gradients(self, rollout):
        """Gradients ``[n, ...]`` of SR networks and, where there is one, of eta."""
        mind, hyper = self.inference.mind, self.learnt.hyper

        @jax.jit
        def both(state, rollout):
            episodes = present_batch(rollout, SEATS, self.config.social_episodes)
            networks = self.inference.networks(state, self.learnt)
            slope = jax.vmap(
                jax.grad(mind.social_loss, has_aux=True), (0, 0, EPISODE_AXES, 2, None)
            )
            social, _ = slope(state.social.params, networks, episodes, (), hyper)
            if not self.config.perspective:
                return social, ()
            eta, _ = self.inference.perspective_gradient(
                state.perspective.params, networks, episodes, (), hyper["delta"]
            )
            return social, eta

        return both(self.state, rollout)


built = cache(Built)


def plain_logits(config, params, acting, x, memory):
    """Logits ``[A]`` of one view ``[F]`` by pi_SR, or by the acting policy where it is borrowed."""
    if config.imagine == "acting":
        module = ActorCritic(SPEC.obs_shape, config.learner.net, num_actions=ACTIONS)
        h = module.apply(acting, module.apply(acting, method="fold"), x, method="encode")
        hidden, _ = module.apply(acting, memory, h, method="recur")
        return module.apply(acting, hidden, method="logits")
    net = SocialNet(SPEC.obs_shape, ACTIONS, NUM, config.learner.net, config.social_width)
    pre, _ = net.apply(params, net.apply(params, method="fold"), x, method="encode")
    return net.apply(params, pre, method="policy")


def plain_value(config, params, x, joint):
    """Q_SR ``[]`` of an observation ``[F]`` with the one-hot joint action beside its features."""
    net = SocialNet(SPEC.obs_shape, ACTIONS, NUM, config.learner.net, config.social_width)
    _, pre = net.apply(params, net.apply(params, method="fold"), x, method="encode")
    rows, head = params["params"]["rows"], params["params"]["value_head"]
    z = jax.nn.relu(pre + jax.nn.one_hot(joint, ACTIONS).reshape(-1) @ rows)
    return (z @ head["kernel"] + head["bias"])[0]


def plain_memories(config, acting, x, memory):
    """The memory before every step of one environment ``x [T, F]``, stepped one by one."""
    if not config.learner.net.lstm:
        return jnp.zeros((len(x), 0))
    module = ActorCritic(SPEC.obs_shape, config.learner.net, num_actions=ACTIONS)
    folded, past = module.apply(acting, method="fold"), []
    for now in x:
        past.append(memory)
        memory = module.apply(
            acting, memory, module.apply(acting, folded, now, method="encode"), method="recur"
        )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *past)


@cache
def plain_weights(config):
    """Equation 3 by ``A (N - 1)`` whole evaluations of Q_SR, for one agent and environment."""
    eta = Perspective(SPEC.obs_shape, NUM, config.learner.net, config.perspective_width)

    def share(params, x, joint, j, view, memory, acting):
        q = jax.vmap(lambda a: plain_value(config, params, x, joint.at[j].set(a)))(
            jnp.arange(ACTIONS)
        )
        logits = plain_logits(config, params, acting, view, memory)
        probs = jax.nn.softmax(logits if config.perspective else jnp.zeros(ACTIONS))
        taken = plain_value(config, params, x, joint)
        weight = (taken - (probs * q).sum()) / ((NUM - 1) * (q.max() - q.min()))
        return jnp.maximum(weight, 0.0)

    def one(params, perspective, acting, obs, joint, memory):
        x = obs.astype(jnp.float32)
        past = plain_memories(config, acting, x, memory)
        views = eta.apply(perspective, x)
        to_each = jax.vmap(share, (None, None, None, 0, 0, None, None))
        at_each = jax.vmap(to_each, (None, 0, 0, None, 0, 0, None))
        return at_each(params, x, joint, jnp.arange(NUM), views, past, acting)

    return jax.jit(jax.vmap(one, (None, None, None, 1, 1, 0), 1))


@pytest.mark.parametrize("config", [ALL, BORROWED], ids=["own policy", "acting policy"])
def test_weights_equal_the_plain_way(config):
    known = built(config)
    rollout = known.facts(envs=8)
    weights, metrics = known.weigh(known.state, known.learnt, rollout)
    everyone = known.state.social.params, known.state.perspective.params
    present = np.asarray(rollout.active)
    joint = jnp.where(rollout.active, rollout.action, ACTIONS)  # the removed have no action
    for agent, seat in enumerate(SEATS):
        networks = one_agent((*everyone, known.learnt.trained.params), agent)
        memory = jax.tree.map(lambda leaf, i=agent: leaf[:, i], rollout.memory) or jnp.zeros(8)
        expected = np.array(
            plain_weights(config)(*networks, rollout.obs[:, :, seat], joint, memory)
        )
        expected *= present * present[:, :, seat, None]
        expected[:, :, seat] = 0.0
        assert (expected > 0.01).sum() >= 10
        np.testing.assert_allclose(weights[:, :, agent], expected, rtol=1e-3, atol=1e-5)
        both = (present & present[:, :, seat, None]).sum((0, 1)).astype(float)
        both[seat] = np.nan
        mean = expected.sum((0, 1)) / both
        np.testing.assert_allclose(metrics["relation/weight"][agent], mean, rtol=1e-3, atol=1e-6)


def test_weights_are_shares_and_removed_agents_neither_give_nor_receive():
    known = built(ALL)
    rollout = known.facts()
    weights = np.asarray(known.weigh(known.state, known.learnt, rollout)[0])
    assert (weights >= 0).all() and (weights <= np.float32(1 / (NUM - 1))).all()
    gone = ~np.asarray(rollout.active)
    assert gone.any()
    assert not weights[gone[:, :, SEATS]].any()
    assert not np.moveaxis(weights, 2, 3)[gone].any()


def test_rewarded_steps_weigh_the_same_as_in_a_weighing_of_all():
    rewarded = built(dataclasses.replace(ALL, weigh="rewarded"))
    rollout = rewarded.facts()
    args = rewarded.state, rewarded.learnt, rollout
    paid = (rollout.reward != 0)[:, :, SEATS, None]
    whole = built(ALL).weigh(*args)[0]
    assert 0 < paid.sum() < paid.size
    np.testing.assert_allclose(rewarded.weigh(*args)[0], jnp.where(paid, whole, 0.0), rtol=1e-5)
    nothing = rollout._replace(reward=jnp.zeros_like(rollout.reward))
    assert not rewarded.weigh(rewarded.state, rewarded.learnt, nothing)[0].any()


def test_lase_without_equals_lase_that_imagines_uniform_actions():
    known = built(ALL)
    params = known.state.social.params
    head = jax.tree.map(jnp.zeros_like, params["params"]["policy_head"])
    uniform = {"params": params["params"] | {"policy_head": head}}
    state = known.state._replace(social=known.state.social._replace(params=uniform))
    rollout = known.facts()
    found = known.weigh(state, known.learnt, rollout)[0]
    np.testing.assert_allclose(
        found, built(BLIND).weigh(state, known.learnt, rollout)[0], atol=1e-6
    )
    assert not np.allclose(found, known.weigh(known.state, known.learnt, rollout)[0], atol=1e-3)


def test_gifts_go_to_visible_co_players_only_if_asked():
    known = built(dataclasses.replace(ALL, weigh_visible=True))
    rollout = known.facts()
    cells = rollout.obs.reshape(*rollout.action.shape, -1, SPEC.obs_shape[-1])
    blinded = cells.at[:, :, 2, :, 1].set(False)  # 2 does not see 1
    seen = rollout._replace(obs=blinded.reshape(rollout.obs.shape))
    found = known.weigh(known.state, known.learnt, seen)[0]
    whole = built(ALL).weigh(known.state, known.learnt, seen)[0]
    np.testing.assert_array_equal(found[:, :, 0, 1], 0.0)
    assert whole[:, :, 0, 1].any()
    window = visible(seen.obs[:, :, SEATS, :], SPEC)
    np.testing.assert_allclose(found, jnp.where(window, whole, 0.0), rtol=1e-6)


def test_no_gradient_reaches_the_weights():
    """What learners are handed is a constant to every parameter behind it."""
    agent = ALL.build(GAME, (0, 1, 2))
    soc = society(SPEC, [(agent, (0, 1, 2))])
    rollout = facts(SPEC)._replace(memory=((),), notes=((),))
    state = jax.jit(soc.init)(KEY, soc.hyper)[0]

    def params_of(state):
        return state.learner.trained.params, state.social.social.params

    def delta(params):
        learner, social = params
        now = state._replace(
            learner=state.learner._replace(trained=state.learner.trained._replace(params=learner)),
            social=state.social._replace(social=state.social.social._replace(params=social)),
        )
        return soc.weigh((now,), rollout, KEY).delta

    ones = jax.tree.map(jnp.ones_like, params_of(state))
    value, tangent = jax.jit(lambda p: jax.jvp(delta, (p,), (ones,)))(params_of(state))
    assert jnp.abs(value).max() > 0
    assert not tangent.any()


def test_total_reward_reaches_the_acting_policy_alone():
    agent = BLIND.build(GAME, SEATS)
    learn, state = jax.jit(agent.learn), jax.jit(agent.init)(KEY, agent.hyper)
    rollout = facts(SPEC)
    first, _ = learn(state, rollout, rollout.reward, KEY, CLOCK)
    second, _ = learn(state, rollout, rollout.reward * 3.0 + 1.0, KEY, CLOCK)
    assert same(first.social, second.social)
    assert not same(first.learner, second.learner)


def test_social_networks_learn_on_own_extrinsic_reward_alone():
    known = built(ALL)
    rollout = known.facts()
    first, _ = known.update(rollout)
    others = rollout._replace(reward=rollout.reward.at[..., 1].add(5.0))  # seat 1 is not ours
    assert same(first, known.update(others)[0])
    own = rollout._replace(reward=rollout.reward.at[..., SEATS[0]].add(5.0))
    third, _ = known.update(own)
    changed, unchanged = ([one_agent(x.social, i) for x in (first, third)] for i in range(2))
    assert not same(*changed) and same(*unchanged)
    assert same(first.perspective, third.perspective)


def test_perspectives_loss_moves_the_conversion_alone():
    known, blind = built(ALL), built(BLIND)
    rollout = known.facts()
    after, _ = known.update(rollout)
    without, _ = blind.update(rollout, known.state._replace(perspective=()))
    close(after.social, without.social)
    assert not same(after.perspective, known.state.perspective)


def test_agents_that_do_not_imagine_have_no_conversion_network():
    learner = Learner(BLIND.learner, SPEC, len(SEATS))
    assert Inference(BLIND, SPEC, SEATS, learner).init(KEY).perspective == ()


EVERYONE = settings("lase", train_visible=False, distance="sum", delta=0.3)


def unseen(rollout):
    """Nobody sees anybody."""
    cells = rollout.obs.reshape(*rollout.action.shape, -1, SPEC.obs_shape[-1])
    return rollout._replace(obs=cells.at[..., :NUM].set(False).reshape(rollout.obs.shape))


def test_the_conversion_is_trained_on_visible_co_players():
    known = built(ALL)
    rollout = unseen(known.facts())
    after, metrics = known.update(rollout)
    assert same(after.perspective.params, known.state.perspective.params)
    assert not same(after.social.params, known.state.social.params)
    assert np.isnan(metrics["infer/visible_cross_entropy"]).all()
    assert (metrics["infer/other_cross_entropy"] > 0).all()
    everyone = built(EVERYONE)
    after, _ = everyone.update(rollout, known.state)
    assert not same(after.perspective.params, known.state.perspective.params)


def close(ours, theirs):
    """Two pytrees are equal but for rounding."""
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), ours, theirs)


def test_networks_take_adams_steps_at_rates_of_their_own():
    known = built(settings("lase", social_lr=0.03, perspective_lr=0.02, scale_values=False))
    rollout = known.facts()
    after, _ = known.update(rollout)
    tx = population.optimiser(1.0)
    for network, lr, grads in zip(
        ("social", "perspective"), (0.03, 0.02), known.gradients(rollout), strict=True
    ):
        step = jax.jit(lambda t, g, lr=lr: population.descend(tx, t, g, jnp.float32(lr))[0])
        close(getattr(after, network), step(getattr(known.state, network), grads))


SEEN = dataclasses.replace(EVERYONE, train_visible=True, delta=0.2)


@pytest.mark.parametrize("config", [EVERYONE, SEEN], ids=["everyone", "those in the window"])
def test_the_conversions_loss_is_the_papers(config, monkeypatch):
    monkeypatch.setattr(blocks, "LEAST", 3)  # several blocks
    known = Built(config)
    rollout = known.facts()
    eta = Perspective(SPEC.obs_shape, NUM, TINY, 8)

    def loss(params, social, seat):
        """Equation 4, a co-player at a time."""
        x = jnp.take(rollout.obs, seat, axis=2).astype(jnp.float32).reshape(10, -1)
        part = jnp.take(rollout.active, seat, axis=2).reshape(-1)
        every = jax.vmap(plain_logits, (None, None, None, 0, None))
        total, count, sums = 0.0, 0.0, jnp.zeros((3, 2))
        for j in range(NUM):
            views = eta.apply(params, x)[:, j]
            log_pi = jax.nn.log_softmax(every(config, social, (), views, ()))
            surprise = cross_entropy(log_pi, rollout.action[..., j].reshape(-1))
            both = part & rollout.active[..., j].reshape(-1) & (seat != j)
            seen = both & visible(x, SPEC)[:, j]
            mask = seen if config.train_visible else both
            gap = jnp.abs(views - x).mean(-1)
            parts = ((surprise, both), (surprise, seen), (gap, mask))
            sums += jnp.array([[v.sum(where=m), m.sum().astype(jnp.float32)] for v, m in parts])
            apart = jnp.abs(views - x).sum(-1)
            each = (1.0 - config.delta) * surprise + config.delta * apart
            total += each.sum(where=mask)
            count += mask.sum().astype(jnp.float32)
        return total / count, sums[:, 0] / sums[:, 1]

    _, metrics = known.update(rollout)
    params = known.state.perspective.params
    every = jax.jit(jax.vmap(jax.grad(loss, has_aux=True)))
    gradients, means = every(params, known.state.social.params, jnp.array(SEATS))
    close(known.gradients(rollout)[1], gradients)
    norms = jax.vmap(population.norm)(gradients)
    np.testing.assert_allclose(metrics["infer/perspective_grad_norm"], norms, rtol=1e-4)
    names = ("other_cross_entropy", "visible_cross_entropy", "distance")
    for name, mean in zip(names, means.T, strict=True):
        np.testing.assert_allclose(metrics[f"infer/{name}"], mean, rtol=1e-4)


@pytest.mark.parametrize(
    ("imagine", "steps", "lam"), [("clone", 5, 0.0), ("literal", 3, 0.8), ("importance", 3, 0.0)]
)
def test_social_networks_loss_is_the_papers(imagine, steps, lam):
    """Equation 5 and its variants, in whole episodes and in cuts."""
    config = changed(BLIND, dict(imagine=imagine, social_lam=lam, scale_values=False))
    known = built(config)
    whole = steps == SPEC.horizon
    rollout = known.facts(steps=steps, ends=whole)
    net = SocialNet(SPEC.obs_shape, ACTIONS, NUM, TINY, 8)
    last = steps if whole else steps - 1  # a cut has no next joint action

    def loss(params, seat):
        own_obs, action, behaved, reward, active = (
            jnp.take(leaf, seat, axis=2) for leaf in (rollout.obs, rollout.action, *rollout[2:5])
        )
        x = own_obs.astype(jnp.float32)
        pre = net.apply(params, net.apply(params, method="fold"), x, method="encode")
        moves = jnp.where(rollout.active, rollout.action, ACTIONS)  # the removed have no action
        onehot = jax.nn.one_hot(moves, ACTIONS).reshape(steps, 2, -1)
        q = net.apply(params, pre[1] + onehot @ params["params"]["rows"], method="value")
        log_pi = jax.nn.log_softmax(net.apply(params, pre[0], method="policy"))
        surprise = cross_entropy(log_pi, action)[:last]
        fixed = jax.lax.stop_gradient(q)
        error, after = [], jnp.zeros(2)
        for t in reversed(range(last)):
            stays = active[t + 1] if t + 1 < steps else jnp.zeros(2, bool)
            goes_on = stays.astype(jnp.float32)
            ahead = fixed[t + 1] if t + 1 < steps else jnp.zeros(2)
            after = goes_on * config.social_gamma * (ahead + lam * after) + reward[t] - fixed[t]
            error.insert(0, after)
        error = jnp.stack(error)
        ratio = jnp.exp(-jax.lax.stop_gradient(surprise) - behaved[:last])
        credit = {
            "clone": 1.0,
            "literal": error,
            "importance": error * jnp.minimum(ratio, 1.0),
        }[imagine]
        value_loss = masked_mean((error + fixed[:last] - q[:last]) ** 2, active[:last])
        return 0.5 * value_loss + masked_mean(credit * surprise, active[:last]), value_loss

    _, metrics = known.update(rollout)
    every = jax.jit(jax.vmap(jax.grad(loss, has_aux=True)))
    gradients, value_loss = every(known.state.social.params, jnp.array(SEATS))
    np.testing.assert_allclose(metrics["infer/value_loss"], value_loss, rtol=1e-4)
    close(known.gradients(rollout)[0], gradients)


@pytest.mark.parametrize("network", ["social", "perspective"])
def test_one_agents_breakdown_leaves_the_others_unchanged(network):
    known = built(ALL)
    rollout = known.facts()
    trained = getattr(known.state, network)
    broken = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), trained.params)
    state = known.state._replace(**{network: trained._replace(params=broken)})
    first, _ = known.update(rollout)
    second, metrics = known.update(rollout, state)
    for field in ("social", "perspective"):
        pair = (getattr(s, field) for s in (first, second))
        assert same(*(one_agent(t, 1) for t in pair))
    health = metrics["health/infer" if network == "social" else "health/perspective"]
    np.testing.assert_array_equal(health, [0.0, 1.0])
    weights, _ = known.weigh(state, known.learnt, rollout)
    assert np.isfinite(weights).all() and not weights[:, :, 0].any()


def test_replayed_episodes_teach_what_the_same_present_ones_do():
    """A ring of one episode draws that episode only."""
    present = built(settings("lase_wo", social_episodes=1))
    replayed = built(settings("lase_wo", social_episodes=1, replay=1))
    rollout = present.facts(envs=1)
    first, found = present.update(rollout)
    second, again = replayed.update(rollout, replayed.state._replace(**pick(present.state)))
    assert second.buffer.reward.any() and not first.buffer.reward.size
    for a, b in zip(jax.tree.leaves(pick(first)), jax.tree.leaves(pick(second)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    for name in found:
        np.testing.assert_allclose(found[name], again[name], rtol=1e-4, err_msg=name)


def pick(state):
    return {"social": state.social, "perspective": state.perspective}


def test_social_networks_learn_when_it_is_time_to():
    known = built(settings("lase_wo", social_every=2, replay=8, replay_min=6))
    rollout = known.facts()
    state, learnt = known.state, []
    for update in range(4):  # two episodes each: enough from the third on, due at the second
        after, metrics = known.update(rollout, state, Clock(jnp.int32(update)))
        learnt.append(not same(after.social.params, state.social.params))
        assert learnt[-1] == (not np.isnan(metrics["infer/value_loss"]).any())
        state = after
    assert learnt == [False, False, False, True]


def test_calibration_is_measured_by_hand():
    known = built(ALL)
    rollout = known.facts()
    _, metrics = known.update(rollout)
    every = jax.vmap(
        jax.vmap(plain_logits, (None, None, None, 0, None)), (None, None, None, 0, None)
    )
    for agent, seat in enumerate(SEATS):
        params = one_agent(known.state.social.params, agent)
        x = rollout.obs[:, :, seat].astype(jnp.float32)
        probs = np.asarray(jax.nn.softmax(every(known.config, params, (), x, ())))
        part = np.asarray(rollout.active[..., seat])
        taken = np.take_along_axis(probs, np.asarray(rollout.action)[..., seat, None], -1)[..., 0]
        found = {name: value[agent] for name, value in metrics.items()}
        entropy = -(probs * np.log(probs)).sum(-1)[part].mean()
        np.testing.assert_allclose(found["infer/policy_entropy"], entropy, rtol=1e-4)
        surprise = -np.log(taken)[part].mean()
        np.testing.assert_allclose(found["infer/own_cross_entropy"], surprise, rtol=1e-4)
        np.testing.assert_allclose(found["infer/uniform_cross_entropy"], np.log(7), rtol=1e-6)


def test_only_some_episodes_are_learnt_from():
    known = built(settings("lase_wo", social_episodes=1))
    rollout = known.facts()
    first, _ = known.update(rollout)
    other = rollout._replace(reward=rollout.reward.at[:, 1].add(1.0))
    assert same(first, known.update(other)[0])


def test_several_steps_go_over_different_episodes():
    known = built(settings("lase", social_episodes=1, social_steps=2))
    rollout = known.facts()
    together, metrics = known.update(rollout)
    one_by_one, found, update = known.state, [], jax.jit(known.inference.update)
    for turn in range(2):
        episodes = present_batch(rollout, SEATS, 1, turn)
        one_by_one, numbers = update(one_by_one, known.learnt, episodes)
        found.append(numbers["infer/grad_norm"])
    for a, b in zip(*map(jax.tree.leaves, (pick(together), pick(one_by_one))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(metrics["infer/grad_norm"], np.mean(found, 0), rtol=1e-3)


def test_selectivity_compares_weights_with_and_without_a_helpful_deed():
    known = built(ALL)
    rollout = known.facts(envs=4)
    stags = jax.random.bernoulli(KEY, shape=rollout.reward.shape)
    rollout = rollout._replace(events=rollout.events | {"stags": stags.astype(jnp.float32)})
    weights, metrics = known.weigh(known.state, known.learnt, rollout)
    helped, part = np.asarray(rollout.events["stags"]) > 0, np.asarray(rollout.active)
    for agent, seat in enumerate(SEATS):
        assert np.isnan(metrics["relation/selectivity"][agent, seat])
        for j in {0, 1, 2} - {seat}:
            both, w = part[..., seat] & part[..., j], np.asarray(weights)[:, :, agent, j]
            means = (w[both & (helped[..., j] == did)].mean() for did in (True, False))
            expected = np.subtract(*means)
            found = metrics["relation/selectivity"][agent, j]
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_nothing_is_given_where_actions_differ_by_less_than_the_error():
    plain, known = built(ALL), built(settings("lase", weigh="all", min_spread=0.5))
    rollout, learnt = plain.facts(), plain.learnt
    free, _ = plain.weigh(plain.state, learnt, rollout)

    def bounded(error):
        state = known.state._replace(error=Scale(jnp.full(len(SEATS), error), jnp.float32(1.0)))
        return np.asarray(known.weigh(state, learnt, rollout)[0])

    np.testing.assert_array_equal(bounded(1e-9), free)
    assert not bounded(1e9).any()
    some = [bounded(error**2) for error in np.geomspace(0.01, 100.0, 17)]
    kept = [(weights != 0).sum() for weights in some]
    assert kept == sorted(kept, reverse=True) and 0 < sorted(set(kept))[1] < kept[0]
    for weights in some:
        np.testing.assert_array_equal(weights, np.where(weights == 0, 0, free))


def test_the_error_of_values_is_followed_where_it_matters():
    known = built(settings("lase_wo", min_spread=0.5))
    state, metrics = known.update(known.facts(), known.state._replace(error=blank(len(SEATS))))
    np.testing.assert_allclose(root(state.error) ** 2, metrics["infer/value_loss"], rtol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"social_lr": 0.0},
        {"perspective_lr": -1.0},
        {"social_gamma": 2.0},
        {"social_lam": -1.0},
        {"delta": 1.1},
        {"imagine": "clones"},
        {"distance": "max"},
        {"weigh": "some"},
        {"min_spread": -0.1},
        {"social_every": 0},
        {"social_steps": 0},
        {"social_episodes": 0},
        {"replay": -1},
        {"replay_min": 2},
        {"replay": 4, "replay_min": 5},
    ],
)
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ConfigError, match=list(wrong)[-1]):
        SocialConfig(**wrong)


def test_the_friendly_co_player_is_told_from_the_hostile_one():
    """Action 1 of a co-player pays agent 0; the friend plays it nine times as often as the foe."""
    game = probe(
        lambda action: jnp.array([1, 0, 0]) * (action[1] + action[2]),
        num_agents=3,
        horizon=4,
    )
    groups = [(settings("lase", weigh="all", social_lr=1e-2), (0,))]
    groups += [(settings("random", policy=name), (j,)) for j, name in ((1, "friend"), (2, "foe"))]
    mixed = society(game.spec, [(config.build(game, seats), seats) for config, seats in groups])
    _, _, metrics = train(game, mixed, updates=200, num_envs=16)
    relation = metrics["relation/weight"][-50:, 0, 0].mean(0)
    assert relation[1] > 2 * relation[2] and relation[1] > 0.1
