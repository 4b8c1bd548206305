"""Societies: the agents on the seats of a game, and their joint iteration.

Letters: T steps, B environments, N seats, n seats of one kind of agent.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import EnvSpec
from lase_jax.core import metrics, rewards
from lase_jax.core.seats import Seats
from lase_jax.types import (
    Account,
    Agent,
    Algorithm,
    Array,
    Clock,
    Decision,
    Metrics,
    Mode,
    Opinion,
    PyTree,
    Rollout,
    World,
)


def society(spec: EnvSpec, groups: Sequence[tuple[Agent, Seats]]) -> Algorithm:
    """Joins agents on disjoint seats to one algorithm; self-play is one kind on all seats.

    Args:
        spec: the game's facts.
        groups: each kind of agent with the seats it holds, together all seats of the game.

    Raises:
        ConfigError: a seat is taken twice, left empty, or not in the game.
    """
    taken = [seat for _, seats in groups for seat in seats]
    every = list(range(spec.num_agents))
    checks.require(sorted(taken) == every, "seats", taken, f"give each of {every} to one agent")
    back = np.argsort(taken)

    def assemble(parts: list[Array], axis: int) -> Array:
        joined = jnp.concatenate(parts, axis)
        return joined if taken == every else jnp.take(joined, back, axis)

    def init(key: Array, hyper: PyTree) -> PyTree:
        keys = jax.random.split(key, len(groups))
        return tuple(a.init(k, h) for (a, _), k, h in zip(groups, keys, hyper, strict=True))

    def begin(num_envs: int) -> PyTree:
        return tuple(agent.begin(num_envs) for agent, _ in groups)

    def prepare(state: PyTree) -> PyTree:
        return tuple(agent.prepare(s) for (agent, _), s in zip(groups, state, strict=True))

    def draw(key: Array, num_envs: int) -> PyTree:
        keys = jax.random.split(key, len(groups))
        return tuple(agent.draw(k, num_envs) for (agent, _), k in zip(groups, keys, strict=True))

    def act(
        acting: PyTree, memory: PyTree, obs: Array, draws: PyTree, mode: Mode
    ) -> tuple[Decision, PyTree]:
        decisions, memories = [], []
        for (agent, seats), a, m, d in zip(groups, acting, memory, draws, strict=True):
            own_obs = obs if seats == tuple(every) else jnp.take(obs, np.array(seats), axis=1)
            decision, after = agent.act(a, m, own_obs, d, mode)
            decisions.append(decision)
            memories.append(after)
        chosen = Decision(
            action=assemble([d.action for d in decisions], 1),
            log_prob=assemble([d.log_prob for d in decisions], 1),
            notes=tuple(d.notes for d in decisions),
        )
        return chosen, tuple(memories)

    def remember(acting: PyTree, memory: PyTree, action: Array, reward: Array) -> PyTree:
        return tuple(
            agent.remember(a, m, action, reward)
            for (agent, _), a, m in zip(groups, acting, memory, strict=True)
        )

    def views(rollout: Rollout) -> list[Rollout]:
        """The whole rollout with each group's own memory and notes."""
        pairs = zip(rollout.memory, rollout.notes, strict=True)
        return [rollout._replace(memory=memory, notes=notes) for memory, notes in pairs]

    def weigh(state: PyTree, rollout: Rollout, key: Array) -> Opinion:
        keys = jax.random.split(key, len(groups))
        opinions = [
            agent.shape(s, view, k)
            for (agent, _), s, view, k in zip(groups, state, views(rollout), keys, strict=True)
        ]
        delta = sum((o.delta for o in opinions), jnp.zeros_like(rollout.reward))
        weights = assemble([o.weights for o in opinions], 2)
        return Opinion(
            jax.lax.stop_gradient(delta),
            jax.vmap(jax.vmap(rewards.keep_rest))(weights),
            merge([(o.metrics, seats) for o, (_, seats) in zip(opinions, groups, strict=True)]),
        )

    def explain(state: PyTree, rollout: Rollout) -> Account:
        """Everyone's account, NaN for seats that have nothing of the kind."""
        merged: dict[str, Any] = {}
        for (agent, seats), own, view in zip(groups, state, views(rollout), strict=True):
            told = Account() if agent.explain is None else agent.explain(own, view)
            for name, value in told._asdict().items():
                if isinstance(value, tuple):
                    continue
                steps, envs, _, *rest = value.shape
                blank = jnp.full((steps, envs, spec.num_agents, *rest), jnp.nan)
                merged[name] = merged.get(name, blank).at[:, :, np.array(seats)].set(value)
        return Account(**merged)

    def merge(group_metrics: list[tuple[Metrics, Seats]]) -> Metrics:
        """Every seat's numbers in one array per name, NaN for seats that have none."""
        merged: Metrics = {}
        for numbers, seats in group_metrics:
            for name, value in numbers.items():
                blank = jnp.full((spec.num_agents, *value.shape[1:]), jnp.nan)
                merged[name] = merged.get(name, blank).at[np.array(seats)].set(value)
        return merged

    def reflect(
        before: PyTree,
        after: PyTree,
        rollout: Rollout,
        reward: Array,
        further: Callable,
        key: Array,
    ) -> tuple[PyTree, list[tuple[Metrics, Seats]]]:
        """Calls `reflect` of all agents that have it, on the states before any of them reflects."""
        acting, reflected, group_metrics = prepare(after), list(after), []
        for index, ((agent, seats), view) in enumerate(zip(groups, views(rollout), strict=True)):
            if agent.reflect is None:
                continue

            def again(own_acting: PyTree, key: Array, index: int = index) -> Rollout:
                everyone = (*acting[:index], own_acting, *acting[index + 1 :])
                return views(further(everyone, key))[index]

            key_now = jax.random.fold_in(key, index)
            reflected[index], numbers = agent.reflect(
                before[index], after[index], view, reward, again, key_now
            )
            group_metrics.append((numbers, seats))
        return tuple(reflected), group_metrics

    def iterate(
        state: PyTree, collect: Callable, world: World, key: Array, clock: Clock
    ) -> tuple[PyTree, World, Metrics]:
        key_play, key_weigh, key_learn, key_reflect = jax.random.split(key, 4)
        world, rollout = collect(prepare(state), world, key_play, clock)
        opinion = weigh(state, rollout, key_weigh)
        reward = rollout.reward + opinion.delta
        keys = jax.random.split(key_learn, len(groups))
        learnt = [
            agent.learn(s, view, reward, k, clock)
            for (agent, _), s, view, k in zip(groups, state, views(rollout), keys, strict=True)
        ]
        learn_metrics = [(m, seats) for (_, m), (_, seats) in zip(learnt, groups, strict=True)]
        after = tuple(s for s, _ in learnt)

        def further(acting: PyTree, key: Array) -> Rollout:
            return collect(acting, world, key, clock)[1]

        after, reflect_metrics = reflect(state, after, rollout, reward, further, key_reflect)
        facts = metrics.of_rollout(rollout, opinion.delta, opinion.weights, spec.horizon)
        return after, world, facts | opinion.metrics | merge(learn_metrics + reflect_metrics)

    hyper = tuple(agent.hyper for agent, _ in groups)
    reflects = any(agent.reflect is not None for agent, _ in groups)
    return Algorithm(
        hyper, reflects, init, begin, prepare, draw, act, remember, weigh, iterate, explain
    )
