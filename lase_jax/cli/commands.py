"""What the commands of the command line do, and the options that each has."""

import argparse
import contextlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

import envs
from envs.checks import ConfigError, integer, require
from lase_jax import algorithms
from lase_jax.algorithms import NETS
from lase_jax.core.settings import fitting
from lase_jax.learners import with_learner
from lase_jax.reports import evaluate, plots
from lase_jax.runs import crossplay, devices, folder, host, results, session
from lase_jax.runs.checkpoint import check_same
from lase_jax.runs.config import MAX_SEED, Presets, RunConfig, named, to_json
from lase_jax.runs.config import program as program_of
from lase_jax.sweeps import axes, sweep


@dataclass(frozen=True)
class Eval:
    """Plays a trained run, prints a table per agent and writes eval.json into its folder."""

    run: tyro.conf.Positional[Path]
    """Run folder, e.g. runs/ssh-lase."""
    episodes: int = 100
    """Episodes per seed."""
    seed: int = 0
    """Seed of the episodes."""
    checkpoint: str = "newest"
    """Which one: "newest", "best" (by collective return in training), or after which update."""


@dataclass(frozen=True)
class Crossplay:
    """Lets agents of several trained runs play together: a table, crossplay.json and .png."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders of one game, two or more."""
    episodes: int = 100
    """Episodes per seed and seating."""
    seed: int = 0
    """Seed of the episodes."""
    mode: Literal["sample", "greedy"] = "sample"
    """Draw actions from the policies, or always take the likeliest."""
    out: Path = Path("runs")
    """Folder in which the files are written."""


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
    """Number of the episode; another number is another draw of the game's chances."""
    checkpoint: str = "newest"
    """Which one: "newest", "best" (by collective return in training), or after which update."""
    out: Path | None = None
    """File to write; by default a name in the run folder."""


@dataclass(frozen=True)
class Games:
    """Lists games, algorithms and scripted seats."""


def say(line: str) -> None:
    """Prints a line at once, also into a pipe; of several processes, the first speaks."""
    if devices.first_process():
        print(line, flush=True)


def train(arguments: Sequence[str], presets: Presets, program: str) -> int:
    """``train``: a new run, or with ``--resume`` an old one."""
    chosen = _first(arguments)
    devices.join_hosts(chosen.hosts)
    devices.use_cores()
    if chosen.resume:
        return resume(arguments, Path(chosen.resume), program)
    start = begun(presets, chosen)
    options = parse(train_options(start), arguments, f"{program} train")
    config = configured(options, presets)
    host.set_up(config)
    path = place(options, f"{chosen.env}-{chosen.algo}")
    devices.first_alone(lambda: host.create(config, path, options.overwrite))
    say(f"Run folder: {path}")
    return session.run(path, _resume_command(program, path), say)


def _shared(arguments: Sequence[str]) -> list[str]:
    """What agents of W&B need of the options of ``sweep``, which all have one value."""
    own = ("sweep", "samples", "halvings", "metric", "name", "out", "wandb", "hosts", "resume")
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in own:
        parser.add_argument(f"--{name}")
    return parser.parse_known_args(arguments)[1]


def configured(options: Any, presets: Presets) -> RunConfig:
    """The run that the options of ``train`` or ``sweep`` describe."""
    config = fitted(options.run, options)
    if not options.seats:
        return config

    def find(name: str) -> Any:
        agent = (
            presets(options.env, name, "").agent if name in algorithms.ALGORITHMS else named(name)
        )
        return fitted(replace(config, agent=agent), options).agent

    return config.with_seats(options.seats.split(","), find)


def begun(presets: Presets, chosen: argparse.Namespace) -> RunConfig:
    """What the options of a new run or sweep start from."""
    start = presets(chosen.env, chosen.algo, chosen.preset)
    if not chosen.learner:
        return start
    return replace(start, agent=with_learner(start.agent, chosen.learner))


def place(options: Any, stem: str) -> Path:
    """The folder that a new run or sweep gets."""
    alone = options.hosts == ""
    require(bool(options.name) or alone, "name", "", "with --hosts, name the run")
    name = options.name or folder.unused(options.out, stem)
    plain = name == Path(name).name and name != ".."
    require(plain, "name", name, "use a folder's name without slashes")
    return options.out / name


