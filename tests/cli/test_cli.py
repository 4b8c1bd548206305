import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
import tiny

from envs import matrix as ipd
from envs.checks import ConfigError
from lase_jax import __version__, cli
from lase_jax.cli import commands
from lase_jax.presets import preset
from lase_jax.runs import dashboards, devices, files, folder
from lase_jax.runs.setup import load_config, restore_run

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return cli.execute(list(arguments), preset, "lase")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("trian", "command is 'trian': did you mean 'train'"),
        ("train --env shh", "env is 'shh': did you mean 'ssh'"),
        ("train --algo lasse", "algo is 'lasse': did you mean 'lase'"),
        ("train --env", "--env is empty"),
        ("train --sedes 3", "--sedes is not an option: did you mean --seeds?"),
        ("train --game.rowz 3", "--game.rowz is not an option: did you mean --game.rows?"),
        ("train extra", "extra is not an option"),
        ("train --game.rows x", "--game.rows is 'x'"),
        ("train --game.rows 1", "game.rows is 1: use a whole number, 2 to 64"),
        ("train --game.radius 8", "game.radius is 8"),
        ("train --game.rows 2 --game.columns 2", "game.num_hares + num_stags is 6: use at most 4"),
        ("train --agent.lr -1", "agent.lr is -1.0"),
        ("train --agent.lr", "--agent.lr is empty"),
        ("train --agent.gamma 1.5", "agent.gamma is 1.5"),
        ("train --agent.net.dense a", "--agent.net.dense is 'a'"),
        ("train --seeds 0", "seeds is 0: use a whole number, 1 to 100000"),
        ("train --steps -5", "steps is -5"),
        ("train --rollout-length 7", "rollout_length is 7: use a divisor of"),
        ("train --wandb maybe", "--wandb is 'maybe': use 'offline'"),
        ("train --num-envs 64 --agent.replay 2", "replay is 2: use at least num_envs, 64"),
        ("train --agent.replay 99 --rollout-length 5", "rollout_length is 5: use 30 or 0"),
        ("train --learner pppo", "learner is 'pppo': did you mean 'ppo'"),
        ("train --learner ppo --agent.clip 0", "agent.clip is 0.0"),
        ("train --learner ppo --num-envs 6", "minibatches is 4: use a divisor of num_envs, 6"),
        ("train --learner ppo --algo lio", "learner is 'ppo': use 'a2c' for LIO, which"),
        ("train --learner ppo --seats lase,lase,lase,lio", "learner is 'ppo': use 'a2c' for LIO"),
        ("train --preset publisht", "preset is 'publisht': did you mean 'published'"),
        ("train --preset published", "preset is 'published': leave it out for ssh lase, or try"),
        ("train --seats lase,a2c", "seats is 'lase,a2c': name 4 agents"),
        ("train --seats lase,a2c,a3c,random", "seats is 'a3c': did you mean 'a2c'"),
        ("train --name a/b", "name is 'a/b'"),
        ("train --name ..", "name is '..'"),
        ("train --name a/b --dry-run", "name is 'a/b'"),
        ("sweep --sweep lr=1e-3,1e-2 --name a/b --dry-run", "name is 'a/b'"),
        (f"train --name {'x' * 201}", "name is 'xxx"),
        ("train --steps 1e6", "--steps is '1e6': use a whole number in digits, such as 1000000."),
        ("train --agent.lr x", "--agent.lr is 'x': use a number, such as 0.001 or 1e-3."),
        ("train --env IPD", "env is 'IPD': did you mean 'ipd'"),
        ("train --resume nowhere", "run is 'nowhere': it is not a run folder"),
        ("eval nowhere", "run is 'nowhere': it is not a run folder"),
        ("eval", "run is missing"),
        ("eval nowhere --episodes 0", "episodes is 0"),
        ("eval nowhere --seed 9223372036854775808", "seed is 9223372036854775808"),
        ("render nowhere --episode 2147483648", "episode is 2147483648"),
        ("render nowhere --mode fast", "--mode is 'fast'"),
        ("replay", "run is missing"),
        ("replay nowhere", "run is 'nowhere': it is not a run folder"),
        ("report nowhere", "run is 'nowhere': it is not a run folder"),
        ("replay nowhere --episodes 0", "episodes is 0: use a whole number, 1 to 100"),
        ("replay nowhere --episode -1", "episode is -1"),
        ("play", "game is ''"),
        ("play shh", "game is 'shh': did you mean 'ssh'"),
        ("play ssh --others cooperatr", "others is 'cooperatr': did you mean 'cooperator'"),
        ("play ssh --seat 4", "seat is 4: use a whole number, 0 to 3"),
        ("play ssh --run nowhere", "game is 'ssh': the run has its own, leave it out"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {message}")
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Help that is kept is kept here."""
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    return place


@pytest.mark.parametrize("ask", ["--version", "-V", "version"])
def test_the_version_is_told(ask, capsys):
    assert run(ask) == 0
    assert capsys.readouterr().out == f"lase_jax {__version__}\n"


def test_help_is_a_word_too(capsys):
    def said(*words):
        assert run(*words) == 0
        return capsys.readouterr().out

    assert said("help") == said("--help")
    assert said("help", "eval") == said("eval", "--help")
    assert said("help", "train") == said("train", "--help")


def test_help_is_answered_without_jax():
    code = (
        "import sys; from lase_jax import cli\n"
        "asked = [[], *([name] for name in cli.COMMANDS if name not in ('train', 'sweep'))]\n"
        "for each in asked: assert cli.execute([*each, '--help'], None, 'lase') == 0\n"
        "assert 'jax' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in cli.COMMANDS)


def test_the_help_of_train_lists_the_games_own_settings(capsys):
    assert run("train", "--env", "cleanup", "--algo", "lase", "--help") == 0
    printed = capsys.readouterr().out
    for option in (
        "--steps",
        "--game.river-rows",
        "--agent.imagine",
        "--agent.net.lstm",
        "--seats",
    ):
        assert option in printed


def test_the_help_of_train_is_kept_until_a_source_changes(cache, capsys, monkeypatch):
    asked = ("train", "--env", "ipd", "--help")
    assert run(*asked) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(commands, "run", lambda *arguments: pytest.fail("it was not kept"))
    assert run(*asked) == 0
    assert capsys.readouterr().out == first
    (file,) = cache.rglob("*.json")
    content = json.loads(file.read_text())
    sources = content["sources"]
    assert commands.__file__ in sources and ipd.__file__ in sources
    monkeypatch.setattr(commands, "run", lambda *arguments: 7)
    file.write_text(json.dumps(content | {"sources": sources | {ipd.__file__: [0, 0]}}))
    assert run(*asked) == 7


def test_nothing_is_kept_where_nothing_can_be_written(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert run("completion", "bash") == 0
    assert "_tyro_lase" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["list", "games"])  # the second is what it was called before
def test_list_lists_all_there_is(command, capsys):
    assert run(command) == 0
    printed = capsys.readouterr().out
    what = {line.split()[0]: line.split(maxsplit=1)[1] for line in printed.splitlines() if line}
    assert what["ssh"].split()[:3] == ["4", "30", "20"]
    assert what["lase_wo"] == f"{what['lase']} [perspective=False]"
    assert what["ssh_strict"] == f"{what['ssh']} [hunt=choose]"
    assert ", ...]\n" in printed and max(map(len, printed.splitlines())) < 180
    assert "  escape_room         lio\n" in printed and "also tit_for_tat" in printed


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The file of the completion for bash."""
    file = tmp_path_factory.mktemp("completion") / "lase"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert commands.run("completion", ["bash"], preset, "lase") == 0
    file.write_text(printed.getvalue())
    return file


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lase rend", "render"),
        ("lase train --env coing", "coingame coingame_3x3"),
        ("lase sweep --samp", "--samples"),
        ("lase eval ru", ""),  # bash itself completes the name of a file then
    ],
)
def test_bash_completes_commands_options_and_names(words, completed, script):
    line = (
        f"source {script}; complete -p lase; COMP_WORDS=({words}); "
        "COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _tyro_lase; echo ${#COMPREPLY[@]} ${COMPREPLY[@]}"
    )
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    registered, found = done.stdout.splitlines()
    assert registered.startswith("complete -o default ")
    assert found == f"{len(completed.split())} {completed}".strip()


