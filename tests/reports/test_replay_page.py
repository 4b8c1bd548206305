"""Pages in a real browser: what a reader sees, hears and presses."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from replayed import GAMES, IPD, SSH, played

from docs import browser as browsers
from lase_jax.reports.record import Record
from lase_jax.reports.replay import page, report

pytestmark = pytest.mark.skipif(
    browsers.program() is None, reason=f"needs one of {', '.join(browsers.NAMES)}"
)
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, see pyproject.toml")


@pytest.fixture(scope="module")
def browser():
    with browsers.opened() as shown:
        yield shown


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a page of some data; in the end nothing may have gone wrong."""
    contexts, complaints, requests = [], [], []

    def open_page(data, width=1200, scheme="light", title="a title"):
        file = tmp_path / "replay.html"
        file.write_text(page.compose(title, data), encoding="utf-8")
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("request", lambda request: requests.append(request.url))
        shown.goto(file.as_uri())
        shown.wait_for_selector("html[data-ready]", timeout=20_000)
        return shown

    yield open_page
    assert complaints == []
    assert all(url.startswith("file:") and url.endswith("/replay.html") for url in requests)
    assert len(requests) == len(contexts)
    for context in contexts:
        context.close()


@pytest.fixture
def show(opened):
    """Opens the replay of a game and a society."""

    def open_page(game, algos=("lase",), names=None, title="a title", **looks):
        kinds, _, _, recordings = played(game, algos)
        data = {"replay": page.replay(GAMES[game].spec, names or kinds, recordings, title)}
        return opened(data, title=title, **looks), recordings

    return open_page


def number(text):
    """A number as the page writes it; NaN where there is none."""
    return float("nan") if text in ("–", "") else float(text.replace("−", "-"))


def cells(shown, selector):
    """The texts of a table's body, row by row, headings included."""
    script = "rows => rows.map(r => [...r.querySelectorAll('th, td')].map(c => c.innerText.trim()))"
    return shown.eval_on_selector_all(f"{selector} tbody tr", script)


def status(shown):
    return shown.inner_text("#status")


def test_buttons_and_keys_move_time(show):
    shown, _ = show("ssh")
    steps = SSH.spec.horizon
    assert status(shown).startswith(f"Step 1 of {steps}.")
    for press, text in (
        (lambda: shown.click("#on"), f"Step 2 of {steps}."),
        (lambda: shown.keyboard.press("ArrowRight"), f"Step 3 of {steps}."),
        (lambda: shown.keyboard.press("ArrowLeft"), f"Step 2 of {steps}."),
        (lambda: shown.click("#back"), f"Step 1 of {steps}."),
        (lambda: shown.click("#back"), f"Step 1 of {steps}."),
        (lambda: shown.keyboard.press("End"), f"End after {steps} steps."),
        (lambda: shown.keyboard.press("ArrowRight"), f"End after {steps} steps."),
        (lambda: shown.keyboard.press("Home"), f"Step 1 of {steps}."),
        (lambda: shown.click("#last"), f"End after {steps} steps."),
        (lambda: shown.click("#first"), f"Step 1 of {steps}."),
    ):
        press()
        assert status(shown).startswith(text)


def test_the_time_bar_moves_time_by_the_keyboard(show):
    shown, _ = show("ssh")
    shown.focus("#time")
    shown.keyboard.press("ArrowRight")
    assert status(shown).startswith("Step 2 of")
    assert shown.get_attribute("#time", "aria-valuetext") == f"Step 2 of {SSH.spec.horizon}"


def test_it_plays_to_the_end_and_stops_and_tells_no_one_meanwhile(show):
    shown, _ = show("ipd")
    shown.select_option("#speed", "15")
    assert shown.get_attribute("#status", "aria-live") == "polite"
    shown.evaluate("document.activeElement.blur()")
    shown.keyboard.press("Space")
    assert shown.get_attribute("#status", "aria-live") == "off"
    assert shown.get_attribute("#play", "aria-label") == "Pause"
    sync_api.expect(shown.locator("#status")).to_have_text(re.compile("^End"))
    sync_api.expect(shown.locator("#play")).to_have_attribute("aria-label", "Play")
    assert shown.get_attribute("#status", "aria-live") == "polite"
    shown.click("#play")  # begins anew
    sync_api.expect(shown.locator("#status")).to_have_text(re.compile("^Step"))
    shown.click("#play")
    assert shown.get_attribute("#play", "aria-label") == "Play"


