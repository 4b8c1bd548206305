"""What a perfect Q_SR would say: counterfactuals by simulation instead of by a network.

    python -m experiments.credit.truth [--games cleanup]

A scripted society plays as in the sweep, with a scripted player in LASE's seat 0. In a step in
which agent 0 is paid, one co-player's action is replaced by each possible one, and the game is
played to its end many times with every alternative, all with the same random numbers. Equation 3 on
the mean discounted returns of agent 0, with the co-player's own policy, is the weight that LASE
approximates.

"Worth" is by how much a helpful action raises agent 0's mean return, "noise" the standard deviation
of a single return, and "samples" how many of each kind of action tell the means apart by two
standard errors. Writes ``truth.md`` beside this file.

Letters: B states, M continuations, A actions, N seats.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from envs.registry import GAMES as CONFIGS
from envs.types import Env
from experiments.credit.sweep import GAMES, seats
from lase_jax.algorithms.lase import counterfactual
from lase_jax.algorithms.lase.inference import deeds
from lase_jax.cli import guarded
from lase_jax.presets import preset
from lase_jax.reports.tables import markdown
from lase_jax.runs import files

HEADS = ("game", "co-player", "worth", "noise", "samples", "w helpful", "w otherwise")
FIRST = dict.fromkeys(("ssh", "ssh_strict", "ssg"), "cooperator")
"""Who sits in seat 0, where it is not the defector."""


@dataclass(frozen=True)
class Truth:
    """What to simulate."""

    games: tuple[str, ...] = GAMES
    """Names of games."""
    states: int = 512
    """States from which all alternatives are played."""
    continuations: int = 256
    """Continuations of each alternative."""


class Branches(NamedTuple):
    """Alternatives of one co-player in B states in which agent 0 has been paid."""

    returns: jax.Array  # [B, M, A] discounted, of agent 0
    probs: jax.Array  # [B, A] the co-player's policy
    deed: jax.Array  # [B, A] 1 where the action helps, -1 where it harms


def acts(env: Env, kinds: tuple[str, ...], key: jax.Array, obs: jax.Array) -> jax.Array:
    """Everyone's actions ``[N]``. ``key`` is consumed."""
    keys = jax.random.split(key, len(kinds))
    each = [env.scripted[kind](keys[i], obs[i], jnp.int32(i)) for i, kind in enumerate(kinds)]
    return jnp.stack(each).astype(jnp.int32)


def paid_state(env: Env, kinds: tuple[str, ...], key: jax.Array) -> tuple[Any, ...]:
    """A step of a random episode in which agent 0 is paid. ``key`` is consumed.

    Returns:
        The state before the step, everyone's observations ``[N, ...]`` and actions ``[N]``, the
        time ``[]`` of the step, and whether there is such a step in the episode, ``[]`` bool.
    """
    key_reset, key_play, key_choice = jax.random.split(key, 3)
    horizon = env.spec.horizon

    def step(carry: tuple, key: jax.Array) -> tuple:
        state, obs, goes_on = carry
        key_act, key_step = jax.random.split(key)
        action = acts(env, kinds, key_act, obs)
        after, out = env.step(key_step, state, action)
        paid = goes_on & (out.reward[0] != 0)
        return (after, out.obs, goes_on & ~out.terminated), (state, obs, action, paid)

    begin = (*env.reset(key_reset), jnp.bool_(True))
    _, (states, obs, action, paid) = jax.lax.scan(step, begin, jax.random.split(key_play, horizon))
    time = jax.random.categorical(key_choice, jnp.where(paid, 0.0, -jnp.inf))
    now = jax.tree.map(lambda leaf: leaf[time], (states, obs, action))
    return *now, time, paid.any()


