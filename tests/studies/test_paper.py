"""The reproduction: which runs, what they decide, and what the report says."""

import dataclasses
import json
import pickle
import re
import signal
import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import psutil
import pytest
from made import RISING, ROWS, SEEDS, made, of_all_runs, reported, results

from experiments.comparison import Estimate
from experiments.learning_curves import sweep
from experiments.paper import book, cost, report, verdicts
from experiments.paper.__main__ import Make, jobs_of
from experiments.paper.book import Results
from experiments.paper.lase import PAPER, claims, tables
from experiments.paper.lase.stages import (
    SIZES,
    STAGES,
    riders,
    sized,
    unvaried,
    variations,
    varied,
)
from experiments.paper.papers import PAPERS
from experiments.paper.scales import SCALES, SEED
from experiments.paper.verdicts import Part
from experiments.study import TUNING_SEED
from lase_jax.algorithms import Scripted
from lase_jax.presets import preset

ROOT = PAPER.report.parent.parent


def judged(number, **runs):
    return PAPER.judge(number, results(**runs))


@pytest.fixture(scope="module")
def planned():
    """All runs of all scales."""
    return {
        name: {stage: STAGES[stage].runs(scale) for stage in STAGES}
        for name, scale in SCALES.items()
    }


@pytest.mark.parametrize("name", SCALES)
def test_runs_have_names_of_their_own_and_seeds_that_nothing_else_reports(planned, name):
    runs = [(run, config) for stage in planned[name].values() for run, config in stage.items()]
    assert len({run for run, _ in runs}) == len(runs)
    for run, config in runs:
        assert run.split("-")[0] == config.env
        assert config.seed == SEED and config.wandb == "disabled"
        assert config.seeds <= SCALES[name].seeds
    assert SEED > TUNING_SEED + 100 > sweep.SEEDS


def test_the_scale_that_is_reported_has_the_preset_settings(planned):
    ours = planned["cpu"]["methods"]["cleanup-lase"]
    theirs = sweep.runs(("cleanup",), ("lase",), ours.seeds)["cleanup-lase"]
    assert ours == dataclasses.replace(theirs, seed=SEED)
    assert ours.seeds == 10


def test_claims_have_ten_seeds_and_questions_five(planned):
    stages = planned["cpu"]
    for stage, run, seeds in (
        ("controls", "ssg-shuffled", 10),
        ("controls", "ssg-untrained", 5),
        ("controls", "coingame-moments", 10),
        ("exploitation", "cleanup-go-one", 10),
        ("exploitation", "ssg-lase-one", 5),
        ("adaptation", "cleanup-lase-scripted", 10),
        ("free_riders", "cleanup-lase-defector", 5),
        ("extended", "ssg_extn-lase", 5),
    ):
        assert stages[stage][run].seeds == seeds


def test_the_full_scale_has_the_networks_of_the_paper(planned):
    net = planned["full"]["methods"]["ssg-lase"].agent.learner.net
    assert (net.conv, net.dense, net.lstm) == ((16, 32), (128,), 128)


def test_seats_are_those_of_the_figures(planned):
    stages = planned["cpu"]
    assert stages["adaptation"]["cleanup-lase-scripted"].seats == (
        *("lase", "cleaner", "defector", "random"),
    )
    one = stages["exploitation"]["cleanup-gift-one"]
    assert one.seats == ("gift", "a2c", "a2c", "a2c")
    riders = stages["free_riders"]
    assert riders["ssg-shuffled-defector"].seats == ("lase", "lase", "lase", "defector")
    assert riders["ssg-shuffled-defector"].agent.control == "co_players"
    assert riders["cleanup-lase-selfish"].seats == ("lase", "lase", "a2c", "a2c")
    assert riders["coingame-lase-selfish"].seats == ("lase", "a2c")
    assert "coingame-shuffled-defector" not in riders
    assert "coingame-shuffled" not in stages["controls"] and "ssg-shuffled" in stages["controls"]


def test_a_co_player_changes_half_way_and_others_help_now_and_then(planned):
    run = planned["cpu"]["changing"]["ssg-lase-stops"]
    half = run.schedule.steps // run.game.horizon // 2
    players = {kind.name: kind.agent for kind in run.others}
    assert players["stops"] == Scripted("cooperator", other="defector", until=half)
    graded = planned["cpu"]["graded"]["cleanup-lase-graded"]
    helps = [kind.agent for kind in graded.kinds()[1:]]
    assert [player.share for player in helps] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert graded.game.num_agents == len(graded.seats) == 6


