"""Actor-critics with a second choice beside their action in every step: a symbol, a gift.

The second choice has a policy and a critic of its own on the trunks of the first, see
`lase_jax.nets.actor_critic`, and may learn on another reward.

Letters: T steps, B environments, n seats, V possible second choices.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from lase_jax.core import distributions
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState, epsilon
from lase_jax.learners.policy import Views
from lase_jax.types import SEAT_AXES, Array, Decision, Metrics, Mode, PyTree, Rollout


class Lesson(NamedTuple):
    """What both policies of some agents learn from."""

    own: Rollout  # the own part, with all that the policies read in its observations
    choice: Array  # [T, B, n] int32, the second choices
    reward: Array  # [T, B, n], the reward that actions learn on
    paid: Array  # [T, B, n], the reward that second choices learn on
    seen: tuple[Array, ...] = ()  # [T, B, n, E], what else they are made on


LESSON_AXES = Lesson(SEAT_AXES, 2, 2, 2, 2)  # pyright: ignore[reportArgumentType]
"""Where the seat axis stands in each field, for ``jax.vmap``."""


@dataclass(frozen=True)
class TwoPolicies:
    """How agents with a second choice draw, act and learn."""

    learner: Learner
    """Of which the V symbols are the second choices."""
    prefix: str
    """Of the metrics of the second policy, e.g. "talk/"."""

    def draw(self, key: Array, num_envs: int) -> Array:
        """``[B, n, 2]`` float32 in [0, 1), for actions and second choices. ``key`` is consumed."""
        return jax.random.uniform(key, (num_envs, self.learner.num_seats, 2))

    def act(
        self, acting: Acting, memory: PyTree, obs: Array, draws: Array, mode: Mode
    ) -> tuple[Decision, PyTree]:
        """Chooses an action, by the epsilon mixture while it explores, and something else.

        Returns:
            The decision, whose notes are the second choices ``[B, n]`` int32, which are drawn
            without epsilon; and the learner's memory.
        """
        policy = self.learner.policy

        def one(
            params: PyTree, folded: PyTree, memory: PyTree, x: Array
        ) -> tuple[Array, Array, PyTree]:
            features, memory = policy.step(params, folded, memory, x)
            second = policy.symbol_logits(params, features)
            return policy.action_logits(params, features), second, memory

        seatwise = jax.vmap(one, (0, 0, 1, 1), 1)
        x = obs.astype(jnp.float32)
        logits, second, after = seatwise(acting.params, acting.folded, memory, x)
        action, log_prob = distributions.choose(logits, acting.epsilon, draws[..., 0], mode)
        choice, _ = distributions.choose(second, 0.0, draws[..., 1], mode)
        return Decision(action, log_prob, notes=choice), after

    def views(
        self, params: PyTree, lesson: Lesson, scales: tuple[Array, Array]
    ) -> tuple[Views, Views]:
        """What one agent's two policies and critics make of every step."""
        policy, steps = self.learner.policy, len(lesson.choice)
        features = policy.features(params, lesson.own)
        acts = policy.views(params, features, steps, scales[0])
        return acts, policy.views(params, features, steps, scales[1], "symbol_", *lesson.seen)

    def loss(
        self,
        params: PyTree,
        lesson: Lesson,
        targets: PyTree,
        scales: tuple[Array, Array],
        state: LearnerState,
        weight: Array,
        entropy: Array,
    ) -> tuple[Array, Metrics]:
        """One agent's loss ``[]`` of actions and second choices, and its parts."""
        hyper, config, own = self.learner.current(state), self.learner.config, lesson.own
        acts, others = self.views(params, lesson, scales)
        acting, act_parts = config.objective(
            acts, own, lesson.reward, targets[0], hyper, epsilon(state)
        )
        chosen = own._replace(action=lesson.choice)
        calm = hyper | {"entropy": entropy}
        choosing, parts = config.objective(others, chosen, lesson.paid, targets[1], calm, 0.0)
        metrics = {f"learn/{name}": value for name, value in act_parts.items()}
        metrics |= {f"{self.prefix}{name}": value for name, value in parts.items()}
        return acting + weight * choosing, metrics

    def targets(
        self, params: PyTree, lesson: Lesson, scales: tuple[Array, Array], hyper: dict
    ) -> tuple[PyTree, PyTree]:
        """One agent's targets of actions and of choices, see `ActorCriticConfig.targets`."""
        find, own = self.learner.config.targets, lesson.own
        chosen = own._replace(action=lesson.choice)
        acts = find(lambda: self.views(params, lesson, scales)[0], own, lesson.reward, hyper)
        others = find(lambda: self.views(params, lesson, scales)[1], chosen, lesson.paid, hyper)
        return acts, others

    def learn(
        self, state: LearnerState, lesson: Lesson, weight: Array, entropy: Array, key: Array
    ) -> tuple[LearnerState, Metrics]:
        """Trains both policies and critics; counts no episodes.

        Args:
            state: of the agents.
            lesson: what they learn from.
            weight: ``[]`` of the loss of second choices beside that of actions.
            entropy: ``[]`` weight of the entropy bonus of second choices.
            key: consumed.
        """
        hyper = state.hyper
        state = self.learner.rescaled(state, lesson.own, [lesson.reward, lesson.paid])
        scales = self.learner.scale(state, 0), self.learner.scale(state, 1)
        each = jax.vmap(self.targets, (0, LESSON_AXES, 0, None), 2)
        targets = each(state.trained.params, lesson, scales, hyper)

        def losses(params: PyTree, beside: PyTree, data: PyTree) -> tuple[Array, Metrics]:
            del beside
            lesson, targets = data
            one = jax.vmap(self.loss, (0, LESSON_AXES, 2, 0, None, None, None))
            return one(params, lesson, targets, scales, state, weight, entropy)

        learnt, _, metrics = self.learner.minimise(losses, state, (lesson, targets), key)
        return learnt, metrics
