"""What holds for every algorithm of the menu, alone on all seats and mixed with others, and for
every mechanism on every learner.
"""

import dataclasses
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from probes import SMALL, same, selfplay, settings

import envs
from envs.checks import ConfigError
from lase_jax import algorithms
from lase_jax.core.metrics import describe
from lase_jax.core.settings import changed, fitting, get
from lase_jax.learners import A2C, with_learner
from lase_jax.loop.rollout import collector
from lase_jax.loop.society import society
from lase_jax.loop.train import Schedule, make_trainer

GAME = envs.make(
    "ssh", num_agents=4, rows=3, columns=3, radius=1, horizon=6, num_hares=2, num_stags=2
)
NUM = GAME.spec.num_agents
ENVS, SEEDS, UPDATES = 2, 2, 3
HUNTER = "random", dict(policy="cooperator")
HARES = "random", dict(policy="defector")
MIXTURES = {  # kinds of agents and their seats
    "lase, a2c, a hunter": ((("lase", {}), (2, 0)), (("a2c", {}), (1,)), (HUNTER, (3,))),
    "lio, lase": ((("lio", {}), (3, 1)), (("lase", {}), (0, 2))),
    "lio that models, ia": ((("lio", dict(opponents="learned")), (2,)), (("ia", {}), (0, 1, 3))),
    "ia, a2c": ((("ia", {}), (1, 2)), (("a2c", {}), (0, 3))),
    "si, a defector": ((("si", {}), (0, 3, 1)), (HARES, (2,))),
    "si_basic, si_comm": ((("si_basic", {}), (3, 0)), (("si_comm", {}), (1, 2))),
}
MIXED = "lase, a2c, a hunter"
REFUSE = ("lio", "lola")  # which differentiate through a learner's steps, and so through A2C's
NAMES = tuple(name for name in algorithms.names() if name != "lola")  # a game of two: test_lola
KEYS = jax.random.split(jax.random.key(0), SEEDS)


def kinds(*names, alike):
    """Parameters, of which those that have nothing that is not in others too are thorough."""
    return [
        pytest.param(name, marks=pytest.mark.thorough if name in alike else ()) for name in names
    ]


ON_PPO = tuple(
    f"{name} on ppo"
    for name, config in algorithms.ALGORITHMS.items()
    if isinstance(getattr(config, "learner", None), A2C) and name not in (*REFUSE, "a2c")
)
PLAIN_OPINIONS = ("lase_wo", "gift on ppo", "go on ppo", "lase_wo on ppo")
KINDS = kinds(
    *(*NAMES, *MIXTURES, *ON_PPO),
    alike=(*PLAIN_OPINIONS, "lio, lase", "ia, a2c", "si, a defector"),
)


def alone(kind):
    """The settings of an algorithm, perhaps on a named learner."""
    name, _, learner = kind.partition(" on ")
    if not learner:
        return settings(name)
    own = dict(critic_trunk="own", scale_values=True, entropy_end=0.5, entropy_episodes=4)
    return fitting(with_learner(settings(name), learner), SMALL | own)


def build(name, game=GAME):
    if name not in MIXTURES:
        return selfplay(game, alone(name))
    groups = [(settings(kind, **own), seats) for (kind, own), seats in MIXTURES[name]]
    return society(game.spec, [(config.build(game, seats), seats) for config, seats in groups])


def seats_of(name, *kinds):
    """Which seats of a mixture are of some kinds, ``[N]`` bool."""
    held = [seats for (kind, _), seats in MIXTURES[name] if kind in kinds]
    return np.isin(np.arange(NUM), [seat for seats in held for seat in seats])


class Run:
    """Three updates of two seeds, run twice, with a count of how often the game was traced."""

    def __init__(self, name):
        self.traces = 0
        game = GAME._replace(transition=self.transition)
        algorithm = build(name, game)
        trainer = make_trainer(game, algorithm, Schedule(num_envs=ENVS))
        run = jax.jit(trainer.run, static_argnums=1)
        self.first = jax.jit(trainer.init)(KEYS, algorithm.hyper)
        self.plays_again = algorithm.whole_episodes
        self.learns = bool(jax.tree.leaves(self.first.state))
        self.last, self.metrics = run(self.first, UPDATES)
        run(self.last, UPDATES)

    def transition(self, *args):
        self.traces += 1
        return GAME.transition(*args)