def test_every_claim_has_a_rule_in_one_paper():
    numbered = verdicts.read()
    ruled = [number for paper in PAPERS.values() for number in paper.rules]
    assert sorted(ruled) == sorted(numbered)
    assert [*PAPER.claims] == [*range(1, 17)]
    assert numbered[4].claim == "SSG: LASE near 120, GO above it."


def test_papers_can_be_chosen_by_their_names():
    assert get_args(get_type_hints(Make)["paper"]) == (*PAPERS,)


@pytest.mark.parametrize("number", [number for number in claims.RULES])
def test_what_is_not_kept_is_named(number):
    found = judged(number)
    assert found.word == "cannot be compared" and found.lacks.endswith(" is not kept.")


@pytest.mark.parametrize(
    ("parts", "needed", "word"),
    [
        ("++", 0, "reproduced"),
        ("+0", 0, "partly"),
        ("+-", 0, "not reproduced"),
        ("00", 0, "not reproduced"),
        ("+++-", 3, "reproduced"),
        ("++0-", 3, "not reproduced"),
        ("++00", 3, "partly"),
    ],
)
def test_parts_make_a_verdict(parts, needed, word):
    every = [Part("", part == "+", part == "-") for part in parts]
    assert verdicts.verdict(every, needed=needed).word == word


@pytest.mark.parametrize(
    ("chances", "word"),
    [
        ({}, ""),
        ({"gift": Estimate(0.9, 0.8, 1.0)}, "due to inference"),
        ({"gift": Estimate(0.6, 0.4, 0.8)}, "needs no inference"),
        (
            {"gift": Estimate(0.9, 0.8, 1.0), "untrained": Estimate(0.5, 0.4, 0.6)},
            "above equal gifts only",
        ),
        ({"a2c": Estimate(0.6, 0.4, 0.8), "gift": Estimate(0.5, 0.4, 0.6)}, "needs no gifts"),
    ],
)
def test_an_effect_is_due_to_inference_if_every_control_stays_below(chances, word):
    assert verdicts.verdict([Part("", True)], chances).cause("inference") == word


def test_the_iterated_dilemma_is_judged_without_epsilon():
    def of(chance):
        return made(chance * claims.PAYOFF, agents=2)

    runs = dict(
        ipd__lase=of(0.93),
        ipd__a2c=of(0.02),
        ipd__go=of(0.99),
        ipd__lola=of(0.7 + RISING / 5),
        ipd__gift=of(0.9),
        ipd__gift_more=of(0.93),
        ipd__untrained=of(0.93),
        ipd__moments=of(0.94),
    )
    found = judged(1, **runs)
    cause = "above equal gifts only; below LASE shuffled in time"
    assert found.word == "reproduced" and found.cause("inference") == cause
    assert judged(1, **runs | dict(ipd__a2c=of(0.5))).word == "not reproduced"
    assert "10 of 10 seeds" in found.parts[0].found


def test_waiting_is_seen_in_the_steps_that_agents_take_part():
    def of(returns, share):
        return made(returns, play__active=np.full((SEEDS, 4), share))

    runs = dict(
        ssh__lase=of(18.5 + RISING, 0.5),
        ssh__go=of(12.0, 0.9),
        ssh__a2c=of(18.5 + RISING, 0.5),
        ssh__gift=of(18.0, 0.5),
        ssh__shuffled=of(18.5 + RISING, 0.5),
        ssh__moments=of(18.5 + RISING, 0.5),
    )
    found = judged(3, **runs)
    assert found.word == "reproduced" and found.cause("inference") == "above equal gifts only"
    assert "GO leaves after 27.0 steps, LASE after 15.0" in found.parts[2].found


