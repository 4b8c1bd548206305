"""Exact LOLA in iterated matrix games (Foerster et al. 2018): values are computed, not sampled.

Two players with one-step memory: a policy is five logits of cooperation, at the start and after CC,
CD, DC and DD, where player 1's move comes first for both players. A player that learns with
opponent-learning awareness (LOLA) follows its own gradient plus a term for the effect of its
parameters on the opponent's next learning step.
"""

import jax
import jax.numpy as jnp
import numpy as np

from lase_jax.types import Array

STATES = ("start", "CC", "CD", "DC", "DD")
_OTHERS_VIEW = np.array([0, 1, 3, 2, 4])
"""Indices that reorder `STATES` so that player 2's own move comes first."""


def exact_values(logits: Array, payoffs: Array, gamma: Array) -> Array:
    """Discounted returns of both players, per step: ``(1 - gamma) V``.

    Args:
        logits: ``[2, 5]`` logits of cooperation of each player in each of `STATES`.
        payoffs: ``[2, 2, 2]`` each player's payoff of its own move (row, C first) against the
            other's (column).
        gamma: ``[]`` discount, below 1.

    Returns:
        ``[2]``.
    """
    one, two = jax.nn.sigmoid(logits)
    joint = jnp.stack([one * two, one * (1 - two), (1 - one) * two, (1 - one) * (1 - two)], -1)
    first, then = joint[0], joint[1:]  # distribution of the first state, transitions after it
    rewards = jnp.stack([payoffs[0].reshape(-1), payoffs[1].T.reshape(-1)], -1)
    values = jnp.linalg.solve(jnp.eye(4) - gamma * then, rewards)
    return (1 - gamma) * first @ values


def exact_step(logits: Array, payoffs: Array, gamma: Array, lr: Array, lookahead: Array) -> Array:
    """Both players' next logits ``[2, 5]`` after one simultaneous step.

    Player i follows ``grad_i V_i + lookahead (grad_j V_i)^T grad_i grad_j V_j`` with ``grad_j V_i``
    held fixed, as in the authors' code; ``lookahead = 0`` is the naive learner.

    Args:
        logits: ``[2, 5]``.
        payoffs: see `exact_values`.
        gamma: see `exact_values`.
        lr: ``[]`` step size on V, which is not scaled to one step.
        lookahead: ``[2]`` the step size that each player expects of the other.
    """

    def value(own_logits: Array, other: Array, me: int) -> Array:
        both = jnp.stack([own_logits, other] if me == 0 else [other, own_logits])
        return exact_values(both, payoffs, gamma)[me] / (1 - gamma)

    def step(me: int) -> Array:
        own_logits, other = logits[me], logits[1 - me]
        gradient, theirs = jax.grad(value, (0, 1))(own_logits, other, me)

        def shaped(own_logits: Array) -> Array:
            """First-order gain to me per unit of the other's step size, given my parameters."""
            return theirs @ jax.grad(value)(other, own_logits, 1 - me)

        return own_logits + lr * (gradient + lookahead[me] * jax.grad(shaped)(own_logits))

    return jnp.stack([step(0), step(1)])


def learn_exact(
    key: Array, payoffs: Array, gamma: Array, lr: Array, lookahead: Array, steps: int
) -> tuple[Array, Array]:
    """Learns from logits drawn from a standard normal distribution. ``key`` is consumed.

    The other arguments are those of `exact_step`.

    Returns:
        The last logits ``[2, 5]`` and both players' values per step on the way, ``[steps, 2]``.
    """

    def step(logits: Array, _: None) -> tuple[Array, Array]:
        after = exact_step(logits, payoffs, gamma, lr, lookahead)
        return after, exact_values(after, payoffs, gamma)

    return jax.lax.scan(step, jax.random.normal(key, (2, len(STATES))), None, length=steps)


def tit_for_tat(logits: Array) -> Array:
    """``[2]`` bool: whether a player repeats the other's last move (the start is left out).

    It cooperates with probability above one half after cooperation, below one half after defection.
    """
    probs = jax.nn.sigmoid(jnp.stack([logits[0], logits[1][_OTHERS_VIEW]]))
    return (probs[:, 1] > 0.5) & (probs[:, 3] > 0.5) & (probs[:, 2] < 0.5) & (probs[:, 4] < 0.5)
