import io

import numpy as np
import pytest
from PIL import Image

from lase_jax.reports import animate


def make_scene(steps=3, agents=2, gift=None):
    def picture(time):
        return np.full((64, 96, 3), 40 * (time % 6), np.uint8)

    reward = np.zeros((steps, agents))
    reward[0, 0] = 2.0
    gifts = np.zeros((steps, agents, agents))
    if gift is not None:
        gifts[0, 0, 1] = gift
    return animate.Scene(picture, reward, gifts, ("lase",) * agents, "a title")


def test_there_is_a_frame_for_the_start_and_after_every_step():
    data = animate.gif(make_scene(steps=3), milliseconds=100)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.n_frames == 4
        assert picture.info["loop"] == 0


def test_long_episodes_show_several_steps_in_a_frame(monkeypatch):
    monkeypatch.setattr(animate, "MAX_FRAMES", 4)
    shown = []
    scene = make_scene(steps=10)

    def picture(time):
        shown.append(time)
        return scene.picture(time)

    assert len(animate.frames(scene._replace(picture=picture))) == 5
    assert shown == [0, 3, 6, 9, 10]


@pytest.mark.parametrize("agents", [2, 5, 16])
def test_a_gift_is_an_arrow_and_nothing_else_is(agents):
    without = [np.asarray(f, int) for f in animate.frames(make_scene(agents=agents))]
    given = [np.asarray(f, int) for f in animate.frames(make_scene(agents=agents, gift=1.0))]
    green = np.array([5, 150, 105])

    def arrow(frame):
        panel = frame[: animate.PANEL, animate.PANEL :]
        return (np.abs(panel - green).sum(-1) < 30).sum()

    assert arrow(given[1]) > 20
    assert arrow(without[1]) == arrow(given[0]) == arrow(given[2])


def test_wider_arrows_are_larger_gifts():
    scene = make_scene(gift=1.0)
    scene.gift[1, 0, 1] = 0.2
    first, second = (np.asarray(frame) for frame in animate.frames(scene)[1:3])
    ink = [(f[: animate.PANEL, animate.PANEL :] < 200).any(-1).sum() for f in (first, second)]
    assert ink[0] > ink[1]


def test_the_caption_names_earnings_and_gifts():
    gift = np.zeros((2, 2))
    gift[0, 1] = 0.5
    lines = animate._caption("Step 3 of 10.", np.array([2.0, 0.0]), gift, 400)
    assert lines == (["Step 3 of 10. 0 earns 2"], [f"Gifts: 0{animate.ARROW}1: 0.5"])


@pytest.mark.parametrize("agents", [2, 8, 16])
def test_no_caption_is_wider_than_its_picture(agents):
    reward, gift = np.full(agents, 1.25), np.full((agents, agents), 0.125)
    for lines in animate._caption("Step 30 of 100.", reward, gift, 500):
        assert len(lines) <= animate.LINES
        assert all(animate._length(line, animate.BODY) <= 500 for line in lines)
    named = sum(line.count(animate.ARROW) for line in lines)
    left = agents**2 - named
    assert (f"and {left} more" in lines[-1]) == (left > 0)


def test_all_frames_are_of_one_size_and_captions_lie_below_the_map():
    scene = make_scene(agents=16)
    scene.reward[1] = 10.25  # needs more lines than other steps
    pictures = animate.frames(scene)
    assert len({picture.size for picture in pictures}) == 1
    below = [np.asarray(picture)[animate.PANEL + 4 :] for picture in pictures]
    rows = [int((picture < 128).any((1, 2)).sum()) for picture in below]
    assert rows[2] > 1.5 * rows[3]
    assert all((picture[:, -2:] > 250).all() for picture in below)