run = cache(Run)


def kinds_of(tree):
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)


@pytest.mark.parametrize("name", NAMES)
def test_traced_settings_are_no_part_of_the_program(name):
    config = alone(name)
    other = {
        field: value + 1 if isinstance(get(config, field), int) else 0.5 * value + 0.01
        for field, value in config.hyper().items()
    }
    other = {field: type(get(config, field))(value) for field, value in other.items()}

    def program(config):
        algorithm = selfplay(GAME, config)
        trainer = make_trainer(GAME, algorithm, Schedule(num_envs=ENVS))
        carry = jax.eval_shape(trainer.init, KEYS, algorithm.hyper)
        return str(jax.make_jaxpr(lambda carry: trainer.run(carry, 1))(carry))

    assert program(config) == program(changed(config, other))


@pytest.mark.parametrize("name", KINDS)
def test_the_carry_keeps_its_structure_and_the_program_is_traced_once(name):
    assert kinds_of(run(name).first) == kinds_of(run(name).last)
    assert run(name).traces == 1 + run(name).plays_again


@pytest.mark.parametrize("game", ["ipd", "coingame", "cleanup"])
@pytest.mark.parametrize(
    "name", kinds("lase", "gift", "go", "si", "si_basic", "si_comm", alike=("gift", "go"))
)
def test_the_carry_keeps_its_structure_in_every_kind_of_game(game, name):
    """Traced only: windows and vectors, two agents and four, cuts of episodes."""
    game = envs.make(game, horizon=10)
    algorithm = build(name, game)
    trainer = make_trainer(game, algorithm, Schedule(num_envs=ENVS, rollout_length=5))
    first = jax.eval_shape(trainer.init, KEYS, algorithm.hyper)
    last, _ = jax.eval_shape(lambda carry: trainer.run(carry, UPDATES), first)
    assert kinds_of(first) == kinds_of(last)


@pytest.mark.parametrize("name", KINDS)
def test_all_stays_finite_and_seeds_differ(name):
    last = run(name).last
    floats = [x for x in jax.tree.leaves(last.state) if jnp.issubdtype(x.dtype, jnp.floating)]
    assert all(np.isfinite(leaf).all() for leaf in floats)
    assert not same(last.world.obs[0], last.world.obs[1])
    state = jax.device_get(last.state)
    first, second = (jax.tree.map(lambda leaf, i=i: leaf[i], state) for i in range(2))
    assert not run(name).learns or not same(first, second)


def of_unused(name, path):
    """Whether a leaf is of a part of its network that some agents of the kind do not use."""
    keys = [entry.key for entry in path if isinstance(entry, jax.tree_util.DictKey)]
    if "si_basic" in name:  # influencers are shown nobody's actions
        return "extra" in keys
    if "lio" not in name:
        return False
    # policies and critics are networks of two heads, of which each uses one
    fields = [entry.name for entry in path if isinstance(entry, jax.tree_util.GetAttrKey)]
    if fields[0] == "critic":
        return "policy_head" in keys
    return fields[0] in ("learner", "model") and "value_head" in keys


@pytest.mark.parametrize("name", KINDS)
def test_every_learning_agent_moves_and_differs_from_the_others(name):
    states = [
        [leaf for path, leaf in leaves if not of_unused(name, path)]
        for leaves in (
            jax.tree_util.tree_leaves_with_path(state)
            for state in (run(name).first.state, run(name).last.state)
        )
    ]
    pairs = zip(*(jax.tree.leaves(state) for state in states), strict=True)
    matrices = [jax.device_get(pair) for pair in pairs if pair[0].ndim > 3]
    assert bool(matrices) == run(name).learns
    for before, after in matrices:  # [S, n, ...] weights and their moments
        assert (before != after).any((2, 3)).all()
        if after.shape[1] > 1:
            assert (after[:, :1] != after[:, 1:]).any((2, 3)).all()


