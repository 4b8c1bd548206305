"""What LASE's report opens with: where it helps, and whether inference does it."""

import numpy as np
import pytest
from made import RISING, SEEDS, made, results

from docs.pages import ROOT
from experiments.paper import report
from experiments.paper.lase import PAPER, summary
from experiments.paper.lase.stages import GAMES, SIZES
from experiments.paper.scales import SCALES
from experiments.paper.verdicts import MissingError

INFERRED = dict(a2c=0, gift=10, shuffled=10, moments=10, untrained=10, lase=20)
"""Returns of arms where inference helps."""


def play(game, suffix="", **returns):
    """Runs of some arms."""
    return {f"{game}__{arm}{suffix}": made(RISING + value) for arm, value in returns.items()}


def rows(found):
    lines = summary.table(found, summary.situations()).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("returns", "beside", "words"),
    [
        (INFERRED, "above", "inference helps"),
        (
            INFERRED | dict(gift=20),
            "above",
            "above LASE shuffled over agents, LASE shuffled in time and LASE untrained only",
        ),
        (
            INFERRED | dict(gift=30, shuffled=20, moments=20, untrained=20),
            "above",
            "below equal gifts",
        ),
        (
            INFERRED | dict(a2c=30, gift=20, shuffled=20, moments=20, untrained=20),
            "below",
            "no difference",
        ),
        (INFERRED | dict(a2c=20), "neither", "above all of them"),
    ],
)
def test_words_say_on_which_side_of_its_controls_lase_is(returns, beside, words):
    (row,) = rows(results(**play("cleanup", **returns)))
    assert row[0] == "cleanup, all of one kind" and row[1] == "10"
    assert row[2] == f"{returns['a2c'] + 0.45:.1f}"
    assert row[-4] == beside and row[-3].startswith(words)


def test_two_sentences_tell_games_apart():
    same = INFERRED | dict(gift=20)
    worse = dict(a2c=0, gift=30, gift_more=30, moments=20, untrained=20, lase=20)
    runs = play("cleanup", **INFERRED) | play("ssg", **same) | play("ssh", **same | dict(a2c=20))
    said = summary.sentences(results(**runs, **play("ipd", **worse)))
    first, second = said.split(". ")
    earns = "LASE earns more than selfish agents in the Prisoner's Dilemma, Snowdrift and Cleanup"
    assert first == f"{earns} and about as much in the Stag-Hunt"
    assert second.startswith(
        "Of those where it helps, it earns more than each of the gifts of about "
    )
    assert " in Cleanup, less than some of them in the Prisoner's Dilemma and " in second
    assert second.endswith(" not clearly more than each of them in Snowdrift.")


def test_means_may_differ_where_seeds_do_not():
    """Six of ten seeds of a control earn more than all of LASE, four much less."""
    split = np.where(np.arange(SEEDS) < 6, 22.0, -100.0)
    runs = play("ssg", **INFERRED) | {"ssg__moments": made(split)}
    said = summary.sentences(results(**runs))
    assert (
        " it earns in the mean, but not in clearly more seeds, more than each of the gifts" in said
    )


def test_sizes_are_told_where_they_are_known():
    runs = {f"ssg__gift__share_{size:g}": made(100 * size) for size in SIZES}
    runs |= play("ssg", **INFERRED)
    runs["ssg__lase"].final["gift/weight"] = np.tile(np.eye(4), (SEEDS, 1, 1))
    kept = results(**{name.replace("share__", "share_"): run for name, run in runs.items()})
    said = summary.sentences(kept)
    assert said.endswith("; beside equal gifts of exactly its size it earns more in Snowdrift.")


def test_a_mark_tells_numbers_of_another_arm():
    runs = play("coingame", a2c=0, untrained=30, untrained_half=10, lase=20)
    kept = results(**runs)
    (row,) = rows(kept)
    assert row[7] == f"10.4 {summary.MARK}"
    legend = summary.legend_of_mark(kept)
    assert legend.endswith("LASE untrained, halved in the Coin Game (LASE untrained: 30.4).\n")
    assert summary.legend_of_mark(results(**play("coingame", a2c=0, untrained=30, lase=20))) == ""


def test_a2c_of_other_rollouts_stands_below():
    runs = play("ssg", a2c=40, lase=20) | play("ssg", "__selfish", a2c=10)
    kept = results(**runs)
    assert summary.same_rollouts(kept) == ""  # of the same length
    kept.runs["ssg-a2c"].settings["schedule"]["rollout_length"] = 25
    assert "has 10.4 in Snowdrift (P of LASE above it 1 [1, 1])" in summary.same_rollouts(kept)