def sweep_runs(arguments: Sequence[str], presets: Presets, program: str) -> int:
    """``sweep``: many settings side by side, or with ``--resume`` a sweep that was stopped."""
    chosen = _first(arguments)
    devices.join_hosts(chosen.hosts)
    devices.use_cores()
    start = begun(presets, chosen)
    whole = f"{program} sweep"
    options = parse(sweep_options(start), arguments, whole)
    wandb = options.run.wandb if "--wandb" in _flags(arguments) else None
    if options.resume:
        for flag in sorted(_flags(arguments) - {"--resume", "--wandb", "--hosts"}):
            remedy = "a sweep goes on as it was begun, leave it out"
            require(False, flag[2:], "given", remedy)
        return sweep.run(options.resume, f"{whole} --resume {options.resume}", say, wandb)
    config = configured(options, presets)
    found = axes.parse(options.sweep, config)
    integer("samples", options.samples, 0)
    integer("halvings", options.halvings, 0)
    settings = (
        axes.random(found, options.samples, config.seed, config)
        if options.samples
        else axes.grid(found)
    )

    def convert(path: str, text: str) -> Any:
        typed = [*arguments, *axes.arguments(path, text, config)]
        return axes.value_at(parse(sweep_options(start), typed, whole).run, path)

    runs = axes.configured(config, found, settings, convert)
    for run in runs:
        host.set_up(run)
    path = place(options, f"sweep-{chosen.env}-{chosen.algo}")
    by_name = {axes.name(setting): setting for setting in settings}

    def create() -> None:
        plan = sweep.Sweep(options.metric, options.halvings, by_name)
        sweep.create(path, plan, runs, options.overwrite)
        shared, file = _shared(arguments), path / sweep.AGENTS
        if not sweep.for_agents(found, config, shared, options.metric, file):
            say(f"No {file.name}: agents of W&B cannot set flags or lists of numbers.")

    devices.first_alone(create)
    programs = len({program_of(run) for run in runs})
    say(f"Sweep folder: {path}")
    say(f"Settings: {len(runs)}, seeds of each: {config.seeds}, programs: {programs}.")
    return sweep.run(path, f"{whole} --resume {path}", say)


def resume(arguments: Sequence[str], path: Path, program: str) -> int:
    """Goes on with a run. Options may be repeated, but not changed (W&B's mode is free)."""
    config, _ = host.load_config(path)
    options = parse(train_options(config), arguments, f"{program} train")
    place = dict.fromkeys(("name", "out", "overwrite"), "stays where it is")
    for name, reason in (place | {"preset": "has its settings"}).items():
        remedy = f"a resumed run {reason}, leave --{name} out"
        require(f"--{name}" not in _flags(arguments), name, str(getattr(options, name)), remedy)
    if options.learner:
        kept = with_learner(config.agent, options.learner) is config.agent
        require(kept, "learner", options.learner, "a resumed run keeps its own, leave it out")
    given = _first(arguments)
    now = replace(fitted(options.run, options), wandb=config.wandb)
    if "--env" in _flags(arguments):
        now = replace(now, env=given.env)
    if "--algo" in _flags(arguments):
        now = replace(now, algo=given.algo)
    if options.seats:
        now = replace(now, seats=tuple(options.seats.split(",")))
    check_same(to_json(config), to_json(now))
    return session.run(path, _resume_command(program, path), say, options.run.wandb)


def _resume_command(program: str, path: Path) -> str:
    return f"{program} train --resume {path}"


def fitted(config: RunConfig, options: Any) -> RunConfig:
    """The same run with the networks and the learner that options name, where agents have any."""
    agent = with_learner(config.agent, options.learner) if options.learner else config.agent
    return replace(config, agent=fitting(agent, NETS[options.net] if options.net else {}))


