"""Simultaneous moves and claims: which agent enters a contested cell or gets a contested object.

Letters: N agents. Pure, unbatched. Every contest is settled by priorities that the caller draws in
each step, independently and from the same distribution for all agents, so that no seat has an
advantage.

Rules of `resolve` (ours; the author's prototype moves agents one after the other in seat order):

* A free cell that several agents enter goes to the one with the highest priority; the others stay.
* An agent may enter a cell whose occupant leaves it in the same step, so chains advance as a whole,
  and so do rings of three or more agents.
* Two agents never swap cells.
* An agent that wants the cell of an agent that stays, stays too, and so on down the chain.

Agents on distinct cells are on distinct cells afterwards: at most one agent enters a cell (the
contest has one winner), and only if the cell is free or its occupant leaves.
"""

import jax
import jax.numpy as jnp
import numpy as np

from envs import grid


def winners(together: jax.Array, claims: jax.Array, priority: jax.Array) -> jax.Array:
    """One winner per contest: the claimant of highest priority; ties go to the lowest seat.

    Args:
        together: ``[N, N]`` bool, i and j want the same thing.
        claims: ``[N]`` bool, the agents that take part.
        priority: ``[N]`` float32.

    Returns:
        ``[N]`` bool.
    """
    seat = np.arange(claims.shape[0])
    earlier = jnp.asarray(seat[None] < seat[:, None])
    mine, theirs = priority[:, None], priority[None]
    behind = (theirs > mine) | ((theirs == mine) & earlier)
    return claims & ~(together & claims[None] & behind).any(-1)


def resolve(position: jax.Array, target: jax.Array, priority: jax.Array) -> jax.Array:
    """Moves agents that block each other, all at once, by the rules above.

    Args:
        position: ``[N, 2]`` int32, distinct cells.
        target: ``[N, 2]`` int32, the cell that each agent wants, its own or a neighbour.
        priority: ``[N]`` float32.

    Returns:
        ``[N, 2]`` int32, distinct cells, each agent's own or its target.
    """
    num_agents = position.shape[0]
    moves = (target != position).any(-1)
    behind = (target[:, None] == position[None]).all(-1)  # i wants the cell on which j stands
    stays = ~winners(grid.same_cell(target), moves, priority) | (behind & behind.T).any(-1)
    # An agent that wants the cell of an agent that stays, stays too. Chains are followed by pointer
    # doubling, in log2(N) rounds. An agent with nobody in its way is its own leader.
    leader = jnp.where(behind.any(-1), behind.argmax(-1), jnp.asarray(np.arange(num_agents)))
    for _ in range((num_agents - 1).bit_length()):
        stays, leader = stays | stays[leader], leader[leader]
    return jnp.where(stays[:, None], position, target)
