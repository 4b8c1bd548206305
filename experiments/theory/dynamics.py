"""Two LASE agents in a matrix game, as section 4.3 and appendix A of Kong et al. 2024 analyse them.

Payoffs: 1 for mutual cooperation, 0 for mutual defection, S to a cooperator and T to a defector who
meet. Agents have no state: theta is the probability of cooperation. They know the game and each
other's policies, so that Q_SR is the payoff and what is foreseen of the other is true.

`ascent` follows equations 15 and 16 with the weights of our own equation 3; `resting` has the
points at which it stays, in closed form.
"""

import jax
import jax.numpy as jnp
import numpy as np

from lase_jax.algorithms.lase.counterfactual import relationship
from lase_jax.types import Array

RATE, GAMMA, UPDATES = 1e-3, 0.99, 4000
"""The paper's learning rate and discount; by so many updates all has come to rest."""


def payoffs(temptation: Array, sucker: Array) -> Array:
    """What an agent earns, ``[2, 2]`` by its own and the other's action; action 0 cooperates."""
    return jnp.array([[1.0, sucker], [temptation, 0.0]])


def gifts(payoff: Array, cooperates: Array) -> Array:
    """The weight w_ij ``[2, 2]`` by i's and j's action, if j cooperates with a probability."""
    probs = jnp.stack([cooperates, 1.0 - cooperates])
    of_action = jax.vmap(relationship, (0, None, None, None))
    return jax.vmap(of_action, (0, 0, None, None))(payoff, payoff, probs, 2)


def total(payoff: Array, own: Array, other: Array) -> Array:
    """What an agent earns after gifts, ``[2, 2]`` by its own and the other's action.

    Args:
        payoff: ``[2, 2]`` as `payoffs` returns it.
        own: ``[]`` its probability of cooperation.
        other: ``[]`` the other's.
    """
    kept = (1.0 - gifts(payoff, other)) * payoff
    return kept + (gifts(payoff, own) * payoff).T


def gradient(payoff: Array, own: Array, other: Array) -> Array:
    """The slope of an agent's value in its own probability of cooperation; gifts are constants."""
    mean = total(payoff, own, other) @ jnp.stack([other, 1.0 - other])
    return (mean[0] - mean[1]) / (1.0 - GAMMA)


@jax.jit
def ascent(temptation: Array, sucker: Array, start: Array) -> Array:
    """Both agents' probabilities of cooperation ``[2]`` after `UPDATES` from ``start [2]``."""
    payoff = payoffs(temptation, sucker)

    def update(theta: Array, _: None) -> tuple[Array, None]:
        slopes = jnp.stack([gradient(payoff, *theta), gradient(payoff, *theta[::-1])])
        return jnp.clip(theta + RATE * slopes, 0.0, 1.0), None

    return jax.lax.scan(update, start, None, UPDATES)[0]


def resting(temptation: float, sucker: float) -> np.ndarray:
    """The points ``[k, 2]`` to which `ascent` can lead, in closed form.

    With theta_1 = theta_2 = x the slope is (S + T) - (2 T + S - 1) x, which rests at 0 if
    S + T < 0, at 1 if T <= 1, and between them at x* = (S + T) / (2 T + S - 1). If
    2 (T - 1) x* > 1 - S, agents leave that point in opposite directions, for one of two points
    whose sum is (1 - S) / (T - 1), or for the edge, where one always cooperates and the other does
    with probability 2 - T. Where S = 1 the other's action makes no difference to a cooperator, and
    equation 3 divides by 0: that border is left out.
    """
    slope = 2.0 * temptation + sucker - 1.0
    found = []
    if sucker + temptation < 0.0:
        found.append((0.0, 0.0))
    if temptation <= 1.0:
        found.append((1.0, 1.0))
    inner = (sucker + temptation) / slope if slope > 0.0 else -1.0
    if not 0.0 <= inner < 1.0:
        return np.array(found)
    if 2.0 * (temptation - 1.0) * inner <= 1.0 - sucker:
        return np.array([*found, (inner, inner)])
    higher, lower = _apart(temptation, sucker)
    return np.array([*found, (higher, lower), (lower, higher)])


def _apart(temptation: float, sucker: float) -> tuple[float, float]:
    """Where agents rest that have left the point at which both are alike."""
    both = (1.0 - sucker) / (temptation - 1.0)
    bent = (1.0 - temptation) * both**2 + (1.0 - sucker - 2.0 * temptation) * both
    product = -(bent + 2.0 * (sucker + temptation)) / (4.0 * (temptation - 1.0))
    root = np.sqrt(max(both**2 - 4.0 * product, 0.0))
    higher, lower = (both + root) / 2.0, (both - root) / 2.0
    return (higher, lower) if higher <= 1.0 else (1.0, 2.0 - temptation)
