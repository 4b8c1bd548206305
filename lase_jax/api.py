"""The Python interface: make a game and a society, train it, look at the results, play.

    from lase_jax import api, envs

    game = envs.make("ssh")
    society = api.society(game, ["lase", "a2c", "a2c", "a2c"])
    result = api.train(game, society, steps=200_000, seeds=2)
    result.metrics["return/collective"]  # one number per update and seed
    result.curves("curves.png")
    episode = result.play(seed=0)
    episode.gif("ssh.gif")

A name such as "lase" means that algorithm with its default settings. ``make train`` uses settings
that were chosen for each game instead; these are ``lase_jax.presets.preset(env, algo).agent``,
which can be given in place of a name.

Letters: U updates, S seeds, T steps, N seats.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from envs import checks
from envs.types import Env, EnvSpec
from lase_jax.algorithms import ALGORITHMS
from lase_jax.core import typed
from lase_jax.loop.train import Schedule, make_trainer
from lase_jax.reports import animate, evaluate, plots
from lase_jax.reports.record import Record, joined
from lase_jax.runs import devices, files, folder, metrics_csv, parts, program, runtime
from lase_jax.runs.config import MAX_SEED, Kind, check_seeds, named, seated
from lase_jax.runs.progress import Progress
from lase_jax.runs.setup import restore_run
from lase_jax.types import Algorithm, Mode, PyTree


class Society(NamedTuple):
    """The agents on the seats of a game: their names by seat, and their joint algorithm."""

    seats: tuple[str, ...]
    algorithm: Algorithm
    spec: EnvSpec
    """Of the game that it was made for."""


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
    state: PyTree  # [S, ...]

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
        remedy = f"use one in {self.seeds[0]} to {self.seeds[-1]}"
        checks.require(seed in self.seeds, "seed", seed, remedy)
        checks.integer("episode", episode, 0, MAX_SEED)
        state = jax.tree.map(lambda leaf: leaf[self.seeds.index(seed)], self.state)
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
def society(game: Env, agents: Any) -> Society:
    """A society of agents.

    Args:
        game: the game they will play.
        agents: one kind for all seats, or a kind per seat: the name of an algorithm or of one of
            the game's scripted policies, or an algorithm's settings (`AgentConfig`, of which
            `algorithms.AlgorithmConfig` has those that are ready-made).

    Raises:
        ConfigError: an unknown name (with the nearest ones), or more or fewer agents than seats.
    """
    if not isinstance(agents, list | tuple):
        agents = [agents] * game.spec.num_agents
    kinds = [_kind(game, agent) for agent in agents]
    return Society(tuple(kind.name for kind in kinds), seated(game, kinds), game.spec)


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
        say: prints a line of progress if the output is not a terminal.

    Raises:
        ConfigError: settings that do not fit, or a loss that is no longer finite.
    """
    runtime.require()
    check_seeds(seed, seeds)
    remedy = "it was made for another game, use api.society(game, ...)"
    checks.require(society.spec == game.spec, "society", society.seats, remedy)
    schedule = Schedule(steps, num_envs, rollout_length)
    trainer = make_trainer(game, society.algorithm, schedule)
    updates = schedule.num_updates(game.spec)
    plan = parts.make_plan(updates, schedule.steps_per_update(game.spec), chunks=20, points=updates)
    numbers = range(seed, seed + seeds)
    grid = devices.mesh(seeds, num_envs)
    start = program.start_of([(society.algorithm, numbers)], grid)
    carry = program.placed_carry(trainer, start, grid)
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
    state = devices.part(carry, 0, seeds).state
    return Result(game, society, name, numbers, joined(records), state)


@typed.arguments
def load(path: str | Path) -> Result:
    """Loads the result of a run folder from its newest checkpoint and its metrics.csv.

    Raises:
        ConfigError: not a run folder, or its checkpoint or metrics are missing or unreadable.
    """
    setup, _, carry = restore_run(Path(path))
    record = metrics_csv.load(Path(path) / folder.METRICS)
    trained = Society(setup.seats, setup.algorithm, setup.env.spec)
    return Result(setup.env, trained, Path(path).name, setup.seeds, record, carry.state)
