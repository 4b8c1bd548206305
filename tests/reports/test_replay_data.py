"""Pages against the episodes that they show, without a browser."""

import html.parser
import json
import re

import jax
import numpy as np
import pytest
from replayed import GAMES, IPD, SSH, played

from lase_jax.reports import evaluate
from lase_jax.reports.replay import pack, page, report
from lase_jax.reports.replay.recording import in_tiles


def data_of(text):
    """The JSON inside a page."""
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(found)


def page_of(game, algos=("lase",), names=None):
    kinds, _, _, recordings = played(game, algos)
    shown = page.replay(GAMES[game].spec, names or kinds, recordings, "x")
    return page.compose("a title", {"replay": shown})


@pytest.mark.parametrize(
    "values",
    [
        np.array([[1.5, np.nan], [-np.inf, 2e-7]], np.float32),
        np.array([True, False, True]),
        np.zeros((0, 3), np.int32),
        np.arange(300, dtype=np.uint16).reshape(3, 100)[:, ::2],
    ],
    ids=["floats", "flags", "none", "strided"],
)
def test_arrays_come_back_as_they_were_packed(values):
    back = pack.unpacked(json.loads(json.dumps(pack.array(values))))
    np.testing.assert_array_equal(back, values)
    assert back.shape == values.shape


def test_numbers_outside_0_and_1_are_cut_off():
    facts = SSH.spec._replace(obs_dtype=np.dtype(np.float32))
    values = np.array([-3.0, 0.2, 1.0, 7.0, np.nan, np.inf])
    np.testing.assert_array_equal(pack.bright(facts, values), [0, 51, 255, 255, 0, 255])


def test_boards_come_back_from_their_tiles():
    _, _, _, recordings = played("ssh")
    shown = page.replay(SSH.spec, ["a"] * 3, recordings, "x")
    tiles = pack.unpacked(shown["tiles"])
    for recording, episode in zip(recordings, shown["episodes"], strict=True):
        boards = pack.unpacked(episode["board"])
        assert len(boards) == SSH.spec.horizon + 1
        for board, picture in zip(boards, recording.pictures, strict=True):
            np.testing.assert_array_equal(tiles[board], in_tiles(picture))
    every = sum(len(recording.pictures) for recording in recordings) * 16
    assert len(tiles) < every / 4  # equal tiles are kept once


def test_a_board_that_is_no_multiple_of_a_tile_gets_white_edges():
    picture = np.zeros((40, 30, 3), np.uint8)
    tiles = in_tiles(picture)
    assert tiles.shape == (2, 1, 32, 32, 3)
    whole = tiles.swapaxes(1, 2).reshape(64, 32, 3)
    assert not whole[:40, :30].any() and (whole[40:] == 255).all() and (whole[:, 30:] == 255).all()


def test_an_episode_is_the_one_that_is_drawn_as_a_gif():
    names, everyone, states, recordings = played("ssh")
    for recording in recordings:
        state, key = states[recording.label.update], jax.random.key(recording.label.episode)
        scene = evaluate.scene(SSH, everyone, state, key, "sample", names, "x")
        np.testing.assert_allclose(recording.reward, scene.reward, rtol=1e-6)
        np.testing.assert_allclose(recording.given, scene.gift, rtol=1e-4, atol=1e-6)
        for time, picture in enumerate(recording.pictures):
            np.testing.assert_array_equal(picture, scene.picture(time))
    assert any(recording.reward.any() for recording in recordings)


def test_the_page_holds_what_was_recorded():
    recordings = played("ssh")[3]
    shown = data_of(page_of("ssh"))["replay"]["episodes"]
    for recording, episode in zip(recordings, shown, strict=True):
        assert {
            name: episode[name] for name in recording.label._fields
        } == recording.label._asdict()
        for name in ("action", "reward", "active", "given", "delta", "centres"):
            found = pack.unpacked(episode[name])
            np.testing.assert_array_equal(found, getattr(recording, name))
        for name in ("value", "foreseen", "relation"):
            found = pack.unpacked(episode["account"][name])
            np.testing.assert_array_equal(found, getattr(recording.account, name))
        obs = pack.unpacked(episode["obs"]) / pack.LEVELS
        np.testing.assert_array_equal(obs, recording.obs)
        view = pack.unpacked(episode["account"]["view"]) / pack.LEVELS
        imagined = np.nan_to_num(recording.account.view)
        np.testing.assert_allclose(view, imagined, atol=0.5 / pack.LEVELS + 1e-6)
        assert set(episode["events"]) == set(SSH.spec.event_names)