def test_a_dry_run_says_what_a_run_needs_and_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    seats = ("--seats", "gift,cooperator")
    flags = (*tiny.FLAGS, *seats, "--env", "ssh", "--algo", "gift", "--steps", "16")
    assert run("train", *flags, "--dry-run") == 0
    printed = capsys.readouterr().out
    for words in ("gift (seat 0), cooperator (seat 1)", "3 x 3 x", "MiB", "Time:", "no folder"):
        assert words in printed
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_a_sweep_goes_program_by_program(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = (*tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--steps", "16")
    assert run("sweep", *flags, "--sweep", "lr=1e-3,1e-2", "--dry-run") == 0
    printed = capsys.readouterr().out
    for words in ("Program 1 of 1: 2 settings, 4 seeds.", "lr=1e-3; lr=1e-2", "In all:"):
        assert words in printed
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_goes_on_has_no_dry_run(trained, capsys):
    assert run("train", "--resume", str(trained), "--algo", "gift", "--dry-run") == 2
    assert "dry_run is True: a dry run is of a new run" in capsys.readouterr().err


def test_pictures_can_be_left_out(tmp_path, capsys):
    flags = (*tiny.FLAGS, "--algo", "a2c", "--steps", "16", "--out", str(tmp_path), "--name", "x")
    assert run("train", *flags, "--no-pictures") == 0
    assert "Drawing" not in capsys.readouterr().out
    names = {file.name for file in (tmp_path / "x").iterdir()}
    assert folder.SUMMARY in names and not names & {folder.CURVES, folder.REPLAY}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    flags = (*tiny.FLAGS, "--steps", "16", "--out", str(out), "--seats", "gift,cooperator")
    assert run("train", "--env", "ssh", "--algo", "gift", *flags, "--agent.share", "0.5") == 0
    return out / "ssh-gift"


def test_options_reach_the_run(trained):
    config, _ = load_config(trained)
    assert config.seats == ("gift", "cooperator")
    assert (config.agent.share, config.game.rows, config.schedule.steps) == (0.5, 3, 16)
    assert config.agent.learner.net.dense == (4,)


def test_a_second_run_gets_a_name_of_its_own(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "ssh-gift")
    assert folder.claim(tmp_path, "ssh-gift") == tmp_path / "ssh-gift-2"
    assert folder.claim(tmp_path, "ssh-lase") == tmp_path / "ssh-lase"


def test_a_name_that_is_taken_is_kept(trained, capsys):
    before = (trained / folder.METRICS).read_bytes()
    flags = (*tiny.FLAGS, "--out", str(trained.parent), "--name", trained.name)
    assert run("train", "--algo", "a2c", *flags) == 2
    assert "use another name, or --overwrite" in capsys.readouterr().err
    assert (trained / folder.METRICS).read_bytes() == before


def test_a_training_that_is_refused_leaves_its_name_free(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "free", lambda grid: 100.0)
    flags = (*tiny.FLAGS, "--out", str(tmp_path), "--name", "mine", "--steps", "16")
    for _ in range(2):
        assert run("train", "--algo", "a2c", *flags) == 2
        assert "num_envs is 2: this takes" in capsys.readouterr().err
        assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("--agent.share 0.25", "agent.share is 0.25: the run was made with 0.5"),
        ("--seats cooperator,gift", "seats.0 is 'cooperator'"),
        ("--algo a2c", "algo is 'a2c': the run was made with 'gift'"),
        ("--net paper", "agent.net."),
        ("--learner ppo", "learner is 'ppo': a resumed run keeps its own, leave it out"),
        ("--name other", "name is 'other': a resumed run stays where it is"),
        ("--out=elsewhere", "out is 'elsewhere': a resumed run stays where it is"),
        ("--overwrite", "overwrite is 'True': a resumed run stays where it is"),
        ("--preset published", "preset is 'published': a resumed run has its settings"),
        ("--steps 8", "steps is 8: the run has 16, use more to extend it or leave it out"),
        ("--config x", "config is 'x': a resumed run has its own, leave --config out"),
        ("--start-from x", "start_from is 'x': a resumed run has its own, leave --start-from out"),
    ],
)
def test_a_resumed_run_may_not_change(trained, change, message, capsys):
    assert run("train", "--resume", str(trained), *change.split()) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")