@pytest.mark.parametrize(
    ("ours", "group", "word"),
    [
        (115.0, 118.0, "reproduced"),
        (115.0, 100.0, "not reproduced"),
        (90.0, 80.0, "not reproduced"),
    ],
)
def test_snowdrift_has_bounds(ours, group, word):
    runs = dict(ssg__lase=made(ours), ssg__go=made(group), ssg__a2c=made(90))
    assert judged(4, **runs).word == word
    controls = {f"ssg__{arm}": made(80) for arm in claims.AS_MUCH}
    whole = judged(4, **runs, **controls)
    assert whole.word == word and [*whole.controls] == ["a2c", "gift", "shuffled", "moments"]
    if word == "reproduced":
        assert whole.cause("inference") == "due to inference"


def test_a_cause_is_not_told_while_a_control_is_not_kept():
    runs = dict(ssg__lase=made(115.0), ssg__go=made(118.0), ssg__a2c=made(90.0))
    found = judged(4, **runs)
    assert found.word == "reproduced" and not found.cause("inference")
    said = report.section(PAPER, PAPER.claims[4], found)
    assert (
        "- equal gifts is not kept." in said
        and "LASE above A2C in collective return: P = 1 [1, 1]" in said
    )


@pytest.mark.parametrize(("number", "arms"), [(7, ("lase", "lase_wo")), (13, ("lase", "lase_wo"))])
def test_claims_about_all_games_wait_for_all_of_them(number, arms):
    curves = {"gift/weight": np.zeros((ROWS, SEEDS, 4, 4))}
    runs = {f"{g}__{arm}": made(RISING, curves=curves) for g in ("ssh", "ssg") for arm in arms}
    assert judged(number, **runs).lacks == "coingame-lase is not kept."


CONTROLS_OF_TWO = ("gift", "gains", "moments", "untrained_half")


def test_one_co_player_cannot_be_confused():
    runs = dict(coingame__lase=made(9.0), coingame__a2c=made(1.0), coingame__go=made(30.0))
    controls = {f"coingame__{arm}": made(5.0) for arm in CONTROLS_OF_TWO}
    found = judged(5, **runs, **controls)
    assert found.word == "reproduced" and tuple(found.controls) == CONTROLS_OF_TWO
    assert found.cause("inference") == "due to inference"


def test_views_count_in_three_games_of_four():
    def runs(*below):
        return {
            f"{game}__{arm}": made(RISING - (10 if arm == "lase_wo" and game in below else 0))
            for game in claims.GAMES
            for arm in ("lase", "lase_wo")
        }

    assert judged(7, **runs("ssh", "ssg", "cleanup")).word == "reproduced"
    assert judged(7, **runs("ssh")).word == "partly"
    ceiling = judged(7, **runs("ssh"), ssg__real_policy=made(50.0))
    assert "(told co-players' policies 50.0)" in ceiling.parts[1].found and not ceiling.controls


def test_equality_is_partly_there_if_only_the_order_is():
    def of(*agents):
        """What four agents have, the second of them more or less by seed."""
        after = np.tile(np.array(agents, float), (SEEDS, 1))
        after[:, 1] -= RISING / 15
        return made(return__after_gifts=after)

    fair, unfair = of(1, 1.03, 1, 0.9), of(1, 1.03, 1, 0.1)
    assert book.equality(of(1, 1, 0, 0))[0] == pytest.approx(0.5)
    runs = dict(cleanup__go=of(1, 1.03, 0.1, 0), cleanup__gift=unfair)
    assert judged(9, cleanup__lase=fair, **runs).word == "partly"
    assert judged(9, cleanup__lase=of(1, 1.03, 0.1, 0), **runs).word == "not reproduced"
    exact = dict(cleanup__go=of(1, 1, 0, 0), cleanup__gift=unfair)
    assert judged(9, cleanup__lase=of(1, 1.03, 1, 0.172), **exact).word == "reproduced"
    assert judged(9, cleanup__lase=fair, cleanup__go=exact["cleanup__go"]).word == "partly"


def test_the_cleaner_must_be_poor_and_paid():
    cleaned = np.tile([0.0, 9.0, 1.0, 1.0], (SEEDS, 1))
    own = np.tile([5.0, 0.0, 6.0, 6.0], (SEEDS, 1))
    weights = np.zeros((SEEDS, 4, 4)) + 0.1
    weights[:, :, 1] = 0.2
    paid = made(event__waste_cleaned=cleaned, return__extrinsic=own, gift__weight=weights)
    blind = paid._replace(final=paid.final | {"gift/weight": np.full((SEEDS, 4, 4), 0.1)})
    rest = {f"cleanup__{arm}": blind for arm in ("gift", "shuffled", "moments", "untrained")}
    found = judged(10, cleanup__lase=paid, **rest)
    assert found.word == "reproduced" and found.cause("inference") == "due to inference"
    assert judged(10, cleanup__lase=blind, **rest).word == "not reproduced"
    anyone = judged(10, cleanup__lase=paid, **rest | dict(cleanup__gift=paid))
    others = "LASE shuffled over agents, LASE shuffled in time and LASE untrained"
    assert anyone.cause("inference") == f"above {others} only"