def test_agents_stand_where_the_board_shows_them():
    """The middle of an agent's face has its colour, in the pictures before it has left."""
    for recording in played("ssh")[3]:
        for time, picture in enumerate(recording.pictures[:-1]):
            for seat in np.flatnonzero(recording.active[time]):
                x, y = recording.centres[time, seat].round().astype(int)
                found = picture[y, x].astype(int)
                wanted = np.array(pack.AGENT_COLOURS[seat])
                assert np.abs(found - wanted).max() < 30


@pytest.mark.parametrize("game", ["ipd", "escape", "box"])
@pytest.mark.parametrize("algos", [("lase",), ("giving",), ("si",)])
def test_pages_are_made_of_games_without_maps_and_of_other_algorithms(game, algos):
    shown = data_of(page_of(game, algos))["replay"]
    told = shown["episodes"][0]["account"].keys()
    expected = {
        "lase": {"value", "foreseen", "relation", "view"},
        "giving": {"paid"},
        "si": {"influence"},
    }
    assert told == expected[algos[0]]
    assert shown["episodes"][0]["centres"] is None
    assert len(shown["game"]["planes"]) == GAMES[game].spec.obs_shape[-1]


class Links(html.parser.HTMLParser):
    """Collects what a page would load."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [
            value for name, value in attrs if name in ("src", "href", "action", "srcset")
        ]


def test_a_page_loads_nothing():
    text = page_of("ssh")
    links = Links()
    links.feed(text)
    assert links.found == ["data:,"]
    assert "default-src 'none'" in text
    for loads in (r"@import", r"url\(", r"\bfetch\(", r"\bimport[ (]", r"XMLHttpRequest"):
        assert not re.search(loads, text)
    assert set(re.findall(r"https?://[^\"'\s]*", text)) == {"http://www.w3.org/2000/svg"}  # a name


def test_names_cannot_leave_their_place():
    nasty = "</script><script>alert(1)</script><b>&{{data}}"
    kinds, _, _, recordings = played("ipd")
    data = page.replay(IPD.spec, [nasty] * len(kinds), recordings, nasty)
    text = page.compose(nasty, {"replay": data})
    assert "<script>alert" not in text and "<b>" not in text
    shown = data_of(text)["replay"]
    assert shown["title"] == nasty and shown["seats"][0]["name"] == nasty
    assert text.count('id="data"') == 1


def test_pages_of_an_ordinary_episode_are_small():
    assert len(page_of("ssh")) < 300_000


def test_planes_are_told_apart():
    drawn = [pack.plane(name, index) for index, name in enumerate(SSH.spec.plane_names)]
    assert [each["kind"] for each in drawn] == ["agent"] * 3 + ["cell", "cell", "floor"]
    assert len({each["colour"] for each in drawn}) == len(drawn)


def test_the_latest_imagined_views_are_kept_where_a_page_has_no_room_for_all(monkeypatch):
    recordings = played("ssh")[3]
    monkeypatch.setattr(page, "VIEWS", 2 * recordings[0].account.view.size)
    shown = page.replay(SSH.spec, ["a"] * 3, recordings, "x")["episodes"]
    assert ["view" in episode["account"] for episode in shown] == [False, False, True, True]
    told = page.CROWDED
    assert [episode["lacks_views"] for episode in shown] == [told, told, "", ""]


def test_an_episode_too_long_for_its_views_is_not_said_to_need_fewer_others(monkeypatch):
    recordings = played("ssh")[3][:1]
    monkeypatch.setattr(page, "VIEWS", recordings[0].account.view.size - 1)
    (shown,) = page.replay(SSH.spec, ["a"] * 3, recordings, "x")["episodes"]
    assert "view" not in shown["account"] and shown["lacks_views"] == page.LONG


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.1234, 0.05, "0.123 ± 0.050"),
        (156.24, 148.1, "156 ± 148"),
        (-12.34, np.nan, "-12.3"),
        (np.nan, np.nan, "–"),
    ],
)
def test_results_are_short(mean, half, text):
    assert report._pair(mean, half) == text
