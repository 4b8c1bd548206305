"""How large the runs of a reproduction are."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from lase_jax.core.settings import fitting
from lase_jax.nets.layers import Net
from lase_jax.runs.config import RunConfig

SEED = 1000
"""The first seed of all runs: nothing has been chosen by it or reported of it before."""
COMMITTED = Path(__file__).parent
"""Where the results of scale "cpu" lie."""
FINDINGS = "findings"
"""Name of the folder in which what each run has shown is kept."""

T = TypeVar("T")

Name = Literal["quick", "cpu", "full"]
"""Names of scales."""


@dataclass(frozen=True)
class Scale:
    """How large runs are, and where their results go."""

    name: Name
    seeds: int
    """Seeds of each run."""
    fit: Callable[[RunConfig], RunConfig]
    """Makes a run of preset settings one of this scale."""
    points: int
    """Points of each axis of the plane of games of two actions."""
    episodes: int
    """Episodes of each scripted society."""
    games: tuple[str, ...] = ()
    """Games that are played besides the IPD; () for all."""
    whole: bool = True
    """Whether all arms and values are tried and runs get pictures; programs are optimised, too."""

    def of(self, games: Iterable[str]) -> list[str]:
        """Those of some games that are played at this scale."""
        return [game for game in games if not self.games or game in self.games]

    def some(self, items: Sequence[T], few: int) -> Sequence[T]:
        """All of some items, or the first few."""
        return items if self.whole else items[:few]

    @property
    def half(self) -> "Scale":
        """The same with half the seeds, for what decides no claim or takes long."""
        return dataclasses.replace(self, seeds=max(2, self.seeds // 2))

    def home(self, out: Path) -> Path:
        """The folder of findings and figures: beside this file, or below `out`."""
        return COMMITTED if self.name == "cpu" else out / self.name

    def kept(self, out: Path) -> Path:
        """The folder of findings."""
        return self.home(out) / FINDINGS


SMALL = dict(
    net=Net(dense=(8,)),
    social_width=8,
    perspective_width=8,
    moa_width=8,
    incentive_width=8,
    social_episodes=2,
    social_steps=1,
    minibatches=2,
)
"""Settings of the smallest networks, of those algorithms that have them."""
NET = Net(conv=(16, 32), dense=(128,), lstm=128)
PUBLISHED = dict(net=NET, social_width=128, perspective_width=128)
"""Networks of Kong et al. 2024, of those algorithms that have them."""
WITHOUT_MEMORY = PUBLISHED | dict(net=dataclasses.replace(NET, lstm=0))
"""The same for LIO, which differentiates through the learning of feed-forward networks only."""


def _toy(run: RunConfig) -> RunConfig:
    """A few updates of the smallest networks, to see whether everything works."""
    schedule = dataclasses.replace(run.schedule, num_envs=2)
    steps = 3 * schedule.steps_per_update(run.game.spec())
    schedule = dataclasses.replace(schedule, steps=steps)
    agent = fitting(run.agent, SMALL)
    return dataclasses.replace(run, agent=agent, schedule=schedule, chunks=1)


def _published(run: RunConfig) -> RunConfig:
    """The networks of the paper, where observations are windows."""
    if len(run.game.spec().obs_shape) != 3:
        return run
    published = WITHOUT_MEMORY if run.algo == "lio" else PUBLISHED
    return dataclasses.replace(run, agent=fitting(run.agent, published))


SCALES: dict[Name, Scale] = {
    "quick": Scale("quick", 2, _toy, 5, 20, games=("cleanup", "cleanup_extn"), whole=False),
    "cpu": Scale("cpu", 10, lambda run: run, points=51, episodes=1000),
    "full": Scale("full", 10, _published, points=101, episodes=1000),
}
"""Scales by name: a check that everything works; what is reported; the paper's networks."""