def test_in_the_dilemma_equal_gifts_are_those_that_are_as_large():
    runs = play("ipd", a2c=0, gift=50, gift_more=10, moments=10, untrained=10, lase=20)
    (row,) = rows(results(**runs))
    assert row[3].startswith("10.") and row[-3] == "inference helps"


def test_beside_the_return_stands_what_givers_give_away():
    found = made(1.0)
    weights = np.tile(np.eye(4), (SEEDS, 1, 1))
    weights[:, 0] = [0.7, 0.1, 0.1, 0.1]  # one of four gives
    found.final["gift/weight"] = weights
    kept = results(ssg__lase=found, ssg__a2c=made(2.0))
    assert summary.cell(kept, "ssg-lase") == "1.0 (0.30)"
    assert summary.cell(kept, "ssg-a2c") == "2.0" and summary.cell(kept, "ssg-gift") == "-"


def test_every_game_of_the_paper_has_a_name_in_sentences():
    assert tuple(summary.DILEMMAS) == ("ipd", *GAMES)


def test_no_game_is_said_too():
    said = summary.sentences(results(**play("ssg", **INFERRED | dict(gift=30))))
    assert " it earns less than some of the gifts of about its size that infer nothing in " in said
    said = summary.sentences(results(**play("ssg", **INFERRED | dict(a2c=30))))
    assert said == "LASE earns less than selfish agents in Snowdrift."


def test_those_who_give_among_others_have_rows_of_their_own():
    runs = play("cleanup", "__selfish", a2c=1) | play("cleanup", "__one", gift=9, lase=5)
    runs |= play("cleanup", "__defector", a2c=2, lase=7) | play("cleanup", "__selfish", lase=4)
    found = [[row[0], row[2], row[8]] for row in rows(results(**runs))]
    assert found == [
        ["cleanup, one among three A2C", "1.5", "5.5"],
        ["cleanup, with a scripted defector", "2.5", "7.5"],
        ["cleanup, with A2C", "1.5", "4.5"],
    ]


def test_nothing_is_said_of_inference_while_a_control_is_not_kept():
    found = results(**play("cleanup", a2c=0, gift=10, shuffled=10, lase=20))
    assert rows(found)[0][-4:] == ["above", "-", "-", "-"]
    with pytest.raises(MissingError):
        summary.sentences(found)


def test_shuffling_over_agents_needs_a_second_one_to_give_to():
    gifts = dict(gift=10, gains=10, moments=10, untrained=30, untrained_half=10)
    (row,) = rows(results(**play("coingame", a2c=0, **gifts, lase=20)))
    assert row[5] == "-" and row[7].startswith("10.") and row[-3] == "inference helps"


def test_gifts_of_another_size_are_read_beside_equal_gifts_of_that_size():
    runs = {f"ssg__gift__share_{size:g}": made(100 * size) for size in SIZES}
    runs |= play("ssg", a2c=0, lase=20)
    runs["ssg__lase"].final["gift/weight"] = np.tile(np.eye(4), (SEEDS, 1, 1))
    (row,) = rows(results(**{name.replace("share__", "share_"): run for name, run in runs.items()}))
    assert row[-2].startswith("20.") and row[-1] == "-"


def test_a_report_without_these_runs_has_no_summary():
    with pytest.raises(MissingError):
        summary.text(results(**play("ssg", lase=1)))
    assert report.short(PAPER, results(), {}) == []


def test_the_front_has_the_games_in_which_all_are_of_one_kind():
    runs = play("ssg", **INFERRED) | play("ssg", "__one", gift=9, lase=5)
    front = summary.front(results(**runs))
    assert front.startswith("LASE earns more than selfish agents in Snowdrift.")
    assert "| Snowdrift, `ssg` |" in front and "three A2C" not in front
    assert front.endswith(f"]({summary.FIGURE})\n")
    assert (ROOT / summary.FIGURE).is_file()


def test_readme_has_the_front_of_the_committed_report():
    kept = PAPER.collect(SCALES["cpu"], PAPER.report.parent)
    begins, ends = "<!-- report lase -->\n", "<!-- /report lase -->\n"
    page = report.README.read_text()
    assert page.split(begins)[1].split(ends)[0] == summary.front(kept)
