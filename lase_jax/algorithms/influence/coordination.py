"""Measures of communication and coordination, from counts of symbols and actions.

Sources: Jaques et al. 2019, section 5.1; the term "instantaneous coordination" is theirs. Lowe et
al. 2019 call another measure speaker consistency: the mutual information of an agent's own symbol
and action.

Letters: M steps of all environments together, X Y values of two variables, n agents. All numbers
are estimates from counts: with m counted steps, mutual information is too high by about
``(X - 1) (Y - 1) / (2 m)`` nats, so compare with a shuffled control.
"""

import jax
import jax.numpy as jnp

from lase_jax.types import Array


def joint(first: Array, second: Array, num_first: int, num_second: int, counts: Array) -> Array:
    """Joint probabilities of two variables, ``[X, Y]``; all 0 where nothing counts.

    Args:
        first: ``[M]`` int32 below X.
        second: ``[M]`` int32 below Y.
        num_first: X.
        num_second: Y.
        counts: ``[M]`` bool, the steps that count.
    """
    weighted = jax.nn.one_hot(first, num_first) * counts[:, None].astype(jnp.float32)
    table = weighted.T @ jax.nn.one_hot(second, num_second)
    return table / jnp.maximum(table.sum(), 1.0)


def entropy(probs: Array) -> Array:
    """Entropy in nats over the last axis of ``probs [..., X]``."""
    return -jnp.where(probs > 0, probs * jnp.log(jnp.where(probs > 0, probs, 1.0)), 0.0).sum(-1)


def mutual_information(table: Array) -> Array:
    """Mutual information ``[]`` in nats of two variables with ``table [X, Y]``, see `joint`.

    For a speaker's symbol and a listener's next action it is the symbol/action instantaneous
    coordination; for two agents' actions, the action/action one. NaN where nothing counts.
    """
    information = entropy(table.sum(1)) + entropy(table.sum(0)) - entropy(table.reshape(-1))
    return jnp.where(table.any(), information, jnp.nan)


def consistency(table: Array) -> Array:
    """Speaker consistency ``[]`` in [0, 1]: how well own symbols and actions predict each other.

    The mean over both directions, and over all values that occur, of 1 - (conditional entropy) /
    log(number of values); NaN where nothing counts. As in the paper all values count alike, so that
    those that are rarely seen inflate the result.

    Args:
        table: ``[X, Y]``, see `joint`.
    """

    def one_way(table: Array) -> Array:
        """Certainty of the second variable given the first, ``[]`` in [0, 1]."""
        often = table.sum(1)
        conditional = table / jnp.where(often > 0, often, 1.0)[:, None]
        certainty = 1.0 - entropy(conditional) / jnp.log(table.shape[1])
        occurs = (often > 0).astype(jnp.float32)
        return (occurs * certainty).sum() / occurs.sum()

    return 0.5 * (one_way(table) + one_way(table.T))


def pairwise(first: Array, second: Array, num_first: int, num_second: int, counts: Array) -> Array:
    """Mutual information between every agent's first and every agent's second variable, ``[n, n]``.

    Args:
        first: ``[M, n]`` int32, for example symbols.
        second: ``[M, n]`` int32, for example next actions.
        num_first: X.
        num_second: Y.
        counts: ``[M, n, n]`` bool, the steps that count for a pair, giver first.
    """

    def one(first: Array, second: Array, counts: Array) -> Array:
        return mutual_information(joint(first, second, num_first, num_second, counts))

    return jax.vmap(jax.vmap(one, (None, 1, 1)), (1, None, 1))(first, second, counts)
