import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import contest, play, side_by_side, steps_to, windows

from envs import coin_game
from envs.checks import ConfigError
from envs.coin_game import CoinGame, Draws, State
from envs.registry import config
from envs.types import Step

UP, DOWN, LEFT, RIGHT = range(4)
SMALL = dict(rows=2, columns=3, radius=1)


def state_of(position, coins):
    """A state with `coins`, pairs of a cell and its owner."""
    cells, owners = zip(*coins, strict=True)
    arrays = (jnp.array(value, jnp.int32) for value in (position, cells, owners, 0))
    return State(*arrays)


def played(params, state, action, priority, coins=(0.0,)):
    draws = Draws(jnp.array(priority, jnp.float32), jnp.array(coins, jnp.float32))
    return coin_game.transition(params, state, jnp.array(action, jnp.int32), draws)


def takers(params, position, cell, priority):
    """Who takes the coin on a cell, by the rule of the contest."""
    there = {i: cell for i, place in enumerate(position) if place == cell}
    if params.contest == "all":
        return set(there)
    return contest(there, priority if params.contest == "random" else np.zeros(len(position)))


def reference(params, state, action, draws):
    """Coin by coin."""
    shape, seats = (params.rows, params.columns), range(params.num_agents)
    before = [tuple(cell) for cell in state.position.tolist()]
    position = steps_to(shape, before, action, params.torus)
    coin, owner = state.coin.copy(), state.owner.copy()
    reward, own, others = np.zeros((3, params.num_agents))
    free = [cell for cell in np.ndindex(shape) if not (params.free_cells and cell in position)]
    for index, cell in enumerate(map(tuple, state.coin.tolist())):
        taking = takers(params, position, cell, draws.priority)
        for taker in taking:
            reward[taker] += params.coin_reward
            if taker == state.owner[index]:
                own[taker] += 1
            else:
                others[taker] += 1
                reward[state.owner[index]] -= params.penalty
        if taking:
            next_one = (int(state.owner[index]) + 1) % params.num_agents
            colours = [next_one] if params.colours == "in_turn" else seats
            places = [(c, row, column) for c in colours for row, column in free]
            place = places[int(draws.coins[index] * np.float32(len(places)))]
            owner[index], coin[index] = place[0], place[1:]
    planes = np.zeros((params.num_agents, *shape), bool)
    for colour, (row, column) in zip(owner, coin, strict=True):
        planes[colour, row, column] = True
    time = state.time + 1
    return State(np.array(position), coin, owner, time), Step(
        obs=windows(shape, position, planes, params.radius, torus=params.torus),
        reward=reward,
        active=np.ones(params.num_agents, bool),
        terminated=np.bool_(False),
        truncated=time >= params.horizon,
        events={"own_coins": own, "others_coins": others},
    )


LITERATURE = config("coingame_3x3")


@pytest.mark.parametrize(
    "params",
    [
        CoinGame(),
        CoinGame(rows=2, columns=4, num_agents=5, num_coins=4, radius=1, horizon=60),
        CoinGame(rows=6, columns=3, num_agents=16, num_coins=6, radius=3, horizon=40, penalty=0.5),
        CoinGame(
            rows=3, columns=2, num_agents=3, num_coins=2, horizon=50, coin_reward=-1.5, penalty=0.0
        ),
        LITERATURE,
        dataclasses.replace(LITERATURE, contest="all", columns=4, num_agents=3, num_coins=2),
        CoinGame(free_cells=True, colours="in_turn", num_coins=3, contest="first"),
    ],
    ids=["paper", "crowded", "sixteen", "odd", "3x3", "3x4", "free"],
)
def test_equals_the_plain_reference(params):
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 4, (50, params.horizon, params.num_agents), np.int32)
    steps = side_by_side(coin_game, reference, params, actions)
    assert steps.events["own_coins"].sum() > 50
    assert steps.events["others_coins"].sum() > 50