def test_steps_in_which_nothing_happens_can_be_left_out(show):
    shown, recordings = show("ssh")
    recording = recordings[2]  # the last stage is shown first
    happens = (recording.reward != 0).any(-1) | (np.abs(recording.given) >= 5e-4).any((1, 2))
    happens |= np.any([count.any(-1) for count in recording.events.values()], 0)
    wanted = [step for step in range(1, SSH.spec.horizon) if happens[step]]
    assert 0 < len(wanted) < SSH.spec.horizon - 1
    for step in wanted:
        shown.click("#next")
        assert status(shown).startswith(f"Step {step + 1} of")
    shown.keyboard.press("n")
    assert status(shown).startswith("End")
    for step in wanted[::-1]:
        shown.keyboard.press("p")
        assert status(shown).startswith(f"Step {step + 1} of")
    shown.click("#before")
    assert status(shown).startswith("Step 1 of")


def test_numbers_shown_are_those_recorded(show):
    shown, recordings = show("ssh")
    shown.select_option("#update", "900")
    shown.select_option("#episode", "1")
    (recording,) = [each for each in recordings if each.label[1::2] == (900, 1)]
    account, num = recording.account, SSH.spec.num_agents
    counted = 0
    for step in range(SSH.spec.horizon):
        relation = [[number(cell) for cell in row[1:]] for row in cells(shown, "#matrix")]
        np.testing.assert_allclose(relation, account.relation[step], atol=6e-4)
        table = cells(shown, "#agents")
        for seat in range(num):
            there = recording.active[step, seat]
            action = SSH.spec.action_names[recording.action[step, seat]].replace("_", " ")
            assert table[seat][1] == (action if there else "has left")
            reward, gives, gets, earned, kept = map(number, table[seat][2:])
            so_far = recording.reward[: step + 1, seat].sum()
            after = so_far + recording.delta[: step + 1, seat].sum()
            expected = (
                *(recording.reward[step, seat], recording.given[step, seat].sum()),
                *(recording.given[step, :, seat].sum(), so_far, after),
            )
            np.testing.assert_allclose((reward, gives, gets, earned, kept), expected, atol=6e-3)
        for thinker, other in ((0, 1), (2, 0)):
            shown.select_option("#thinker", str(thinker))
            shown.select_option("#other", str(other))
            rows = cells(shown, "#alternatives")
            if np.isnan(account.value[step, thinker, other, 0]):
                assert rows == []
                continue
            *actions, mean = rows
            counted += 1
            values, chances = ([number(row[place]) for row in actions] for place in (2, 4))
            np.testing.assert_allclose(values, account.value[step, thinker, other], atol=6e-4)
            np.testing.assert_allclose(chances, account.foreseen[step, thinker, other], atol=6e-4)
            (taken,) = [index for index, row in enumerate(actions) if "(taken)" in row[0]]
            assert taken == recording.action[step, other]
            expected = (account.value * account.foreseen)[step, thinker, other].sum()
            np.testing.assert_allclose(number(mean[2]), expected, atol=6e-4)
            words = shown.inner_text("#verdict")
            share = number(re.search(r"w = (\S+) of", words)[1])
            np.testing.assert_allclose(share, account.relation[step, thinker, other], atol=6e-4)
        shown.click("#on")
    assert counted > 4
    assert status(shown).startswith("End")


def test_rewards_and_gifts_are_said(show):
    shown, recordings = show("ipd")
    for recording in recordings[::2]:
        shown.select_option("#update", str(recording.label.update))
        shown.click("#first")
        assert recording.reward.any()
        for step in range(IPD.spec.horizon):
            said = status(shown)
            earned = re.findall(r"(\d) earns (\S+?)(?=,|\. )", said)
            found = {int(seat): number(amount) for seat, amount in earned}
            seats = np.flatnonzero(recording.reward[step])
            assert found == pytest.approx({seat: recording.reward[step, seat] for seat in seats})
            gifts = re.findall(r"(\d) to (\d) (\S+?)(?=,|\. |\.$)", said)
            for giver, taker, amount in gifts:
                given = recording.given[step, int(giver), int(taker)]
                np.testing.assert_allclose(number(amount), given, atol=6e-4)
            assert len(gifts) == (np.abs(recording.given[step]) >= 5e-4).sum()
            shown.click("#on")
    assert any(recording.given.any() for recording in recordings[::2])


def test_the_board_shows_the_pictures_of_the_game(show):
    shown, recordings = show("ssh")
    shown.select_option("#update", "100")
    script = "document.getElementById('picture').toDataURL().split(',')[1]"
    for time in (0, 3):
        with Image.open(io.BytesIO(base64.b64decode(shown.evaluate(script)))) as image:
            pixels = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(pixels, recordings[0].pictures[time])
        for _ in range(3):
            shown.click("#on")