def _first(arguments: Sequence[str]) -> argparse.Namespace:
    """The options that decide which other options there are."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--env", default="ssh")
    parser.add_argument("--algo", default="lase")
    parser.add_argument("--preset", default="")
    parser.add_argument("--learner", default="")
    parser.add_argument("--resume", default="")
    parser.add_argument("--hosts", default="")
    try:
        return parser.parse_known_args(arguments)[0]
    except argparse.ArgumentError as error:
        raise ConfigError(f"{error.argument_name} is empty: {error.message}.") from error


def _flags(arguments: Sequence[str]) -> set[str]:
    return {argument.split("=")[0] for argument in arguments if argument.startswith("--")}


def train_options(default: RunConfig) -> Any:
    """The options of ``train`` as a dataclass instance, which starts from `default`."""

    @dataclass(frozen=True)
    class Train:
        """Trains a society of agents in a game."""

        run: Annotated[RunConfig, tyro.conf.arg(name="")]
        env: str = default.env
        """Name of the game; it decides what the options under "game" are and start from."""
        algo: str = default.algo
        """Name of the algorithm; it decides what the options under "agent" are and start from."""
        preset: str = ""
        """Settings to start from: empty for ours, "published" for those of the algorithm's paper or
        its authors' code, where they are known for the game; other seats start from ours."""
        seats: str = ""
        """A name per seat, e.g. lase,a2c,a2c,random: algorithms and the game's scripted seats."""
        learner: Literal["", "a2c", "ppo"] = ""
        """How policies and critics of all agents learn; empty for what the algorithm starts from,
        which is a2c. It decides which options under "agent" there are."""
        net: Literal["", "dense", "paper"] = ""
        """Networks of all agents: two dense layers, or the paper's convolutions and LSTM."""
        name: str = ""
        """Name of the run; empty for game-algorithm and a number."""
        out: Path = Path("runs")
        """Folder in which the run's folder is made."""
        overwrite: bool = False
        """Delete a run of this name that exists."""
        hosts: str = ""
        """One process on each of several machines: "auto" under SLURM, Kubernetes, Open MPI or on a
        TPU pod, else "address:port,count,number" of the first process and of this one."""
        resume: Path | None = None
        """Folder of a run to go on with, from its newest checkpoint; no setting may change."""

    return Train(default)


def sweep_options(default: RunConfig) -> Any:
    """The options of ``sweep`` as a dataclass instance, which starts from `default`."""

    @dataclass(frozen=True)
    class Sweep(type(train_options(default))):
        """Trains many settings of a society in a game, as few programs as there are shapes."""

        sweep: str = ""
        """What varies, e.g. "lr=1e-4,1e-3 delta=0,0.1": every combination; with --samples also
        ranges, e.g. "lr=log(1e-4,1e-2) delta=uniform(0,0.3)"."""
        samples: int = 0
        """Settings to draw at random; 0 for every combination."""
        halvings: int = 0
        """Times that the worse half of the settings is stopped, the last time at half of all
        updates, the one before at a quarter, and so on."""
        metric: str = "return/collective"
        """What makes a setting good: its mean over the last tenth; more is better."""

    return Sweep(default)


def evaluate_run(arguments: Sequence[str], presets: Presets, program: str) -> int:
    """``eval``: greedy and sampled episodes of every seed, as a table and as eval.json."""
    del presets
    options = parse(Eval, arguments, f"{program} eval")
    integer("episodes", options.episodes, 1)
    integer("seed", options.seed, 0, MAX_SEED)
    setup, update, carry = host.restore(options.run, say, options.checkpoint)
    seeds = len(setup.seeds)
    found = evaluate.evaluate(
        setup.env, setup.algorithm, carry.state, seeds, options.episodes, options.seed
    )
    result = evaluate.report(found, setup.seats, setup.seeds)
    evaluate.show(result, seeds, options.episodes)
    content = {"update": update, "episodes": options.episodes, "seed": options.seed, **result}
    with folder.writing("run", options.run):
        folder.write_json(options.run / "eval.json", content)
    say(f"Written to {options.run / 'eval.json'}")
    return 0


