"""Everything that a person chooses about a run, in one value, and its exact form in JSON."""

import dataclasses
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import tyro

from envs import checks, registry
from envs.checks import ConfigError
from envs.menu import qualified
from envs.registry import GAMES
from envs.types import Env, GameConfig
from lase_jax import algorithms
from lase_jax.algorithms import ALGORITHMS, Scripted
from lase_jax.core import settings
from lase_jax.core.settings import Inline
from lase_jax.learners import LearnerConfig
from lase_jax.loop.society import society
from lase_jax.loop.train import Schedule
from lase_jax.nets.layers import Net
from lase_jax.runs import earlier, files
from lase_jax.runs.earlier import TAG
from lase_jax.types import Algorithm, AlgorithmConfig

MAX_SEED = checks.LARGEST_INTEGER
"""The largest seed of a random key."""
MAX_SEEDS = 100_000
"""The most seeds of a run."""

WandbMode = Literal["offline", "online", "disabled"]
"""How metrics are logged to Weights & Biases."""


@dataclass(frozen=True)
class Kind:
    """A named kind of agent."""

    name: str
    """Name of an algorithm or of one of the game's scripted policies."""
    agent: AlgorithmConfig
    """Its settings."""


@dataclass(frozen=True)
class RunConfig:
    """Settings of one run."""

    env: tyro.conf.Suppress[str]
    """Name of the game."""
    algo: tyro.conf.Suppress[str]
    """Name of the algorithm that `agent` is."""
    game: GameConfig
    """The game."""
    agent: AlgorithmConfig
    """The agents; with mixed seats, only those on seats that name the algorithm."""
    schedule: Inline[Schedule] = Schedule()
    """How much is played."""
    seats: tyro.conf.Suppress[tuple[str, ...]] = ()
    """Name of the kind of agent on each seat; () for `agent` on all seats."""
    others: tyro.conf.Suppress[tuple[Kind, ...]] = ()
    """The kinds of agents in `seats` other than `agent`."""
    seeds: int = 5
    """Number of seeds, trained side by side in one process, 1 to 100000."""
    seed: int = 0
    """The first seed, 0 or more; the others count up from it, so each can be repeated alone."""
    chunks: int = 100
    """Parts that training is cut into, 1 or more; between them it logs, saves, can be stopped."""
    points: int = 500
    """About how many rows per seed metrics.csv gets, 1 or more: means over several updates, of
    whole episodes where parts are as long."""
    save_every: float = 30.0
    """Least number of seconds between checkpoints; 0 saves after every part."""
    keep_every: int = 0
    """Parts between checkpoints that are kept for good, 1 or more, besides the newest ones and the
    best; 0 for none."""
    wandb: WandbMode = "offline"
    """Whether and how metrics also go to Weights & Biases."""

    def __post_init__(self) -> None:
        """Checks every field, and that the fields fit each other."""
        check_seeds(self.seed, self.seeds)
        checks.integer("chunks", self.chunks, 1)
        checks.integer("points", self.points, 1)
        checks.number("save_every", self.save_every, 0.0)
        checks.integer("keep_every", self.keep_every, 0)
        checks.choice("wandb", self.wandb, typing.get_args(WandbMode))
        spec = self.game.spec()
        length, num_envs = self.schedule.length(spec), self.schedule.num_envs
        self.schedule.num_updates(spec)
        if self.seats:
            check_length(self.seats, spec.num_agents)
            for name in self.seats:
                checks.choice("seats", name, {kind.name for kind in self.others} | {self.algo})
        for kind in (*self.others, Kind(self.algo, self.agent)):
            if not self.seats or kind.name in self.seats:
                kind.agent.check(spec, length, num_envs)

    def kinds(self) -> list[Kind]:
        """The kind of agent on each seat."""
        named = {kind.name: kind for kind in (*self.others, Kind(self.algo, self.agent))}
        names = self.seats or (self.algo,) * self.game.spec().num_agents
        return [named[name] for name in names]

    def with_seats(
        self,
        names: Sequence[str],
        find: Callable[[str], AlgorithmConfig] | None = None,
        own: Mapping[str, AlgorithmConfig] = MappingProxyType({}),
    ) -> "RunConfig":
        """The same run with mixed seats, by name.

        Args:
            names: for each seat the name of an algorithm, of a scripted policy of the game, or one
                of `own`.
            find: gives the settings for a name other than `algo`; None for `named`.
            own: settings of agents by names that are given to them here.

        Raises:
            ConfigError: an unknown name, or too many or too few names.
        """
        allowed = {self.algo, *ALGORITHMS, *self.game.build().scripted, *own}
        for name in names:
            checks.choice("seats", name, allowed)
        beside = sorted(set(names) - {self.algo})
        others = tuple(Kind(name, own.get(name) or (find or named)(name)) for name in beside)
        return dataclasses.replace(self, seats=tuple(names), others=others)


Presets = Callable[[str, str, str], RunConfig]
"""``(game, algorithm, preset) -> RunConfig``; raises `ConfigError` for unknown names. The preset ""
is the default."""


