"""Chooses by trials what arms of a paper have of their own: as many for each, on seeds apart.

Every candidate is trained with two seeds that are not reported, and as a rule the best mean return
over the last tenth is chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import tyro

from envs import checks
from experiments import comparison
from experiments.findings import Finding
from experiments.paper.verdicts import label
from experiments.study import TRIAL_SEEDS, load, train_all, trial
from lase_jax.reports.tables import markdown
from lase_jax.runs import files
from lase_jax.runs.config import RunConfig

Fields = dict[str, Any]
"""Settings of an algorithm."""


@dataclass(frozen=True)
class Tune:
    """What to try."""

    games: tuple[str, ...] = ()
    """Names of games; none for all."""
    arms: tuple[str, ...] = ()
    """Names of arms; none for all with settings of their own."""
    workers: int = 0
    """Runs that are trained at a time, a core each; 0 for one on every core of a CPU."""
    out: Path = Path("runs/tuning")
    """Parent of the run folders."""


class Trials(NamedTuple):
    """What is tried, and where it is kept."""

    games: Sequence[str]
    arms: Sequence[str]
    """Arms with settings of their own: all else is the same in all arms."""
    candidates: Callable[[str, str], Sequence[Fields]]
    """Settings that are tried, by game and arm."""
    run: Callable[..., RunConfig]
    """``(game, arm, **settings) -> run``."""
    home: Path
    """Folder of ``tuning.md``, and of ``trials`` with what each trial has shown."""
    command: str
    score: Callable[[Finding], float] = lambda found: found.final["return/collective"].mean()
    """The larger, the better."""

    @property
    def kept(self) -> Path:
        """Where what the trials have shown is kept."""
        return self.home / "trials"

    def runs(self, game: str, arm: str) -> dict[str, RunConfig]:
        """Settings of an arm's trials by their folders' names."""
        tried = {name(game, arm, own): own for own in self.candidates(game, arm)}
        return {each: trial(self.run(game, arm, **own)) for each, own in tried.items()}

    def found(self, game: str, arm: str) -> dict[str, Finding]:
        """What those of an arm's trials that are kept have shown.

        Raises:
            ConfigError: a trial had other settings.
        """
        return load(self.runs(game, arm), self.kept)

    def best(self, game: str, arm: str, found: Mapping[str, Finding]) -> Fields | None:
        """The candidate with the largest score, or None while not all have been tried.

        Of those with the same score the one with the largest return, e.g. where none counts.
        """

        def rank(each: str) -> tuple[float, float]:
            return self.score(found[each]), float(found[each].final["return/collective"].mean())

        tried = {name(game, arm, own): own for own in self.candidates(game, arm)}
        if not tried.keys() <= found.keys():
            return None
        return tried[max(tried, key=rank)]

    def table(self) -> str:
        """Trials and the returns they reached, as Markdown; what was chosen is bold."""
        rows = []
        for game in self.games:
            for arm in self.arms:
                found = self.found(game, arm)
                chosen = self.best(game, arm, found)
                for each, finding in found.items():
                    returns = finding.final["return/collective"]
                    setting = each.split("-", 2)[2].replace("_", " ").replace("-", ", ")
                    if chosen and each == name(game, arm, chosen):
                        setting = f"**{setting}**"
                    seeds = ", ".join(f"{value:.2f}" for value in returns)
                    mean = f"{comparison.mean(returns).value:.2f}"
                    rows.append([game, label(arm), setting, mean, seeds])
        heads = ("game", "arm", "setting", "collective return", "seeds")
        return markdown(heads, rows) + (
            f"\n{TRIAL_SEEDS} seeds, means over the last tenth of the budget. `{self.command}`\n"
        )

    def main(self, description: str | None) -> int:
        """Trains what is not trained yet, writes the table and returns an exit code."""
        tune = tyro.cli(Tune, description=description)
        for game in tune.games:
            checks.choice("games", game, self.games)
        for arm in tune.arms:
            checks.choice("arms", arm, self.arms)
        runs: dict[str, RunConfig] = {}
        for game in tune.games or self.games:
            for arm in tune.arms or self.arms:
                runs |= self.runs(game, arm)
        code = train_all(runs, tune.out, self.kept, self.command, tune.workers)
        files.write(self.home / "tuning.md", self.table())
        return code


def name(game: str, arm: str, own: Fields) -> str:
    """The name of a trial's folder."""
    return "-".join((game, arm, *(f"{field}_{value:g}" for field, value in own.items())))
