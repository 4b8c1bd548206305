"""The options of the commands that play no part in training; imports neither jax nor games.

So their help is there at once. Those of ``train`` and ``sweep`` are in `lase_jax.cli.training`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class Eval:
    """Plays a trained run, prints a table per agent and writes it to a file."""

    run: tyro.conf.Positional[Path]
    """Run folder, e.g. runs/ssh-lase."""
    episodes: int = 100
    """Episodes per seed, 1 or more."""
    seed: int = 0
    """Seed of the episodes, 0 to 2147483647."""
    checkpoint: str = "newest"
    """Which one: "newest", "best" (by collective return in training), or a number of updates."""
    out: Path | None = None
    """File to write; by default eval.json in the run folder."""


@dataclass(frozen=True)
class Check:
    """Reads all of a run folder, or of a sweep's, and says what can be had of it."""

    run: tyro.conf.Positional[Path]
    """Folder of a run or a sweep, e.g. runs/ssh-lase."""


@dataclass(frozen=True)
class Shown:
    """Which episodes a page shows."""

    run: tyro.conf.Positional[Path]
    """Run folder, e.g. runs/ssh-lase."""
    seed: int = -1
    """Which of the run's seeds plays; -1 for the first ones."""
    seeds: int = 2
    """How many of the first seeds play, at most, with --seed -1."""
    episodes: int = 1
    """Episodes of each seed and checkpoint."""
    episode: int = 0
    """Number of the first episode; other numbers give other random draws."""
    mode: Literal["sample", "greedy"] = "sample"
    """Draw actions from the policies, or always take the likeliest."""
    checkpoint: str = "all"
    """Which ones: "all" that are there, early to late, up to --stages; or one of them: "newest",
    "best" (by collective return in training), or a number of updates."""
    stages: int = 3
    """The most checkpoints; train with --keep-every to have several."""
    out: Path | None = None
    """File to write; by default a name in the run folder."""


@dataclass(frozen=True)
class Replay(Shown):
    """Writes episodes of a trained run as a page to play, step through and look into.

    It shows the board, what each agent sees and imagines, relationships and gifts, and what agents
    would have expected had others acted otherwise.
    """


@dataclass(frozen=True)
class Report(Shown):
    """Writes a run or a sweep as a page: results, curves, settings, and a replay.

    Of a sweep, the replay is that of the best setting.
    """


@dataclass(frozen=True)
class Play:
    """Lets you play a game in the terminal, beside scripted or trained players.

    You see what a learner on your seat sees, and type what you do.
    """

    game: tyro.conf.Positional[str] = ""
    """Name of a game; leave it out with --run."""
    seat: int = 0
    """Your seat."""
    others: tuple[str, ...] = ("cooperator",)
    """Scripted policies on the other seats, in their order, or a single one for all of them."""
    run: Path | None = None
    """Folder of a run whose agents hold the other seats, e.g. runs/ssh-lase."""
    seed: int = -1
    """Which of the run's seeds plays; -1 for its first."""
    checkpoint: str = "newest"
    """Of the run: "newest", "best", or a number of updates."""
    mode: Literal["sample", "greedy"] = "sample"
    """Whether trained players draw actions from their policies, or take the likeliest."""
    episode: int = 0
    """Number of the episode; other numbers give other random draws."""


@dataclass(frozen=True)
class Sync:
    """Sends what a run or sweep has logged offline to Weights & Biases."""

    run: tyro.conf.Positional[Path]
    """Folder of a run or a sweep, e.g. runs/ssh-lase."""


@dataclass(frozen=True)
class Dashboard:
    """Makes a workspace on Weights & Biases whose panels fit what some runs have logged."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of runs or sweeps of one project."""


@dataclass(frozen=True)
class Crossplay:
    """Lets agents of several trained runs play together: a table, a JSON file and a picture."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders of one game, two or more."""
    episodes: int = 100
    """Episodes per seed and seating, 1 or more."""
    seed: int = 0
    """Seed of the episodes, 0 to 2147483647."""
    mode: Literal["sample", "greedy"] = "sample"
    """Draw actions from the policies, or always take the likeliest."""
    out: Path = Path("runs")
    """Folder in which the files are written, crossplay-<run>-<run>.json and .png; files of an
    earlier cross-play stay, later ones get a number."""


@dataclass(frozen=True)
class Render:
    """Draws an episode of a trained run as a GIF: rewards, gifts as arrows, captions."""

    run: tyro.conf.Positional[Path]
    """Run folder, e.g. runs/ssh-lase."""
    seed: int = -1
    """Which of the run's seeds plays; -1 for its first."""
    mode: Literal["sample", "greedy"] = "sample"
    """Draw actions from the policies, or always take the likeliest."""
    episode: int = 0
    """Number of the episode, 0 to 2147483647; other numbers give other random draws."""
    checkpoint: str = "newest"
    """Which one: "newest", "best" (by collective return in training), or a number of updates."""
    out: Path | None = None
    """File to write; by default a name in the run folder."""


@dataclass(frozen=True)
class Schelling:
    """Says whether a game is a social dilemma, by its Schelling diagram.

    It shows what scripted cooperators and defectors earn, by how many others cooperate.
    """

    game: tyro.conf.Positional[str]
    """Name of a game, or module:name of an Env of your own, or of what makes one."""
    episodes: int = 1000
    """Episodes of every number of cooperators, 2 or more."""
    seed: int = 0
    """Seed of the episodes, 0 to 2147483647."""
    cooperator: str = "cooperator"
    """Scripted policy of those who cooperate."""
    defector: str = "defector"
    """Scripted policy of those who defect."""
    out: Path | None = None
    """File of the picture; by default schelling-<game>.png in the folder runs."""


@dataclass(frozen=True)
class List:
    """Lists games with their seats and steps, algorithms, presets and scripted seats."""


@dataclass(frozen=True)
class Completion:
    """Prints a script that lets a shell complete commands, options and folders.

    For bash: lase completion bash > ~/.local/share/bash-completion/completions/lase
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh", "tcsh"]] = "bash"
    """The shell."""


OPTIONS: dict[str, type] = {
    "eval": Eval,
    "crossplay": Crossplay,
    "render": Render,
    "replay": Replay,
    "report": Report,
    "play": Play,
    "check": Check,
    "sync": Sync,
    "dashboard": Dashboard,
    "schelling": Schelling,
    "list": List,
    "completion": Completion,
}
"""The options of each command but ``train`` and ``sweep``."""
