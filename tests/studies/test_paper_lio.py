"""Arms, measures and rules of the reproduction of Yang et al. 2020."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made import RISING, ROWS, SEEDS, made, of_all_runs, reported, results
from probes import settings

import envs
from experiments.paper.book import Results
from experiments.paper.lio import PAPER, claims, measures, stages, tune
from experiments.paper.scales import SCALES
from lase_jax import api
from lase_jax.presets import preset
from lase_jax.reports import evaluate
from lase_jax.runs.setup import set_up


def test_arms_are_those_of_the_paper():
    runs = {
        name: run
        for stage in stages.STAGES.values()
        for name, run in stage.runs(SCALES["cpu"]).items()
    }
    everywhere, on_maps, in_rooms = 7, 2, 2  # of ten arms; GO is on the maps and in the rooms
    assert len(runs) == 5 * everywhere + 2 * on_maps + 2 * in_rooms
    assert not {"ipd-ia", "ipd-go", "ipd-lio_models", "cleanup_7x7-lio_models"} & {*runs}
    names = "escape_room_3-lio_published", "escape_room_3-giving_c", "escape_room-lio_models"
    for name in (*names, "ipd-giving_c", "cleanup_7x7-ia", "cleanup_10x10-go"):
        set_up(runs[name])
    assert runs["ipd-a2c"].game == runs["ipd-lio_published"].game
    assert runs["ipd-a2c"].game.horizon == 5
    giving = runs["cleanup_7x7-giving_d"].agent
    assert (giving.amount, giving.price, giving.levels) == (2.0, 1e-4, 1)
    for game, price in {"escape_room_3": 1.0, "ipd": 1.0, "cleanup_7x7": 1e-4}.items():
        any_amount = runs[f"{game}-giving_c"].agent
        assert any_amount.price == price and any_amount.see_actions
        assert runs[f"{game}-zero_sum"].agent.price == 1.0
    assert runs["cleanup_7x7-lio_published"].schedule.num_envs == 1
    assert runs["cleanup_7x7-lio_published"].seeds == 5 and runs["cleanup_7x7-lio"].seeds == 10
    usual = preset("ipd", "a2c").agent.learner
    assert runs["ipd-a2c"].agent.learner.epsilon_episodes == 20 * usual.epsilon_episodes
    theirs = preset("ipd", "lio", "published").agent
    assert runs["ipd-lio_published"].agent == theirs


@pytest.mark.parametrize("game", tune.TRIALS.games)
@pytest.mark.parametrize("arm", tune.TRIALS.arms)
def test_arms_have_what_as_many_trials_chose(game, arm):
    tried = tune.candidates(game, arm)
    assert len(tried) == 4 and all(each.keys() == tried[0].keys() for each in tried)
    assert len({*map(str, tried)}) == 4
    best = tune.TRIALS.best(game, arm, tune.TRIALS.found(game, arm))
    if best is None:
        pytest.skip("not all trials are kept yet")
    assert stages.TUNED[game, arm] == best


def test_what_is_received_is_told_apart_by_the_deed(monkeypatch):
    """One seed, one episode of three steps, two agents; the second leaves before the last step."""
    received = np.array([[1.0, 10.0], [3.0, 20.0], [5.0, 99.0]], np.float32)
    helped = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]], np.float32)
    active = np.array([[True, True], [True, True], [True, False]])
    game = envs.make("escape_room")
    (event,) = game.spec.helps
    facts = SimpleNamespace(events={event: jnp.asarray(helped[:, None])}, active=active[:, None])
    played = SimpleNamespace(delta=jnp.asarray(received[:, None]), rollout=facts)

    def of_one_seed(result, algorithm, measure):
        return {name: value[None] for name, value in measure(None, played).items()}

    monkeypatch.setattr(measures, "of_each_seed", of_one_seed)
    society = SimpleNamespace(algorithm=None)
    found = measures.deeds(SimpleNamespace(game=game, society=society))
    np.testing.assert_array_equal(found["paid/deed"], [[3.0, np.nan]])
    np.testing.assert_array_equal(found["paid/else"], [[3.0, 15.0]])


def trained(agent):
    game = envs.make("escape_room")
    society = api.society(game, agent)
    return api.train(game, society, seeds=2, steps=40, num_envs=2, say=lambda line: None)


def test_givers_do_what_is_paid_and_else(tmp_path):
    found = measures.measure(tmp_path, trained(settings("giving")), gives=True)
    assert found["paid/deed"].shape == found["paid/else"].shape == (2, 2)
    assert np.isfinite(found["paid/deed"]).all()  # untrained agents do both


def test_incentives_to_scripted_players_depend_on_what_they_do(tmp_path):
    found = measures.measure(tmp_path, trained(settings("lio")), gives=False)
    both = [found[f"paid/{name}"] for name in measures.RECIPIENTS]
    assert both[0].shape == (2, 2) and (both[0] > 0).all() and (both[0] != both[1]).all()


PAID = ("deed", "else", *measures.RECIPIENTS)


def runs_of(game, cleaned=(1.0, 0.0), **returns):
    """Runs of some arms, in which two agents clean so much."""
    runs = {
        f"{game}__{arm}": made(value + RISING / 10, agents=2, horizon=5)
        for arm, value in returns.items()
    }
    for run in runs.values():
        run.final["event/waste_cleaned"] = np.tile(cleaned, (SEEDS, 1))
    return runs


REST = dict(a2c=0.0, giving_d=1.0, giving_c=1.0, zero_sum=1.0)


def test_the_rooms_optimum_must_be_near():
    def of(two, three, rest=REST):
        own = dict(lio=5.0, lio_unpaid=0.0) | rest
        first = runs_of("escape_room", lio_published=two, **own)
        return first | runs_of("escape_room_3", lio_published=three, **own)

    found = PAPER.judge(35, results(**of(8.8, 7.9)))
    assert found.word == "reproduced" and found.cause("incentives") == "due to incentives"
    assert "authors' settings" in found.parts[0].found
    assert PAPER.judge(35, results(**of(8.8, 4.0))).word == "not reproduced"
    near_too = PAPER.judge(35, results(**of(8.8, 7.9, REST | dict(zero_sum=7.6))))
    assert near_too.word == "not reproduced"  # policy gradients must stay away from the optimum


@pytest.mark.parametrize(
    ("ours", "word"),
    [(-5.5, "reproduced"), (-6.75, "partly"), (-9.5, "not reproduced")],
    ids=["cooperates", "nearly", "defects"],
)
def test_the_dilemma_needs_cooperation_and_more_than_others(ours, word):
    """A player's return in five steps: -5 if both cooperate, -10 if both defect."""

    def of(value):
        return made(2 * (value + RISING), agents=2, horizon=5)

    others = dict(a2c=-9.9, giving_d=-9.0, giving_c=-9.0, zero_sum=-9.0, lio=-9.9, lio_unpaid=-9.9)
    runs = {f"ipd__{arm}": of(value) for arm, value in others.items()}
    found = PAPER.judge(36, results(ipd__lio_published=of(ours), **runs))
    assert found.word == word
    assert f"a step {(ours + RISING.mean()) / 5:.3g} [" in found.parts[0].found


