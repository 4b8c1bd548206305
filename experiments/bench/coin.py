"""The coin game under random actions, ours and as a plain NumPy loop: ``coin ours 1024 500 5``.

As close to JaxMARL's rules as ours allow: a 3x3 map, two agents that see all of it, two coins,
episodes of 100 steps. What differs: JaxMARL's map wraps around, ours has an edge; its agents may
stay, and both take a coin that both reach, while our game draws one of them; its agents always have
one coin each, our coins come in random colours. Observations and rewards are summed, so that no
program can skip computing them. Every program prints one line of JSON (see `peers`).
"""

import json
import sys
from typing import NamedTuple

import numpy as np

from envs.coin_game import CoinGame
from envs.grid import DELTAS
from experiments.bench import clock

GAME = CoinGame(rows=3, columns=3, radius=2, num_coins=2, horizon=100)


class Board(NamedTuple):
    """A game in NumPy."""

    position: np.ndarray  # [N, 2]
    coin: np.ndarray  # [M, 2]
    owner: np.ndarray  # [M]


def ours(envs: int, steps: int, repeats: int) -> list[float]:
    """Environment steps per second of the game as training plays it, `envs` side by side."""
    import jax
    import jax.numpy as jnp

    env = GAME.build()

    def episode(paid: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        key_reset, key_draw, key_act = jax.random.split(key, 3)
        state, _ = jax.vmap(env.reset)(jax.random.split(key_reset, envs))
        draws = jax.vmap(jax.vmap(env.draw))(jax.random.split(key_draw, (GAME.horizon, envs)))
        shape = (GAME.horizon, envs, GAME.num_agents)
        actions = jax.random.randint(key_act, shape, 0, env.spec.num_actions)

        def step(carry: tuple, given: tuple) -> tuple[tuple, None]:
            state, paid = carry
            state, out = jax.vmap(env.transition)(state, *given)
            return (state, paid + out.reward.sum() + out.obs.sum(dtype=jnp.float32)), None

        return jax.lax.scan(step, (state, paid), (actions, draws))[0][1], None

    def play(key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, -(-steps // GAME.horizon))
        return jax.lax.scan(episode, jnp.float32(0.0), keys)[0]

    program = clock.compiled(play, jax.random.key(0))
    played = envs * GAME.horizon * -(-steps // GAME.horizon)
    return [played / taken for taken in clock.times({"": program}, repeats)[""]]


def numpy(envs: int, steps: int, repeats: int) -> list[float]:
    """Environment steps per second of one game in a Python loop; `envs` is ignored."""
    del envs
    rng = np.random.default_rng(0)

    def play() -> float:
        paid = 0.0
        for time in range(steps):
            if time % GAME.horizon == 0:
                owner, coin = mint(GAME, rng.random(GAME.num_coins))
                board = Board(rng.integers(0, GAME.rows, (GAME.num_agents, 2)), coin, owner)
            chance = rng.random(GAME.num_agents + GAME.num_coins)
            action = rng.integers(0, 4, GAME.num_agents)
            board, reward, obs = transition(GAME, board, action, *np.split(chance, [2]))
            paid += reward.sum() + obs.sum()
        return paid

    return [steps / taken for taken in clock.times({"": play}, repeats)[""]]


def mint(game: CoinGame, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Owners ``[M]`` and cells ``[M, 2]`` of new coins, from ``draws [M]`` in [0, 1)."""
    cells = game.rows * game.columns
    owner, cell = np.divmod((draws * game.num_agents * cells).astype(int), cells)
    return owner, np.stack(np.divmod(cell, game.columns), -1)


def transition(
    game: CoinGame, board: Board, action: np.ndarray, priority: np.ndarray, coins: np.ndarray
) -> tuple[Board, np.ndarray, np.ndarray]:
    """One step by the rules of `envs.coin_game`: the board, rewards ``[N]``, windows."""
    edge = np.array([game.rows, game.columns]) - 1
    position = np.clip(board.position + DELTAS[action], 0, edge)
    reward = np.zeros(game.num_agents)
    coin, owner = board.coin.copy(), board.owner.copy()
    fresh_owner, fresh = mint(game, coins)
    for index in range(game.num_coins):
        there = (position == board.coin[index]).all(-1)
        if there.any():
            taker = np.where(there, priority, -1.0).argmax()
            reward[taker] += game.coin_reward
            if taker != board.owner[index]:
                reward[board.owner[index]] -= game.penalty
            coin[index], owner[index] = fresh[index], fresh_owner[index]
    after = Board(position, coin, owner)
    return after, reward, observe(game, after)


def observe(game: CoinGame, board: Board) -> np.ndarray:
    """Windows ``[N, h, w, 2 N + 1]`` bool: agents, coins by colour, inside of the map."""
    num, size = game.num_agents, 2 * game.radius + 1
    shape = (game.rows + 2 * game.radius, game.columns + 2 * game.radius, 2 * num + 1)
    planes = np.zeros(shape, bool)
    rows, columns = (board.position + game.radius).T
    planes[rows, columns, np.arange(num)] = True
    coin_rows, coin_columns = (board.coin + game.radius).T
    planes[coin_rows, coin_columns, num + board.owner] = True
    planes[game.radius : -game.radius, game.radius : -game.radius, -1] = True
    return np.stack(
        [planes[row : row + size, column : column + size] for row, column in board.position]
    )


def main() -> None:
    """Measures one of them and prints JSON."""
    name, *numbers = sys.argv[1:]
    rates = {"ours": ours, "numpy": numpy}[name](*map(int, numbers))
    print(json.dumps({"rates": rates}))


if __name__ == "__main__":
    main()
