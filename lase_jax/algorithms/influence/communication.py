"""Influential communication: agents send symbols, and are paid for how far those move listeners.

Experiment II of Jaques et al. 2019 (section 5). In every step each agent sends one symbol of a
vocabulary beside its action; all agents hear all symbols in the next step. Symbols have a policy
and a critic of their own on the trunk of the acting policy. The influence of k's symbol on j is the
divergence of j's policy in the next step, given the symbol, from what it would be on average over
k's policy of symbols, all else as it was. Actions are trained on the agent's reward r, symbols on

    alpha r_k + weight sum_j influence_kj.

With ``weight=0`` and ``alpha=1`` it is the paper's control, communication trained on reward alone.

What an agent sees: its own observation and reward, and the symbols of all agents of this kind in
the step before. The influence is computed with the listeners' parameters (centralised training).

Differences from the paper: synchronous actor-critics instead of A3C; symbols join the first dense
layer, without an embedding of their own; actions' policies are the behaviour policies, epsilon
included, while symbols are drawn without epsilon; influence is clipped. A symbol that is heard in
the next rollout earns no influence: with rollouts of T steps, one in T.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import checks
from envs.types import Env
from lase_jax.algorithms.influence import coordination
from lase_jax.algorithms.influence.effect import Audience, InfluenceConfig, effect_of_telling
from lase_jax.core import distributions
from lase_jax.core.metrics import masked_mean
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.learners import Acting, LearnerState, Views, a2c, as_agent, epsilon, extend, objective
from lase_jax.nets.layers import one_hots
from lase_jax.types import SEAT_AXES, Agent, Array, Clock, Decision, Metrics, Mode, PyTree, Rollout


class Memory(NamedTuple):
    """What agents carry through an episode."""

    learner: PyTree
    heard: Array  # [B, n] int32, the symbols of the step before; V for silence


@dataclass(frozen=True)
class Communication(InfluenceConfig):
    """Actor-critics that send symbols and are paid for the influence of those."""

    vocabulary: int = 8
    """Number of symbols, 2 or more."""
    alpha: float = 1.0
    """Multiple of the agent's reward that symbols are trained on, beside influence, 0 or more."""
    symbol_loss: float = 1.0
    """Weight of the loss of symbols beside that of actions."""
    symbol_entropy: float = 0.05
    """Weight of the entropy bonus of symbols."""

    def __post_init__(self) -> None:
        """Checks every field."""
        super().__post_init__()
        checks.integer("vocabulary", self.vocabulary, 2)
        for field in ("alpha", "symbol_loss", "symbol_entropy"):
            checks.number(field, getattr(self, field), 0.0)
        remedy = "give a width for symbols to join"
        checks.require(bool(self.net.dense), "net.dense", self.net.dense, remedy)

    def hyper(self) -> dict[str, float]:
        """The settings that may be traced."""
        own = ("alpha", "symbol_loss", "symbol_entropy")
        return super().hyper() | {field: getattr(self, field) for field in own}

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`.

        Raises:
            ConfigError: there is nobody to listen.
        """
        spec, count, size = env.spec, len(seats), self.vocabulary
        remedy = "give two seats or more to agents who talk"
        checks.require(count > 1, "seats", seats, remedy)
        learner = a2c(self, spec, count, extra=count * size, symbols=size)

        def hear(obs: Array, heard: Array) -> Array:
            """``obs [..., n, F]`` and the symbols ``[..., n]`` that everyone heard."""
            return extend(obs, one_hots(heard, size))

        def begin(num_envs: int) -> Memory:
            return Memory(learner.begin(num_envs), jnp.full((num_envs, count), size, jnp.int32))

        def draw(key: Array, num_envs: int) -> Array:
            return jax.random.uniform(key, (num_envs, count, 2))

        def act(
            acting: Acting, memory: Memory, obs: Array, draws: Array, mode: Mode
        ) -> tuple[Decision, Memory]:
            def one(
                params: PyTree, folded: PyTree, memory: PyTree, x: Array
            ) -> tuple[Array, Array, PyTree]:
                h, memory = learner.advance(params, folded, memory, x)
                return learner.heads(params, h)[0], learner.speak(params, h)[0], memory

            seatwise = jax.vmap(one, (0, 0, 1, 1), 1)
            seen = hear(obs, memory.heard)
            logits, said, after = seatwise(acting.params, acting.folded, memory.learner, seen)
            action, log_prob = distributions.choose(logits, acting.epsilon, draws[..., 0], mode)
            symbol, _ = distributions.choose(said, 0.0, draws[..., 1], mode)
            return Decision(action, log_prob, notes=symbol), Memory(after, symbol)

        def remember(acting: Acting, memory: Memory, action: Array, reward: Array) -> Memory:
            """Those who have left the game are not heard."""
            del acting, reward
            there = take_columns(action, seats) < spec.num_actions
            return memory._replace(heard=jnp.where(there, memory.heard, size))

        def own_share(rollout: Rollout) -> tuple[Rollout, Array]:
            """The rollout as the actor-critics know it, and the symbols ``[T, B, n]`` heard."""
            own = take_seats(rollout, seats)
            said = jnp.where(own.active, rollout.notes, size)
            heard = jnp.concatenate([rollout.memory.heard[None], said[:-1]])
            own = own._replace(
                obs=hear(own.obs, heard),
                last_obs=hear(own.last_obs, said[-1]),
                memory=rollout.memory.learner,
            )
            return own, heard

        def influence(state: LearnerState, own: Rollout, heard: Array, counts: Array) -> Array:
            """Of each agent's symbol on each agent's next action, ``[n, T, B, n]`` nats."""
            params, eps = state.trained.params, epsilon(state)
            past = jax.vmap(learner.review, (0, 1, 2))(params, own.memory, own.obs)
            logits, _ = jax.vmap(learner.heads)(params, past.h)
            symbols, _ = jax.vmap(learner.speak)(params, past.h)
            audience = Audience(
                params=params,
                past=past,
                told=heard,
                policy=jnp.moveaxis(distributions.policy(logits, eps).logits, 0, 2),
                action=own.action,
                epsilon=eps,
            )
            # symbols are heard a step later
            sending = jnp.roll(distributions.policy(symbols).logits, 1, 1)

            def of_one(speaker: Array) -> Array:
                """``[T, B, n]``, by the time at which the symbol is sent."""
                log_pi = sending[speaker]
                moved = effect_of_telling(learner, audience, speaker, log_pi, self.measure)
                return jnp.where(counts[:, :, speaker], jnp.roll(moved, -1, 0), 0.0)

            return jax.lax.map(of_one, jnp.arange(count))

        def reaches(own: Rollout) -> Array:
            """``[T, B, n, n]`` bool: the speaker is there, and the other acts in the next step."""
            known = jnp.asarray(np.arange(len(own.action)) < len(own.action) - 1)
            goes_on = jnp.roll(own.active, -1, 0) & ~own.done[..., None] & known[:, None, None]
            other = ~jnp.eye(count, dtype=bool)[None, None]
            return own.active[..., None] & goes_on[..., None, :] & other

        def loss(
            params: PyTree, own: Rollout, symbol: Array, reward: Array, paid: Array, rest: tuple
        ) -> tuple[Array, Metrics]:
            """One agent's; `reward` is what actions learn on, `paid` what symbols do."""
            hyper, eps = rest
            h = learner.watch(params, own)
            acts = objective(self, Views(*learner.heads(params, h)), own, reward, hyper, eps)
            spoken, calm = own._replace(action=symbol), hyper | {"entropy": hyper["symbol_entropy"]}
            talks = objective(self, Views(*learner.speak(params, h)), spoken, paid, calm, 0.0)
            parts = {f"learn/{name}": value for name, value in acts[1].items()}
            parts |= {f"talk/{name}": value for name, value in talks[1].items()}
            return acts[0] + hyper["symbol_loss"] * talks[0], parts

        def learn(
            state: LearnerState, rollout: Rollout, reward: Array, key: Array, clock: Clock
        ) -> tuple[LearnerState, Metrics]:
            del key, clock
            hyper, said, mine = state.hyper, rollout.notes, take_columns(reward, seats)
            own, heard = own_share(rollout)
            counts = reaches(own)
            moved = influence(state, own, heard, counts)
            earned = jnp.moveaxis(self.pay(state, spec, moved).sum(-1), 0, -1)
            paid = jax.lax.stop_gradient(hyper["alpha"] * mine + earned)

            def total(params: PyTree) -> tuple[Array, Metrics]:
                each = jax.vmap(loss, (0, SEAT_AXES, 2, 2, 2, None))
                losses, parts = each(params, own, said, mine, paid, (hyper, epsilon(state)))
                return losses.sum(), parts

            grads, parts = jax.grad(total, has_aux=True)(state.trained.params)
            learnt, numbers = learner.descend(state, grads, rollout, parts)
            return learnt, numbers | measure(own, said, jnp.moveaxis(moved, 0, 2), counts, earned)

        def measure(
            own: Rollout, said: Array, moved: Array, counts: Array, earned: Array
        ) -> Metrics:
            """What is measured of communication; ``moved [T, B, n, n]``, ``earned [T, B, n]``."""
            acts, symbols = spec.num_actions, size
            following = jnp.roll(own.action, -1, 0)
            mean = masked_mean(moved, counts, (0, 1), jnp.nan)
            moments = counts & (moved > mean[None, None])
            elsewhere = jnp.roll(following, 1, 1) if said.shape[1] > 1 else following[::-1]

            def flat(value: Array) -> Array:
                return value.reshape(-1, *value.shape[2:])

            def table(value: Array) -> Array:
                """``[n, n]`` to ``[n, N]``, NaN for oneself and for other kinds of agents."""
                blank = jnp.full((count, spec.num_agents), jnp.nan)
                shown = jnp.where(jnp.eye(count, dtype=bool), jnp.nan, value)
                return blank.at[:, np.array(seats)].set(shown)

            def together(first: Array, num: int, second: Array, where: Array) -> Array:
                pairs = coordination.pairwise(flat(first), flat(second), num, acts, flat(where))
                return table(pairs)

            def consistent(symbol: Array, action: Array, active: Array) -> Array:
                joint = coordination.joint(symbol, action, symbols, acts, active)
                return coordination.consistency(joint)

            return {
                "influence/reward": masked_mean(earned, own.active, (0, 1), jnp.nan),
                "influence/pair": table(mean),
                "talk/consistency": jax.vmap(consistent, (1, 1, 1))(
                    flat(said), flat(own.action), flat(own.active)
                ),
            } | {
                f"talk/{what}{when}{control}": together(first, num, second, where)
                for what, first, num in (
                    ("symbol_action", said, symbols),
                    ("action_action", own.action, acts),
                )
                for when, where in (("", counts), ("_influential", moments))
                for control, second in (("", following), ("_shuffled", elsewhere))
            }

        return as_agent(learner, self.hyper(), seats)._replace(
            begin=begin, draw=draw, act=act, learn=learn, remember=remember
        )