def test_a_finished_run_can_be_resumed_without_harm(trained, capsys):
    assert run("train", "--resume", str(trained), "--algo", "gift", "--wandb", "disabled") == 0
    assert "is finished" in capsys.readouterr().out


def test_a_resumed_run_stays_in_its_mode_unless_another_is_given(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / folder.SUMMARY).unlink()
    assert run("train", "--resume", str(copy)) == 0
    assert not (copy / folder.DASHBOARDS).exists() and not (copy / folder.WANDB).exists()
    options = ("--wandb", "offline", "--wandb-project", "p")
    assert run("train", "--resume", str(copy), *options) == 0
    assert run("train", "--resume", str(copy)) == 0
    found = dashboards.read(copy)
    assert (found.mode, found.project) == ("offline", "p")


def test_a_library_that_is_missing_is_one_line_before_anything_is_made(
    tmp_path, capsys, monkeypatch
):
    def none(module, package):
        raise ConfigError("library is 'tensorboardX': it is not installed, run `...`.")

    monkeypatch.setattr("lase_jax.runs.tools.require_library", none)
    assert run("train", "--tensorboard", "--out", str(tmp_path), "--name", "x") == 2
    assert capsys.readouterr().err.startswith("error: library is 'tensorboardX'")
    assert not (tmp_path / "x").exists()


