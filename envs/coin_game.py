"""Coin Game: taking another agent's coin pays, but costs its owner (Kong et al. 2024, section 5).

Letters: N agents, M coins, H W rows and columns.

Paper: 5x5 map, 2 agents, 100 steps, four moves and no "stay"; one coin at any time, in the colour
of one agent; any coin pays 1 to the agent that takes it, and costs its owner 2 if another agent
takes it; a new coin of random colour on a random cell replaces it at once; if several agents step
on a coin, one of them, drawn at random, takes it.

Ours, where the paper has no rule (from the author's prototype where that has one): the map's
edge blocks, agents start on random cells and may share cells, and a new coin may fall on any cell,
also under an agent; in each step, after the moves, one of the agents that stand on a coin takes it.
With more agents, each has a colour of its own; with several coins, two may lie on one cell.

`coingame_3x3` is the game of the literature on learning with opponents' learning in view (Foerster
et al. 2018, LOLA): a 3x3 map without edges, 150 steps, coins whose colours take turns and which
fall where no agent stands; who has the lower number takes a coin that both step on. Where later
work differs (Zhao et al. 2022, POLA: both take it) there is a setting. Its players see four planes
of the map as it lies; ours see the same cells with themselves in the middle.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks, grid, motion, render
from envs.types import Env, EnvSpec, Step

ACTIONS = grid.MOVES[: grid.STAY]
CONTESTS = ("random", "first", "all")
COLOURS = ("random", "in_turn")
EVENTS = ("own_coins", "others_coins")


class State(NamedTuple):
    """Everything that changes during an episode."""

    position: jax.Array  # [N, 2] int32
    coin: jax.Array  # [M, 2] int32, where each coin lies
    owner: jax.Array  # [M] int32, the agent whose colour it has
    time: jax.Array  # [] int32


class Draws(NamedTuple):
    """All randomness of one step, float32 in [0, 1)."""

    priority: jax.Array  # [N], the highest wins a contest
    coins: jax.Array  # [M], decides colour and cell of the coin that replaces each one


@dataclass(frozen=True)
class CoinGame:
    """Settings of the Coin Game."""

    name: ClassVar[str] = "coin_game"
    version: ClassVar[int] = 1

    num_agents: int = 2
    """Number of agents, and of colours, 2 to 16."""
    rows: int = 5
    """Rows of the map, 2 to 64."""
    columns: int = 5
    """Columns of the map, 2 to 64."""
    radius: int = 2
    """Cells that an agent sees to each side, 1 to 7 (2: a 5x5 window)."""
    horizon: int = 100
    """Steps of an episode, 1 or more."""
    num_coins: int = 1
    """Coins on the map at any time, 1 to 64."""
    coin_reward: float = 1.0
    """Reward of a coin, to the agent that takes it."""
    penalty: float = 2.0
    """Cost to the owner of a coin that another agent takes, 0 or more."""
    torus: bool = False
    """Whether the map goes on at its opposite edge, for moves and windows."""
    contest: Literal["random", "first", "all"] = "random"
    """Which agents of several take a coin: one at random, the first, or all of them."""
    colours: Literal["random", "in_turn"] = "random"
    """Colour of the coin that replaces another: any, or the one after its colour."""
    free_cells: bool = False
    """Whether new coins fall only where no agent stands."""

    def __post_init__(self) -> None:
        """Checks every setting; raises `ConfigError` on one that cannot work."""
        grid.check_map(self.rows, self.columns, self.num_agents, self.radius, self.horizon)
        checks.integer("num_coins", self.num_coins, 1, 64)
        checks.number("coin_reward", self.coin_reward)
        checks.number("penalty", self.penalty, 0.0)
        checks.choice("contest", self.contest, CONTESTS)
        checks.choice("colours", self.colours, COLOURS)
        least = min(self.rows, self.columns)
        wide = not self.torus or least >= 3
        checks.require(wide, "torus", self.torus, "give rows and columns 3 or more, or no torus")
        whole = not self.torus or 2 * self.radius + 1 <= least
        remedy = f"use at most {(least - 1) // 2}, so that a torus shows every cell once"
        checks.require(whole, "radius", self.radius, remedy)
        room = not self.free_cells or self.num_agents < self.rows * self.columns
        remedy = f"use less than {self.rows * self.columns}, so that a cell is free for a coin"
        checks.require(room, "num_agents", self.num_agents, remedy)

    def spec(self) -> EnvSpec:
        """Static facts of the game with these settings."""
        coins = tuple(f"coin_{agent}" for agent in range(self.num_agents))
        whole = grid.spec(self, ACTIONS, coins, EVENTS, max_return(self))
        return whole._replace(harms=("others_coins",))

    def build(self) -> Env:
        """The game as pure functions."""
        return Env(
            spec=self.spec(),
            settings=self,
            reset=lambda key: reset(self, key),
            draw=lambda key: draw(self, key),
            transition=lambda state, action, draws: transition(self, state, action, draws),
            render=lambda state: picture(self, state),
            scripted={
                "cooperator": lambda key, obs, agent: cooperator(self, key, obs, agent),
                "defector": lambda key, obs, agent: defector(self, key, obs),
                "random": lambda key, obs, agent: wander(key),
            },
        )


def max_return(params: CoinGame) -> float:
    """An upper bound: every coin taken by its owner, or by everyone, in every step."""
    takers = params.num_agents if params.contest == "all" else 1
    together = takers * params.coin_reward - (takers - 1) * params.penalty
    return max(0.0, params.coin_reward, together) * params.num_coins * params.horizon


def reset(params: CoinGame, key: jax.Array) -> tuple[State, jax.Array]:
    """Draws cells for the agents, and colours and cells for the coins. ``key`` is consumed."""
    key_agents, key_coins = jax.random.split(key)
    edge = jnp.asarray(np.array([params.rows, params.columns], np.int32))
    position = jax.random.randint(key_agents, (params.num_agents, 2), 0, edge[None])
    draws = jax.random.uniform(key_coins, (params.num_coins,))
    owner, coin = mint(params, draws, position)
    state = State(
        position=position,
        coin=coin,
        owner=owner,
        time=jnp.int32(0),
    )
    return state, observe(params, state)


def draw(params: CoinGame, key: jax.Array) -> Draws:
    """Draws the randomness of one step. ``key`` is consumed."""
    return Draws(*grid.uniforms(key, params.num_agents, params.num_coins))


def mint(
    params: CoinGame, draws: jax.Array, position: jax.Array, after: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """New coins on random cells.

    Args:
        params: settings.
        draws: ``[M]`` uniform in [0, 1), an interval with an equal part for each colour, if that is
            drawn, divided again into an equal part for each cell in reading order.
        position: ``[N, 2]`` int32, where agents stand.
        after: ``[M]`` int32 owners of the coins that are replaced; None at the start, when colours
            are always drawn.

    Returns:
        Owners ``[M]`` int32 and cells ``[M, 2]`` int32.
    """
    shape, colours = (params.rows, params.columns), params.num_agents
    cells = params.rows * params.columns
    next_colour = None
    if params.colours == "in_turn" and after is not None:
        next_colour = (after + 1) % colours
    free = ~grid.mark(shape, position).reshape(-1) if params.free_cells else jnp.ones(cells, bool)
    room = free.sum(dtype=jnp.int32)
    outcomes = room if next_colour is not None else colours * room
    outcome = jnp.floor(draws * outcomes.astype(jnp.float32)).astype(jnp.int32)
    cell = outcome % room
    if params.free_cells:  # of the free cells, the one of this rank
        rank = jnp.cumsum(free, dtype=jnp.int32)
        cell = jnp.argmax(rank[None] > cell[:, None], axis=-1).astype(jnp.int32)
    owner = outcome // room if next_colour is None else next_colour
    return owner, jnp.stack([cell // params.columns, cell % params.columns], axis=-1)


def transition(
    params: CoinGame, state: State, action: jax.Array, draws: Draws
) -> tuple[State, Step]:
    """Moves agents, then replaces the coins that they take. Deterministic given `draws`."""
    position = grid.move(state.position, action, (params.rows, params.columns), params.torus)
    takes = (position[:, None] == state.coin[None]).all(-1)  # [N, M]
    if params.contest != "all":
        anyone = jnp.ones((params.num_agents, params.num_agents), bool)
        drawn = params.contest == "random"
        priority = draws.priority if drawn else jnp.zeros_like(draws.priority)
        takes = jax.vmap(motion.winners, (None, 1, None), 1)(anyone, takes, priority)

    seat = jnp.asarray(np.arange(params.num_agents, dtype=np.int32))
    owns = seat[:, None] == state.owner[None]
    taken = takes.any(0)
    own_coins = (takes & owns).sum(-1, dtype=jnp.float32)
    others_coins = (takes & ~owns).sum(-1, dtype=jnp.float32)
    others = (takes & ~owns).sum(0, dtype=jnp.float32)
    lost = jnp.where(owns, others[None], 0.0).sum(-1)

    owner, coin = mint(params, draws.coins, position, state.owner)
    next_state = State(
        position=position,
        coin=jnp.where(taken[:, None], coin, state.coin),
        owner=jnp.where(taken, owner, state.owner),
        time=state.time + 1,
    )
    return next_state, Step(
        obs=observe(params, next_state),
        reward=params.coin_reward * (own_coins + others_coins) - params.penalty * lost,
        active=jnp.ones(params.num_agents, bool),
        terminated=jnp.bool_(False),
        truncated=next_state.time >= params.horizon,
        events={"own_coins": own_coins, "others_coins": others_coins},
    )


def observe(params: CoinGame, state: State) -> jax.Array:
    """Windows ``[N, h, w, 2 N + 1]`` bool: agents, coins by colour, inside of the map."""
    everyone = jnp.ones(params.num_agents, bool)
    layers = tuple(coins(params, state))
    return grid.observe(state.position, everyone, layers, params.radius, torus=params.torus)


def coins(params: CoinGame, state: State) -> jax.Array:
    """Where coins of each colour lie, ``[N, H, W]`` bool."""
    empty = jnp.zeros((params.num_agents, params.rows, params.columns), bool)
    return empty.at[state.owner, state.coin[:, 0], state.coin[:, 1]].set(True)


def wander(key: jax.Array) -> jax.Array:
    """A random move ``[]`` int32. ``key`` is consumed."""
    return jax.random.randint(key, (), 0, len(ACTIONS))


def defector(params: CoinGame, key: jax.Array, obs: jax.Array) -> jax.Array:
    """Takes any coin: walks to the nearest in view, else at random. ``key`` is consumed."""
    key_walk, key_wander = jax.random.split(key)
    in_view = obs[..., params.num_agents : -1].any(-1)
    return walk(in_view, key_walk, wander(key_wander))


def cooperator(params: CoinGame, key: jax.Array, obs: jax.Array, agent: jax.Array) -> jax.Array:
    """Takes coins of its own colour only (Kong et al. 2024, appendix B.2).

    Walks to the nearest one in view, else at random. A move that would take another agent's coin is
    replaced by a random move that would not, if there is one. ``key`` is consumed.
    """
    key_walk, key_wander, key_avoid = jax.random.split(key, 3)
    in_view = obs[..., params.num_agents : -1]
    own_coins = jnp.take(in_view, agent, axis=-1)
    others_coins = in_view.any(-1) & ~own_coins
    action = walk(own_coins, key_walk, wander(key_wander))

    ahead = params.radius + grid.DELTAS[: len(ACTIONS)]
    here = others_coins[params.radius, params.radius]  # a move against the map's edge ends here
    ahead_inside = obs[..., -1][ahead[:, 0], ahead[:, 1]]
    harms = jnp.where(ahead_inside, others_coins[ahead[:, 0], ahead[:, 1]], here)
    preference = jax.random.uniform(key_avoid, (len(ACTIONS),)) - harms.astype(jnp.float32)
    return jnp.where(harms[action], preference.argmax().astype(jnp.int32), action)


def walk(window: jax.Array, key: jax.Array, otherwise: jax.Array) -> jax.Array:
    """A move to the nearest marked cell except its own, as it cannot stay. ``key`` is consumed.

    Args:
        window: ``[h, w]`` bool.
        key: consumed.
        otherwise: ``[]`` int32, the move when nothing else is marked.
    """
    centre = window.shape[0] // 2
    return grid.step_towards(window.at[centre, centre].set(False), key, otherwise)


def picture(params: CoinGame, state: State) -> np.ndarray:
    """A picture ``[h, w, 3]`` uint8 of the map."""
    objects = tuple(zip(np.asarray(coins(params, state)), render.COINS, strict=False))
    return render.picture((params.rows, params.columns), objects, state.position)