def test_arrows_are_the_relationships(show):
    shown, recordings = show("ssh")
    relation = recordings[2].account.relation  # the last stage is shown first
    for step in range(3):
        arrows = shown.locator("#arrows polygon").count()
        assert arrows == (np.nan_to_num(relation[step]) >= 0.01 / 2).sum()
        shown.click("#on")
    assert np.nansum(relation[:3]) > 0


def test_every_stage_seed_and_episode_can_be_chosen(show):
    shown, _ = show("ssh")
    texts = {
        name: shown.locator(f"#{name} option").all_inner_texts()
        for name in ("update", "seed", "episode")
    }
    assert texts["update"] == ["early: 1k steps", "late: 9k steps"]
    assert (texts["seed"], texts["episode"]) == (["4"], ["0", "1"])


@pytest.mark.parametrize(
    ("algos", "kinds"),
    [
        (("a2c",), ["Gifts"]),
        (("giving",), ["Gifts and incentives"]),
        (("si",), ["Influence", "Gifts"]),
        (("si_basic",), ["Influence", "Gifts"]),
        (("si_comm",), ["Influence", "Gifts"]),
        (("lase_wo", "random"), ["Relationships w_ij", "Gifts"]),
    ],
)
def test_other_algorithms_show_what_they_have(show, algos, kinds):
    shown, _ = show("ipd", algos)
    assert shown.locator("#shown option").all_inner_texts() == kinds
    assert shown.is_visible("#thought") == ("lase_wo" in algos)
    if "lase_wo" in algos:
        shown.select_option("#thinker", "1")
        assert "keeps no account of others" in shown.inner_text("#verdict")


@pytest.mark.parametrize("algo", ["si", "si_basic", "si_comm"])
def test_influence_shown_is_that_recorded(show, algo):
    shown, recordings = show("ipd", (algo,))
    influence = recordings[2].account.influence  # the last stage is shown first
    assert np.nanmax(influence) > 0
    for step in range(IPD.spec.horizon):
        found = [[number(cell) for cell in row[1:]] for row in cells(shown, "#matrix")]
        np.testing.assert_allclose(found, influence[step], atol=6e-4)
        shown.click("#on")


@pytest.mark.parametrize("game", ["ssh", "ipd"])
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_nothing_is_wider_than_the_screen(show, game, width, scheme):
    shown, _ = show(game, width=width, scheme=scheme)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (
        shown.evaluate(f"getComputedStyle(document.body).{name}")
        for name in ("color", "backgroundColor")
    )
    light, dark = (sum(map(int, re.findall(r"\d+", each)[:3])) for each in (paper, ink))
    assert (light > dark) == (scheme == "light")


def test_all_that_can_be_pressed_or_looked_at_has_a_name(show):
    shown, _ = show("ssh")
    names = shown.evaluate("""() => [...document.querySelectorAll(
        'button, select, input, canvas, #replay svg[role=img], [role=region]')]
        .filter(e => e.offsetParent !== null || e.tagName === 'svg')
        .map(e => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || '')""")
    assert len(names) > 20
    assert all(name.strip() for name in names)


def test_names_are_shown_as_they_are(show):
    nasty = "<img src=x onerror=alert(1)>"
    shown, _ = show("ipd", names=[nasty, "</td>"], title=nasty)
    assert shown.inner_text("h1") == nasty
    assert nasty in shown.inner_text("#agents")
    assert shown.locator("img").count() == 0


def test_what_would_hide_all_else_is_cut_off(opened):
    explained = np.linspace(-10, 0.5, 20, dtype=np.float32)[:, None, None]
    update = np.arange(1, 21)
    metrics = {"return/collective": explained[..., 0] + 20, "learn/explained": explained}
    courses = report.courses(Record(update, update, metrics), ("a2c",))
    shown = opened({"report": report.report({}, [], courses, {})})
    chart = shown.locator("figure.chart").filter(has_text="foreseen")
    ticks = [
        number(text) for text in chart.locator("svg text[text-anchor=end]").all_text_contents()
    ]
    assert min(ticks) == -1 and max(ticks) == 0.5
    heights = re.findall(r"[ML][\d.]+ ([\d.]+)", chart.locator("svg path").last.get_attribute("d"))
    assert max(map(float, heights)) <= float(chart.locator("svg line.cursor").get_attribute("y2"))