def named(name: str) -> AlgorithmConfig:
    """The algorithm of that name, else the game's scripted policy of that name."""
    return ALGORITHMS.get(name) or Scripted(name)


def check_seeds(seed: int, seeds: int) -> None:
    """Requires one to `MAX_SEEDS` seeds, all of them between 0 and `MAX_SEED`.

    Raises:
        ConfigError: no seed, too many, or one outside this interval.
    """
    checks.integer("seeds", seeds, 1, MAX_SEEDS)
    checks.integer("seed", seed, 0)
    remedy = f"use one below {MAX_SEED + 1} - seeds"
    checks.require(seed + seeds <= MAX_SEED + 1, "seed", seed, remedy)


def check_length(seats: Sequence[Any], num_agents: int) -> None:
    """Requires one entry per seat.

    Raises:
        ConfigError: too many or too few entries.
    """
    given = ",".join(map(str, seats))
    remedy = f"name {num_agents} agents, one per seat, not {len(seats)}"
    checks.require(len(seats) == num_agents, "seats", given, remedy)


def seated(env: Env, kinds: Sequence[Kind]) -> Algorithm:
    """The society with the given kind of agent on each seat; equal kinds learn as one group.

    Raises:
        ConfigError: too many or too few seats, or a scripted policy that the game does not have.
    """
    check_length([kind.name for kind in kinds], env.spec.num_agents)
    groups = [
        (kind.agent.build(env, seats), seats)
        for kind in dict.fromkeys(kinds)
        for seats in [tuple(seat for seat, other in enumerate(kinds) if other == kind)]
    ]
    return society(env.spec, groups)


def default(env: str, algo: str) -> RunConfig:
    """A run of a game and an algorithm of the menus, with their default settings.

    Raises:
        ConfigError: an unknown name (the message gives the nearest ones).
    """
    checks.choice("env", env, GAMES)
    checks.choice("algo", algo, ALGORITHMS)
    return RunConfig(env, algo, GAMES[env], ALGORITHMS[algo])


def program_key(config: RunConfig) -> str:
    """A text that identifies a run's program: runs with equal texts can be trained side by side.

    Settings that are traced (`AlgorithmConfig.hyper`) are left out, and so is the first seed.
    """

    def static(agent: AlgorithmConfig) -> dict[str, Any]:
        traced = agent.hyper()
        kinds = {name: name_of(type(getattr(agent, name))) for name in settings.inlined(agent)}
        fields = {name: to_json(value) for name, value in settings.items(agent)}
        return kinds | {name: value for name, value in fields.items() if name not in traced}

    whole = to_json(config)
    kinds = [Kind(config.algo, config.agent), *config.others]
    agents = [
        {"name": kind.name, TAG: name_of(type(kind.agent)), **static(kind.agent)} for kind in kinds
    ]
    rest = {name: whole[name] for name in whole if name not in ("agent", "others", "seed")}
    return json.dumps([rest, agents], sort_keys=True)


OWN: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        *(RunConfig, Kind, Schedule, Net),
        *map(type, registry.READY.values()),
        *map(type, algorithms.READY.values()),
        *typing.get_args(LearnerConfig),
    )
}
"""Every class of this project that a configuration may hold, by the name it has in JSON."""


def known(name: Any) -> type:
    """The class that JSON names: one of `OWN`, or ``module:qualname`` of one that is registered.

    Nothing is imported because a file names it, except for what installed packages announce.

    Raises:
        ConfigError: an unknown class; says how to make it known.
    """
    if isinstance(name, str) and name in OWN:
        return OWN[name]
    module, colon, _ = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not colon:
        checks.choice(TAG, name, OWN)
    found = GAMES.classes() | ALGORITHMS.classes()
    remedy = (
        "it is not registered: import the module that calls envs.register or "
        f"lase_jax.algorithms.register for it, on the command line by --plugin {module}"
    )
    checks.require(name in found, TAG, name, remedy)
    return found[name]


def name_of(cls: type) -> str:
    """The name of a class in JSON, see `known`."""
    return cls.__name__ if OWN.get(cls.__name__) is cls else qualified(cls)


def to_json(value: Any) -> Any:
    """Settings as dicts, lists and plain values; every dict names its class."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {TAG: name_of(type(value))} | fields
    return [to_json(part) for part in value] if isinstance(value, tuple) else value


def from_json(value: Any) -> Any:
    """Inverse of `to_json`.

    Raises:
        ConfigError: a class, field or value that this version does not know or allow.
    """
    if isinstance(value, list):
        return tuple(from_json(part) for part in value)
    if not isinstance(value, dict):
        return value
    value = earlier.converted(value)
    cls = known(value.get(TAG))
    fields = {name: from_json(part) for name, part in value.items() if name != TAG}
    for name in fields:
        checks.choice(f"field of {value[TAG]}", name, [f.name for f in dataclasses.fields(cls)])
    try:
        return files.structured(cls, fields)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{value[TAG]} is not what this version can read: {error}.") from error
