"""LIO: what incentives are, what is learnt, and the meta-gradient by finite differences."""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from probes import episode, facts, one_agent, one_seat, probe, same, selfplay, settings, train

from envs.checks import ConfigError
from lase_jax.algorithms.lio.agent import Payers
from lase_jax.core.population import Trained
from lase_jax.core.seats import some_envs, take_envs
from lase_jax.core.settings import changed
from lase_jax.learners.actor_critic import Learner
from lase_jax.learners.policy import Values
from lase_jax.loop.society import society
from lase_jax.nets.layers import Net

KEY = jax.random.key(0)
SMALL = dict(net=Net(dense=(4,)), incentive_width=4)


def pays(action):
    """Agent 0 earns 3 when agent 1 plays 1, which costs that one 1; its own move pays 0.5."""
    mine, other = action.astype(jnp.float32)
    return jnp.stack([3.0 * other + 0.5 * mine, -other])


GAME = probe(pays, num_agents=2, num_actions=2, horizon=2)
PLAIN = settings(
    "lio", **SMALL, baseline=False, gamma=1.0, epsilon_start=0.0, epsilon_end=0.0, cost=0.0,
    entropy=0.0, lr=0.5,
)  # fmt: skip


def machinery(config, game=GAME, seats=(0, 1)):
    one_trunk = dataclasses.replace(config.learner, critic_trunk="shared")
    return Payers(config, game, seats, Learner(one_trunk, game.spec, len(seats)))


def hyper_of(config):
    return jax.tree.map(jnp.float32, config.hyper())


@cache
def played(config):
    """A state, an episode of many environments, and what was learnt on."""
    lio = machinery(config)
    state = jax.jit(lio.init)(KEY, hyper_of(config))
    algorithm = society(GAME.spec, [(config.build(GAME, (0, 1)), (0, 1))])
    rollout = episode(GAME, algorithm, (state,), num_envs=64, mode="explore")
    rollout = rollout._replace(memory=())
    reward = rollout.reward + jax.jit(lio.shape)(state, rollout, KEY).delta
    return lio, algorithm, state, rollout, reward


def test_incentives_are_paid_to_others_who_are_there_and_cost_no_reward():
    game = probe(lambda action: action, num_agents=3, num_actions=2, horizon=4)
    lio = machinery(settings("lio", **SMALL, max_incentive=5.0), game, (2, 0))
    state = jax.jit(lio.init)(KEY, hyper_of(lio.config))
    rollout = facts(game.spec)
    opinion = jax.jit(lio.shape)(state, rollout, KEY)
    delta, active = np.asarray(opinion.delta), np.asarray(rollout.active)
    shares = np.asarray(jax.jit(lio.everyones_offers)(state.giver.params, rollout))
    assert not active.all() and not opinion.weights.any()
    np.testing.assert_allclose(delta, 5.0 * shares.sum(0), rtol=1e-5)
    assert not shares[0, ..., 2].any() and not shares[1, ..., 0].any()  # nothing for oneself
    for row, seat in enumerate((2, 0)):
        for other in {0, 1, 2} - {seat}:
            both = active[..., seat] & active[..., other]
            np.testing.assert_array_equal(shares[row, ..., other] > 0, both)


def test_incentives_depend_on_what_others_do_and_not_on_own_moves():
    lio, _, state, rollout, _ = played(PLAIN)
    seat, params = jnp.int32(0), one_agent(state.giver.params, 0)
    own, theirs = rollout.action, rollout.action
    own = rollout._replace(action=own.at[..., 0].set(1 - own[..., 0]))
    other = rollout._replace(action=theirs.at[..., 1].set(1 - theirs[..., 1]))
    offer = jax.jit(lambda facts: lio.offers(params, seat, rollout.obs[:, :, 0], facts))
    offers = [offer(facts) for facts in (rollout, own, other)]
    np.testing.assert_array_equal(offers[0], offers[1])
    assert (offers[0][..., 1] != offers[2][..., 1]).all()


