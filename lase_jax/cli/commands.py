"""What the commands of the command line do."""

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import envs
from envs.checks import ConfigError, choice, integer, refusal, require
from envs.types import Env
from lase_jax import algorithms
from lase_jax.cli import playing, replaying
from lase_jax.cli.options import (
    Check,
    Crossplay,
    Eval,
    Games,
    Render,
    Schelling,
    begun,
    configured,
    deciding,
    fitted,
    flags,
    sweep_options,
    train_options,
)
from lase_jax.cli.output import printable
from lase_jax.cli.parse import parse
from lase_jax.learners import with_learner
from lase_jax.reports import evaluate, plots, schelling
from lase_jax.runs import (
    crossplay,
    devices,
    files,
    folder,
    hosts,
    inspection,
    lock,
    results,
    runtime,
)
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import MAX_SEED, Presets, program_key, to_json
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import (
    create_run,
    load_config,
    refused_without_trace,
    restore_run,
    set_up,
)
from lase_jax.sweeps import axes, sweep


def say(line: str) -> None:
    """Prints a line at once, also into a pipe; of several processes only the first prints."""
    if devices.first_process():
        print(printable(line), flush=True)


def train(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``train``: a new run, or with ``--resume`` an old one."""
    chosen = deciding(arguments)
    _take_devices(chosen.hosts)
    if chosen.resume is not None:
        return resume(arguments, Path(chosen.resume), called)
    start = begun(presets, chosen)
    options = parse(train_options(start), arguments, f"{called} train")
    config = configured(options, presets)
    set_up(config)
    path = place(options, f"{chosen.env}-{chosen.algo}")
    devices.first_alone(lambda: folder.require_free(path, options.overwrite))
    with lock.held(path):
        devices.first_alone(lambda: create_run(config, path, options.overwrite))
        say(f"Run folder: {path}")
        with refused_without_trace(path):
            return train_run(path, _resumes(f"{called} train", path), say)


def _take_devices(address: str) -> None:
    """Finds the devices to train on, in the only order in which jax allows it."""
    hosts.join(address)
    devices.use_cores()
    devices.require_any()


def _shared(arguments: Sequence[str]) -> list[str]:
    """Those arguments of ``sweep`` that W&B's agents pass to ``train``."""
    names = ("sweep", "samples", "halvings", "metric", "name", "out", "wandb", "hosts", "resume")
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}")
    return parser.parse_known_args(arguments)[1]


def place(options: Any, stem: str) -> Path:
    """The folder that a new run or sweep gets."""
    alone = options.hosts == ""
    require(bool(options.name) or alone, "name", "", "with --hosts, name the run")
    if not options.name:
        return folder.claim(options.out, stem)
    folder.require_plain("name", options.name)
    return options.out / options.name