def test_a_coin_pays_its_taker_and_costs_its_owner():
    params = CoinGame(**SMALL)
    state = state_of([(0, 0), (1, 2)], [((0, 1), 0)])
    _, step = played(params, state, [RIGHT, RIGHT], [0.1, 0.2])
    assert step.reward.tolist() == [1.0, 0.0]
    assert step.events["own_coins"].tolist() == [1.0, 0.0]
    state = state._replace(owner=jnp.array([1], jnp.int32))
    _, step = played(params, state, [RIGHT, RIGHT], [0.1, 0.2])
    assert step.reward.tolist() == [1.0, -2.0]
    assert step.events["own_coins"].tolist() == [0.0, 0.0]
    assert step.events["others_coins"].tolist() == [1.0, 0.0]
    after, step = played(params, state, [DOWN, RIGHT], [0.1, 0.2])
    assert step.reward.tolist() == [0.0, 0.0]
    assert after.coin.tolist() == [[0, 1]] and after.owner.tolist() == [1]


def test_with_many_agents_only_the_owner_pays():
    params = CoinGame(**SMALL, num_agents=4, num_coins=2, coin_reward=3.0, penalty=0.5)
    state = state_of([(0, 0), (1, 0), (0, 0), (1, 2)], [((0, 1), 2), ((0, 1), 0)])
    _, step = played(params, state, [RIGHT, DOWN, LEFT, DOWN], [0.4, 0.3, 0.2, 0.1], [0, 0])
    assert step.reward.tolist() == [6.0, 0.0, -0.5, 0.0]
    assert step.events["own_coins"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert step.events["others_coins"].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_one_of_two_takes_a_coin():
    params = CoinGame(**SMALL)
    state = state_of([(0, 0), (0, 2)], [((0, 1), 0)])
    _, step = played(params, state, [RIGHT, LEFT], [0.2, 0.1])
    assert step.reward.tolist() == [1.0, 0.0]
    _, step = played(params, state, [RIGHT, LEFT], [0.1, 0.2])
    assert step.reward.tolist() == [-2.0, 1.0]


@pytest.mark.parametrize(
    ("draw", "owner", "cell"),
    [(0.0, 0, [0, 0]), (5.5 / 12, 0, [1, 2]), (6.5 / 12, 1, [0, 0]), (10.5 / 12, 1, [1, 1])],
)
def test_a_new_coin_replaces_the_old_at_once(draw, owner, cell):
    params = CoinGame(**SMALL)
    state = state_of([(0, 0), (1, 2)], [((0, 1), 0)])
    after, step = played(params, state, [RIGHT, DOWN], [0.1, 0.2], [draw])
    assert after.owner.tolist() == [owner] and after.coin.tolist() == [cell]
    assert step.reward.tolist() == [1.0, 0.0]  # a coin that falls under an agent is not yet taken


def test_a_move_against_the_edge_takes_the_coin_below():
    params = CoinGame(**SMALL)
    state = state_of([(0, 0), (1, 2)], [((1, 2), 1)])
    after, step = played(params, state, [LEFT, DOWN], [0.1, 0.2])
    assert after.position.tolist() == [[0, 0], [1, 2]]
    assert step.reward.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (64, 64), (63, 61)])
@pytest.mark.parametrize("num_agents", [2, 7, 16])
def test_the_highest_draw_is_still_a_coin_on_the_map(shape, num_agents):
    params = CoinGame(rows=shape[0], columns=shape[1], num_agents=num_agents)
    highest = jnp.float32(1 - 2**-23)  # of jax.random.uniform
    owner, coin = coin_game.mint(params, highest[None], jnp.zeros((num_agents, 2), jnp.int32))
    assert owner.tolist() == [num_agents - 1]
    assert coin.tolist() == [[shape[0] - 1, shape[1] - 1]]


def test_new_coins_are_uniform_over_colours_and_cells():
    params = CoinGame(**SMALL, num_agents=3, num_coins=64)
    keys = jax.random.split(jax.random.key(1), 300)
    draws = jax.jit(jax.vmap(lambda key: coin_game.draw(params, key)))(keys)
    nowhere = jnp.zeros((3, 2), jnp.int32)
    owner, coin = coin_game.mint(params, draws.coins.reshape(-1), nowhere)
    outcome = (np.asarray(owner) * 2 + np.asarray(coin)[:, 0]) * 3 + np.asarray(coin)[:, 1]
    share = np.bincount(outcome, minlength=18) / outcome.size
    np.testing.assert_allclose(share, 1 / 18, atol=4 * np.sqrt(1 / 18 / outcome.size))


