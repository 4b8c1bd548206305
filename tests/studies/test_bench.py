"""The benchmarks' own arithmetic: what is counted, what is compared, what is filled in."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from envs import coin_game
from experiments.bench import coin, goals, growth, report, roofline, scaling
from experiments.bench.cost import Cost, cost
from lase_jax.runs.setup import set_up


def test_loops_count_as_often_as_they_run():
    kernel = jnp.ones((32, 32))

    def product(x, _):
        return jnp.tanh(x @ kernel), None

    def both(x, _):
        return jax.lax.scan(product, x, None, length=5)[0], None

    def run(x):
        return jax.lax.scan(both, x, None, length=7)[0]

    found = cost(jax.jit(run).lower(jnp.ones((8, 32))).compile(), {})
    assert found.flops == pytest.approx(35 * 2 * 8 * 32 * 32, rel=0.02)
    assert found.exps == 35 * 8 * 32
    assert found.bytes > 35 * 4 * (2 * 8 * 32 + 32 * 32)


@pytest.mark.parametrize("algo", ["lase", "ppo", "si_comm"])
def test_phases_can_be_called_as_the_update_calls_them(algo):
    setup = set_up(tiny.config(algo))
    calls, _ = roofline.phase_calls(setup, setup.initial_carry())
    for phase, *given in calls.values():
        assert jax.tree.leaves(jax.eval_shape(phase, *given))
    assert ("weights" in calls) == (algo == "lase")


def test_loops_of_unknown_length_count_as_the_caller_says():
    kernel = jnp.ones((32, 32))

    def multiply(name, x, times):
        with jax.named_scope(name):
            return jax.lax.while_loop(
                lambda c: c[0] < times, lambda c: (c[0] + 1, c[1] @ kernel), (jnp.int32(0), x)
            )[1]

    def run(x, times):
        return multiply("first", x, times) + jax.vmap(lambda x: multiply("second", -x, times))(x)

    compiled = jax.jit(run).lower(jnp.ones((8, 32)), jnp.int32(3)).compile()
    found = cost(compiled, {"first": 3.0, "second": 5.0})
    assert found.flops == pytest.approx(8 * 2 * 8 * 32 * 32, rel=0.02)
    with pytest.raises(KeyError, match="second"):
        cost(compiled, {"first": 3.0})


def test_a_phase_in_a_loop_is_done_in_every_turn():
    x = jnp.ones((64, 64))
    once = cost(jax.jit(jnp.matmul).lower(x, x).compile(), {})
    often = cost(jax.jit(roofline.again(jnp.matmul)).lower(x, x).compile(), {})
    assert often.flops == pytest.approx(roofline.UPDATES * once.flops, rel=0.01)


def test_what_the_parts_leave_of_an_update_is_the_rest():
    def phase(amount):
        return roofline.Phase(amount, Cost(10 * amount, 0.0, amount))

    names = dict(random=1.0, playing=3.0, opinion=1.0, learning=4.0, host=0.5, update=10.0)
    found = roofline.phases({name: phase(amount) for name, amount in names.items()}, False)
    assert found["acting"] == phase(2.0)
    assert found["rest"] == phase(2.0)


def test_goals_read_what_a_roofline_wrote(tmp_path, monkeypatch, capsys):
    def took(update, trained):
        done = Cost(3e9, 1e9, 0.0)
        return {"update": roofline.Phase(update, done), "as trained": roofline.Phase(trained, done)}

    found = {"a2c": took(0.2, 0.1), "lase": took(0.3, 0.25)}
    peak = roofline.Peak(flops=3e10, memory=1e10, cache=1e11)
    monkeypatch.setattr(roofline.clock, "isolated", lambda *_: (peak, found))
    roofline.main(["--out", str(tmp_path / "roofline")])
    assert "**lase**, 1.50 times a2c's time, 2.50 times as trained." in capsys.readouterr().out
    goals.main(["--runs", str(tmp_path)])
    shown = capsys.readouterr().out
    assert (
        "share of the matrix rate as trained, Cleanup, paper's network | >= 0.40 | 0.40 | yes |"
        in shown
    )
    assert "| lase's time beside A2C's, cleanup paper, one program | <= 2.0 | 1.50 | yes |" in shown
    assert (
        "| lase's time beside A2C's, cleanup paper, as trained | <= 2.0 | 2.50 | **no** |" in shown
    )
    assert (
        "| lase's time beside A2C's, cleanup dense, as trained | <= 2.0 | - | not measured |"
        in shown
    )


def test_the_plain_coin_game_has_our_rules():
    game, rng = coin.GAME, np.random.default_rng(0)
    env = game.build()
    state, obs = env.reset(jax.random.key(0))
    board = coin.Board(*map(np.asarray, (state.position, state.coin, state.owner)))
    np.testing.assert_array_equal(coin.observe(game, board), obs)
    step = jax.jit(env.transition)
    for _ in range(200):
        action, chance = rng.integers(0, 4, 2), rng.random(4, np.float32)
        draws = coin_game.Draws(jnp.asarray(chance[:2]), jnp.asarray(chance[2:]))
        state, out = step(state, jnp.asarray(action, jnp.int32), draws)
        board, reward, seen = coin.transition(game, board, action, *np.split(chance, [2]))
        np.testing.assert_array_equal(reward, out.reward)
        np.testing.assert_array_equal(seen, out.obs)


def test_a_table_is_put_where_it_belongs(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- x -->\nold\n<!-- /x -->\nafter\n")
    report.publish("x", report.table(["what", "s"], [["a", "1"]]), page)
    assert page.read_text() == (
        "before\n<!-- x -->\n| what | s |\n| --- | ---: |\n| a | 1 |\n<!-- /x -->\nafter\n"
    )
    with pytest.raises(SystemExit, match="has no place for it"):
        report.publish("y", "", page)


def test_nothing_is_begun_that_would_not_end_in_time(tmp_path, monkeypatch):
    def measured(function, point, repeats):
        return {"label": point.label, "size": point.size, "steps_per_second": 1.0}

    now = iter(range(0, 1000, 25))
    monkeypatch.setattr(scaling.clock, "isolated", measured)
    monkeypatch.setattr(scaling.time, "monotonic", lambda: next(now))
    points = [scaling.Point("ssh", "a2c", "dense", "seeds", size) for size in (1, 2, 4, 8)]
    rows = scaling.sweep(points, 1, tmp_path / "x.json", minutes=2.0)
    assert [row["size"] for row in rows] == [1, 2]


def test_growth_is_what_each_part_adds_after_the_first_quarter():
    first = [growth.Look(k, k, 9.0 * k, 0.0, 0.0, 0.0) for k in range(1, 6)]
    later = [growth.Look(k, 10 * k, 50.0 + k, 0.01 * 10 * k, 1.0, 0.0) for k in range(6, 21)]
    seen = [*first, *later]
    found = {field: growth.slope(seen, field) for field in growth.GROWING}
    assert found == pytest.approx(dict(memory=102.4, metrics=10.24, wandb=0.0, checkpoints=0.0))
    unknown = [look._replace(memory=float("nan")) for look in seen]
    assert np.isnan(growth.slope(unknown, "memory"))


def test_a_run_is_looked_at_from_outside(tmp_path):
    for name in ("8", "12", "20.orbax-checkpoint-tmp"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / "checkpoints" / name / "data").write_bytes(bytes(2**19))
    assert growth.newest(tmp_path) == 12
    assert growth.newest(tmp_path / "elsewhere") == 0
    assert growth.size(tmp_path) == 1.5
    assert growth.resident(os.getpid()) > 10.0
