import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lase_jax.reports import plots
from lase_jax.reports.record import Record, Row


def record(rows, seeds=3, agents=2):
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.random((rows, seeds, *shape)).astype(np.float32)

    update = np.arange(1, rows + 1)
    metrics = {
        "return/collective": draw(),
        "return/extrinsic": draw(agents),
        "gift/weight": draw(agents, agents),
        "event/hares": draw(agents),
        "learn/entropy": np.full((rows, seeds, agents), np.nan, np.float32),
    }
    return Record(update, update * 100, metrics)


def test_thinning_averages_neighbours_and_keeps_the_end():
    long = record(2 * plots.POINTS + 1)
    thin = plots.thinned(long)
    assert len(thin.update) <= plots.POINTS
    assert thin.update[-1] == long.update[-1]
    given, drawn = long.metrics["return/collective"], thin.metrics["return/collective"]
    np.testing.assert_allclose(drawn[0], given[:3].mean(0), rtol=1e-6)
    assert np.isnan(thin.metrics["learn/entropy"]).all()


def test_lines_are_left_out_where_there_is_nothing_to_see():
    metrics = record(4).metrics
    drawn = {name: list(lines(metrics)) for name, _, lines in plots.PANELS}
    assert [line.label for line in drawn["Return, extrinsic"]] == ["agent 0", "agent 1"]
    assert drawn["Policy entropy"] == [] and drawn["Surprise of pi_SR"] == []
    np.testing.assert_array_equal(drawn["Given away"][0].values, metrics["gift/weight"][:, :, 0, 1])


def test_the_share_of_those_who_know_nothing_stands_beside_what_is_given():
    metrics = record(2).metrics
    floor = np.full((2, 3, 2, 2), 0.1, np.float32)
    floor[:, :, [0, 1], [0, 1]] = np.nan
    given = dict((name, lines) for name, _, lines in plots.PANELS)["Given away"]
    *agents, known = given(metrics | {"relation/floor": floor})
    assert len(agents) == 2 and known.label == "if Q_SR knew nothing"
    np.testing.assert_allclose(known.values, 0.1, rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 5])
def test_curves_are_a_picture(tmp_path, rows):
    plots.curves(record(rows), "title", tmp_path / "curves.png")
    picture = Image.open(tmp_path / "curves.png")
    assert picture.width > 800
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), int), -1, 0)
    assert (abs(red - blue) + abs(green - blue) > 200).sum() > 20  # curves have colours, axes none
    picture.close()


def test_a_sweep_names_few_values_and_measures_many(tmp_path, monkeypatch):
    figures = []
    save = Figure.savefig

    def kept(figure, *args, **options):
        figures.append(figure)
        return save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    rows = [
        Row(
            name=f"lr={10.0**-place},net={'ab'[place % 2]}",
            setting={"lr": f"{10.0**-place}", "net": "ab"[place % 2]},
            steps=np.arange(3),
            curve=np.full((3, 2), place),
            final=np.full(2, place),
            note="stopped" if place > 6 else "",
        )
        for place in range(12)
    ]
    plots.sweep(rows, "return/collective", tmp_path / "sweep.png")
    curves, rates, nets = figures[0].axes
    assert len(curves.get_legend().get_texts()) == plots.NAMED
    assert rates.get_xscale() == "log"
    assert [tick.get_text() for tick in nets.get_xticklabels()] == ["a", "b"]
