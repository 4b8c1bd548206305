import jax
import jax.numpy as jnp
import numpy as np

import envs
from lase_jax import api
from lase_jax.reports import evaluate, scripted


def test_each_seat_plays_as_its_kind_does():
    kinds = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    found = scripted.returns(envs.make("ipd"), ["cooperator", "defector"], kinds, jax.random.key(0))
    np.testing.assert_allclose(found, [[100, 100], [-20, 120], [120, -20], [0, 0]], atol=1e-3)


def test_a_society_earns_what_it_earns_among_learners():
    game = envs.make("ssg", rows=4, columns=4, num_agents=2, num_drifts=3, horizon=12)
    seats = ("cooperator", "defector")
    played = scripted.returns(game, seats, jnp.tile(jnp.arange(2), (400, 1)), jax.random.key(0))
    algorithm = api.society(game, seats).algorithm
    scores = evaluate.scores(game, algorithm, ((), ()), jax.random.key(1), 400, "sample")
    np.testing.assert_allclose(played.mean(0), scores["return/extrinsic"], rtol=0.1)