def sweep_runs(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``sweep``: many settings side by side, or with ``--resume`` a sweep that was stopped."""
    chosen = deciding(arguments)
    _take_devices(chosen.hosts)
    start = begun(presets, chosen)
    whole = f"{called} sweep"
    options = parse(sweep_options(start), arguments, whole)
    wandb = options.run.wandb if "--wandb" in flags(arguments) else None
    if options.resume:
        for flag in sorted(flags(arguments) - {"--resume", "--wandb", "--hosts"}):
            remedy = "a sweep goes on as it was begun, leave it out"
            require(False, flag[2:], "given", remedy)
        plan = sweep.load(options.resume)
        first = load_config(options.resume / next(iter(plan.settings)))[0]
        sweep.require_metric(plan.metric, set_up(first))
        return sweep.run(options.resume, _resumes(whole, options.resume), say, wandb)
    config = configured(options, presets)
    swept = axes.parse(options.sweep, config)
    integer("samples", options.samples, 0, axes.MOST)
    integer("halvings", options.halvings, 0, sweep.MAX_HALVINGS)
    settings = (
        axes.random(swept, options.samples, config.seed, config)
        if options.samples
        else axes.grid(swept)
    )

    def convert(path: str, text: str) -> Any:
        typed = [*arguments, *axes.arguments(path, text, config)]
        return axes.value_at(parse(sweep_options(start), typed, whole).run, path)

    runs = axes.configured(config, swept, settings, convert)
    setups = [set_up(run) for run in runs]
    sweep.require_metric(options.metric, setups[0])
    path = place(options, f"sweep-{chosen.env}-{chosen.algo}")
    by_name = {axes.name(setting): setting for setting in settings}

    def create() -> None:
        plan = sweep.Sweep(options.metric, options.halvings, by_name)
        sweep.create(path, plan, runs, options.overwrite)
        shared, file = _shared(arguments), path / sweep.AGENTS
        if not sweep.for_agents(swept, config, shared, options.metric, file):
            say(f"No {file.name}: agents of W&B cannot set flags or lists of numbers.")

    devices.first_alone(lambda: sweep.require_free(path, options.overwrite))
    programs = len({program_key(run) for run in runs})
    with lock.held(path):
        devices.first_alone(create)
        say(f"Sweep folder: {path}")
        say(f"Settings: {len(runs)}, seeds of each: {config.seeds}, programs: {programs}.")
        return sweep.run(path, _resumes(whole, path), say)


def resume(arguments: Sequence[str], path: Path, called: str) -> int:
    """Resumes a run. Options may be repeated, but only W&B's mode may be changed."""
    config, _ = load_config(path)
    options = parse(train_options(config), arguments, f"{called} train")
    place = dict.fromkeys(("name", "out", "overwrite"), "stays where it is")
    for name, reason in (place | {"preset": "has its settings"}).items():
        remedy = f"a resumed run {reason}, leave --{name} out"
        require(f"--{name}" not in flags(arguments), name, str(getattr(options, name)), remedy)
    same = with_learner(config.agent, options.learner) is config.agent
    require(same, "learner", options.learner, "a resumed run keeps its own, leave it out")
    given = deciding(arguments)
    now = replace(fitted(options.run, options), wandb=config.wandb)
    for name in ("env", "algo"):
        if f"--{name}" in flags(arguments):
            check_same({name: getattr(config, name)}, {name: getattr(given, name)})
    if options.seats:
        now = replace(now, seats=tuple(options.seats.split(",")))
    check_same(to_json(config), to_json(now))
    return train_run(path, _resumes(f"{called} train", path), say, options.run.wandb)


def _resumes(command: str, path: Path) -> str:
    """The command that resumes a run or sweep, as it can be typed."""
    return f"{command} --resume {shlex.quote(str(path))}"


def evaluate_run(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``eval``: greedy and sampled episodes of every seed, as a table and as eval.json."""
    del presets
    options = parse(Eval, arguments, f"{called} eval")
    integer("episodes", options.episodes, 1)
    integer("seed", options.seed, 0, MAX_SEED)
    if options.out is not None:
        folder.require_foreign("out", options.out, options.run)
    setup, update, carry = restore_run(options.run, say, options.checkpoint)
    seeds = len(setup.seeds)

    admit = partial(devices.admit_episodes, episodes=options.episodes)
    played = setup.env, setup.algorithm, carry.state, seeds, options.episodes, options.seed
    metrics = evaluate.evaluate(*played, admit=admit)
    result = evaluate.report(metrics, setup.seats, setup.seeds)
    evaluate.show(result, seeds, options.episodes)
    content = {"update": update, "episodes": options.episodes, "seed": options.seed, **result}
    file = options.out or options.run / folder.EVAL
    with files.writing("out", file):
        files.write_json(file, content)
    say(f"Written to {file}")
    return 0


def cross_play(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``crossplay``: every way to seat the agents of some runs, as a table, JSON and a picture."""
    del presets
    options = parse(Crossplay, arguments, f"{called} crossplay")
    integer("episodes", options.episodes, 1)
    integer("seed", options.seed, 0, MAX_SEED)
    shown = " ".join(map(str, options.runs))
    require(len(options.runs) > 1, "runs", shown, "name two runs or more")
    once = len({files.real(path) for path in options.runs}) == len(options.runs)
    require(once, "runs", shown, "name each run once")
    short = [printable(path.name) for path in options.runs]
    places = [short[:end].count(name) + 1 for end, name in enumerate(short)]
    names = [
        name if place == 1 else f"{name} ({place})"
        for name, place in zip(short, places, strict=True)
    ]
    restored = [restore_run(path, say) for path in options.runs]
    societies = [(setup, carry) for setup, _, carry in restored]
    rows, returns = crossplay.meet(societies, options.episodes, options.seed, options.mode)
    result = crossplay.report(names, rows, returns)
    game, seeds = societies[0][0].config.env, returns.shape[1]
    crossplay.show(result, f"{game}: mean of {options.episodes} episodes x {seeds} seeds")
    content = {"episodes": options.episodes, "seed": options.seed, "mode": options.mode, **result}
    with files.writing("out", options.out):
        options.out.mkdir(parents=True, exist_ok=True)
        files.write_json(options.out / "crossplay.json", content)
        drawing = options.out / "crossplay.png"
        files.replace(drawing, lambda file: plots.crossplay(result, file))
    say(f"Written to {options.out / 'crossplay.json'} and crossplay.png")
    return 0


def render(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``render``: one episode as a GIF."""
    del presets
    options = parse(Render, arguments, f"{called} render")
    integer("episode", options.episode, 0, MAX_SEED)
    if options.out is not None:
        folder.require_foreign("out", options.out, options.run)
    setup, _, carry = restore_run(options.run, say, options.checkpoint)
    seed = setup.seeds[0] if options.seed == -1 else options.seed
    remedy = f"this run has the seeds {setup.seeds[0]} to {setup.seeds[-1]}"
    require(seed in setup.seeds, "seed", options.seed, remedy)
    file = options.out or options.run / f"replay-seed{seed}-{options.mode}-{options.episode}.gif"
    index = setup.seeds.index(seed)
    with files.writing("out", file):
        results.write_replay(setup, carry, index, options.mode, file, options.episode)
    say(f"Written to {file}")
    return 0


def check_runs(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``check``: reads all of a run or sweep and says what can be had of it."""
    del presets
    options = parse(Check, arguments, f"{called} check")
    devices.require_any()
    damaged = 0
    for path in inspection.runs_in(options.run):
        try:
            report = inspection.inspect(path)
        except ConfigError as error:
            report = inspection.Report([], [str(error)])
        say(f"{path}: {'damaged' if report.problems else 'sound'}")
        for line in (*report.sound, *report.problems):
            say(f"  {line}")
        damaged += bool(report.problems)
    return 1 if damaged else 0


def schelling_diagram(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``schelling``: whether a game is a social dilemma."""
    del presets
    options = parse(Schelling, arguments, f"{called} schelling")
    integer("seed", options.seed, 0, MAX_SEED)
    devices.require_any()
    game, pair = _game(options.game), (options.cooperator, options.defector)
    title = options.game.rpartition(":")[2]
    found = schelling.diagram(game, title, options.episodes, options.seed, pair)
    schelling.show(found)
    file = options.out or Path("runs") / f"schelling-{title}.png"
    with files.writing("out", file):
        file.parent.mkdir(parents=True, exist_ok=True)
        files.replace(file, lambda path: plots.schelling([found], path))
    say(f"Written to {file}")
    return 0


def _game(name: str) -> Env:
    """The game of that name, or the one that ``module:name`` is or makes.

    Raises:
        ConfigError: there is none.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        choice("game", name, envs.names())
        return envs.make(name)
    sys.path.insert(0, "")  # the folder where the command is given, as for python -m
    try:
        found = getattr(importlib.import_module(module), attribute)
        game: Any = found() if callable(found) and not isinstance(found, Env) else found
    except Exception as error:
        raise refusal("game", name, f"it cannot be made ({files.reason(error)})") from error
    require(isinstance(game, Env), "game", name, "name an Env, or a function without arguments")
    return game


def games(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``games``: lists games, algorithms and scripted seats."""
    del presets
    parse(Games, arguments, f"{called} games")
    print("Games (--env), with their agents, steps and scripted seats:")
    for name in envs.names():
        game = envs.make(name)
        scripted = ", ".join(game.scripted)
        print(f"  {name:16}{game.spec.num_agents:3} {game.spec.horizon:5}  {scripted}")
    print("\nAlgorithms (--algo, and --seats):")
    for name in algorithms.names():
        agent = algorithms.ALGORITHMS[name]
        doc = type(agent).__doc__ or ""
        print(f"  {name:16}{doc.splitlines()[0]}{_changed(agent)}")
    return 0


def _changed(agent: Any) -> str:
    """The fields of an algorithm that are not at their defaults, e.g. `` [perspective=False]``."""
    changed = {
        field.name: getattr(agent, field.name)
        for field in fields(agent)
        if getattr(agent, field.name) != field.default
    }
    words = (
        f"{name}={type(value).__name__.lower() if is_dataclass(value) else value}"
        for name, value in changed.items()
    )
    return f" [{', '.join(words)}]" if changed else ""


def run(command: str, arguments: Sequence[str], presets: Presets, called: str) -> int:
    """Runs a command of `ACTIONS`, and returns its exit code."""
    runtime.prepare(lambda line: print(line, flush=True))
    return ACTIONS[command](arguments, presets, called)


ACTIONS = {
    "train": train,
    "sweep": sweep_runs,
    "eval": evaluate_run,
    "crossplay": cross_play,
    "render": render,
    "play": playing.play,
    "replay": replaying.replay,
    "report": replaying.report,
    "check": check_runs,
    "schelling": schelling_diagram,
    "games": games,
}
