"""Pages that are made from the code: whole, and as the code says."""

import dataclasses

import pytest

import envs
from docs import boards, pages
from envs.registry import GAMES
from lase_jax.algorithms import ALGORITHMS
from lase_jax.core import metrics
from lase_jax.learners import LEARNERS

GAME_KINDS, AGENT_KINDS = pages.kinds(GAMES), pages.kinds(ALGORITHMS)
DIAGRAMS = boards.diagrams()


@pytest.mark.parametrize("cls", GAME_KINDS, ids=lambda cls: cls.__name__)
def test_a_games_page_says_what_the_code_says(cls):
    names = GAME_KINDS[cls]
    text = pages.game_page(cls, names, DIAGRAMS)
    for name in names:
        spec = envs.make(name).spec
        said = (*spec.plane_names, *spec.action_names)
        assert all(f"`{word}`" in text for word in said)
        assert all(f"`event/{word}`" in text for word in spec.event_names)
        assert f"![{name} after" in text
    assert all(f"| `{field.name}` |" in text for field in dataclasses.fields(cls))
    assert ("## Is it a dilemma?" in text) == any(name in DIAGRAMS for name in names)


def test_a_games_page_has_what_was_measured():
    text = pages.game_page(type(GAMES["ssh"]), ["ssh", "ssh_strict"], DIAGRAMS)
    assert "| ssh | 20.0 |" in text and "## What was learnt" in text
    assert "fear: who is alone" in text


@pytest.mark.parametrize("cls", AGENT_KINDS, ids=lambda cls: cls.__name__)
def test_an_algorithms_page_says_what_the_code_says(cls):
    names = AGENT_KINDS[cls]
    traced = dict.fromkeys(names, ["return/collective", "event/hares"])
    text = pages.algorithm_page(cls, names, traced)
    own = {field.name for field in dataclasses.fields(cls)} - {"learner"}
    assert all(f"| `{name}` |" in text for name in own)
    assert "## Idea" in text and "## What it sees" in text
    assert "| `event/hares` | seat | 1/episode |" in text
    assert all(f"`{name}`" in text for name in names)


def test_an_algorithms_page_has_its_results_and_presets():
    text = pages.algorithm_page(type(ALGORITHMS["lase"]), ["lase", "lase_wo"], {"lase": []})
    assert "make train ENV=cleanup ALGO=lase_wo SEEDS=5" in text
    assert "def relationship(" in text and "## Differences" in text
    assert "| `ssh` | `lase_ppo` |" in text
    gift = pages.algorithm_page(type(ALGORITHMS["gift"]), ["gift"], {"gift": []})
    assert "| `ssh` | `gift` | `share=0.08` |" in gift


def test_every_name_is_on_an_index():
    games, algorithms = pages.games_index(GAME_KINDS), pages.algorithms_index(AGENT_KINDS)
    assert all(f"`{name}`" in games for name in GAMES)
    assert all(f"`{name}`" in algorithms for name in ALGORITHMS)
    assert all(f"## `{name}`" in pages.learners_page() for name in LEARNERS)


def test_every_metric_is_listed():
    assert all(f"| `{name}` |" in pages.metrics_page() for name in metrics.TABLE)


@pytest.mark.thorough
def test_metrics_of_an_algorithm_are_those_that_it_has():
    found = pages.traced_metrics()
    assert set(found) == set(ALGORITHMS)
    assert "relation/weight" in found["lase"] and "relation/weight" not in found["a2c"]
    assert "event/cooperations" in found["a2c"] and "learn/clipped" in found["ppo"]


def test_diagrams_are_those_that_were_measured():
    found = DIAGRAMS["ssh"]
    assert [round(each.mean, 2) for each in found.cooperators[1:]] == [0.51, 2.17, 2.75, 3.11]
    assert found.everyone[-1].mean == pytest.approx(found.cooperators[-1].mean)


def test_a_moment_is_drawn(tmp_path):
    now = boards.moment("ipd", steps=2)
    boards.draw_board(now, tmp_path / "board.png")
    assert now.picture.std() > 0 and (tmp_path / "board.png").stat().st_size > 1000
    assert not boards.has_planes(now.env)


def test_every_kind_of_game_is_in_the_strip():
    shown = boards.families()
    assert {type(GAMES[name]) for name in shown} == set(GAME_KINDS)
    assert len(shown) == len(GAME_KINDS)