def test_both_maps_count():
    def of(seven, ten, ia=1.0, cleaned=(1.0, 0.0)):
        first = runs_of("cleanup_7x7", cleaned, lio=seven, lio_unpaid=0.0, ia=ia, **REST)
        return first | runs_of("cleanup_10x10", cleaned, lio=ten, lio_unpaid=0.0, ia=ia, **REST)

    assert PAPER.judge(37, results(**of(9.0, 5.0))).word == "reproduced"
    assert PAPER.judge(37, results(**of(9.0, -1.0))).word == "not reproduced"
    assert PAPER.judge(37, results(**of(9.0, 5.0, ia=5.0))).word == "partly"
    together = of(9.0, 5.0, cleaned=(0.6, 0.4))
    assert PAPER.judge(37, results(**together)).word == "not reproduced"  # no labour is divided


@pytest.mark.parametrize(("paid", "word"), [(1.0, "reproduced"), (-1.0, "not reproduced")])
def test_deeds_must_be_paid_more_than_else(paid, word):
    runs = {}
    for game in (*stages.ROOMS, *stages.MAPS):
        curves = {
            "incentive/deed": np.tile(paid + RISING[:, None], (ROWS, 1, 2)),
            "incentive/else": np.tile(RISING[:, None], (ROWS, 1, 2)),
        }
        curves["incentive/deed"][: ROWS // 2] = np.nan  # nobody does it yet
        for arm in ("lio", "lio_published"):
            runs[f"{game}__{arm}"] = made(agents=2, curves=curves)
    assert PAPER.judge(38, results(**runs)).word == word


def test_a_payer_who_is_blind_to_deeds_pays_none():
    """One agent helps always and is paid as much when it does not; the other does neither."""
    level = np.stack([1 + RISING, 0 * RISING], -1)
    curves = {f"incentive/{case}": np.tile(level, (ROWS, 1, 1)) for case in ("deed", "else")}
    curves["incentive/deed"][..., 1] = np.nan
    assert not claims.for_deeds(made(agents=2, curves=curves)).any()


def test_scripted_players_are_paid_in_the_seat_that_they_have():
    """Agents with hands of their own pay whoever helps; the seat's own network does not act."""
    game = envs.make("escape_room")
    society, stranger = (api.society(game, name).algorithm for name in ("defector", "cooperator"))
    state = society.init(jax.random.key(0), society.hyper)
    both = measures.joined(society, stranger, 1)
    played = evaluate.episodes(game, both, state, jax.random.key(1), 3, "sample")
    alone = evaluate.episodes(game, society, state, jax.random.key(1), 3, "sample")
    others = evaluate.episodes(game, stranger, state, jax.random.key(1), 3, "sample")
    first = [np.asarray(each.rollout.action[0]) for each in (played, alone, others)]
    np.testing.assert_array_equal(first[0][:, 0], first[1][:, 0])
    np.testing.assert_array_equal(first[0][:, 1], first[2][:, 1])
    assert (first[1] != first[2]).any()


def test_every_figure_and_table_is_made_of_what_is_kept(tmp_path):
    def numbers(index, agents):
        del index
        return {f"paid/{case}": np.ones((SEEDS, agents)) for case in PAID}, {}

    reported(PAPER, Results(of_all_runs(PAPER, numbers), {}), tmp_path)