def test_ties_are_fair_over_keys():
    env = CoinGame(**SMALL, num_agents=3).build()
    state = state_of([(0, 0), (0, 2), (1, 1)], [((0, 1), 0)])
    action = jnp.array([RIGHT, LEFT, UP], jnp.int32)
    keys = jax.random.split(jax.random.key(3), 3000)
    _, step = jax.jit(jax.vmap(lambda key: env.step(key, state, action)))(keys)
    won = np.asarray(step.events["own_coins"] + step.events["others_coins"])
    assert won.sum(1).tolist() == [1] * 3000
    np.testing.assert_allclose(won.mean(0), 1 / 3, atol=4 * np.sqrt(2 / 9 / 3000))


def test_the_literatures_coins_take_turns_and_pay_who_has_the_lower_number():
    state = state_of([(0, 0), (0, 2)], [((0, 1), 0)])
    after, step = played(LITERATURE, state, [RIGHT, LEFT], [0.1, 0.2])
    assert step.reward.tolist() == [1.0, 0.0] and after.owner.tolist() == [1]
    assert after.coin.tolist() == [[0, 0]]  # the first free cell
    both = dataclasses.replace(LITERATURE, contest="all")
    _, step = played(both, state, [RIGHT, LEFT], [0.1, 0.2])
    assert step.reward.tolist() == [-1.0, 1.0]


def test_who_leaves_a_torus_comes_back_on_the_other_side():
    state = state_of([(0, 0), (2, 1)], [((1, 1), 0)])
    after, step = played(LITERATURE, state, [LEFT, DOWN], [0.1, 0.2])
    assert after.position.tolist() == [[0, 2], [0, 1]]
    assert step.obs[..., -1].all()
    assert step.obs[0, 1, 0, 1] and step.obs[1, 1, 2, 0]  # neighbours, over no edge


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(contest="last"), "contest is 'last'"),
        (dict(colours="blue"), "colours is 'blue'"),
        (dict(torus=True, rows=4), "radius is 2: use at most 1"),
        (
            dict(free_cells=True, rows=2, columns=2, num_agents=4),
            "num_agents is 4: use less",
        ),
    ],
)
def test_rules_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        CoinGame(**wrong)


def test_scripted_seats_walk_to_their_coins_and_spare_others():
    env = CoinGame().build()
    keys = jax.random.split(jax.random.key(0), 100)
    every = {UP, DOWN, LEFT, RIGHT}
    empty = jnp.zeros((5, 5, 5), bool).at[..., 4].set(True)
    act = {name: jax.jit(jax.vmap(env.scripted[name], (0, None, None))) for name in env.scripted}

    def actions(name, seat, *coins, obs=empty):
        for row, column, owner in coins:
            obs = obs.at[row, column, 2 + owner].set(True)
        return set(act[name](keys, obs, jnp.int32(seat)).tolist())

    for seat, other in ((0, 1), (1, 0)):
        for name in ("random", "cooperator", "defector"):
            assert actions(name, seat) == every
        assert actions("cooperator", seat, (2, 0, seat)) == {LEFT}
        assert actions("cooperator", seat, (4, 0, seat)) == {DOWN}
        assert actions("cooperator", seat, (0, 2, other)) == every
        assert actions("cooperator", seat, (1, 2, other)) == every - {UP}
        assert actions("cooperator", seat, (1, 2, other), (0, 2, seat)) == every - {UP}
        assert actions("defector", seat, (4, 0, seat)) == {DOWN}
        assert actions("defector", seat, (2, 0, other)) == {LEFT}
        assert actions("defector", seat, (2, 1, other), (0, 2, seat)) == {LEFT}
        assert actions("defector", seat, (2, 2, other)) == every
        around = [(1, 2, other), (3, 2, other), (2, 1, other), (2, 3, other)]
        assert actions("cooperator", seat, *around) == every
        corner = empty.at[:2, :, 4].set(False).at[:, :2, 4].set(False)
        assert actions("cooperator", seat, (2, 2, other), obs=corner) == {DOWN, RIGHT}


def careless(key, obs, agent):
    """Walks to the nearest coin of its colour as the cooperator, but also over those of others."""
    key_walk, key_wander = jax.random.split(key)
    own = jnp.take(obs[..., 2:4], agent, axis=-1)
    return coin_game.walk(own, key_walk, coin_game.wander(key_wander))


