"""What the tests of grid games share: plain NumPy windows and contests, and a way to play seats."""

import jax
import jax.numpy as jnp
import numpy as np


def windows(shape, position, objects, radius, present=None, torus=False):
    """Every agent's window, cut from a map of planes with a border of nothing, or of itself.

    Agents that are not `present` (all are by default) are not on the map and see nothing.
    """
    num_agents, (rows, columns) = len(position), shape
    present = [True] * num_agents if present is None else present
    planes = np.zeros(
        (rows + 2 * radius, columns + 2 * radius, num_agents + len(objects) + 1), bool
    )
    inner = planes[radius : radius + rows, radius : radius + columns]
    for agent, (row, column) in enumerate(position):
        inner[row, column, agent] = present[agent]
    for index, cells in enumerate(objects):
        inner[:, :, num_agents + index] = cells
    inner[:, :, -1] = True
    if torus:
        for row, column in np.ndindex(planes.shape[:2]):
            planes[row, column] = inner[(row - radius) % rows, (column - radius) % columns]
    size = 2 * radius + 1
    cut = [planes[row : row + size, column : column + size] for row, column in position]
    return np.stack([window & here for window, here in zip(cut, present, strict=True)])


def steps_to(shape, position, action, torus=False):
    """Where each agent would go if nobody were in its way."""
    change = {0: (-1, 0), 1: (1, 0), 2: (0, -1), 3: (0, 1)}
    target = []
    for (row, column), act in zip(position, action, strict=True):
        down, right = change.get(int(act), (0, 0))
        inside = 0 <= row + down < shape[0] and 0 <= column + right < shape[1]
        there = ((row + down) % shape[0], (column + right) % shape[1])
        target.append(there if inside or torus else (row, column))
    return target


def contest(claims, priority):
    """Winners among ``claims``, a dict from agent to the thing it wants."""
    best = {}
    for agent, thing in sorted(claims.items()):
        if thing not in best or priority[agent] > priority[best[thing]]:
            best[thing] = agent
    return set(best.values())


def play(env, names, seats, seed=0):
    """Plays one episode per row of ``seats [E, N]``, indices into the scripted `names`.

    Returns rewards ``[E, N]`` and counts of events, each ``[E, N]``, summed over the episode.
    """
    spec = env.spec

    def act(key, obs, agent, seat):
        choices = jnp.stack([env.scripted[name](key, obs, agent) for name in names])
        return choices[seat]

    def episode(key, seat):
        key_reset, key_steps = jax.random.split(key)

        def step(carry, key):
            state, obs = carry
            key_act, key_step = jax.random.split(key)
            keys = jax.random.split(key_act, spec.num_agents)
            action = jax.vmap(act)(keys, obs, jnp.arange(spec.num_agents, dtype=jnp.int32), seat)
            state, out = env.step(key_step, state, action)
            return (state, out.obs), (out.reward, out.events)

        keys = jax.random.split(key_steps, spec.horizon)
        _, gains = jax.lax.scan(step, env.reset(key_reset), keys)
        return jax.tree.map(lambda gain: gain.sum(0), gains)

    keys = jax.random.split(jax.random.key(seed), len(seats))
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(episode))(keys, jnp.asarray(seats)))


def side_by_side(game, reference, params, actions, seed=0):
    """Plays ``actions [B, T, N]`` in a game and in its NumPy reference, and compares every field.

    Args:
        game: a module with ``reset``, ``draw`` and ``transition``.
        reference: ``(params, state, action, draws) -> (state, Step)``, plain and unbatched.
        params: settings of the game.
        actions: ``[B, T, N]`` int32.
        seed: of the B resets and of all draws.

    Returns:
        The game's steps ``[B, T, ...]``.
    """

    def episode(key, actions):
        key_reset, key_steps = jax.random.split(key)
        first, _ = game.reset(params, key_reset)

        def step(state, inputs):
            key, action = inputs
            draws = game.draw(params, key)
            state, out = game.transition(params, state, action, draws)
            return state, (draws, (state, out))

        keys = jax.random.split(key_steps, actions.shape[0])
        return first, jax.lax.scan(step, first, (keys, actions))[1]

    def pick(tree, index):
        return jax.tree.map(lambda leaf: leaf[index], tree)

    keys = jax.random.split(jax.random.key(seed), actions.shape[0])
    played = jax.jit(jax.vmap(episode))(keys, jnp.asarray(actions))
    first, (draws, found) = jax.tree.map(np.asarray, played)
    for copy in range(actions.shape[0]):
        state, expected = pick(first, copy), []
        for time, action in enumerate(actions[copy]):
            state, step = reference(params, state, action, pick(draws, (copy, time)))
            expected.append((state, step))
        expected = jax.tree.map(lambda *leaves: np.stack(leaves), *expected)
        assert jax.tree.structure(expected) == jax.tree.structure(pick(found, copy))
        jax.tree.map(assert_close, expected, pick(found, copy))
    return found[1]


def assert_close(expected, found):
    """Equal, floats to rounding."""
    if found.dtype == np.float32:
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)
