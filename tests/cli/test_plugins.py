"""A game and an algorithm of somebody else, from their own folder, in processes of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from envs.checks import ConfigError
from lase_jax import cli
from lase_jax.cli import plugins

ROOT = Path(__file__).parent.parent.parent
OUTSIDER = ROOT / "tests" / "outsider.py"
TINY = (
    *("--agent.net.dense", "4", "--num-envs", "2", "--seeds", "2", "--steps", "16"),
    *("--out", "runs", "--wandb", "disabled"),
)


COMMANDS = {
    "eval": "eval runs/commons-tithe --episodes 1",
    "render": "render runs/commons-tithe",
    "check": "check runs/commons-tithe",
    "resume": "train --resume runs/commons-tithe",
    "another": f"train --env commons --algo a2c --name other {' '.join(TINY)} --game.stock 0.5",
    "crossplay": "crossplay runs/commons-tithe runs/other --episodes 1",
    "schelling": "schelling commons --episodes 2",
    "games": "games",
    "sweep": f"sweep --env commons --algo tithe {' '.join(TINY)} --name swept --sweep SWEPT",
}
"""What is done with a run of theirs, in this order, by one process that did not train it."""
SWEPT = "rule.share=0.1,0.3 lr=1e-3,1e-2"


def python(folder, *arguments, path=()):
    """Runs Python in a folder, which is on no path."""
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, *path)))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Somebody's folder, in which their game has been trained."""
    place = tmp_path_factory.mktemp("somebody")
    shutil.copy(OUTSIDER, place / "commons.py")
    words = ("train", "--env", "commons", "--algo", "tithe", *TINY, "--plugin", "commons")
    mixed = ("--seats", "tithe,defector", "--agent.rule.share", "0.5", "--game.stock", "0.5")
    done = python(place, "-m", "lase_jax.cli", *words, *mixed)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def printed(folder):
    """Exit code and output of each of `COMMANDS`."""
    lines = [line.split() for line in COMMANDS.values()]
    lines = [[SWEPT if word == "SWEPT" else word for word in line] for line in lines]
    code = (
        "from lase_jax import cli\n"
        f"for line in {lines!r}:\n"
        "    print(cli.execute(['--plugin', 'commons', *line], None, 'lase'), end='\\f')\n"
    )
    done = python(folder, "-c", code)
    assert done.returncode == 0, done.stderr
    parts = done.stdout.split("\f")[:-1]
    return dict(zip(COMMANDS, parts, strict=True))


@pytest.mark.thorough
def test_config_json_names_where_classes_come_from(folder):
    run = json.loads((folder / "runs" / "commons-tithe" / "config.json").read_text())["run"]
    assert (run["kind"], run["game"]["kind"]) == ("RunConfig", "commons:Commons")
    assert (run["game"]["stock"], run["agent"]["kind"]) == (0.5, "commons:Tithe")
    assert run["agent"]["rule"] == {"kind": "commons:Rule", "share": 0.5}
    assert run["agent"]["learner"]["kind"] == "A2C"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("eval", "taken"),
        ("render", "Written to"),
        ("check", "sound"),
        ("resume", "is finished"),
        ("another", "Results are in"),
        ("crossplay", "Written to"),
        ("schelling", "Written to"),
        ("games", "Actor-critics that give by a rule."),
        ("sweep", "programs: 2"),
    ],
)
def test_commands_take_it_as_ours(command, words, printed):
    *lines, code = printed[command].splitlines()
    assert code == "0" and words in "\n".join(lines)


@pytest.mark.thorough
def test_agents_of_a_sweep_import_it_too(printed, folder):
    agents = json.loads((folder / "runs" / "swept" / "wandb.yaml").read_text())
    assert agents["command"][1:5] == ["-m", "lase_jax.cli", "train", "--plugin=commons"]


@pytest.mark.thorough
def test_nothing_is_imported_because_a_run_names_it(folder, capsys):
    assert cli.execute(["eval", str(folder / "runs" / "commons-tithe")], None, "lase") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: kind is 'commons:Commons': it is not registered: ")
    assert "on the command line by --plugin commons" in message
    assert "commons" not in sys.modules


@pytest.mark.thorough
def test_an_installed_package_needs_no_option(folder, tmp_path):
    """Its entry points are the announcement; those of the command line stand beside it."""
    site = tmp_path / "commons-1.0.dist-info"
    site.mkdir()
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: commons\nVersion: 1.0\n")
    (site / "entry_points.txt").write_text(
        "[lase_jax.games]\ncommons = commons:Commons\nbroken = commons:Missing\n"
        "[lase_jax.algorithms]\ntithe = commons:Tithe\n"
    )
    source = OUTSIDER.read_text().partition("\nenvs.register")[0]
    (tmp_path / "commons.py").write_text(source)
    code = (
        "import json, sys, envs; from lase_jax import algorithms, cli; "
        "assert 'commons' in envs.names() and 'commons' not in sys.modules; "
        f"sys.exit(cli.execute(['eval', {str(folder / 'runs' / 'commons-tithe')!r}, "
        "'--episodes', '1', '--out', 'x.json'], None, 'lase') + cli.execute(['games'], None, ''))"
    )
    done = python(tmp_path, "-c", code, path=[tmp_path])
    assert done.returncode == 0, done.stderr
    assert "game is 'broken': commons announces it as commons:Missing, which cannot" in done.stdout


def test_the_option_may_stand_anywhere():
    assert plugins.split(["train", "--plugin", "a", "--env=x", "--plugin=b.c"]) == (
        ["a", "b.c"],
        ["train", "--env=x"],
    )
    assert plugins.words(["a", "b.c"]) == " --plugin a --plugin b.c"
    with pytest.raises(ConfigError, match="plugin is ''"):
        plugins.split(["train", "--plugin"])


def test_a_module_that_cannot_be_imported_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "half_written.py").write_text("import nothing_of_that_name\n")
    assert cli.execute(["games", "--plugin", "half_written"], None, "lase") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: plugin is 'half_written': it cannot be imported (ModuleNotF")
