"""LASE: agents share their reward with friendly co-players (Kong et al. 2024, arXiv 2410.07863).

Every agent infers a relationship w_ij to each co-player by a counterfactual on its own joint-action
value, and gives this share of its reward to it; the acting policy learns on the rest plus the gifts
received. ``perspective=False`` is the paper's "LASE w/o", whose counterfactual weights others'
actions uniformly.

What an agent sees: its own observation, its own reward, everyone's actions; gifts arrive as reward.

Differences from the paper:
    - pi_SR clones the agent's own actions by default (``imagine``): equation 5 to the letter feeds
      it the SARSA error of a joint-action value, whose mean is 0 once that value fits, and it
      diverges. The default was chosen by how well pi_SR predicts its own agent and the others
      (``experiments/calibration``), not by return.
    - Advantages are generalised ones (``lam``), of which the paper's one-step error is ``lam = 0``,
      and there is an entropy bonus.
    - SR networks learn from the present batch unless ``replay`` is set.
    - eta is trained where the co-player stands in the window (``train_visible``), as in the
      author's prototype, and its distance is a mean over inputs (``distance``).
    - With ``min_spread``, an agent gives nothing to a co-player whose actions, as far as it knows,
      make no difference beyond the error of its own values.
    - Where all of j's actions have one value, w_ij is 0; a removed agent neither gives nor
      receives.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax

from envs.types import Env
from lase_jax.algorithms.lase.inference import Inference, SocialState
from lase_jax.algorithms.lase.mind import SocialConfig
from lase_jax.core.rewards import give
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.learners.actor_critic import Acting, Learner, LearnerState
from lase_jax.learners.agents import agent
from lase_jax.types import Account, Agent, Array, Clock, Metrics, Opinion, PyTree, Rollout


class LaseState(NamedTuple):
    """An actor-critic and its social relationship inference."""

    learner: LearnerState
    social: SocialState


@dataclass(frozen=True)
class Lase(SocialConfig):
    """LASE, or with ``perspective=False`` LASE w/o."""

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = Learner(self.learner, env.spec, len(seats))
        empathic = Empathic(seats, learner, Inference(self, env.spec, seats, learner))
        return agent(learner, seats, self.hyper(), empathic.shape)._replace(
            init=empathic.init,
            prepare=empathic.prepare,
            learn=empathic.learn,
            explain=empathic.explain,
        )


@dataclass(frozen=True)
class Empathic:
    """How LASE agents on some seats act and learn, as functions of their state."""

    seats: Seats
    learner: Learner
    inference: Inference

    def init(self, key: Array, hyper: PyTree) -> LaseState:
        """Fresh agents. ``key`` is consumed."""
        key_learner, key_social = jax.random.split(key)
        learner = self.learner.init(key_learner, hyper)
        return LaseState(learner, self.inference.init(key_social))

    def prepare(self, state: LaseState) -> Acting:
        """What acting needs: the acting policy alone."""
        return self.learner.prepare(state.learner)

    def shape(self, state: LaseState, rollout: Rollout, key: Array) -> Opinion:
        """Shares rewards by the inferred relationships. ``key`` is consumed."""
        weights, metrics = self.inference.weigh(state.social, state.learner, rollout, key)
        generosity = self.inference.config.generosity
        return give(generosity * weights, rollout, self.seats, metrics)

    def explain(self, state: LaseState, rollout: Rollout) -> Account:
        """What the relationships are made from: Q_SR, co-players' policies and imagined views."""
        return self.inference.explain(state.social, state.learner, rollout)

    def learn(
        self, state: LaseState, rollout: Rollout, reward: Array, key: Array, clock: Clock
    ) -> tuple[LaseState, Metrics]:
        """Trains acting policies on the reward after gifts, inference on extrinsic reward.

        ``key`` is consumed.
        """
        own_rollout, paid = take_seats(rollout, self.seats), take_columns(reward, self.seats)
        key_learner = jax.random.fold_in(key, 1)
        learnt, metrics = self.learner.learn(state.learner, own_rollout, paid, key_learner)
        infer = self.inference.learn
        social, measured = infer(state.social, state.learner, rollout, key, clock)
        return LaseState(learnt, social), metrics | measured