def test_scripted_returns_have_the_known_scale():
    """The known table was made with cooperators that do not mind walking over others' coins.

    Ours spare those: two earn 14.9 together instead of 13.4, and one earns -5.5 next to a
    defector, which earns 15.5, instead of -4.6 and 13.5.
    """
    cooperators = np.repeat(np.arange(3), 500)
    seats = (np.arange(2)[None] >= cooperators[:, None]).astype(np.int32)
    env = CoinGame().build()
    env = env._replace(scripted={**env.scripted, "careless": careless})
    reward, _ = play(env, ("careless", "defector"), seats)
    for count, expected in enumerate(((0.0, 0.0), (-4.6, 13.5), (6.7, 6.7))):
        found = reward[cooperators == count]
        # Expected: the rounded mean of 300 episodes, simulated independently.
        error = found.std(0) * np.sqrt(1 / 500 + 1 / 300)
        assert (np.abs(found.mean(0) - expected) < 0.05 + 4 * error).all(), count


def test_scripted_returns_show_the_dilemma():
    cooperators = np.repeat(np.arange(3), 300)
    seats = (np.arange(2)[None] >= cooperators[:, None]).astype(np.int32)
    reward, events = play(CoinGame().build(), ("cooperator", "defector"), seats)
    both, lone, none = (reward[cooperators == count].mean(0) for count in (2, 1, 0))
    assert both.mean() > none.mean() + 5  # better together
    assert lone[1] > both.mean() + 5  # greed
    assert lone[0] < none.mean() - 3  # fear
    # A cooperator spares others' coins: with one coin on the map there is always a way around it.
    assert events["others_coins"][cooperators == 2].sum() == 0
    assert events["others_coins"][cooperators == 1][:, 1].mean() > 3


def test_random_returns_have_the_known_scale():
    reward, events = play(CoinGame().build(), ("random",), np.zeros((1000, 2), np.int32))
    total = reward.sum(1)
    # Whoever takes it, a coin is as often its taker's as the other's: 1 - 2 / 2 = 0 on average.
    assert abs(total.mean()) < 4 * total.std() / np.sqrt(1000)
    taken, others = events["own_coins"] + events["others_coins"], events["others_coins"]
    np.testing.assert_allclose(total, taken.sum(1) - 2 * others.sum(1))
    assert abs(others.sum() / taken.sum() - 0.5) < 4 * 0.5 / np.sqrt(taken.sum())


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("num_agents", 1, "2 to 16"),
        ("num_agents", 17, "2 to 16"),
        ("rows", 65, "2 to 64"),
        ("columns", 5.0, "2 to 64"),
        ("radius", 0, "1 to 7"),
        ("horizon", 0, "1 or more"),
        ("num_coins", 0, "1 to 64"),
        ("num_coins", 65, "1 to 64"),
        ("coin_reward", float("inf"), "finite"),
        ("penalty", -2.0, "[0, 1e+12]"),
        ("penalty", "two", "finite"),
    ],
)
def test_bad_settings_are_named(field, value, remedy):
    with pytest.raises(ConfigError) as error:
        CoinGame(**{field: value})
    assert str(error.value).startswith(f"{field} is {value!r}: ")
    assert remedy in str(error.value)


def test_the_most_a_group_can_earn():
    assert coin_game.max_return(CoinGame()) == 100.0
    assert coin_game.max_return(CoinGame(num_coins=3, coin_reward=2.0, horizon=10)) == 60.0
    assert coin_game.max_return(CoinGame(coin_reward=-1.0)) == 0.0


@pytest.mark.parametrize(("penalty", "best"), [(2.0, 1.0), (0.5, 1.5)])
def test_a_coin_that_all_may_take_pays_most_by_its_owner_or_by_all(penalty, best):
    params = CoinGame(rows=3, columns=3, contest="all", penalty=penalty)
    state = state_of([(1, 0), (1, 2)], [((1, 1), 0)])
    steps = [played(params, state, action, [0.1, 0.2])[1] for action in np.ndindex(4, 4)]
    assert max(step.reward.sum() for step in steps) == best
    assert coin_game.max_return(params) == best * params.horizon
