"""Returns and advantages of one trajectory. Unbatched: callers vmap.

Letters: T steps.
"""

import chex
import jax
import jax.numpy as jnp

Array = jax.Array


def gae(
    reward: Array, value: Array, next_value: Array, cont: Array, gamma: Array, lam: Array
) -> Array:
    """Generalised advantage estimates (Schulman et al. 2016, equation 16).

    ``adv_t = delta_t + gamma lam cont_t adv_{t+1}`` with ``delta_t = r_t + gamma cont_t V_{t+1} -
    V_t``. ``lam = 0`` is the one-step TD error of Kong et al. 2024, ``lam = 1`` the Monte-Carlo
    return.

    Args:
        reward: ``[T]``.
        value: ``[T]``, V of the state before each step.
        next_value: ``[T]``, V of the state after each step.
        cont: ``[T]``, 0 where the agent's game ended with the step, else 1.
        gamma: ``[]`` discount.
        lam: ``[]`` trace decay.

    Returns:
        ``[T]`` advantages.
    """
    chex.assert_rank([reward, value, next_value, cont], 1)
    delta = reward + gamma * cont * next_value - value

    def back(after: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        error, keep = step
        adv = error + gamma * lam * keep * after
        return adv, adv

    return jax.lax.scan(back, jnp.zeros_like(delta[0]), (delta, cont), reverse=True)[1]


def magic_box(x: Array) -> Array:
    """An array of ones that has the derivative of `x`: ``exp(x - stop_gradient(x))``.

    Source: Foerster et al. 2018, DiCE (arXiv 1802.05098), equation 8.
    """
    return jnp.exp(x - jax.lax.stop_gradient(x))


def dice(log_prob: Array, reward: Array, gamma: Array) -> Array:
    """The return of one trajectory as an objective whose derivatives of any order are right.

    Each reward is made to depend on all choices up to its step. The mean over trajectories drawn by
    the policies has the derivatives of the expected return, including those of higher order and
    mixed ones (Foerster et al. 2018, arXiv 1802.05098, section 4).

    Args:
        log_prob: ``[T]`` joint log-probability of all choices in a step, by all agents whose
            parameters are differentiated.
        reward: ``[T]``.
        gamma: ``[]`` discount.

    Returns:
        ``[]``, the discounted return.
    """
    chex.assert_rank([log_prob, reward], 1)
    discount = gamma ** jnp.arange(len(reward), dtype=reward.dtype)
    return (discount * reward * magic_box(jnp.cumsum(log_prob))).sum()


def continues(active: Array, done: Array) -> Array:
    """Whether an agent's game goes on after each step.

    An agent's data end with its own removal, as in the author's prototype: the step in which it
    leaves is its last. An agent that leaves in the last step of a rollout which does not end the
    episode bootstraps from the empty window that it sees then.

    Args:
        active: ``[T]`` bool, the agent took part in the step.
        done: ``[T]`` bool, the episode ended with the step.

    Returns:
        ``[T]`` float32.
    """
    chex.assert_rank([active, done], 1)
    stays = jnp.append(active[1:], True)
    return (stays & ~done).astype(jnp.float32)
