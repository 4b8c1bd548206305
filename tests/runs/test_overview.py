import jax
import pytest
import tiny

from lase_jax.runs import overview
from lase_jax.runs.parts import plan_of
from lase_jax.runs.setup import set_up


@pytest.mark.parametrize("algo", ["a2c", "lase", "si", "giving"])
def test_parameters_are_those_of_one_agent(algo):
    both = set_up(tiny.config(algo))
    alone = set_up(tiny.config(algo).with_seats([algo, "random"]))
    assert overview.parameters(alone)["random"] == 0
    assert overview.parameters(both)[algo] == overview.parameters(alone)[algo] > 0


def test_parameters_are_counted_in_all_networks_and_nowhere_else():
    setup = set_up(tiny.config("a2c"))
    (state,) = setup.initial_carry().state
    leaves = jax.tree.leaves(state.trained.params)
    seeds, agents = 2, 2
    assert overview.parameters(setup)["a2c"] == sum(leaf.size for leaf in leaves) / seeds / agents


def test_a_run_says_what_it_is():
    config = tiny.config("a2c", chunks=5).with_seats(["a2c", "cooperator"])
    lines = dict(
        line.split(maxsplit=1) for line in overview.lines(set_up(config), plan_of(config), "online")
    )
    assert lines["Game:"] == "ssh, 2 seats, episodes of 4 steps, at most 10 for all together"
    assert lines["Seats:"] == "a2c (seat 0), cooperator (seat 1)"
    assert lines["Seeds:"] == "2 (0 to 1), side by side"
    assert lines["Steps:"] == "80 per seed, in 2 environments"
    assert lines["Updates:"].startswith("10 in 5 parts")
    assert lines["W&B:"] == "online"
    assert overview.seats(("lase",) * 4) == "4 x lase"
