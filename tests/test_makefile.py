"""What the Makefile's targets hand on to the program."""

import os
import shutil
import subprocess

import pytest
from targets import ROOT, make, received

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def test_train_passes_on_what_was_given():
    assert received("train", "ENV=ssh", "ALGO=a2c", "SEEDS=2", "STEPS=10000", "NAME=x") == [
        *("train", "--env", "ssh", "--algo", "a2c", "--seeds", "2", "--steps", "10000"),
        *("--name", "x", "--wandb", "offline"),
    ]


def test_train_passes_on_nothing_else():
    assert received("train") == ["train", "--wandb", "offline"]


def test_a_run_goes_on_with_its_own_game_and_algorithm():
    assert received("train", "RUN=runs/x") == ["train", "--resume", "runs/x"]
    assert received("train", "RUN=runs/x", WANDB="online")[-2:] == ["--wandb", "online"]


def test_a_sweep_passes_on_what_varies_and_goes_on():
    assert received("sweep", "ENV=ssh", "SEEDS=4", "SWEEP=lr=1e-4,1e-3 delta=0,0.1") == [
        *("sweep", "--env", "ssh", "--sweep", "lr=1e-4,1e-3 delta=0,0.1", "--seeds", "4"),
        *("--wandb", "offline"),
    ]
    assert received("sweep", "RUN=runs/x", "WANDB=disabled") == [
        *("sweep", "--resume", "runs/x", "--wandb", "disabled"),
    ]


def test_the_mode_of_wandb_is_its_own_variable_unless_ours_is_given():
    assert received("train", WANDB_MODE="disabled") == ["train", "--wandb", "disabled"]
    assert received("train", WANDB_MODE="disabled", WANDB="online")[-1] == "online"


def test_runs_are_sent_and_get_a_dashboard():
    assert received("sync", "RUN=runs/it's mine") == ["sync", "runs/it's mine"]
    assert received("dashboard", "RUN=runs/it's mine") == ["dashboard", "runs/it's mine"]
    assert received("dashboard", "RUNS=runs/x runs/y") == ["dashboard", "runs/x", "runs/y"]


def test_pages_are_of_a_run_and_a_person_plays_a_game_or_beside_a_run():
    assert received("replay", "RUN=runs/x", "SEED=1") == ["replay", "runs/x", "--seed", "1"]
    assert received("report", "RUN=runs/x") == ["report", "runs/x"]
    assert received("play", "ENV=ipd", "ARGS=--seat 1") == ["play", "ipd", "--seat", "1"]
    assert received("play", "RUN=runs/x", "SEED=1") == ["play", "--run", "runs/x", "--seed", "1"]


def test_runs_that_meet_are_named_together():
    assert received("eval", "RUNS=runs/x runs/y", "ARGS=--episodes 5") == [
        *("crossplay", "runs/x", "runs/y", "--episodes", "5"),
    ]


def test_the_environments_own_variables_are_not_taken_for_ours():
    assert received("train", ENV="/etc/shrc", NAME="host") == received("train")


def test_python_imports_nothing_from_outside_its_environment():
    show = "show:\n\t@env\n"
    setting = os.environ | {"PYTHONPATH": "elsewhere", "PYTHONHOME": "elsewhere", "WANDB": "online"}
    command = ["make", "-s", "-f", "Makefile", "-f", "-", "show"]
    shown = subprocess.run(
        command, cwd=ROOT, env=setting, input=show, capture_output=True, text=True
    )
    assert "WANDB=online" in shown.stdout and "PYTHON=" in shown.stdout
    assert "elsewhere" not in shown.stdout


def test_extra_arguments_are_split_as_a_shell_does():
    assert received("train", "ARGS=--name 'my run' --agent.lr 3e-4")[-4:] == [
        *("--name", "my run", "--agent.lr", "3e-4"),
    ]


def test_run_folders_may_have_spaces_and_quotes():
    assert received("eval", "RUN=runs/it's mine") == ["eval", "runs/it's mine"]
    assert received("render", "RUN=runs/x", "SEED=0") == ["render", "runs/x", "--seed", "0"]


@pytest.mark.parametrize("target", ["eval", "render", "replay", "report", "sync", "dashboard"])
def test_a_missing_run_folder_is_one_line_and_exit_code_2(target):
    result = make(target)
    assert result.returncode == 2
    (line,) = result.stderr.strip().splitlines()
    assert "RUN is empty: name a run's folder" in line


@pytest.mark.parametrize(
    ("arguments", "ignored"),
    [
        (("train", "env=ipd"), "env"),
        (("train", "ENV=ipd", "STEP=100"), "STEP"),
        (("train", "ENV=ipd", "SEED=3"), "SEED"),
        (("train", "RUN=runs/x", "ENV=ssh"), "ENV"),
        (("sweep", "RUN=runs/x", "SWEEP=lr=1"), "SWEEP"),
        (("eval", "RUN=runs/x", "SEEDS=3"), "SEEDS"),
        (("eval", "RUN=runs/x", "RUNS=runs/x runs/y"), "RUN"),
        (("play", "RUN=runs/x", "ENV=ssh"), "ENV"),
    ],
)
def test_a_variable_that_would_be_ignored_is_refused(arguments, ignored):
    result = make(*arguments)
    assert result.returncode == 2 and not result.stdout
    (line,) = result.stderr.strip().splitlines()
    assert f"*** {ignored} would be ignored: make {arguments[0]}" in line


def test_variables_of_the_commands_own_environment_are_passed_on():
    own = "JAX_PLATFORMS=cpu", "COLUMNS=60", "XLA_FLAGS=--x"
    assert received("train", "ENV=ipd", *own) == received("train", "ENV=ipd")
    assert received("train", "RUN=runs/x", "ENV=") == received("train", "RUN=runs/x")


def test_every_target_is_listed_in_help():
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:"))
    helped = {line.split(":")[0] for line in text.splitlines() if ":" in line and " ## " in line}
    assert set(phony.split()[1:]) - {"need-run"} == helped