def branches(
    env: Env, kinds: tuple[str, ...], other: int, gamma: float, many: int, key: jax.Array
) -> tuple[Branches, jax.Array]:
    """All alternatives of one co-player in one state, and whether there was such a state.

    Args:
        env: the game.
        kinds: who sits where.
        other: the co-player's seat.
        gamma: discount of agent 0's rewards.
        many: M.
        key: consumed.
    """
    key_state, key_policy, key_play = jax.random.split(key, 3)
    state, obs, action, time, valid = paid_state(env, kinds, key_state)
    num = env.spec.num_actions

    def play(key: jax.Array, alternative: jax.Array) -> tuple[jax.Array, jax.Array]:
        keys = jax.random.split(key, env.spec.horizon)
        joint = action.at[other].set(alternative)
        after, out = env.step(keys[0], state, joint)
        events = {name: count[None, None] for name, count in out.events.items()}
        rollout = Facts(events, out.active[None, None])
        deed = deeds(rollout, env.spec)[0, 0, other]

        def step(carry: tuple, chance: tuple) -> tuple:
            state, obs, discount = carry
            index, key = chance
            key_act, key_step = jax.random.split(key)
            after, out = env.step(key_step, state, acts(env, kinds, key_act, obs))
            within = time + index < env.spec.horizon
            gain = jnp.where(within, discount * out.reward[0], 0.0)
            left = jnp.where(out.terminated, 0.0, discount * gamma)
            return (after, out.obs, left), gain

        first = after, out.obs, jnp.where(out.terminated, 0.0, gamma)
        rest = jnp.arange(1, env.spec.horizon), keys[1:]
        _, gains = jax.lax.scan(step, first, rest)
        return out.reward[0] + gains.sum(), deed

    each = jax.vmap(jax.vmap(play, (None, 0)), (0, None))
    returns, did = each(jax.random.split(key_play, many), jnp.arange(num))
    ask = env.scripted[kinds[other]]
    asked = jax.vmap(lambda key: ask(key, obs[other], jnp.int32(other)))
    guesses = asked(jax.random.split(key_policy, many))
    probs = jax.nn.one_hot(guesses, num).mean(0)
    return Branches(returns, probs, did[0]), valid


class Facts(NamedTuple):
    """The part of a rollout that `deeds` reads."""

    events: dict[str, jax.Array]
    active: jax.Array


def findings(env: Env, kinds: tuple[str, ...], other: int, gamma: float, size: Truth) -> list[str]:
    """A row of the table: what a perfect Q_SR of agent 0 says about one co-player."""

    def one(key: jax.Array) -> tuple[Branches, jax.Array]:
        return branches(env, kinds, other, gamma, size.continuations, key)

    keys = jax.random.split(jax.random.key(0), size.states)
    found, valid = jax.device_get(jax.jit(lambda keys: jax.lax.map(one, keys))(keys))
    found = jax.tree.map(lambda leaf: leaf[valid], found)
    q = found.returns.mean(1)
    kind = found.deed - found.deed.min(1, keepdims=True) > 0  # the better of an action's two kinds
    both = kind.any(1) & ~kind.all(1)
    means = [np.where(mask, q, 0).sum(1)[both] / mask.sum(1)[both] for mask in (kind, ~kind)]
    worth = float(np.subtract(*means).mean()) if both.any() else np.nan
    noise = float(found.returns.std(1).mean())
    each = jax.vmap(jax.vmap(counterfactual.relationship, (0, None, None, None)), (0, 0, 0, None))
    weights = np.asarray(each(q, q, found.probs, env.spec.num_agents))

    def given(mask: np.ndarray) -> float:
        share = found.probs * mask
        return float((weights * share).sum() / share.sum()) if share.sum() > 0 else np.nan

    samples = 2 * (2 * noise / worth) ** 2 if worth else np.inf
    return [
        f"{worth:.3f}",
        f"{noise:.2f}",
        f"{samples:.2g}",
        f"{given(kind):.3f}",
        f"{given(~kind):.3f}",
    ]


def main() -> int:
    """Simulates, writes the table and returns an exit code."""
    size = tyro.cli(Truth, description=__doc__)
    rows = []
    for game in size.games:
        env, kinds = CONFIGS[game].build(), (FIRST.get(game, "defector"), *seats(game)[1:])
        gamma = preset(game, "lase").agent.social_gamma
        for other in range(1, len(kinds)):
            rows.append([game, kinds[other], *findings(env, kinds, other, gamma, size)])
            print(" | ".join(rows[-1]), flush=True)
    text = markdown(HEADS, rows)
    sizes = f"{size.states} states, {size.continuations} continuations each"
    note = f"{sizes}. `python -m experiments.credit.truth`"
    files.write(Path(__file__).parent / "truth.md", f"{text}\n{note}\n")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