def test_policies_take_plain_steps_and_incentives_stay():
    _, _, state, rollout, reward = played(PLAIN)

    def moved(lr):
        lio = machinery(settings("lio", **SMALL, lr=lr))
        start = state._replace(learner=state.learner._replace(hyper=hyper_of(lio.config)))
        after = jax.jit(lambda: lio.learn(start, rollout, reward, KEY, None)[0])()
        assert same(after.giver, state.giver) and not same(after.critic, state.critic)
        before = state.learner.trained.params
        return jax.tree.map(lambda a, b: a - b, after.learner.trained.params, before)

    once, thrice = moved(0.01), moved(0.03)
    assert any(leaf.any() for leaf in jax.tree.leaves(once))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(3 * a, b, atol=1e-6), once, thrice)


def slope_and_step(config, opponents):
    """The meta-gradient of agent 0's loss, and its expected return as a function of its incentives.

    Everyone's step is rebuilt with other incentives of agent 0; in this game policies depend on the
    time alone, so that the return is exact.
    """
    lio, algorithm, state, rollout, reward = played(config)
    hyper, rest = state.learner.hyper, (state.learner.hyper, jnp.float32(0.0))
    values = lio.values(state, rollout)
    giver, policies = one_agent(state.giver.params, 0), state.learner.trained.params

    def stepped(params):
        new, old = (
            hyper["max_incentive"] * lio.offers(p, 0, rollout.obs[:, :, 0], rollout)
            for p in (params, giver)
        )
        paid = reward + new - old
        after = []
        for j in range(2):
            mine = one_agent(policies, j)
            own, value = one_seat(rollout, j), one_agent(values, j)
            grads, _ = lio.slope(mine, value, own, paid[..., j], rest)
            after.append(jax.tree.map(lambda p, g: p - hyper["lr"] * g, mine, grads))
        return after

    @jax.jit
    def earns(params):
        probs = [
            jax.nn.softmax(lio.learner.policy.evaluate(p, one_seat(rollout, j)).logits[:2, 0])[:, 1]
            for j, p in enumerate(stepped(params))
        ]
        return (3.0 * probs[1] + 0.5 * probs[0]).sum()

    after = jax.tree.map(lambda *leaves: jnp.stack(leaves), *jax.jit(stepped)(giver))
    next_state = state._replace(
        learner=state.learner._replace(trained=state.learner.trained._replace(params=after))
    )
    later = episode(GAME, algorithm, (next_state,), num_envs=20_000, mode="explore", seed=5)
    later = later._replace(memory=())
    blank = Values(*jnp.zeros((2, 2, 20_000)))
    adv = lio.advantage(blank, later.reward[..., 0], one_seat(later, 0), hyper)
    earned = jnp.stack([adv, jnp.zeros_like(adv)])

    @jax.jit
    def meta():
        if opponents == "known":
            worth = lio.worth_of_known(state, next_state, rollout, reward, later, earned)
        else:  # models that are right
            swapped = jax.tree.map(lambda leaf: leaf[::-1, None], policies)
            model = Trained(swapped, ())
            worth = lio.worth_of_modelled(model, state, next_state, rollout, later, earned)
        loss = jax.grad(lio.giving_loss, has_aux=True)
        return loss(state.giver.params, worth, rollout, hyper)[0]

    return one_agent(meta(), 0), giver, earns


@pytest.mark.parametrize("opponents", ["known", "learned"])
@pytest.mark.parametrize("normalise", [False, True])
def test_the_meta_gradient_is_the_slope_of_what_the_giver_will_earn(opponents, normalise):
    """By finite differences."""
    config = changed(PLAIN, dict(normalise=normalise))
    slope, giver, earns = slope_and_step(config, opponents)
    length = jnp.sqrt(sum((leaf**2).sum() for leaf in jax.tree.leaves(slope)))
    assert length > 1e-3
    size = 0.05 if normalise else 0.2

    def along(size):
        return earns(jax.tree.map(lambda p, g: p - size * g / length, giver, slope))

    rises = (along(size) - along(-size)) / (2 * size)
    np.testing.assert_allclose(rises, length, rtol=0.1)