def test_runs_without_offline_records_have_nothing_to_send(trained, capsys):
    assert run("sync", str(trained)) == 0
    assert "Nothing to send" in capsys.readouterr().out


def test_a_run_that_was_not_logged_gets_no_dashboard(trained, capsys):
    pytest.importorskip("wandb_workspaces")
    assert run("dashboard", str(trained)) == 2
    assert "it was not logged to W&B" in capsys.readouterr().err
    assert run("dashboard") == 2
    assert capsys.readouterr().err.startswith("error: runs is ''")


def test_a_finished_run_is_extended(trained, tmp_path, capsys):
    path = shutil.copytree(trained, tmp_path / "longer")
    before = (path / folder.METRICS).read_text()
    assert run("train", "--resume", str(path), "--steps", "32") == 0
    assert "Going on after update 2 of 4." in capsys.readouterr().out
    assert (path / folder.METRICS).read_text().startswith(before)
    assert load_config(path)[0].schedule.steps == 32
    assert run("train", "--resume", str(path), "--steps", "32") == 0
    assert "is finished: 4 updates" in capsys.readouterr().out
    assert run("check", str(path)) == 0
    assert run("train", "--resume", str(path), "--steps", "16") == 2
    assert "steps is 16: the run has 32" in capsys.readouterr().err


def test_settings_of_a_sweep_are_not_extended_alone(trained, tmp_path, capsys):
    path = shutil.copytree(trained, tmp_path / "swept" / "x")
    (tmp_path / "swept" / folder.SWEEP).touch()
    assert run("train", "--resume", str(path), "--steps", "32") == 2
    assert "steps is 32: settings of a sweep have the same" in capsys.readouterr().err


def test_a_new_run_has_the_settings_of_an_old_one(trained, tmp_path, capsys):
    place = ("--out", str(tmp_path), "--name", "again")
    file = trained / folder.CONFIG
    assert run("train", "--config", str(file), "--seed", "7", "--agent.share", "0.1", *place) == 0
    before, after = load_config(trained)[0], load_config(tmp_path / "again")[0]
    assert (after.seed, after.agent.share) == (7, 0.1)
    assert after == replace(before, seed=7, agent=replace(before.agent, share=0.1))
    for option, value in (("--env", "ssh"), ("--algo", "gift"), ("--preset", "published")):
        assert run("train", "--config", str(trained), option, value) == 2
        assert f"has its own, leave {option} out" in capsys.readouterr().err
    assert run("train", "--config", "pyproject.toml") == 2
    assert "config is 'pyproject.toml': name a run folder" in capsys.readouterr().err


def test_a_run_starts_from_what_another_has_learnt(trained, tmp_path, capsys):
    place = ("--config", str(trained), "--out", str(tmp_path))
    warm = ("--start-from", str(trained), "--name", "warm")
    assert run("train", *place, *warm) == 0
    assert folder.read(tmp_path / "warm")["start"] == {
        "run": str(trained),
        "id": folder.read(trained)["id"],
        "update": 2,
    }
    old, first = (
        restore_run(trained)[2].state[0],
        restore_run(tmp_path / "warm", which="0")[2].state[0],
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, old.trained.params, first.trained.params))
    assert run("check", str(tmp_path / "warm")) == 0
    assert run("train", *place, *warm[:2], "--name", "x", "--agent.net.dense", "8") == 2
    assert "there and [" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    swept = ("--sweep", "share=0.1,0.2", "--name", "swept")
    assert run("sweep", *place, *warm[:2], *swept) == 0
    for name in ("share=0.1", "share=0.2"):
        first = restore_run(tmp_path / "swept" / name, which="0")[2].state[0]
        assert jax.tree.all(jax.tree.map(np.array_equal, old.trained.params, first.trained.params))


def test_eval_prints_a_table_and_writes_json(trained, capsys):
    assert run("eval", str(trained), "--episodes", "2") == 0
    printed = capsys.readouterr().out
    assert "greedy" in printed and "cooperator" in printed
    assert folder.read(trained)["run"]["seats"] == ["gift", "cooperator"]
    assert (trained / "eval.json").is_file()


def test_what_cannot_be_written_is_one_line(trained, capsys, monkeypatch):
    def full(path, content):
        raise OSError("No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    assert run("eval", str(trained), "--episodes", "1") == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    flags = (*tiny.FLAGS, "--out", str(trained.parent), "--name", "full")
    assert run("train", "--algo", "a2c", *flags) == 2
    assert "full': it cannot be written (No space left on device)" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["config.json", "metrics.csv", "checkpoints/x.gif", "../{}/.lock"])
