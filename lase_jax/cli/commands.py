"""What the commands of the command line do."""

import argparse
import importlib
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass, make_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

import envs
from envs.checks import ConfigError, choice, integer, refusal, require
from envs.types import Env
from lase_jax import algorithms
from lase_jax.cli import playing, plugins, replaying
from lase_jax.cli.options import (
    OPTIONS,
    Check,
    Completion,
    Crossplay,
    Dashboard,
    Eval,
    List,
    Render,
    Schelling,
    Sync,
)
from lase_jax.cli.output import printable
from lase_jax.cli.parse import completion, parse
from lase_jax.cli.training import (
    LOGGING,
    begun,
    configured,
    deciding,
    fitted,
    flags,
    sweep_options,
    train_options,
)
from lase_jax.core.settings import unusual
from lase_jax.learners import LEARNERS, with_learner
from lase_jax.reports import evaluate, plots, schelling
from lase_jax.runs import (
    crossplay,
    dashboards,
    devices,
    files,
    folder,
    hosts,
    inspection,
    lock,
    results,
    runtime,
    upload,
    warm,
    workspace,
)
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import MAX_SEED, Presets, program_key, to_json
from lase_jax.runs.rehearsal import rehearse, rehearse_sweep
from lase_jax.runs.run import train_run
from lase_jax.runs.setup import (
    create_run,
    extend_run,
    load_config,
    refused_without_trace,
    restore_run,
    set_up,
)
from lase_jax.runs.wandb import Table, add_results
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
    _require_new(options, arguments)
    if "--wandb" not in flags(arguments):
        config = dashboards.by_environment(config)
    if options.dry_run:
        rehearse(config, say)
        return 0
    setup, source = set_up(config), _source(options)
    first = warm.carry(setup, source) if source else None
    path = place(options, f"{config.env}-{config.algo}")
    devices.first_alone(lambda: folder.require_free(path, options.overwrite))
    with lock.held(path), refused_without_trace(path):
        facts = {"start": source.facts} if source else {}
        devices.first_alone(lambda: create_run(config, path, options.overwrite, **facts))
        _choose_dashboards([path], options, arguments)
        say(f"Run folder: {path}")
        if first:
            warm.save(path, setup, first, say)
        return train_run(path, _resumes(f"{called} train", path), say, options.pictures)


def _choose_dashboards(paths: Sequence[Path], options: Any, arguments: Sequence[str]) -> None:
    """Notes in some run folders what the options say about W&B and TensorBoard."""
    mode = options.run.wandb if "--wandb" in flags(arguments) else None

    def note() -> None:
        for path in paths:
            dashboards.choose(path, *load_config(path), options.dashboards, mode)

    devices.first_alone(note)


def _require_new(options: Any, arguments: Sequence[str]) -> None:
    """Requires a name that a folder can have, and nothing that a config.json decides as well.

    Raises:
        ConfigError: the name, or the option to leave out.
    """
    if options.name:
        folder.require_plain("name", options.name)
    for name in (
        sorted(flags(arguments) & {"--env", "--algo", "--preset"}) if options.config else ()
    ):
        remedy = f"{options.config} has its own, leave {name} out"
        require(False, name[2:], getattr(options, name[2:]), remedy)


def _source(options: Any) -> warm.Source | None:
    """The run that a new one starts from, if any.

    Raises:
        ConfigError: it cannot be read, or there are several processes.
    """
    if options.start_from is None:
        return None
    require(not options.hosts, "start_from", str(options.start_from), "leave --hosts out")
    return warm.read(options.start_from, say)


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
    return options.out / options.name