def test_with_right_models_everyones_worth_is_that_of_known_opponents():
    """Three agents on seats out of order; in steps so small that other reward does not show."""
    game = probe(lambda action: action, num_agents=3, num_actions=2, horizon=4)
    seats = (2, 0, 1)
    config = settings("lio", **SMALL, lr=1e-6, gamma=0.9, baseline=False, opponents="learned")
    lio, rollout, later = machinery(config, game, seats), facts(game.spec), facts(game.spec, seed=1)
    state = jax.jit(lio.init)(KEY, hyper_of(config))
    policies = state.learner.trained.params
    place = {seat: row for row, seat in enumerate(seats)}
    rows = np.array([[place[j] for j in others] for others in lio.others])
    model = Trained(jax.tree.map(lambda leaf: leaf[rows], policies), ())
    earned = jax.random.normal(KEY, (3, *rollout.reward.shape[:2]))
    reward = rollout.reward + jax.jit(lio.shape)(state, rollout, KEY).delta
    of_known, of_modelled = jax.jit(lio.worth_of_known), jax.jit(lio.worth_of_modelled)
    known = of_known(state, state, rollout, reward, later, earned) / 1e-6
    modelled = of_modelled(model, state, state, rollout, later, earned) / 1e-6
    own = np.array(seats)[:, None] == np.arange(3)
    known = jnp.where(own[:, None, None], 0.0, known)
    assert (np.abs(known).max((1, 2)) > 1e-4).sum() == 6
    np.testing.assert_allclose(modelled, known, atol=1e-4 * np.abs(known).max())


def test_incentives_may_learn_from_some_of_the_episodes():
    """Then they learn what they would from those alone; policies learn from all."""
    lio, _, state, rollout, reward = played(PLAIN)
    few = dataclasses.replace(lio, config=dataclasses.replace(PLAIN, incentive_episodes=8))
    first, paid = take_envs(rollout, 8), some_envs(reward, count=8)
    shapes = {leaf.shape[:2] for leaf in jax.tree.leaves(first._replace(last_obs=()))}
    assert shapes == {(2, 8)} and first.last_obs.shape[0] == 8

    def giver(lio, rollout, reward):
        def reflect(state, rollout, reward):
            return lio.reflect(state, state, rollout, reward, lambda *_: rollout, KEY)[0].giver

        return jax.jit(reflect)(state, rollout, reward)

    assert same(giver(few, rollout, reward), giver(lio, first, paid))
    assert not same(giver(few, rollout, reward), giver(lio, rollout, reward))


def test_only_whole_episodes_can_be_played_again():
    with pytest.raises(ConfigError, match="rollout_length is 1: use 2 or 0"):
        train(GAME, selfplay(GAME, PLAIN), rollout_length=1)


def test_who_knows_nobody_must_model():
    with pytest.raises(ConfigError, match="opponents is 'known': use 'learned'"):
        PLAIN.build(GAME, (1,))
    with pytest.raises(ConfigError, match="optimiser is 'adam': use 'sgd'"):
        settings("lio", opponents="learned", optimiser="adam")


