"""The Python interface: make a game and a society, train it, look at the results, play, keep it.

    from lase_jax import api, envs

    game = envs.make("ssh")
    society = api.society(game, ["lase", "a2c", "a2c", "a2c"])
    result = api.train(game, society, steps=200_000, seeds=2)
    result.metrics["return/collective"]  # one number per update and seed
    result.curves("curves.png")
    episode = result.play(seed=0)
    episode.gif("ssh.gif")
    result.save("runs/mine")  # a run folder as `make train` makes it
    more = api.train(game, society, start="runs/mine")  # with what has been learnt there

    player = result.player(seed=0)
    memory = player.begin()
    state, obs = game.reset(key)
    action, memory = player.act(obs, memory, key)  # one action per seat

A name such as "lase" means that algorithm with its default settings. ``make train`` uses settings
that were chosen for each game instead; these are ``lase_jax.presets.preset(env, algo).agent``,
which can be given in place of a name. Games and algorithms of one's own go on the menus by
`envs.register` and `lase_jax.algorithms.register`.

Letters: U updates, S seeds, T steps, B environments, N seats, F numbers of an observation.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from envs import checks
from envs.registry import GAMES
from envs.types import Env, EnvSpec
from lase_jax.algorithms import ALGORITHMS
from lase_jax.core import typed
from lase_jax.loop.player import Player, player
from lase_jax.loop.train import Schedule, make_trainer
from lase_jax.reports import animate, evaluate, plots
from lase_jax.reports.record import Record, joined
from lase_jax.runs import devices, files, folder, metrics_csv, parts, program, runtime, warm
from lase_jax.runs.config import (
    MAX_SEED,
    Kind,
    RunConfig,
    check_seeds,
    from_json,
    named,
    seated,
    to_json,
)
from lase_jax.runs.progress import Progress
from lase_jax.runs.run import write_run
from lase_jax.runs.setup import create_run, restore_run
from lase_jax.types import Algorithm, Carry, Mode, PyTree

CHUNKS = 20
"""Parts that training in memory is cut into."""


class Society(NamedTuple):
    """The agents on the seats of a game: their kinds by seat, and their joint algorithm."""

    kinds: tuple[Kind, ...]
    algorithm: Algorithm
    spec: EnvSpec
    """Of the game that it was made for."""

    @property
    def seats(self) -> tuple[str, ...]:
        """Name of the kind of agent on each seat."""
        return tuple(kind.name for kind in self.kinds)

    def __repr__(self) -> str:
        return f"Society({', '.join(self.seats)} in {self.spec.name})"


class Episode(NamedTuple):
    """One episode that was played."""

    scene: animate.Scene

    @property
    def reward(self) -> np.ndarray:
        """``[T, N]`` extrinsic reward."""
        return self.scene.reward

    @property
    def gift(self) -> np.ndarray:
        """``[T, N, N]`` reward that each seat gave to each other seat, giver first."""
        return self.scene.gift

    def __repr__(self) -> str:
        returns = ", ".join(f"{value:.4g}" for value in self.reward.sum(0))
        return f"Episode({self.scene.title}: {len(self.reward)} steps, returns {returns})"

    @typed.arguments
    def gif(self, path: str | Path | None = None) -> bytes:
        """Returns the bytes of an animated GIF, and writes them to `path` if one is given.

        Raises:
            ConfigError: it cannot be written there.
        """
        data = animate.gif(self.scene)
        if path is not None:
            with files.writing("path", Path(path)):
                files.write(Path(path), data)
        return data


class Result(NamedTuple):
    """A society that has been trained."""

    game: Env
    society: Society
    name: str
    seeds: range
    record: Record
    carry: Carry
    config: RunConfig | None
    """Its settings as those of a run; None if the game does not know its own."""

    @property
    def state(self) -> PyTree:
        """What the agents have learnt, leaves ``[S, ...]``."""
        return self.carry.state

    @property
    def metrics(self) -> dict[str, np.ndarray]:
        """``[U, S, ...]`` per name of `lase_jax.core.metrics.TABLE`."""
        return self.record.metrics

    @typed.arguments
    def curves(self, path: str | Path) -> None:
        """Draws the learning curves.

        Raises:
            ConfigError: they cannot be written there.
        """
        facts = (self.society.seats, self.game.spec.max_return)
        draw = partial(plots.curves, self.record, self.name)
        with files.writing("path", Path(path)):
            files.replace(Path(path), lambda file: draw(file, *facts))

    @typed.arguments
    def evaluate(
        self, episodes: int = 100, modes: Sequence[Mode] = evaluate.MODES
    ) -> dict[str, dict[str, np.ndarray]]:
        """Evaluates greedy and sampled policies, or some modes, see `evaluate.evaluate`.

        Raises:
            ConfigError: no episodes or modes, or more episodes than memory holds.
        """
        checks.integer("episodes", episodes, 1)
        checks.require(len(modes) > 0, "modes", modes, f"name some of {', '.join(evaluate.MODES)}")
        admit = partial(devices.admit_episodes, episodes=episodes)
        played = self.game, self.society.algorithm, self.state, len(self.seeds), episodes
        return evaluate.evaluate(*played, modes=modes, admit=admit)

    @typed.arguments
    def play(self, seed: int = 0, mode: Mode = "sample", episode: int = 0) -> Episode:
        """Plays one episode with one seed's policies; `episode` seeds its random numbers.

        Raises:
            ConfigError: another seed than those that were trained, or no such episode.
        """
        checks.integer("episode", episode, 0, MAX_SEED)
        state = self._of_seed(seed)
        scene = evaluate.scene(
            self.game,
            self.society.algorithm,
            state,
            jax.random.key(episode),
            mode,
            self.society.seats,
            f"{self.name} (seed {seed})",
        )
        return Episode(scene)

    @typed.arguments
    def player(self, seed: int = 0, mode: Mode = "sample") -> Player:
        """One seed's policies, to act in a loop of one's own; see `Player`.

        Raises:
            ConfigError: another seed than those that were trained.
        """
        society = self.society
        return player(society.spec, society.algorithm, self._of_seed(seed), mode, society.seats)

    def _of_seed(self, seed: int) -> PyTree:
        remedy = f"use one in {self.seeds[0]} to {self.seeds[-1]}"
        checks.require(seed in self.seeds, "seed", seed, remedy)
        return jax.tree.map(lambda leaf: leaf[self.seeds.index(seed)], self.state)

    @typed.arguments
    def save(
        self,
        path: str | Path,
        overwrite: bool = False,
        say: Callable[[str], None] = print,
        pictures: bool = True,
    ) -> None:
        """Writes a run folder like that of ``make train``, which `load` and all commands can read.

        Args:
            path: the folder, e.g. ``runs/mine``.
            overwrite: whether a run that lies there may be deleted.
            say: prints a line.
            pictures: whether to draw the curves and an episode, which takes about 20 s.

        Raises:
            ConfigError: a run lies there, it cannot be written, or nobody could read it: the game
                does not know its settings, or a class of agents is not registered.
        """
        remedy = "its Env has no settings, make it by envs.make or give it Env(settings=...)"
        checks.require(self.config is not None, "game", self.game.spec.name, remedy)
        config = from_json(to_json(self.config))
        create_run(config, Path(path), overwrite)
        write_run(Path(path), self.record, self.carry, say, pictures)

    def __repr__(self) -> str:
        last = float(np.nanmean(self.record.metrics["return/collective"][-1]))
        trained = f"{len(self.seeds)} seeds, {int(self.record.env_steps[-1]):,} steps"
        return f"Result({self.name}: {trained}, collective return {last:.4g})"


@typed.arguments
def society(game: Env, agents: Any) -> Society:
    """A society of agents.

    Args:
        game: the game they will play.
        agents: one kind for all seats, or a kind per seat: the name of an algorithm or of one of
            the game's scripted policies, or an algorithm's settings (`types.AlgorithmConfig`).

    Raises:
        ConfigError: an unknown name (with the nearest ones), or more or fewer agents than seats.
    """
    if not isinstance(agents, list | tuple):
        agents = [agents] * game.spec.num_agents
    kinds = _distinct([_kind(game, agent) for agent in agents])
    return Society(tuple(kinds), seated(game, kinds), game.spec)


def _distinct(kinds: list[Kind]) -> list[Kind]:
    """The same kinds; those of one name and different settings get numbers, e.g. gift-2."""
    names: dict[Kind, str] = {}
    for kind in kinds:
        before = sum(other.name == kind.name for other in names if other != kind)
        names.setdefault(kind, f"{kind.name}-{before + 1}" if before else kind.name)
    return [Kind(names[kind], kind.agent) for kind in kinds]


def _kind(game: Env, agent: Any) -> Kind:
    if not isinstance(agent, str):
        known = hasattr(type(agent), "build")
        checks.require(known, "agents", agent, "use names or settings of algorithms")
        return Kind(type(agent).__name__.lower(), agent)
    checks.choice("agents", agent, {*ALGORITHMS, *game.scripted})
    return Kind(agent, named(agent))


@typed.arguments
def train(
    game: Env,
    society: Society,
    steps: int = 200_000,
    seeds: int = 1,
    seed: int = 0,
    num_envs: int = 16,
    rollout_length: int = 0,
    start: Result | str | Path | None = None,
    say: Callable[[str], None] = print,
) -> Result:
    """Trains a society and keeps everything in memory.

    Args:
        game: the game.
        society: who plays it.
        steps: environment steps per seed, counted over all parallel environments.
        seeds: S, the number of seeds, trained side by side.
        seed: the first seed.
        num_envs: environments side by side, per seed.
        rollout_length: steps between updates; 0 for whole episodes.
        start: a result or a run folder whose parameters the agents start from, seat by seat; seeds
            take those of its seeds in turn. Schedules (exploration, learning rate, entropy bonus)
            and optimisers begin anew.
        say: prints a line of progress if the output is not a terminal.

    Raises:
        ConfigError: settings that do not fit, a start whose seats, agents or shapes differ, or a
            loss that is no longer finite.
    """
    runtime.require()
    check_seeds(seed, seeds)
    remedy = "it was made for another game, use api.society(game, ...)"
    checks.require(society.spec == game.spec, "society", society.seats, remedy)
    schedule = Schedule(steps, num_envs, rollout_length)
    trainer = make_trainer(game, society.algorithm, schedule)
    updates = schedule.num_updates(game.spec)
    plan = parts.make_plan(
        updates, schedule.steps_per_update(game.spec), chunks=CHUNKS, points=updates
    )
    numbers = range(seed, seed + seeds)
    grid = devices.mesh(seeds, num_envs)
    config = _config(game, society, schedule, numbers, updates)
    begin = program.start_of([(society.algorithm, numbers)], grid)
    carry = program.placed_carry(trainer, begin, grid)
    if start is not None:
        first = devices.part(carry, 0, seeds)
        state = warm.started(society.kinds, first.state, _source(start))
        carry = devices.joined([first._replace(state=state)], grid)
    one_part, _ = program.part_program(trainer, carry, plan, grid)
    devices.admit_training(one_part, grid, num_envs)
    records = []
    per_update = plan.steps * seeds
    most = game.spec.max_return
    with Progress(plan.updates * per_update, 0, say, seeds, most) as progress:
        for done in range(0, plan.updates, plan.part):
            carry, metrics = one_part(carry)
            metrics = devices.fetch(metrics, seeds)
            parts.check_health(metrics, done, numbers)
            records.append(parts.to_record(metrics, done, plan))
            progress.update((done + plan.part) * per_update, parts.collective(records[-1]))
    name = f"{game.spec.name}: {', '.join(dict.fromkeys(society.seats))}"
    last = devices.part(carry, 0, seeds)
    return Result(game, society, name, numbers, joined(records), last, config)


def _source(start: Result | str | Path) -> warm.Source:
    if not isinstance(start, Result):
        return warm.read(Path(start))
    return warm.Source(start.name, start.society.kinds, start.state, {})


def _config(
    game: Env, society: Society, schedule: Schedule, seeds: range, updates: int
) -> RunConfig | None:
    """The settings of training in memory as those of a run; None if the game's are not known."""
    if game.settings is None:
        return None
    first, *others = dict.fromkeys(society.kinds)
    return RunConfig(
        env=GAMES.name_of(game.settings) or game.spec.name,
        algo=first.name,
        game=game.settings,
        agent=first.agent,
        schedule=schedule,
        seats=society.seats if others else (),
        others=tuple(others),
        seeds=len(seeds),
        seed=seeds[0],
        chunks=CHUNKS,
        points=updates,
        wandb="disabled",
    )


@typed.arguments
def load(path: str | Path) -> Result:
    """Loads the result of a run folder from its newest checkpoint and its metrics.csv.

    Raises:
        ConfigError: not a run folder, or its checkpoint or metrics are missing or unreadable.
    """
    setup, _, carry = restore_run(Path(path))
    record = metrics_csv.load(Path(path) / folder.METRICS)
    trained = Society(tuple(setup.config.kinds()), setup.algorithm, setup.env.spec)
    name = Path(path).name
    return Result(setup.env, trained, name, setup.seeds, record, carry, setup.config)