def sweep_runs(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``sweep``: many settings side by side, or with ``--resume`` a sweep that was stopped."""
    chosen = deciding(arguments)
    _take_devices(chosen.hosts)
    start = begun(presets, chosen)
    whole = f"{called} sweep"
    options = parse(sweep_options(start), arguments, whole)
    if options.resume:
        for flag in sorted(flags(arguments) - {"--resume", "--wandb", "--hosts"} - LOGGING):
            remedy = "a sweep goes on as it was begun, leave it out"
            require(False, flag[2:], "given", remedy)
        plan = sweep.load(options.resume)
        first = load_config(options.resume / next(iter(plan.settings)))[0]
        sweep.require_metric(plan.metric, set_up(first))
        with lock.held(options.resume):
            runs = [options.resume / name for name in plan.settings]
            _choose_dashboards(runs, options, arguments)
            return sweep.run(options.resume, _resumes(whole, options.resume), say)
    config = configured(options, presets)
    _require_new(options, arguments)
    if "--wandb" not in flags(arguments):
        config = dashboards.by_environment(config)
    source = _source(options)
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
    firsts = [warm.carry(setup, source) for setup in setups] if source else []
    by_name = {axes.name(setting): setting for setting in settings}
    if options.dry_run:
        share, stages = sweep.played(options.halvings), options.halvings + 1
        rehearse_sweep(dict(zip(by_name, setups, strict=True)), say, share, stages)
        return 0
    path = place(options, f"sweep-{config.env}-{config.algo}")

    def create() -> None:
        plan = sweep.Sweep(options.metric, options.halvings, by_name)
        facts = {"start": source.facts} if source else {}
        sweep.create(path, plan, runs, options.overwrite, **facts)
        for name, setup, first in zip(by_name, setups, firsts, strict=False):
            warm.save(path / name, setup, first, say)
        named = plugins.split(shlex.split(called))[0]
        shared = [*(f"{plugins.PLUGIN}={name}" for name in named), *_shared(arguments)]
        file = path / sweep.AGENTS
        if not sweep.for_agents(swept, config, shared, options.metric, file):
            say(f"No {file.name}: agents of W&B cannot set flags or lists of numbers.")

    devices.first_alone(lambda: sweep.require_free(path, options.overwrite))
    programs = len({program_key(run) for run in runs})
    with lock.held(path), refused_without_trace(path):
        devices.first_alone(create)
        _choose_dashboards([path / name for name in by_name], options, arguments)
        say(f"Sweep folder: {path}")
        say(f"Settings: {len(runs)}, seeds of each: {config.seeds}, programs: {programs}.")
        return sweep.run(path, _resumes(whole, path), say, keep=False)


def resume(arguments: Sequence[str], path: Path, called: str) -> int:
    """Resumes a run. Options may be repeated; only where metrics go may change, and steps grow."""
    config, _ = load_config(path)
    options = parse(train_options(config), arguments, f"{called} train")
    place = dict.fromkeys(("name", "out", "overwrite"), "stays where it is")
    for name, reason in (place | {"preset": "has its settings"}).items():
        remedy = f"a resumed run {reason}, leave --{name} out"
        require(f"--{name}" not in flags(arguments), name, str(getattr(options, name)), remedy)
    for name in ("config", "start_from"):
        remedy = f"a resumed run has its own, leave --{name.replace('_', '-')} out"
        require(getattr(options, name) is None, name, str(getattr(options, name)), remedy)
    same = with_learner(config.agent, options.learner) is config.agent
    require(same, "learner", options.learner, "a resumed run keeps its own, leave it out")
    require(not options.dry_run, "dry_run", True, "a dry run is of a new run, leave --resume out")
    given = deciding(arguments)
    steps = options.run.schedule.steps
    now = replace(fitted(options.run, options), wandb=config.wandb)
    now = replace(now, schedule=replace(now.schedule, steps=config.schedule.steps))
    for name in ("env", "algo"):
        if f"--{name}" in flags(arguments):
            check_same({name: getattr(config, name)}, {name: getattr(given, name)})
    if options.seats:
        now = replace(now, seats=tuple(options.seats.split(",")))
    check_same(to_json(config), to_json(now))
    with lock.held(path):
        if steps != config.schedule.steps:
            devices.first_alone(lambda: extend_run(path, steps))
        _choose_dashboards([path], options, arguments)
        return train_run(path, _resumes(f"{called} train", path), say, options.pictures)


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
    evaluate.show(result, seeds, options.episodes, setup.env.spec.max_return)
    content = {"update": update, "episodes": options.episodes, "seed": options.seed, **result}
    file = options.out or options.run / folder.EVAL
    with files.writing("out", file):
        files.write_json(file, content)
    say(f"Written to {file}")
    sent = {
        f"eval/{mode}/{name}": values
        for mode, numbers in metrics.items()
        for name, values in numbers.items()
    }
    add_results(options.run, say, sent | {"eval/update": np.full(seeds, update)})
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
    interval = ", ± its 95 % interval over seeds" if seeds > 1 else ""
    crossplay.show(result, f"{game}: mean of {options.episodes} episodes x {seeds} seeds{interval}")
    content = {"episodes": options.episodes, "seed": options.seed, "mode": options.mode, **result}
    with files.writing("out", options.out):
        options.out.mkdir(parents=True, exist_ok=True)
        file = crossplay.place(options.out, names, options.mode)
        files.write_json(file, content)
        drawing, title = file.with_suffix(".png"), f"Cross-play in {game}, {ACTS[options.mode]}"
        most = societies[0][0].env.spec.max_return
        files.replace(drawing, lambda path: plots.crossplay(result, title, path, most))
    say(f"Written to {file} and {drawing}")
    scores = {
        "+".join(row["seats"]): values
        for row, values in zip(result["tables"], returns.sum(-1), strict=True)
    }
    sent = {f"crossplay/{seats}": values for seats, values in scores.items()}
    for path in options.runs:
        table = Table(*crossplay.table(result))
        add_results(path, say, sent, {"crossplay/table": table}, {"crossplay": drawing})
    return 0


ACTS = {"sample": "actions drawn from policies", "greedy": "the likeliest actions"}
"""How agents act in each mode, for titles."""


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


def sync_runs(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``sync``: sends what was logged offline to W&B."""
    del presets
    options = parse(Sync, arguments, f"{called} sync")
    return upload.sync(options.run, say)


def make_dashboard(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``dashboard``: a workspace on W&B."""
    del presets
    options = parse(Dashboard, arguments, f"{called} dashboard")
    require(bool(options.runs), "runs", "", "name a run folder, e.g. runs/ssh-lase")
    workspace.save(options.runs, say)
    return 0


def schelling_diagram(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``schelling``: whether a game is a social dilemma."""
    del presets
    options = parse(Schelling, arguments, f"{called} schelling")
    integer("seed", options.seed, 0, MAX_SEED)
    devices.require_any()
    game, pair = _game(options.game), (options.cooperator, options.defector)
    title = options.game.replace(":", "-")
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


def list_all(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``list``: games, algorithms, presets and scripted seats."""
    parse(List, arguments, f"{called} list")
    games, unusable = _made(envs.make, envs.names())
    print(
        "Games (--env), the seats, the steps of an episode, the most that a group can earn in it:"
    )
    print(f"  {'':20}{'seats':>5} {'steps':>5} {'most':>5}")
    for name, game in games.items():
        spec = game.spec
        most = "?" if spec.max_return is None else f"{spec.max_return:g}"
        numbers = f"{spec.num_agents:5} {spec.horizon:5} {most:>5}"
        config = envs.config(name)
        text = _headline(sys.modules[type(config).__module__]) + _changed(config)
        print(f"  {name:20}{numbers}  {textwrap.shorten(text, LONG, placeholder=' ...]')}")
    _print_unusable(unusable)
    agents, unusable = _made(algorithms.config, algorithms.names())
    print("\nAlgorithms (--algo, and --seats):")
    for name, agent in agents.items():
        print(f"  {name:20}{_headline(type(agent))}{_changed(agent)}")
    _print_unusable(unusable)
    print("\nScripted seats (--seats only):")
    common = set.intersection(*(set(game.scripted) for game in games.values()))
    print(f"  {'every game':20}{', '.join(sorted(common))}")
    for name, game in games.items():
        if more := sorted(set(game.scripted) - common):
            print(f"  {name:20}also {', '.join(more)}")
    print(f"\nPresets (--preset {PUBLISHED}: the settings of an algorithm's authors):")
    for name in games:
        if known := [algo for algo in agents if _published(presets, name, algo)]:
            print(f"  {name:20}{', '.join(known)}")
    return 0


def _made(
    make: Callable[[str], Any], names: Sequence[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `make` makes of names, and why what packages announce by others cannot be used."""
    made, unusable = {}, {}
    for name in names:
        try:
            made[name] = make(name)
        except ConfigError as error:
            unusable[name] = str(error)
    return made, unusable


def _print_unusable(reasons: Mapping[str, str]) -> None:
    for name, reason in reasons.items():
        print(f"  {name:20}{reason}")


def _headline(documented: Any) -> str:
    """The first line of a docstring, without its markup and its sources."""
    line = ((documented.__doc__ or "").splitlines() or [""])[0].replace("``", "")
    return re.sub(r" \([^()]*\d{4}[^()]*\)", "", line)


PUBLISHED = "published"
"""The named preset."""


def _published(presets: Presets, env: str, algo: str) -> bool:
    """Whether the settings of an algorithm's authors are known for a game."""
    try:
        presets(env, algo, PUBLISHED)
    except ConfigError:
        return False
    return True


def print_completion(arguments: Sequence[str], presets: Presets, called: str) -> int:
    """``completion``: a script for a shell, of all commands."""
    options = parse(Completion, arguments, f"{called} completion")
    start = begun(presets, deciding([]))
    new = (train_options(start), sweep_options(start))
    every = dict(zip(("train", "sweep"), map(_with_choices, new), strict=True)) | OPTIONS
    print(completion(every, options.shell))
    return 0


def _with_choices(options: Any) -> Any:
    """The same options, with types that say which names of games and algorithms there are."""
    choices = {"env": envs.names(), "algo": algorithms.names(), "learner": ("", *LEARNERS)}
    own = [(name, Literal[each], getattr(options, name)) for name, each in choices.items()]
    cls = make_dataclass(type(options).__name__, own, bases=(type(options),), frozen=True)
    return cls(**vars(options))


SHORT = 24
"""Most characters of a setting that `list` shows; maps are longer."""
LONG = 130
"""Most characters of what `list` says of a game."""


def _changed(config: Any) -> str:
    """The fields of a game or algorithm that are not at their defaults, e.g. `` [horizon=50]``."""
    shown = {
        name: type(value).__name__.lower() if is_dataclass(value) else str(value)
        for name, value in unusual(config).items()
    }
    words = (f"{name}={text if len(text) <= SHORT else '...'}" for name, text in shown.items())
    return f" [{', '.join(words)}]" if shown else ""


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
    "sync": sync_runs,
    "dashboard": make_dashboard,
    "schelling": schelling_diagram,
    "list": list_all,
    "completion": print_completion,
}