def test_through_adam_a_unit_of_gradient_counts_by_its_second_moment():
    """A step size and a scale of second moments multiply each other."""
    worths = []
    for optimiser, lr in (("sgd", 0.1), ("adam", 0.2)):
        _, _, state, rollout, reward = played(PLAIN)
        config = dataclasses.replace(PLAIN, optimiser=optimiser)
        lio = machinery(config)
        fresh = jax.jit(lio.init)(KEY, hyper_of(config))
        hyper = fresh.learner.hyper | {"lr": jnp.float32(lr)}
        policies = state.learner.trained.params
        opt = fresh.learner.trained.opt
        if optimiser == "adam":
            filled = jax.tree.map(lambda leaf: jnp.full_like(leaf, 4.0), policies)
            opt = optax.tree.set(opt, nu=filled, count=jnp.full(2, 10**6))
        learner = fresh.learner._replace(trained=Trained(policies, opt), hyper=hyper)
        after = fresh._replace(learner=learner)
        earned = jnp.moveaxis(rollout.reward, 2, 0)
        worths.append(jax.jit(lio.worth_of_known)(after, after, rollout, reward, rollout, earned))
    assert worths[0].any()
    np.testing.assert_allclose(*worths, rtol=1e-4, atol=1e-7)


def test_models_learn_what_others_do():
    config = dataclasses.replace(PLAIN, opponents="learned", model_lr=0.02)
    lio, _, state, rollout, _ = played(config)
    sure = jax.tree.map(lambda leaf: leaf * 0, state.learner.trained.params)
    sure["params"]["policy_head"]["bias"] += jnp.array([[3.0, -3.0], [-3.0, 3.0]])
    learner = state.learner._replace(trained=Trained(sure, ()))
    players = (state._replace(learner=learner),)
    algorithm = society(GAME.spec, [(config.build(GAME, (0, 1)), (0, 1))])
    rollout = episode(GAME, algorithm, players, num_envs=64)._replace(memory=())
    fit = jax.jit(lambda model: lio.fit(model, state.learner, rollout, jnp.float32(0.0)))
    model, losses = state.model, []
    for _ in range(200):
        model, found = fit(model)
        losses.append(found["moa/cross_entropy"])
    np.testing.assert_allclose(losses[0], np.log(2), atol=0.05)
    assert (losses[-1] < 0.1).all()


@pytest.mark.parametrize("baseline", [False, True])
def test_critics_learn_what_is_paid(baseline):
    """Agent 1 pays 0.5 in either step, whatever happens: returns of -1 and -0.5."""
    game = probe(lambda action: jnp.array([0.0, -0.5]), num_agents=2, num_actions=2, horizon=2)
    config = settings(
        "lio", **SMALL, baseline=baseline, gamma=1.0, lam=1.0, critic_lr=0.02, max_incentive=1e-6
    )
    _, last, metrics = train(game, selfplay(game, config), updates=400)
    rollout = episode(game, selfplay(game, config), (one_agent(last.state[0], 0),))
    value = (
        machinery(config, game).values(one_agent(last.state[0], 0), rollout._replace(memory=())).now
    )
    np.testing.assert_allclose(value[0], 0.0, atol=0.02)
    np.testing.assert_allclose(value[1, :, 0], [-1.0, -0.5], atol=0.02)
    assert metrics["learn/value_loss"][-1, 0, 1] < 1e-3  # in units of what agent 1 is paid


def test_incentives_cost_their_giver():
    lio, _, state, rollout, _ = played(PLAIN)
    dear = state.learner.hyper | {"cost": jnp.float32(2.0)}
    offered = lio.everyones_offers(state.giver.params, rollout)
    nothing = jnp.zeros_like(offered)
    _, losses = lio.giving_loss(state.giver.params, nothing, rollout, dear)
    np.testing.assert_allclose(losses, 2.0 * offered.sum((1, 2, 3)) / 64, rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_incentive": 0.0}, "max_incentive is 0.0"),
        ({"cost": -1.0}, "cost is -1.0"),
        ({"optimiser": "rmsprop"}, "optimiser is 'rmsprop'"),
        ({"opponents": "unknown"}, "opponents is 'unknown'"),
        ({"incentive_width": 0}, "incentive_width is 0"),
        ({"net": Net(lstm=4)}, "net.lstm is 4"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        settings("lio", **({"net": SMALL} | wrong))
