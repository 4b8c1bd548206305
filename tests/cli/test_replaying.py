"""The commands that write pages, and the one that seats a person."""

import json
import re
import shutil

import pytest
import tiny

from lase_jax import cli
from lase_jax.cli.playing import chosen
from lase_jax.presets import preset
from lase_jax.reports.replay import pack


def run(*arguments):
    return cli.execute(list(arguments), preset, "lase")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    flags = (*tiny.FLAGS, "--out", str(folder), "--agent.social-width", "4")
    more = ("--agent.perspective-width", "4", "--chunks", "4", "--keep-every", "1")
    assert run("train", "--env", "ssh", "--algo", "lase", "--steps", "48", *flags, *more) == 0
    swept = ("--sweep", "lr=1e-3,2e-3", "--name", "swept")
    assert (
        run(
            "sweep",
            "--env",
            "ssh",
            "--algo",
            "a2c",
            "--steps",
            "16",
            *tiny.FLAGS,
            "--out",
            str(folder),
            *swept,
        )
        == 0
    )
    return folder


def data_of(file):
    text = file.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(found)


def test_a_replay_has_stages_of_training_seeds_and_episodes(out, capsys):
    path = out / "ssh-lase"
    before = sorted(path.rglob("*"))
    assert run("replay", str(path), "--episodes", "2") == 0
    assert set(path.rglob("*")) - set(before) == {path / "replay.html"}
    assert "Written to" in capsys.readouterr().out
    shown = data_of(path / "replay.html")["replay"]
    labels = {(e["update"], e["seed"], e["episode"]) for e in shown["episodes"]}
    updates = sorted({update for update, _, _ in labels})
    assert len(updates) == 3 and updates[-1] == 6
    assert labels == {(u, s, e) for u in updates for s in (0, 1) for e in (0, 1)}
    assert {e["steps"] for e in shown["episodes"]} == {8 * update for update in updates}


def test_one_stage_and_seed_can_be_named(out, tmp_path):
    file = tmp_path / "page.html"
    flags = ("--checkpoint", "newest", "--seed", "1", "--episode", "7", "--out", str(file))
    assert run("replay", str(out / "ssh-lase"), *flags) == 0
    (shown,) = data_of(file)["replay"]["episodes"]
    assert (shown["update"], shown["seed"], shown["episode"]) == (6, 1, 7)


def test_a_report_has_results_curves_and_settings(out):
    path = out / "ssh-lase"
    assert run("report", str(path)) == 0
    data = data_of(path / "report.html")
    report = data["report"]
    assert dict(report["facts"])["Agents"] == "lase, lase"
    agents, group = report["tables"]
    assert [row[0] for row in agents["rows"]] == ["0 (lase)", "1 (lase)"]
    assert "return/collective" in [row[0] for row in group["rows"]]
    assert ["agent.social_width", "4"] in report["settings"]
    titles = [course["title"] for course in report["courses"]]
    assert {"Collective return", "Given away"} <= set(titles)
    (line,) = report["courses"][0]["lines"]
    x, mean = pack.unpacked(report["courses"][0]["x"]), pack.unpacked(line["mean"])
    assert len(x) == len(mean) and x[-1] == 48
    assert data["replay"]["episodes"]


def test_a_report_of_a_sweep_compares_its_settings(out):
    path = out / "swept"
    assert run("report", str(path)) == 0
    report = data_of(path / "report.html")["report"]
    compared = report["tables"][0]
    assert {row[0] for row in compared["rows"]} == {"1e-3", "2e-3"}
    assert {line["label"] for line in report["courses"][0]["lines"]} == {"lr=1e-3", "lr=2e-3"}


def test_pages_are_parts_of_a_run_that_can_be_overwritten(out, tmp_path):
    shutil.copytree(out / "ssh-lase", tmp_path / "x")
    (tmp_path / "x" / "replay.html").write_text("")
    flags = (*tiny.FLAGS, "--out", str(tmp_path), "--name", "x", "--overwrite", "--steps", "8")
    assert run("train", "--env", "ssh", "--algo", "a2c", *flags) == 0
    assert not (tmp_path / "x" / "replay.html").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--seed", "9"), "seed is 9: this run has the seeds 0 to 1"),
        (("--checkpoint", "7"), "checkpoint is '7'"),
    ],
)
def test_what_a_run_has_not_is_named(out, flags, message, capsys):
    assert run("replay", str(out / "ssh-lase"), *flags) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def typed(monkeypatch, *lines):
    answers = iter(lines)
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers, "q"))


def test_a_person_plays_an_episode(monkeypatch, capsys):
    typed(monkeypatch, "nonsense", *["defect"] * 100)
    assert run("play", "ipd", "--others", "cooperator", "--seat", "1") == 0
    printed = capsys.readouterr().out
    assert "You are agent 1 of ipd" in printed and "Type the number or the name" in printed
    assert "0 (cooperator): cooperate, earned -0.2; you: defect, earned 1.2" in printed
    assert "Earned: 0 (cooperator) -20, you 120; together 100." in printed


def test_a_person_may_leave_and_play_beside_trained_agents(out, monkeypatch, capsys):
    typed(monkeypatch, "w", "q")
    assert run("play", "--run", str(out / "ssh-lase"), "--seed", "1") == 0
    printed = capsys.readouterr().out
    assert "Agents: 0 you, 1 lase" in printed and "You have left." in printed
    assert "you: up" in printed


@pytest.mark.parametrize(
    ("text", "action"),
    [("2", 2), ("9", None), ("", None), ("up", 0), ("w", 0), ("hunt", None), ("hunt_s", 3)],
)
def test_actions_are_named_by_number_name_or_beginning(text, action):
    assert chosen(("up", "stay", "hunt_hare", "hunt_stag"), text) == action