@pytest.mark.parametrize("name", KINDS)
def test_every_metric_is_in_the_table_with_its_axes(name):
    for metric, value in run(name).metrics.items():
        axes = describe(metric).axes
        assert value.shape == (UPDATES, SEEDS, *[NUM] * len(axes)), metric
        assert value.dtype == jnp.float32, metric
        always = metric.split("/")[0] in ("return", "event", "play", "learn", "health")
        if always and run(name).learns and name not in MIXTURES:
            assert np.isfinite(value).all(), metric


def told(name):
    """Metrics of a run, and its extrinsic and total rewards."""
    found = {metric: np.asarray(value) for metric, value in run(name).metrics.items()}
    return found, found["return/extrinsic"], found["return/total"]


@pytest.mark.parametrize("name", KINDS)
def test_opinions_change_nothing_that_the_game_paid_and_gifts_cancel_out(name):
    found, extrinsic, _ = told(name)
    np.testing.assert_allclose(found["return/collective"], extrinsic.sum(-1), rtol=1e-5)
    assert extrinsic.any()  # else nothing has been shown
    given, received = found["gift/given"], found["gift/received"]
    np.testing.assert_allclose(given.sum(-1), received.sum(-1), atol=1e-4)
    after = extrinsic - given + received
    np.testing.assert_allclose(found["return/after_gifts"], after, atol=1e-4)


def of_everyone(found, extrinsic, total):
    everyones = np.broadcast_to(extrinsic.sum(-1, keepdims=True), total.shape)
    np.testing.assert_allclose(total, everyones, rtol=1e-5)
    assert not found["gift/given"].any()


def less(found, extrinsic, total):
    assert (total <= extrinsic + 1e-5).all() and (total < extrinsic).any()


def more(found, extrinsic, total):
    assert (total >= extrinsic - 1e-5).all() and (total > extrinsic).any()


def gifts(found, extrinsic, total):
    np.testing.assert_allclose(total, found["return/after_gifts"], atol=1e-4)
    assert found["gift/given"].any()


def nothing(found, extrinsic, total):
    np.testing.assert_array_equal(total, extrinsic)


OPINIONS = (
    dict.fromkeys(("a2c", "ppo", "random", "si_comm"), nothing)
    | dict.fromkeys(("gift", "lase", "lase_wo", MIXED), gifts)
    | dict.fromkeys(("si", "si_basic", "lio"), more)
    | {"go": of_everyone, "ia": less}
)


@pytest.mark.parametrize("name", kinds(*OPINIONS, alike=("lase_wo",)))
def test_what_agents_make_of_rewards(name):
    OPINIONS[name](*told(name))


PAID = tuple(name for name in MIXTURES if name != MIXED)


@pytest.mark.parametrize("name", kinds(*PAID, alike=("lio, lase", "ia, a2c", "si, a defector")))
def test_what_mixtures_make_of_rewards(name):
    found, extrinsic, total = told(name)
    of_mixture(name, extrinsic, total, found)


@pytest.mark.parametrize("name", REFUSE)
def test_who_differentiates_through_learners_takes_a2c_alone(name):
    with pytest.raises(ConfigError, match=f"learner is 'ppo': use 'a2c' for {name.upper()}"):
        with_learner(settings(name), "ppo")


def of_mixture(name, extrinsic, total, found):
    """Who has an opinion about whose reward, in the mixtures."""
    changed = total - extrinsic
    payments = found.get("incentive/paid", np.full((*total.shape, NUM), np.nan))
    incentives = payments.sum(-1)
    payers = seats_of(name, "lio")
    assert (incentives[..., payers] > 0).all() and np.isnan(incentives[..., ~payers]).all()
    if not payers.any():
        unpaid = seats_of(name, "a2c", "random", "si_comm")
        np.testing.assert_array_equal(changed[..., unpaid], 0.0)
        assert (changed[..., seats_of(name, "ia")] <= 1e-5).all()
        assert (changed[..., seats_of(name, "si", "si_basic")] >= -1e-5).all()
        assert changed.any()
        return
    given = found["gift/received"] - found["gift/given"]
    guilt = seats_of(name, "ia")
    paid = incentives[..., payers].sum(-1)
    if not guilt.any():  # gifts cancel out, incentives are made of nothing
        np.testing.assert_allclose((changed - given).sum(-1), paid, rtol=1e-4)
        assert given.any()
        return
    assert ((changed - given).sum(-1) <= paid + 1e-4).all()
    np.testing.assert_array_equal(changed[..., payers], 0.0)  # nobody pays the only payer