@pytest.mark.parametrize("command", ["eval", "render"])
def test_a_runs_own_files_are_not_written_over(command, name, trained, capsys):
    out = trained / name.format(trained.name)
    before = out.read_bytes() if out.is_file() else None
    assert run(command, str(trained), "--out", str(out)) == 2
    assert "the run needs that file, use another name" in capsys.readouterr().err
    assert (out.read_bytes() if out.is_file() else None) == before


def test_runs_of_one_name_meet_under_numbers(trained, tmp_path, capsys):
    other = shutil.copytree(trained, tmp_path / trained.name)
    options = ("--episodes", "1", "--out", str(tmp_path / "met"))
    for _ in range(2):  # the second time beside the first
        assert run("crossplay", str(trained), str(other), *options) == 0
    stem = f"crossplay-{trained.name}-{trained.name}-2"
    names = {file.name for file in (tmp_path / "met").iterdir()}
    assert names == {f"{stem}{end}" for end in (".json", ".png", "-2.json", "-2.png")}
    assert run("crossplay", str(trained), f"{trained}/../{trained.name}", *options) == 2
    assert "name each run once" in capsys.readouterr().err


def test_render_draws_the_seed_that_was_asked_for(trained, capsys):
    assert run("render", str(trained), "--seed", "1") == 0
    assert (trained / "replay-seed1-sample-0.gif").read_bytes().startswith(b"GIF89a")
    assert run("render", str(trained), "--seed", "2") == 2
    assert "this run has the seeds 0 to 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ipd", "my_games:make", "my_games:GAME"])
def test_a_schelling_diagram_of_any_game(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_games.py").write_text(
        "import envs\n\ndef make():\n    return envs.make('ipd')\n\nGAME = make()\n"
    )
    assert run("schelling", name, "--episodes", "3") == 0
    printed = capsys.readouterr().out
    assert "120.00" in printed and "yes  greed" in printed
    (picture,) = (tmp_path / "runs").iterdir()
    assert picture.name == f"schelling-{name.replace(':', '-')}.png"


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0, 1.5])
def test_ctrl_c_while_libraries_load_says_nothing(seconds, tmp_path):
    """Else they print tracebacks, or catch it, and training begins."""
    command = [sys.executable, "-m", "lase_jax.cli", "train", *tiny.FLAGS, "--env", "ssh"]
    command += ["--algo", "a2c", "--steps", "800000", "--out", str(tmp_path)]
    options = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with subprocess.Popen(command, cwd=ROOT, **options) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    assert "Traceback" not in printed and process.returncode in (-signal.SIGINT, 130)


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.5, 1.0])
def test_ctrl_c_before_the_first_update_is_never_lost(seconds, tmp_path):
    command = [sys.executable, "-m", "lase_jax.cli", "train", *tiny.FLAGS, "--env", "ssh"]
    command += ["--algo", "a2c", "--steps", "80000000", "--out", str(tmp_path), "--name", "x"]
    options = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with subprocess.Popen(command, cwd=ROOT, **options) as process:
        for line in process.stdout:
            if line.startswith("Run folder"):
                break
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=100)
    assert "Traceback" not in printed and process.returncode == 130
    assert printed.endswith("Interrupted.\n") != (tmp_path / "x").exists()


def test_a_run_keeps_the_map_of_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("@@@@@@\n@H PB@\n@R PB@\n@@@@@@\n")
    flags = ("--num-envs", "2", "--seeds", "1", "--steps", "8", "--wandb", "disabled")
    small = ("--game.num-agents", "2", "--game.radius", "1", "--game.horizon", "4")
    nets = ("--agent.net.dense", "4", "--agent.net.conv", "--rollout-length", "0")
    words = ("--env", "cleanup_ssd", "--algo", "a2c", *flags, *small, *nets)
    assert run("train", *words, "--game.map", "mine.txt", "--name", "x") == 0
    (tmp_path / "mine.txt").unlink()
    assert load_config(tmp_path / "runs" / "x")[0].game.map.splitlines()[2] == "@H PB@"
    assert run("eval", "runs/x", "--episodes", "1") == 0
    capsys.readouterr()
    assert run("train", *words, "--game.map=mine.txt") == 2
    assert capsys.readouterr().err.startswith("error: map is 'mine.txt': it cannot be read")
    (tmp_path / "mine.txt").write_text("@@@@\n@P @\n@PxB\n@@@@\n")
    assert run("train", *words, "--game.map=mine.txt") == 2
    assert "row 3, column 3 is 'x': use one of" in capsys.readouterr().err
