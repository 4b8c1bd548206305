"""LASE: share own reward with those who are friendly (Kong et al. 2024, arXiv 2410.07863).

Every agent infers a relationship w_ij to each co-player by a counterfactual on its own joint-action
value, and hands that share of its reward to it; the acting policy learns on what is left plus the
gifts received. ``perspective=False`` is the paper's "LASE w/o", whose counterfactual weights
others' actions uniformly.

What an agent sees: its own observation, its own reward, everyone's actions; gifts arrive as reward.

Differences from the paper:
    - pi_SR clones the agent's own actions by default (``imagine``): equation 5 to the letter feeds
      it the SARSA error of a joint-action value, whose mean is 0 once that value fits, and it
      diverges. The default was chosen by how well pi_SR knows its own agent and foretells others
      (``experiments/calibration``), not by return.
    - Advantages are generalised ones (``lam``), of which the paper's one-step error is ``lam = 0``,
      and there is an entropy bonus.
    - SR networks learn from the present batch unless ``replay`` is set.
    - eta is trained where the co-player stands in the window (``train_visible``), as in the
      author's prototype, and its distance is a mean over inputs (``distance``).
    - Where all of j's actions have one value, w_ij is 0; a removed agent neither gives nor
      receives.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax

from envs.types import Env
from lase_jax.algorithms.lase import inference
from lase_jax.algorithms.lase.mind import SocialConfig
from lase_jax.core.rewards import give
from lase_jax.core.seats import Seats, take_columns, take_seats
from lase_jax.learners import LearnerState, a2c, as_agent
from lase_jax.types import Agent, Array, Clock, Metrics, Opinion, PyTree, Rollout


class LaseState(NamedTuple):
    """An actor-critic and its social relationship inference."""

    learner: LearnerState
    social: inference.SocialState


@dataclass(frozen=True)
class Lase(SocialConfig):
    """LASE, or with ``perspective=False`` LASE w/o."""

    def build(self, env: Env, seats: Seats) -> Agent:
        """The agents on `seats`."""
        learner = a2c(self, env.spec, len(seats))
        infer = inference.build(self, env.spec, seats, learner)

        def init(key: Array, hyper: PyTree) -> LaseState:
            key_learner, key_social = jax.random.split(key)
            return LaseState(learner.init(key_learner, hyper), infer.init(key_social))

        def shape(state: LaseState, rollout: Rollout, key: Array) -> Opinion:
            del key
            weights, metrics = infer.weigh(state.social, state.learner, rollout)
            return give(weights, rollout, seats, metrics)

        def learn(
            state: LaseState, rollout: Rollout, reward: Array, key: Array, clock: Clock
        ) -> tuple[LaseState, Metrics]:
            own = take_columns(reward, seats)
            learnt, metrics = learner.learn(state.learner, take_seats(rollout, seats), own)
            known, found = infer.learn(state.social, state.learner, rollout, key, clock)
            return LaseState(learnt, known), metrics | found

        return as_agent(learner, self.hyper(), seats, shape)._replace(
            init=init, prepare=lambda state: learner.prepare(state.learner), learn=learn
        )
