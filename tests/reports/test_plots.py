import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
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


def lines_of(title, metrics, seats=()):
    (panel,) = (panel for panel in plots.PANELS if panel.title == title)
    return list(panel.lines(metrics, seats))


def test_lines_are_left_out_where_there_is_nothing_to_see():
    metrics = record(4).metrics
    assert [line.label for line in lines_of("Return of each agent", metrics)] == [
        "agent 0",
        "agent 1",
    ]
    assert lines_of("Policy entropy", metrics) == lines_of("Surprise of pi_SR", metrics) == []
    given = lines_of("Given away", metrics)[0].values
    np.testing.assert_array_equal(given, metrics["gift/weight"][:, :, 0, 1])


def test_the_share_of_those_who_know_nothing_stands_beside_what_is_given():
    metrics = record(2).metrics
    floor = np.full((2, 3, 2, 2), 0.1, np.float32)
    floor[:, :, [0, 1], [0, 1]] = np.nan
    *agents, known = lines_of("Given away", metrics | {"relation/floor": floor})
    assert len(agents) == 2 and known.label == "if Q_SR knew nothing"
    np.testing.assert_allclose(known.values, 0.1, rtol=1e-6)


def test_seats_of_several_kinds_are_named_by_their_kinds():
    lines = lines_of("Return of each agent", record(2).metrics, ("lase", "a2c"))
    assert [line.label for line in lines] == ["0: lase", "1: a2c"]


def test_panels_that_are_constant_or_doubled_are_left_out():
    metrics = record(4).metrics
    metrics["return/after_gifts"] = metrics["return/extrinsic"] * (1 + 1e-6)
    metrics["learn/entropy"] = np.full_like(metrics["return/extrinsic"], 0.5)
    drawn = [panel.title for panel, _ in plots.filled(metrics, ())]
    assert drawn == ["Collective return", "Return of each agent", "Given away", "Events"]
    metrics["return/collective"][:] = 0.0
    assert next(plots.filled(metrics, ()))[0].title == "Collective return"


def test_one_event_gives_its_panel_a_name():
    metrics = record(2).metrics
    named = {plots.named(panel, lines) for panel, lines in plots.filled(metrics, ())}
    assert "Events: hares" in named
    metrics["event/waste_cleaned"] = metrics["return/extrinsic"]
    named = {plots.named(panel, lines) for panel, lines in plots.filled(metrics, ())}
    assert "Events" in named and "Events: hares" not in named


def test_equality_is_blank_where_it_is_no_share():
    shares = np.array([[0.5, 0.9], [0.5, np.nan], [np.nan, np.nan], [0.5, -3.0]])
    shown = lines_of("Equality E", {"social/equality": shares})[0].values
    np.testing.assert_array_equal(np.isnan(shown).all(1), [False, False, True, True])
    assert lines_of("Equality E", {"social/equality": shares[2:]}) == []


def test_every_panel_has_a_name_and_a_sentence():
    for panel in plots.PANELS:
        assert "/" not in panel.title and panel.meaning[-1] == "."
    assert plots.of_metric("return/collective")[0] == "Collective return"
    assert plots.of_metric("event/waste_cleaned")[0] == "Waste cleaned"
    assert plots.of_metric("social/equality")[0].startswith("Equality E")


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved."""
    found, save = [], Figure.savefig

    def kept(figure, *args, **options):
        found.append(figure)
        return save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    return found


def words(figure):
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("most", [1.2, 100.0, None])
def test_what_is_possible_is_a_line_or_is_said(figures, tmp_path, most):
    plots.curves(record(5), "title", tmp_path / "curves.png", ("lase", "lase"), most)
    first = figures[0].axes[0]
    said = [each for each in words(figures[0]) if each.startswith("at most")]
    at = [line for line in first.lines if len(set(line.get_ydata())) == 1]
    if most is None:
        assert not said and not at
    elif most == 100:
        assert said == ["at most 100, above this picture"] and first.get_ylim()[1] < 2 and not at
    else:
        assert said == ["at most 1.2"] and at[0].get_ydata()[0] == most
    assert any("95 %, 3 seeds" in each for each in words(figures[0]))


def test_what_would_hide_all_else_is_cut_off(figures, tmp_path):
    shown = record(5)
    explained = np.linspace(-10, 0.5, 5)[:, None, None] + np.zeros((5, 3, 2))
    shown.metrics["learn/explained"] = explained
    plots.curves(shown, "title", tmp_path / "curves.png", ("lase", "lase"))
    lowest = {axis.get_title(loc="left"): axis.get_ylim()[0] for axis in figures[0].axes}
    assert lowest.pop("Variance of returns foreseen") == -1 < max(lowest.values()) < 1


@pytest.mark.parametrize("rows", [1, 5])
def test_curves_are_a_picture(tmp_path, rows):
    plots.curves(record(rows), "title", tmp_path / "curves.png")
    picture = Image.open(tmp_path / "curves.png")
    assert picture.width > 800
    red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), int), -1, 0)
    assert (abs(red - blue) + abs(green - blue) > 200).sum() > 20  # curves have colours, axes none
    picture.close()


def test_a_sweep_names_few_values_and_measures_many(tmp_path, figures):
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
    plots.sweep(rows, "return/collective", tmp_path / "sweep.png", 12.0)
    curves, rates, nets = figures[0].axes
    assert len(curves.get_legend().get_texts()) == plots.NAMED
    assert rates.get_xscale() == "log"
    assert [tick.get_text() for tick in nets.get_xticklabels()] == ["a", "b"]
    assert "Collective return: 12 settings, 2 seeds of each" in words(figures[0])
    (key,) = figures[0].legends
    assert [text.get_text().split(",")[0] for text in key.get_texts()] == [
        "a seed",
        "a seed or a curve that ended early: stopped or diverged",
    ]
    for line in curves.lines:
        red, green, blue, _ = to_rgba(line.get_color())
        assert 0.3 * red + 0.6 * green + 0.1 * blue < 0.8  # else it cannot be seen on white


def test_long_names_of_runs_are_broken_between_settings():
    assert plots._lines("ipd-lase") == "ipd-lase"
    assert plots._lines("lr=3e-3,delta=0.1") == "lr=3e-3,\ndelta=0.1"
