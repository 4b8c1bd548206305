"""How large the runs of a reproduction are."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from lase_jax.core.settings import fitting
from lase_jax.nets.layers import Net
from lase_jax.runs.config import RunConfig

SEED = 1000
"""The first seed of all runs: nothing has been chosen by it or reported of it before."""

T = TypeVar("T")

Name = Literal["quick", "cpu", "full"]
"""Names of scales."""


@dataclass(frozen=True)
class Scale:
    """How large runs are, and where their results go."""

    name: Name
    seeds: int
    """Seeds of each run."""
    points: int
    """Points of each axis of the plane of games of two actions."""
    episodes: int
    """Episodes of each scripted society."""
    games: tuple[str, ...] = ()
    """Those of the larger games that are played; () for all."""
    whole: bool = True
    """Whether all arms and values are tried and runs get pictures; programs are optimised, too."""

    def of(self, games: Iterable[str]) -> list[str]:
        """Those of some games that are played at this scale."""
        return [game for game in games if not self.games or game in self.games]

    def some(self, items: Sequence[T], few: int) -> Sequence[T]:
        """All of some items, or the first few."""
        return items if self.whole else items[:few]

    @property
    def committed(self) -> bool:
        """Whether the results of this scale are those that are committed."""
        return self.name == "cpu"

    @property
    def half(self) -> "Scale":
        """The same with half the seeds, for what decides no claim or takes long."""
        return dataclasses.replace(self, seeds=max(2, self.seeds // 2))

    @property
    def few(self) -> "Scale":
        """The same with three seeds at most, for what is shown over many settings."""
        return dataclasses.replace(self, seeds=min(self.seeds, 3))

    def fit(
        self, run: RunConfig, published: Callable[[RunConfig], RunConfig] = lambda run: run
    ) -> RunConfig:
        """Makes a run one of this scale, with its seeds, and logged nowhere.

        Args:
            run: of the settings of scale "cpu".
            published: makes it one of the paper's own size.
        """
        if not self.whole:
            run = _toy(run)
        elif self.name == "full":
            run = published(run)
        return dataclasses.replace(run, seeds=self.seeds, seed=SEED, wandb="disabled")


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


def _toy(run: RunConfig) -> RunConfig:
    """A few updates of the smallest networks, to see whether everything works."""
    schedule = dataclasses.replace(run.schedule, num_envs=2)
    steps = 3 * schedule.steps_per_update(run.game.spec())
    schedule = dataclasses.replace(schedule, steps=steps)
    agent = fitting(run.agent, SMALL)
    return dataclasses.replace(run, agent=agent, schedule=schedule, chunks=1)


QUICK = ("cleanup", "cleanup_extn", "cleanup_small", "cleanup_ssd", "box_trapped")
"""Games of the check."""
SCALES: dict[Name, Scale] = {
    "quick": Scale("quick", 2, 5, 20, games=QUICK, whole=False),
    "cpu": Scale("cpu", 10, points=51, episodes=1000),
    "full": Scale("full", 10, points=101, episodes=1000),
}
"""Scales by name: a check that everything works; what is reported; the papers' own size."""
