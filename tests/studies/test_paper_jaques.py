"""Arms, measures and rules of the reproduction of Jaques et al. 2019."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from made import RISING, SEEDS, made, of_all_runs, reported, results
from probes import settings

import envs
from envs.registry import GAMES as CONFIGS
from experiments.paper import dilemmas
from experiments.paper.book import NUMBERS, Results
from experiments.paper.jaques import PAPER, arms, claims, measures, stages, tune
from experiments.paper.jaques.measures import AROUND, Course
from experiments.paper.scales import SCALES
from lase_jax import api
from lase_jax.presets import jaques
from lase_jax.runs.setup import set_up

PAIRS = [(ablation, arm) for ablation, arm, _ in arms.EXPERIMENTS.values()]
"""Controls of the paper and what they are a control of."""


@pytest.mark.parametrize("arm", arms.ARMS)
def test_arms_can_be_set_up(arm):
    for game in arms.SMALL:
        set_up(arms.small(game, arm))
    for game in jaques.GAMES:
        set_up(arms.full(game, arm))


@pytest.mark.parametrize(("control", "arm"), PAIRS)
def test_ablations_have_all_but_the_influence(control, arm):
    for game in arms.SMALL:
        theirs, ours = (asdict(arms.small(game, name).agent) for name in (control, arm))
        differ = {field for field in ours if ours[field] != theirs[field]}
        assert theirs["weight"] == 0 < ours["weight"]
        assert differ <= {"weight", "alpha"}
        assert arms.small(game, control).schedule == arms.small(game, arm).schedule


@pytest.mark.parametrize("arm", [arm for arm, what in arms.ARMS.items() if what.tuned])
def test_controls_differ_in_whose_influence_is_paid_out(arm):
    for game in arms.SMALL:
        theirs, ours = (
            asdict(arms.small(game, name).agent) for name in (arm, arms.ARMS[arm].tuned)
        )
        assert {field for field in ours if ours[field] != theirs[field]} == {"control"}


def test_what_is_tuned_has_as_many_trials():
    counts = {len(tune.candidates(game, arm)) for game in arms.SMALL for arm in arms.OF_ITS_OWN}
    assert counts == {4}


@pytest.mark.parametrize("game", arms.SMALL)
@pytest.mark.parametrize("arm", arms.OF_ITS_OWN)
def test_arms_have_what_the_trials_chose(game, arm):
    best = tune.TRIALS.best(game, arm, tune.TRIALS.found(game, arm))
    if best is None:
        pytest.skip("not all trials are kept yet")
    assert arms.TUNED[game, arm] == best


def test_what_the_paper_leaves_open_is_an_option():
    agent = arms.full("cleanup_ssd", "moa_influence").agent
    assert agent.moa_weight == 15.007 / jaques.UNROLL and agent.curriculum_steps == (0.0, 40e6)
    assert agent.learner.lr * agent.learner.lr_end == pytest.approx(1.2e-5)
    other = arms.full("cleanup_ssd", "moa_influence", "divides", curriculum_unit=1e3).agent
    assert other.moa_weight == pytest.approx(1 / 15.007 / jaques.UNROLL)
    assert other.curriculum_steps == (0.0, 40e3)


def test_the_full_scale_has_the_papers_games_and_steps():
    runs = stages.STAGES["full_size"].runs(SCALES["full"])
    assert {run.env for run in runs.values()} == set(jaques.GAMES)
    assert {run.schedule.steps for run in runs.values()} == {500_000_000}
    here = stages.STAGES["full_size"].runs(SCALES["cpu"])
    assert {*here} < {*runs} and here["cleanup_ssd-moa_influence"].seeds == 2
    assert here["cleanup_ssd-a2c"].schedule.steps < 10_000_000
    assert {name.split("-")[1] for name in runs} == {*arms.ARMS}
    assert runs["harvest_ssd-prosocial"].agent.eta == 0.85
    lr = runs["harvest_ssd-a2c"].agent.learner.lr
    assert runs["harvest_ssd-prosocial"].agent.learner.lr == lr == 1.36e-3
    assert runs["harvest_ssd-ia"].agent.alpha == 5.0
    varied = stages.STAGES["conditions"].runs(SCALES["full"])
    one = varied["cleanup_ssd-comm-weight_0.3-alpha_0.2"]
    assert (one.agent.weight, one.agent.alpha, one.agent.vocabulary) == (0.3, 0.2, 9)
    assert one.schedule == jaques.SCHEDULE
    assert stages.kept("cleanup_ssd-moa").curves == stages.IN_TIME
    assert [*stages.STAGES["full_size"].runs(SCALES["quick"])] == ["cleanup_ssd-a2c"]


def test_the_papers_games_are_judged_where_all_arms_are_kept_there():
    returns = dict(a2c=89, ia=275, basic=190, comm=166, moa_influence=392)
    runs = {
        f"{game}__{arm}": made(returns.get(arm, 0), event__apples=np.ones((SEEDS, 4)))
        for game in jaques.GAMES
        for arm in arms.ARMS
    }
    found = PAPER.judge(25, results(**runs))
    assert [part.found.split(":")[0] for part in found.parts] == [*jaques.GAMES]
    assert [part.holds for part in found.parts] == [True, False]
    runs.pop("harvest_ssd__comm_agents")
    assert "cleanup_small-a2c is not kept" in PAPER.judge(25, results(**runs)).lacks


def course(influence, opened=None):
    """A course of one seed, one agent, of ``influence [T, E]``."""
    influence = np.asarray(influence, float)[None, ..., None]
    nothing = np.zeros(influence.shape, bool)
    return Course(influence, nothing if opened is None else opened, ~nothing)


def test_moments_of_influence_are_rare_if_few_steps_have_it_all():
    found = measures.rare(course([[0.0], [0.0], [0.0], [4.0]]))
    assert found["influence/moments"] == pytest.approx(0.25)
    assert np.isnan(measures.rare(course(np.zeros((4, 1))))["influence/moments"])


def test_the_openers_influence_is_seen_around_the_opening():
    influence = np.zeros((20, 2))
    influence[7, 0] = 1.5
    opened = np.zeros((1, 20, 2, 1), bool)
    opened[0, [7, 9], 0] = True  # of the first episode; in the second nobody opens
    found = measures.openings(course(influence, opened))
    assert found["opening/by_step"][0].tolist() == [0.0] * 7 + [0.5] * 13
    spike = found["opening/influence"][0]
    assert spike[AROUND] == 1.5 and not spike[:AROUND].any() and not spike[AROUND + 1 :].any()


@pytest.mark.parametrize("algo", ["a2c", "si_basic", "si_comm", "si"])
def test_influence_of_trained_agents_is_measured_by_what_they_compute(algo, tmp_path):
    game = envs.make("box_trapped", horizon=3)
    result = api.train(
        game,
        api.society(game, settings(algo)),
        seeds=2,
        steps=24,
        num_envs=2,
        say=lambda line: None,
    )
    result.save(tmp_path / "run")
    found = measures.measure(tmp_path / "run", result, "box_trapped", algo != "a2c")
    assert found["opening/by_step"].shape == (2, 3)
    course, _ = measures.courses(result)
    assert course.influence.any() == (algo != "a2c")
    assert ("influence/moments" in found) == (algo != "a2c")
    assert {name for name in found if name.startswith("talk/")} == (
        {"talk/consistency", "talk/consistency_shuffled", *(f"talk/{name}" for name in COORDINATED)}
        if algo == "si_comm"
        else set()
    )
    for name in COORDINATED if algo == "si_comm" else ():
        assert np.isnan(found[f"talk/{name}"]).all(0).tolist() == [[True, False], [False, True]]


COORDINATED = [
    f"{what}{when}{control}"
    for what in ("symbol_action", "action_action")
    for when in ("", "_influential")
    for control in ("", "_shuffled")
]


def small_maps(**arms):
    """Findings of arms with some collective returns, in both small maps."""
    return {
        f"{game}__{arm}": made(values, agents=3, return__extrinsic=np.ones((SEEDS, 3)))
        for game in stages.DILEMMAS
        for arm, values in arms.items()
    }


def test_the_order_of_table_4_is_a_rank_correlation():
    right = {game: claims.table_4(game) for game in stages.DILEMMAS}
    runs = {
        f"{game}__{arm}": made(float(value))
        for game, theirs in right.items()
        for arm, value in theirs.items()
    }
    assert PAPER.judge(25, results(**runs)).word == "reproduced"
    other = {name: made(1000.0 - run.final["return/collective"][0]) for name, run in runs.items()}
    assert PAPER.judge(25, results(**other)).word == "not reproduced"


def test_boxes_must_open_with_influence_and_stay_shut_without():
    returns = dict(moa_influence=20 + RISING, moa=10 + RISING, a2c=RISING)
    controls = dict(moa_agents=20 + RISING, moa_moments=20 + RISING)
    runs = small_maps(**returns, **controls)

    def boxes(**shares):
        course = {arm: np.full((SEEDS, 20), share) for arm, share in shares.items()}
        return {
            f"box_trapped__{arm}": made(played={"opening/by_step": each})
            for arm, each in course.items()
        }

    shut = dict(a2c=0.0, moa=0.0, moa_agents=0.1, moa_moments=0.0)
    found = PAPER.judge(18, results(**runs, **boxes(moa_influence=0.9, **shut)))
    assert found.word == "reproduced"
    assert found.cause("influence") == "above III: shuffled in time in box_trapped only"
    found = PAPER.judge(18, results(**runs, **boxes(moa_influence=0.3, **shut)))
    assert found.word == "not reproduced"


@pytest.mark.parametrize("arm", ["basic", "comm"])
def test_influence_and_communication_must_both_stand_above_their_ablations(arm):
    """Claim 17."""
    returns = dict(a2c=0.0, visible=10.0, basic=20.0, talk=10.0, comm=20.0)
    returns |= {control: 0.0 for control in ("basic_moments", "comm_agents", "comm_moments")}
    returns = {name: value + RISING for name, value in returns.items()}

    def judged(by_chance=False, **changed):
        runs = small_maps(**returns | changed)
        for name, run in runs.items():
            better = float(name.endswith("__comm"))
            told = {
                "consistency": np.full((SEEDS, 3), better) + RISING[:, None],
                claims.COORDINATION: np.full((SEEDS, 3, 3), better),
            }
            for measure, values in told.items():
                run.played[f"talk/{measure}"] = values
                run.played[f"talk/{measure}_shuffled"] = values if by_chance else 0.0 * values
        return PAPER.judge(17, results(**runs)).word

    assert judged() == "reproduced" and judged(by_chance=True) == "partly"
    assert judged(**{arm: RISING}) == "not reproduced"


@pytest.mark.parametrize(("influential", "word"), [(20.0, "reproduced"), (-20.0, "not reproduced")])
def test_return_times_equality_must_be_above_a2cs_that_earns_nothing(influential, word):
    """Claim 28."""
    arms = dict.fromkeys(("basic", "comm", "moa_influence"), influential + RISING) | {
        "a2c": np.zeros(SEEDS)
    }
    runs = small_maps(**arms)
    for name, run in runs.items():
        if name.endswith("a2c"):
            run.final["return/extrinsic"] = np.zeros((SEEDS, 3))
    assert PAPER.judge(28, results(**runs)).word == word


@pytest.mark.parametrize(("poorest", "word"), [(0.1, "reproduced"), (1.0, "not reproduced")])
def test_the_prosocial_control_earns_more_and_shares_worse(poorest, word):
    """Claim 29."""
    runs = small_maps(a2c=RISING, prosocial=20 + RISING)
    for name, run in runs.items():
        least = poorest if name.endswith("prosocial") else 0.8
        run.final["return/extrinsic"][:, 0] = least - RISING / 100
    assert PAPER.judge(29, results(**runs)).word == word


@pytest.mark.parametrize(("share", "word"), [(0.05, "reproduced"), (0.5, "not reproduced")])
def test_influence_must_be_rare(share, word):
    """Claim 27."""
    runs = {
        f"{game}__comm": made(played={"influence/moments": share + RISING / 100})
        for game in stages.DILEMMAS
    }
    assert PAPER.judge(27, results(**runs)).word == word


def test_who_is_influenced_more_must_earn_more_over_all_conditions():
    def runs(sign):
        found = {}
        for place, (weight, alpha) in enumerate(stages.CONDITIONS):
            own = np.full((SEEDS, 3), sign * place) + RISING[:, None]
            finding = made(agents=3, return__extrinsic=own)
            finding.final["influence/pair"] = np.full((SEEDS, 3, 3), 0.01 * place)
            for game in stages.DILEMMAS:
                found[f"{game}-comm-weight_{weight:g}-alpha_{alpha:g}"] = finding
        return results(**found)

    assert PAPER.judge(26, runs(1.0)).word == "reproduced"
    assert PAPER.judge(26, runs(-1.0)).word == "not reproduced"


def test_who_of_three_agents_is_influenced_more_is_told_beside():
    found = {}
    for place, (weight, alpha) in enumerate(stages.CONDITIONS):
        own = np.array([1.0, 2.0, 3.0]) + np.arange(SEEDS)[:, None]
        finding = made(agents=3, return__extrinsic=own)
        finding.final["influence/pair"] = place + np.tile([0.75, 0.5, 0.25], (SEEDS, 3, 1))
        for game in stages.DILEMMAS:
            found[f"{game}-comm-weight_{weight:g}-alpha_{alpha:g}"] = finding
    verdict = PAPER.judge(26, results(**found))
    assert "over agents within a seed -1.00" in verdict.parts[0].found


def test_seeds_of_a_condition_are_no_conditions_of_their_own():
    """Ten equal seeds of four conditions leave 24 orders of them: no p can be small."""
    rising = np.tile(np.arange(4.0)[:, None], (1, 10))
    rank, p = claims.correlation(rising, rising)
    assert rank == pytest.approx(1.0) and 1 / 24 < p < 0.2
    assert claims.correlation(rising, -rising)[0] == pytest.approx(-1.0)
    many = np.tile(np.arange(10.0)[:, None], (1, 3))
    assert claims.correlation(many, many)[1] < 0.01


@pytest.mark.parametrize(
    ("env", "count"), [*((game, 6) for game in stages.SPURIOUS), ("cleanup_small", SEEDS)]
)
def test_seeds_in_which_an_agent_does_not_eat_do_not_count_in_harvest(env, count):
    found = made(RISING, agents=3)
    found.settings["env"] = env
    found.final["event/apples"] = np.ones((SEEDS, 3))
    found.final["event/apples"][:4, 1] = 0.1
    assert claims.starved(found).sum() == 4
    assert len(claims.counted(found)) == count
    assert np.isinf(tune.score(found)) == (env in stages.SPURIOUS)
    found.final["event/apples"][:, 1] = 0.1
    assert len(claims.counted(found)) == SEEDS


def test_no_two_conditions_are_the_same_but_for_their_unit():
    ratios = [weight / alpha for weight, alpha in stages.CONDITIONS]
    assert len(np.unique(np.round(ratios, 6))) == len(ratios)


def test_every_figure_and_table_is_made_of_what_is_kept(tmp_path):
    def numbers(index, agents):
        own = np.tile(RISING[:, None], (1, agents))
        talk = {f"talk/{name}": np.ones((SEEDS, agents, agents)) for name in COORDINATED}
        played = {
            **talk,
            "talk/consistency": own,
            "talk/consistency_shuffled": 0 * own,
            "opening/by_step": np.tile(RISING[:, None], (1, 20)),
            "opening/influence": np.tile(RISING[:, None], (1, 2 * AROUND + 1)),
            "influence/moments": RISING,
        }
        return played, {
            "event__apples": own,
            "return__extrinsic": own + index,
            "influence__pair": np.full((SEEDS, agents, agents), float(index)),
        }

    diagrams = json.loads((dilemmas.ANALYSIS.folder / NUMBERS).read_text())
    found = Results(of_all_runs(PAPER, numbers), {dilemmas.NAME: diagrams})
    text = reported(PAPER, found, tmp_path)
    assert "seeds in which an agent eats less than 0.25 of the mean" in text


def test_small_maps_have_the_papers_agents_and_no_fines():
    for game in stages.DILEMMAS:
        run = arms.small(game, "a2c")
        assert run.game.fire is False and CONFIGS[game].fire is True