def test_a_cleaner_without_reward_is_not_paid_more_because_it_gives_nothing():
    cleaned = np.tile([0.0, 9.0, 1.0, 1.0], (SEEDS, 1))
    own = np.tile([5.0, 0.0, 6.0, 6.0], (SEEDS, 1))
    weights = np.full((SEEDS, 4, 4), 0.1)
    weights[:, 1] = np.nan  # it has nothing to give of
    equal = made(event__waste_cleaned=cleaned, return__extrinsic=own, gift__weight=weights)
    assert not claims.paid_cleaner(equal).any()
    weights[:, 0, 1] = 0.11
    assert claims.paid_cleaner(equal).all()


def test_weights_must_be_in_the_order_of_good_deeds_in_every_seed():
    weights = np.zeros((SEEDS, 4, 4))
    weights[:, 0, 1:] = 0.3, 0.1, 0.2
    early = np.tile(weights, (ROWS, 1, 1, 1))
    early[:2, 3:, 0, 3] = 0.05  # of seven seeds, in the first tenth
    curves = {"gift/weight": early}
    found = made(gift__weight=weights, curves=curves)
    assert (
        "(in the first tenth 3 of 10 seeds)"
        in judged(11, cleanup__untrained__scripted=made(), cleanup__lase__scripted=found)
        .parts[0]
        .found
    )
    runs = {"cleanup__untrained__scripted": made()}
    assert judged(11, **runs, cleanup__lase__scripted=found).word == "reproduced"
    weights[0, 0, 1:] = 0.1, 0.3, 0.2
    again = made(gift__weight=weights, curves=curves)
    unordered = judged(11, **runs, cleanup__lase__scripted=again)
    assert unordered.word == "not reproduced" and not unordered.cause("inference")
    assert unordered.controls["untrained"].side == "above"


def test_who_is_exploited_has_less_than_the_others():
    def of(returns, own):
        after = np.tile([own, 10.0, 10.0, 10.0], (SEEDS, 1))
        cleaned = np.tile([0.0, 9.0, 1.0, 1.0], (SEEDS, 1))
        return made(returns, return__after_gifts=after, event__waste_cleaned=cleaned)

    runs = dict(
        cleanup__a2c=made(1.0), cleanup__gift__one=of(30.0, 9.0), cleanup__go__one=of(50.0, 0.0)
    )
    assert judged(12, **runs, cleanup__lase__one=of(40.0, 9.0)).word == "reproduced"
    assert judged(12, **runs, cleanup__lase__one=of(40.0, 5.0)).word == "not reproduced"
    it_cleans = of(40.0, 9.0)
    it_cleans.final["event/waste_cleaned"][:, 0] = 20.0
    assert judged(12, **runs, cleanup__lase__one=it_cleans).word == "not reproduced"
    wide = of(40.0, 5.0)
    wide.final["return/after_gifts"][:, 0] = np.linspace(0.0, 15.0, SEEDS)
    found = judged(12, **runs, cleanup__lase__one=wide)
    assert found.word == "partly" and "at least 0.8" in found.parts[2].found