def cross_play(arguments: Sequence[str], presets: Presets, program: str) -> int:
    """``crossplay``: every way to seat the agents of some runs, as a table, JSON and a picture."""
    del presets
    options = parse(Crossplay, arguments, f"{program} crossplay")
    integer("episodes", options.episodes, 1)
    integer("seed", options.seed, 0, MAX_SEED)
    names = [path.name for path in options.runs]
    require(len(names) > 1, "runs", " ".join(names), "name two runs or more")
    require(len(set(names)) == len(names), "runs", " ".join(names), "name each run once")
    restored = [host.restore(path, say) for path in options.runs]
    met = [(setup, carry) for setup, _, carry in restored]
    rows, returns = crossplay.meet(met, options.episodes, options.seed, options.mode)
    result = crossplay.report(names, rows, returns)
    game, seeds = met[0][0].config.env, returns.shape[1]
    crossplay.show(result, f"{game}: mean of {options.episodes} episodes x {seeds} seeds")
    content = {"episodes": options.episodes, "seed": options.seed, "mode": options.mode, **result}
    with folder.writing("out", options.out):
        options.out.mkdir(parents=True, exist_ok=True)
        folder.write_json(options.out / "crossplay.json", content)
        drawing = options.out / "crossplay.png"
        folder.replace(drawing, lambda file: plots.crossplay(result, file))
    say(f"Written to {options.out / 'crossplay.json'} and crossplay.png")
    return 0


def render(arguments: Sequence[str], presets: Presets, program: str) -> int:
    """``render``: one episode as a GIF."""
    del presets
    options = parse(Render, arguments, f"{program} render")
    integer("episode", options.episode, 0, MAX_SEED)
    setup, _, carry = host.restore(options.run, say, options.checkpoint)
    seed = setup.seeds[0] if options.seed == -1 else options.seed
    remedy = f"this run has the seeds {setup.seeds[0]} to {setup.seeds[-1]}"
    require(seed in setup.seeds, "seed", options.seed, remedy)
    file = options.out or options.run / f"replay-seed{seed}-{options.mode}-{options.episode}.gif"
    index = setup.seeds.index(seed)
    with folder.writing("out", file):
        results.write_replay(setup, carry, index, options.mode, file, options.episode)
    say(f"Written to {file}")
    return 0


def games(arguments: Sequence[str], presets: Presets, program: str) -> int:
    """``games``: what there is to choose from."""
    del presets
    parse(Games, arguments, f"{program} games")
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
    """The settings that a ready-made algorithm changes, e.g. `` [perspective=False]``."""
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


def parse(target: Any, arguments: Sequence[str], program: str) -> Any:
    """Reads options with tyro; its complaints become one line.

    Args:
        target: a dataclass, or an instance of one to start from.
        arguments: what was typed.
        program: how the command is called.

    Raises:
        ConfigError: an option that does not exist, or a value that cannot work.
    """
    cls, start = (target, {}) if isinstance(target, type) else (type(target), {"default": target})
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                tyro.conf.AvoidSubcommands[cls], prog=program, args=list(arguments), **start
            )
    except SystemExit as end:
        if end.code:
            raise ConfigError(one_line(complaint.getvalue())) from None
        raise


REWORDED = (
    (r"^Error parsing Train: ", ""),
    (r"^Error parsing (?:run\.)?([a-z_.]+?)(?:\.learner)?: ", r"\1."),
    (
        r"^Error parsing (--\S+): .*?'([^']*)'\]?\.?$",
        r"\1 is '\2': use a value of the type that --help shows",
    ),
    (r"^Unrecognized options: ([^,]+).*", r"\1 is not an option"),
    (r"^invalid choice ('.*') for argument '(\S+)'. Expected one of \((.*)\)", r"\2 is \1: use \3"),
    (r"^Missing value for argument '(\S+)'.*", r"\1 is empty: give it a value"),
    (
        r"^Missing from .* (eval|render): .*",
        r"run is missing: name a run folder, e.g. runs/ssh-lase",
    ),
)
"""How tyro's complaints begin, and what stands here in their place."""


def one_line(complaint: str) -> str:
    """The heart of one of tyro's framed complaints as a sentence."""
    rows = [row.strip("╭╮╰╯│|+ ") for row in complaint.splitlines()[1:]]
    parts = [part.strip() for part in re.split(r"[─-]{5,}", " ".join(rows)) if part.strip()]
    head = parts[0] if parts else "the options cannot be read"
    for pattern, words in REWORDED:
        head = re.sub(pattern, words, head)
    near = re.findall(r"--[a-z][\w.-]*", parts[1]) if parts[1:] and "meant" in parts[1] else []
    hint = f": did you mean {' or '.join(dict.fromkeys(near[:3]))}?" if near else ""
    return head.rstrip(".") + (hint or ".")


ACTIONS = {
    "train": train,
    "sweep": sweep_runs,
    "eval": evaluate_run,
    "crossplay": cross_play,
    "render": render,
    "games": games,
}