def test_numbers_of_a_mixed_society_stand_at_their_seats():
    found = run(MIXED).metrics
    lase, learns = seats_of(MIXED, "lase"), seats_of(MIXED, "lase", "a2c")
    for metric, value in found.items():
        has = {"infer": lase, "relation": lase, "learn": learns}.get(metric.split("/")[0])
        if has is not None:
            numbers = np.isfinite(np.asarray(value)).reshape(UPDATES * SEEDS, NUM, -1)
            found_at = numbers.any((0, 2))
            if metric == "relation/selectivity":  # there is none where nobody does good or harm
                has = has & found_at
            np.testing.assert_array_equal(found_at, has, err_msg=metric)
    assert not np.asarray(found["gift/given"])[..., ~lase].any()
    received = np.asarray(found["return/total"] - found["return/extrinsic"])[..., 1]
    np.testing.assert_allclose(received, found["gift/received"][..., 1], atol=1e-4)


def test_a_seed_among_others_is_the_same_alone_and_paid_by_the_game():
    algorithm = build(MIXED)
    collect = collector(GAME, algorithm, ENVS, GAME.spec.horizon)
    first, seed = run(MIXED).first, 1

    @jax.jit
    def update(state, world, key, clock):
        seen = []

        def watched(*args):
            world, rollout = collect(*args)
            seen.append(rollout.reward)
            return world, rollout

        key_now, key_next = jax.random.split(key)
        state, world, metrics = algorithm.iterate(state, watched, world, key_now, clock)
        return (state, world, key_next), metrics, seen[0]

    carry = jax.tree.map(lambda leaf: leaf[seed], (first.state, first.world, first.key))
    clock = first.clock
    for step in range(UPDATES):
        carry, metrics, reward = update(*carry, clock)
        clock = clock._replace(update=clock.update + 1)
        for metric, value in metrics.items():
            among = run(MIXED).metrics[metric][step, seed]
            np.testing.assert_allclose(value, among, rtol=1e-3, atol=1e-4, err_msg=metric)
        np.testing.assert_allclose(
            metrics["return/extrinsic"], reward.sum((0, 1)) / ENVS, rtol=1e-5
        )


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_frozen_and_their_traced_part_is_floats(name):
    config = algorithms.ALGORITHMS[name]
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.policy = "defector"
    hyper = config.build(GAME, (0, 1)).hyper
    assert all(isinstance(value, float) for value in hyper.values())


def test_unknown_names_and_fields_are_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="algorithm is 'lasse': did you mean 'lase'"):
        algorithms.config("lasse")
    with pytest.raises(ConfigError, match="field of gift is 'shar': did you mean 'share'"):
        algorithms.config("gift", shar=0.5)
    with pytest.raises(ConfigError, match="share is 1.5"):
        algorithms.config("gift", share=1.5)
    with pytest.raises(ConfigError, match="policy is 'cooperater': did you mean 'cooperator'"):
        build_scripted("cooperater")


def build_scripted(policy):
    return algorithms.config("random", policy=policy).build(GAME, (0,))


def test_scripted_seats_play_the_games_policies():
    agent, policy = build_scripted("defector"), GAME.scripted["defector"]

    @jax.jit
    def both(key):
        _, obs = GAME.reset(key)
        seen = jnp.broadcast_to(obs[:1], (5, *obs.shape[1:]))
        keys = agent.draw(key, 5)
        alone = jax.vmap(policy, (0, 0, None))(keys[:, 0], seen, 0)
        return agent.act((), (), seen.reshape(5, 1, -1), keys, "sample")[0], alone

    decision, alone = both(jax.random.key(0))
    np.testing.assert_array_equal(decision.action[:, 0], alone)
    assert not decision.log_prob.any()