def test_weights_of_the_last_episodes_are_compared():
    """20 rows over 1M steps of 100-step episodes: the last 10,000 episodes are all of them."""

    def of(weight, early=0.0):
        course = np.full((ROWS, SEEDS, 4, 4), weight) + RISING[None, :, None, None] / 100
        course[: ROWS // 2] += early
        return made(curves={"gift/weight": course}, steps=2_000_000)

    runs = {f"{game}__lase": of(0.1, early=5.0) for game in claims.GAMES}
    runs |= {f"{game}__lase_wo": of(0.2) for game in claims.GAMES}
    assert judged(13, **runs).word == "reproduced"
    assert claims.late_weight(of(0.1, early=5.0)).mean() == pytest.approx(0.1045)


def test_imagined_views_agree_in_the_mean_and_vary_more():
    def of(mean, deviation):
        spread = RISING[:, None, None] / 1000
        played = {
            f"views/{view}/{kind}": np.full((SEEDS, 4, 4), value) + spread
            for view, values in (("imagined", (mean, deviation)), ("real_view", (0.1, 0.05)))
            for kind, value in zip(("mean", "deviation"), values, strict=True)
        }
        return made(played=played)

    good = dict(ssh__lase=of(0.105, 0.1), coingame__lase=of(0.095, 0.1))
    assert judged(14, **good, cleanup__lase=of(0.2, 0.1)).word == "reproduced"
    other = dict(good, coingame__lase=of(0.1, 0.01))
    assert judged(14, **other, cleanup__lase=of(0.2, 0.1)).word == "not reproduced"


def test_shares_of_gifts_are_counted_by_receiver():
    given = np.tile([2.0, 2.0, 2.0, 0.0], (SEEDS, 1))
    got = np.tile([1.5, 1.5, 1.5, 1.5], (SEEDS, 1))
    after = np.tile([9.0, 9.0, 9.0, 12.0], (SEEDS, 1))
    found = tables.shares(
        made(gift__given=given, gift__received=got, return__after_gifts=after), riders=1
    )
    assert found.theirs == pytest.approx(0.25) and found.seats == pytest.approx(1 / 3)
    assert found.givers == pytest.approx(9.0) and found.riders == pytest.approx(12.0)
    assert found.paid == pytest.approx(0.5)


def with_defector(theirs, own):
    """A run in Snowdrift: of all gifts that go to a defector, and what a giver has."""
    given, got = np.tile([3.0, 3.0, 3.0, 0.0], (SEEDS, 1)), np.zeros((SEEDS, 4))
    got[:, 3] = 9.0 * theirs
    after = np.tile([own, own, own, 12.0], (SEEDS, 1))
    return made(
        3 * own + 12.0 + RISING, gift__given=given, gift__received=got, return__after_gifts=after
    )


def test_a_giver_loses_what_it_would_have_without_giving():
    runs = dict(ssg__lase__defector=with_defector(0.1, 7.0), ssg__a2c__defector=made(36.0))
    runs["ssg__a2c__defector"].final["return/after_gifts"][:] = 9.0
    (case,) = tables.with_riders(results(**runs), "lase")
    own, group = tables.gain(results(**runs), case)
    assert own == "-2 [-2, -2]" and group.startswith("-2.55 [")
    assert tables.gain(results(ssg__lase__defector=made()), case) == ["-", "-"]
    row = tables.free_riders(results(**runs)).splitlines()[2]
    assert "| a scripted defector | LASE | 0.10 [0.10, 0.10] | 0.33 | 0.30 [0.30, 0.30] |" in row


def test_whose_gifts_free_riders_get_less_of():
    runs = dict(ssg__lase__defector=with_defector(0.1, 7.0))
    runs["ssg__untrained__defector"] = with_defector(0.5, 7.0)
    said = tables.kept_from_riders(results(**runs))
    assert "LASE in ssg beside a scripted defector: 0.10 instead of 0.33; LASE untrained" in said
    assert said.endswith("0.50 instead of 0.33 (no less).")


def test_answers_tell_what_the_tables_show():
    weights = np.zeros((SEEDS, 4, 4))
    weights[:, 0, 1:] = 0.3, 0.1, 0.05
    kept = results(ssg__lase__pretender=made(relation__weight=weights))
    helper = "helper over pretender by 0.2 [0.2, 0.2]"
    fooled = "pretender over defector by 0.05 [0.05, 0.05]"
    assert tables.taken_in(kept) == f"LASE's weights in ssg: {helper}, {fooled}."
    runs = {}
    for game, other in (("ssh", 0.5), ("ssg", 1.5), ("coingame", 1.0)):
        entropy = dict(own=1.0, uniform=1.0, other=other)
        shown = {
            f"infer__{name}_cross_entropy": np.full((SEEDS, 4), entropy[name]) for name in entropy
        }
        runs[f"{game}__lase"] = made(**shown)
    assert tables.worse_than_blind(results(**runs)).endswith(
        "beside a uniform guess, better in ssh, worse in ssg and about as well in coingame."
    )


def test_weights_that_wander_are_counted_as_false_alarms():
    weight = np.zeros((ROWS, SEEDS, 4, 4))
    weight[: ROWS // 2, :, 0, 1] = 0.3
    weight[: ROWS // 2, :3, 0, 2] = 0.2
    found = made(curves={"relation/weight": weight}, steps=2_000_000)
    said = tables.follows(results(ssg__lase__stops=found))
    assert said == "Weights follow: LASE's in ssg in 10 of 10 seeds (false alarms 3)."


def test_the_span_of_the_settings_is_told_by_both_ends():
    runs = {"ssg__lase": made(50.0), "ssg__lase_ppo": made(20.0)}
    names = (varied("lase", *each) for each in variations())
    runs |= {name.replace("-", "__"): made(40.0) for name in names if name != "ssg-lase"}
    runs["ssg__lase__delta_1"] = made(90.0)
    runs["ssg__lase__radius_7"] = made(99.0)  # another game
    said = tables.spread(results(**runs))
    assert said.endswith("20.0 (learner = PPO) to 90.0 (delta = 1), as it is 50.0.")


def test_free_riders_have_the_last_seats(planned):
    for run, seats in (
        ("ssg-gift-defector", ("gift", "gift", "gift", "defector")),
        ("ssg-lase-selfish", ("lase", "lase", "a2c", "a2c")),
        ("ssg-a2c-selfish", ("a2c",) * 4),
        ("coingame-a2c-defector", ("a2c", "defector")),
    ):
        config, kind = planned["cpu"]["free_riders"][run], run.split("-")[2]
        assert tuple(config.seats) in (seats, seats[:1])
        assert (
            riders(kind, len(seats)) == sum(seat != seats[0] for seat in seats) or kind == "selfish"
        )


def test_rollouts_in_mixed_company_are_those_of_lase(planned):
    """Else those beside a giver would differ between the arms, too."""
    for stage in ("exploitation", "free_riders"):
        schedules = {}
        for run, config in planned["cpu"][stage].items():
            schedules.setdefault(run.split("-")[0], set()).add(config.schedule)
        assert all(len(kinds) == 1 for kinds in schedules.values())
    one = planned["cpu"]["exploitation"]["ssg-gift-one"]
    assert one.agent.share == 0.39 and one.seats == ("gift", "a2c", "a2c", "a2c")
    lase = planned["cpu"]["exploitation"]["ssg-lase-one"]
    assert one.agent.learner == lase.agent.learner != preset("ssg", "gift").agent.learner


def test_settings_are_changed_one_by_one_beside_runs_that_differ_in_nothing_else(planned):
    runs = planned["cpu"]["sensitivity"]
    usual = runs[unvaried("gift")]
    radius = dataclasses.replace(usual.game, radius=7)
    assert runs["ssg-gift-radius_7"] == dataclasses.replace(usual, game=radius)
    assert varied("gift", "radius", 2) == unvaried("gift") and varied("lase", "delta", 0.1) == (
        "ssg-lase"
    )
    assert runs["ssg-lase-delta_0.5"].agent.delta == 0.5 and "ssg-lase" not in runs


def test_half_of_a_weights_change_is_found_after_the_change():
    weight = np.zeros((ROWS, SEEDS, 4, 4))
    weight[: ROWS // 2, :, 0, 1] = 0.3
    weight[ROWS // 2 :, :, 0, 1] = [[0.3], [0.3], *[[0.1]] * (ROWS // 2 - 2)]
    found = made(curves={"relation/weight": weight}, steps=2_000_000)
    of = tables.turn(found, rises=False)
    assert of.episodes == pytest.approx(3 * 100_000 / 100)
    assert of.before == pytest.approx(0.3) and of.end == pytest.approx(0.1)
    assert of.apart == pytest.approx(100_000 / 100)
    assert np.isnan(tables.turn(found, rises=True).episodes).all()  # the wrong way
    weight[::2, :, 0, 1] += 0.3  # more than it changes
    assert np.isnan(tables.turn(found, rises=False).episodes).all()


def test_policies_are_found_below_exploration():
    learner = dict(epsilon_start=0.5, epsilon_end=0.1, epsilon_episodes=5_000)
    found = made(agents=2)
    found = found._replace(settings=found.settings | dict(agent=dict(learner=learner)))
    epsilon = np.maximum(0.5 - 0.4 * found.env_steps / 500_000, 0.1)[:, None, None]
    shown = np.full((ROWS, SEEDS, 2), 0.8) * (1 - epsilon) + epsilon / 2
    assert claims.without_epsilon(found, shown) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("share", "above"), [(0.15, 5.0), (0.0, 20.0), (0.3, -10.0), (0.5, np.nan)]
)
def test_gifts_are_read_beside_equal_gifts_of_their_own_size(share, above):
    """Equal gifts earn a hundred times their share here, LASE 20."""
    runs = {sized("ssg", size): made(100 * size) for size in SIZES}
    ours, weights = made(20.0), np.full((4, 4), share / 3)
    np.fill_diagonal(weights, 1 - share)
    ours.final["gift/weight"] = np.tile(weights, (SEEDS, 1, 1))
    gap = tables.beside_equal(results(**runs, ssg__lase=ours), "ssg", "lase").value
    assert gap == pytest.approx(above, nan_ok=True)


def test_every_seed_is_read_beside_equal_gifts_of_its_own_share():
    """Equal gifts earn nothing below a share of .2 and 100 from there on."""
    runs = {sized("ssg", size): made(100.0 * (size >= 0.2)) for size in SIZES}
    share = np.where(np.arange(SEEDS) % 2, 0.2, 0.1)
    ours = made(100.0 * (share >= 0.2))
    weights = np.tile(share[:, None, None] / 3, (1, 4, 4))
    weights[:, np.arange(4), np.arange(4)] = 1 - share[:, None]
    ours.final["gift/weight"] = weights
    gap = tables.beside_equal(results(**runs, ssg__lase=ours), "ssg", "lase")
    assert gap == pytest.approx((0.0, 0.0, 0.0))


def test_ranks_tell_whether_weights_follow_help():
    weights = np.zeros((SEEDS, 6, 6))
    weights[:, 0, 1:] = 0.0, 0.1, 0.2, 0.3, 0.4
    assert tables.rank(made(relation__weight=weights)) == pytest.approx(1.0)
    weights[:, 0, 1:] = 0.4, 0.3, 0.2, 0.1, 0.0
    assert tables.rank(made(relation__weight=weights)) == pytest.approx(-1.0)


@pytest.mark.parametrize("paper", PAPERS.values(), ids=[*PAPERS])
def test_every_report_can_be_made_of_nothing(paper):
    nothing = Results({}, {})
    text = report.compose(paper, nothing, paper.judge_all(nothing), SCALES["cpu"], {})
    assert "is not kept." in text


def test_a_report_of_nothing_says_what_is_missing():
    nothing = Results({}, {})
    text = report.compose(PAPER, nothing, PAPER.judge_all(nothing), SCALES["cpu"], {})
    assert "ipd-lase is not kept." in text and 'Scale "cpu": 0 runs' in text
    assert "| net | conv [], " in text  # and not the name of its class
    assert report.html(PAPER.title, text, PAPER.report.parent).count("<table>") > 5


@pytest.mark.parametrize("paper", PAPERS.values(), ids=[*PAPERS])
def test_the_committed_report_is_what_the_committed_results_give(paper):
    """Figures aside: those that exist are named by the report."""
    scale, out = SCALES["cpu"], paper.report.parent
    results, images = paper.collect(scale, out), report.images(paper, scale, out)
    text = report.compose(paper, results, paper.judge_all(results), scale, images)
    assert paper.report.read_text() == text


def test_every_figure_and_table_is_made_of_what_is_kept(tmp_path):
    def numbers(index, agents):
        own = np.tile(RISING[:, None], (1, agents))
        pairs = np.tile(np.arange(agents) / 100, (SEEDS, agents, 1))
        views = ("imagined", "real_view")
        kinds = ("mean", "deviation")
        return {f"views/{view}/{kind}": pairs for view in views for kind in kinds}, {
            "return__extrinsic": own + index,
            "return__after_gifts": own + index,
            "gift__given": own,
            "gift__received": own,
            "gift__weight": pairs,
            "relation__weight": pairs,
            "relation__floor": pairs,
            "event__waste_cleaned": own,
        }

    analysed = PAPER.collect(SCALES["cpu"], tmp_path).numbers
    found = of_all_runs(PAPER, numbers)
    text = reported(PAPER, Results(found, analysed), tmp_path)
    assert text.count("one among three A2C") == 3 and text.count("with a scripted defector") == 4
    assert "is not kept" not in text


def test_times_are_told_in_words():
    assert cost.about([None, None]) == "which have not been timed"
    assert cost.about([0.2]) == "about 1 min on one core"
    assert cost.about([100.0, 31.0, None]) == "about 2 h 11 min on one core and 1 not timed"


def test_times_are_those_of_the_nearest_run_that_is_kept(tmp_path, monkeypatch):
    def keep(folder, name, minutes):
        facts, final = dict(minutes=minutes, env_steps=100), {"return/collective": [0.0, 0.0]}
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(dict(facts=facts, final=final)))

    kept, curves = tmp_path / "kept", tmp_path / "curves"
    monkeypatch.setattr(cost, "KEPT", curves)
    base = preset("ssg", "lase")
    schedule = dataclasses.replace(base.schedule, steps=200)
    run = dataclasses.replace(base, schedule=schedule, seeds=3)
    times = [cost.minutes(kept, "ssg-lase-one", run)]
    for folder, name in ((curves, "ssg-lase"), (kept, "ssg-lase"), (kept, "ssg-lase-one")):
        keep(folder, name, len(times))
        times.append(cost.minutes(kept, "ssg-lase-one", run))
    assert times[0] is None and times[1:] == pytest.approx([3.0, 6.0, 9.0])


@pytest.mark.parametrize("name", PAPERS)
def test_all_that_is_to_be_made_can_be_given_to_workers(name, tmp_path):
    paper, scale = PAPERS[name], SCALES["full"]
    make = Make(paper=name, scale="full", out=tmp_path)
    jobs = jobs_of(paper.parts, paper, scale, make)
    runs = {run for stage in paper.stages.values() for run in stage.runs(scale)}
    assert jobs.keys() == runs | {*paper.analyses}
    assert pickle.loads(pickle.dumps(jobs)).keys() == jobs.keys()
    assert not [job for job in jobs.values() if job.func.__module__.endswith("__main__")]


QUICK = [
    pytest.param(name, marks=pytest.mark.thorough if name == "lase" else pytest.mark.slow)
    for name in PAPERS
]
"""Names of papers: those in which more runs must be compiled than a check can wait for are slow."""


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.timeout(2400)
def test_the_quick_scale_makes_the_whole_report(name, tmp_path):
    paper, scale = PAPERS[name], SCALES["quick"]
    command = [*("make", "paper", "SCALE=quick", f"PAPER={name}"), f"ARGS=--out {tmp_path}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True)
    assert said.returncode == 0, said.stderr.decode()
    home = tmp_path / name / "quick"
    text, page = ((home / f"REPORT.{kind}").read_text() for kind in ("md", "html"))
    planned = {run for stage in paper.stages.values() for run in stage.runs(scale)}
    lacks = re.findall(r"^- (\S+) is not kept\.$", text, re.MULTILINE)
    assert not planned & set(lacks)
    drawn = text.count(".png)")
    assert page.count("data:image/png;base64,") == drawn > 0
    if name == "lase":  # the check has the runs of all of its figures
        assert drawn == len(paper.figures) + len(paper.analyses)
    assert {file.stem for file in (home / "findings").iterdir()} == planned


@pytest.mark.thorough
def test_a_signal_ends_all_runs_that_are_trained_side_by_side(tmp_path):
    command = [sys.executable, "-m", "experiments.paper", "--scale", "quick", "--out", tmp_path]
    stages = ["--stages", "pretenders", "graded", "--workers", "2"]
    with subprocess.Popen(
        [*command, *stages], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        said = iter(process.stdout.readline, "")
        begun = filter(re.compile("^cleanup-lase-(pretender|graded): ").match, said)
        first = next(begun).split(":")[0]
        assert any(not line.startswith(first) for line in begun)  # both have been begun
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 128 + signal.SIGTERM
    assert len(children) >= 2 and not psutil.wait_procs(children, 10)[1]
    assert not (tmp_path / "lase" / "quick" / "REPORT.md").exists()
