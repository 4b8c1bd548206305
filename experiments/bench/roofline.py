"""Arithmetic and memory traffic of one update, by phase, beside what this machine can do.

    make bench ARGS="roofline [--net paper] [--into BENCHMARKS.md]"

Everything is measured in one process, on the same cores. A large float32 matrix product and large
and small copies show what the machine can do. Every phase of every algorithm's update is compiled
by itself and timed in turns with them, with the whole update and with the other algorithms, so that
a slow minute affects all equally. Arithmetic is XLA's count, with loop bodies counted as often as
they run (`cost`).

Some phases are differences: "acting" is playing minus a game of random actions; "gifts" are all
opinions minus the weights w_ij; an algorithm's "own networks" are its learning minus that of the
actor-critic. "rest" is the whole update minus all phases: numbers for plots, LIO's second play, and
what phases gain or lose by being compiled into one program.

All of these run on one device. The last line is the same update divided over all devices, which
include a CPU's cores, as in training; its work is counted as the same.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import tyro

from experiments.bench import clock, report, speed
from experiments.bench.cost import Cost, cost
from lase_jax.algorithms.lase import inference
from lase_jax.algorithms.lase.mind import SocialConfig
from lase_jax.algorithms.lase.replay import present_batch
from lase_jax.core import blocks
from lase_jax.core.seats import co_players, take_seats
from lase_jax.learners.actor_critic import Learner
from lase_jax.loop.rollout import collector
from lase_jax.runs import files
from lase_jax.runs.config import default
from lase_jax.runs.parts import Plan, to_record
from lase_jax.runs.setup import Setup, set_up
from lase_jax.types import Carry, Rollout


@dataclass(frozen=True)
class Roofline:
    """What to measure."""

    game: str = "cleanup"
    """Name of the game."""
    algorithms: tuple[str, ...] = ("a2c", "lase")
    """Names of the algorithms; the others' costs are compared with the first one's."""
    net: str = "paper"
    """The paper's networks, or "dense", the preset's own."""
    agents: int = 0
    """Number of agents; 0 for the game's own."""
    repeats: int = 7
    """Timed repeats; the median counts."""
    quick: bool = False
    """Small machine peaks and one repeat, to see that it runs."""
    out: Path = Path("runs/roofline")
    """Folder of the JSON."""
    into: Path | None = None
    """A Markdown file to fill in, e.g. BENCHMARKS.md."""


class Peak(NamedTuple):
    """What the machine can do, on the cores that this process has."""

    flops: float  # per second, in a float32 matrix product
    memory: float  # bytes per second, adding 1 to 256 MiB
    cache: float  # bytes per second, adding 1 to 1 MiB


class Phase(NamedTuple):
    """A part of an update: how long it takes, and what it does."""

    seconds: float
    cost: Cost

    def __sub__(self, other: "Phase") -> "Phase":
        """Time and cost minus those of another phase."""
        return Phase(self.seconds - other.seconds, self.cost - other.cost)


def title(game: str, net: str, agents: int) -> str:
    """The name of a measurement in files and in BENCHMARKS.md."""
    return " ".join([game, net, *([f"{agents} agents"] if agents else [])])


TRAINED = "as trained"
"""Name of the update that is divided over all devices."""
UPDATES = 4
"""Updates of the whole program that are timed together."""


def peak_programs(quick: bool) -> dict[str, tuple[clock.Program, float]]:
    """Programs that do nothing but multiply or copy, with what each does: flops or bytes."""
    size, turns = (512 if quick else 2048), 10

    def copies(count: int, times: int) -> tuple[clock.Program, float]:
        def copy(values: jax.Array) -> jax.Array:
            return jax.lax.fori_loop(0, times, lambda _, x: x + 1.0, values)

        return clock.compiled(copy, jnp.zeros(count)), 2.0 * 4 * count * times

    product = clock.compiled(jnp.matmul, jnp.ones((size, size)), jnp.ones((size, size)))
    return {
        "flops": (product, 2.0 * size**3),
        "memory": copies(2**22 if quick else 2**26, turns),
        "cache": copies(2**18, 100 * turns),
    }


def again(phase: Callable) -> Callable:
    """Repeats a phase several times in one loop, as training does.

    A barrier keeps XLA from moving the phase out of the loop, and the last turn's values are
    returned, so that XLA removes nothing. If a call ran the phase only once, every call would have
    to allocate its memory again.
    """

    def run(*arguments: Any) -> Any:
        def turn(carry: tuple, _: None) -> tuple[tuple, None]:
            given, count = jax.lax.optimization_barrier((arguments, carry[0]))
            return (count + 1, phase(*given)), None

        shapes = jax.eval_shape(phase, *arguments)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.scan(turn, (jnp.int32(0), blank), None, length=UPDATES)[0]

    return run


def phase_calls(setup: Setup, carry: Carry) -> tuple[dict[str, tuple], Rollout]:
    """Each phase of an update of one seed as a function and its arguments; and a rollout."""
    config, env = setup.config, setup.env
    state, world = jax.tree.map(lambda leaf: leaf[0], (carry.state, carry.world))
    key, clock_now, spec = carry.key[0], carry.clock, env.spec
    seats = tuple(range(spec.num_agents))

    def play(algorithm: Any) -> Callable:
        collect = collector(env, algorithm, config.schedule.num_envs, config.schedule.length(spec))
        return lambda state, world, key: collect(algorithm.prepare(state), world, key, clock_now)

    random = replace(default(config.env, "random"), game=config.game, schedule=config.schedule)
    idle = set_up(random)
    blank = idle.initial_carry()
    blank_state, blank_world = jax.tree.map(lambda leaf: leaf[0], (blank.state, blank.world))
    acting = play(setup.algorithm)
    rollout: Rollout = jax.jit(acting)(state, world, key)[1]
    view = rollout._replace(memory=rollout.memory[0], notes=rollout.notes[0])
    agent = config.agent.build(env, seats)
    calls = {
        "random": (play(idle.algorithm), blank_state, blank_world, key),
        "playing": (acting, state, world, key),
        "opinion": (setup.algorithm.weigh, state, rollout, key),
        "learning": (
            lambda *given: agent.learn(*given, clock_now),
            state[0],
            view,
            rollout.reward,
            key,
        ),
    }
    if isinstance(config.agent, SocialConfig):
        learner = Learner(config.agent.learner, spec, len(seats))
        infer = inference.Inference(config.agent, spec, seats, learner)
        social_state, learner_state = state[0].social, state[0].learner
        calls["weights"] = (infer.weigh, social_state, learner_state, view, key)
        own_rollout = take_seats(view, seats)
        calls["actor-critic"] = (learner.learn, learner_state, own_rollout, rollout.reward, key)
    return calls, rollout


def programs(setup: Setup) -> tuple[dict[str, clock.Program], Rollout]:
    """Each phase and the whole update of one seed, `UPDATES` times over; and a rollout."""
    carry = setup.initial_carry()
    calls, rollout = phase_calls(setup, carry)
    looped = {name: clock.compiled(again(phase), *given) for name, (phase, *given) in calls.items()}
    whole = clock.compiled(lambda carry: setup.trainer.run(carry, UPDATES), carry)
    return looped | {"update": whole}, rollout


def handing_over(update: clock.Program, repeats: int) -> float:
    """Median seconds per update that the host takes to fetch the metrics and average them."""
    plan, taken = Plan(UPDATES, UPDATES, UPDATES, 1), []
    for _ in range(repeats):
        _, metrics = update()
        begin = clock.seconds()
        to_record(jax.device_get(metrics), 0, plan)
        taken.append((clock.seconds() - begin) / UPDATES)
    return statistics.median(taken)


def turns(setup: Setup, rollout: Rollout) -> dict[str, float]:
    """How often LASE's loops of data-dependent length run, for a rollout."""
    config, spec = setup.config.agent, setup.env.spec
    if not isinstance(config, SocialConfig):
        return {}
    seats = tuple(range(spec.num_agents))
    view = rollout._replace(memory=rollout.memory[0])
    episodes = present_batch(view, seats, config.social_episodes)
    pairs = inference.to_convert(config, spec, episodes, co_players(spec.num_agents, seats))[2]
    needed = {
        "weigh": jnp.moveaxis(inference.to_weigh(config, rollout), -1, 0),
        "eta": jnp.moveaxis(pairs, -2, 0),
    }
    return {
        name: float(blocks.turns(mask.reshape(1, len(mask), -1))) for name, mask in needed.items()
    }


def phases(found: dict[str, Phase], social_: bool) -> dict[str, Phase]:
    """The phases as they are reported, from the programs that were measured."""
    nothing = Phase(0.0, Cost(0.0, 0.0, 0.0))
    weights = found.get("weights", nothing)
    parts = {
        "environment": found["random"],
        "acting": found["playing"] - found["random"],
        "weights w_ij": weights,
        "gifts and other opinions": found["opinion"] - weights,
        "learning: actor-critic": found.get("actor-critic", found["learning"]),
        "learning: own networks": found["learning"] - found.get("actor-critic", found["learning"]),
    }
    if not social_:
        del parts["weights w_ij"]
        parts["learning"] = parts.pop("learning: actor-critic")
        del parts["learning: own networks"]
    rest = found["update"]
    for part in parts.values():
        rest = rest - part
    return parts | {"rest": rest, "host": found["host"], "update": found["update"]}


class Subject(NamedTuple):
    """The programs of one algorithm that are timed."""

    programs: dict[str, clock.Program]
    loops: dict[str, float]  # how often loops of data-dependent length run
    social: bool


def subject(config: Any) -> Subject:
    """Compiles an algorithm's phases, its update, and its update as trained."""
    trained = clock.compiled(*speed.laid_out(config, UPDATES))
    setup = set_up(config)
    run, rollout = programs(setup)
    social_ = isinstance(setup.config.agent, SocialConfig)
    return Subject(run | {TRAINED: trained}, turns(setup, rollout), social_)


def report_of(subject: Subject, took: dict[str, float], repeats: int) -> dict[str, Phase]:
    """An algorithm's phases as they are reported, from the seconds that its programs took."""
    measured = {
        part: Phase(took[part] / UPDATES, cost(program.run, subject.loops) * (1 / UPDATES))
        for part, program in subject.programs.items()
        if part != TRAINED
    }
    host_ = Phase(handing_over(subject.programs["update"], repeats), Cost(0.0, 0.0, 0.0))
    trained = Phase(took[TRAINED] / UPDATES, measured["update"].cost)
    return phases(measured | {"host": host_}, subject.social) | {TRAINED: trained}


def measure(bench: Roofline) -> tuple[Peak, dict[str, dict[str, Phase]]]:
    """Measures the machine and the phases of all algorithms, in this process, in turn."""
    repeats = 1 if bench.quick else bench.repeats
    subjects = {name: subject(settings(bench, name)) for name in bench.algorithms}
    peaks = peak_programs(bench.quick)
    timed = {
        (part, name): program
        for name, one in subjects.items()
        for part, program in one.programs.items()
    }
    timed = dict(sorted(timed.items()))  # programs to be compared are timed next to each other
    took = clock.medians({name: program for name, (program, _) in peaks.items()} | timed, repeats)
    peak = Peak(*(work / took[name] for name, (_, work) in peaks.items()))
    return peak, {
        name: report_of(one, {part: took[part, name] for part in one.programs}, repeats)
        for name, one in subjects.items()
    }


def settings(bench: Roofline, algorithm: str) -> Any:
    """The preset of a game and an algorithm, with another number of agents where one is given."""
    run = speed.settings(speed.Case(bench.game, algorithm, bench.net), seeds=1)
    if not bench.agents:
        return run
    return replace(run, game=replace(run.game, num_agents=bench.agents))


HEADER = (
    "phase",
    "ms",
    "share",
    "Mflop",
    "MB",
    "flop/B",
    "Gflop/s",
    "of the matrix rate",
    "GB/s",
)


def rows(peak: Peak, found: dict[str, Phase]) -> list[list[str]]:
    """The rows of a table, one for each phase."""
    whole = found["update"].seconds
    out = []
    for name, (taken, done) in found.items():
        rate = done.flops / taken if taken > 0 else 0.0
        out.append(
            [
                name,
                f"{1e3 * taken:.2f}",
                f"{taken / whole:.0%}",
                report.number(done.flops / 1e6),
                report.number(done.bytes / 1e6),
                report.number(done.flops / done.bytes if done.bytes > 0 else None),
                report.number(rate / 1e9),
                f"{rate / peak.flops:.0%}",
                report.number(done.bytes / taken / 1e9 if taken > 0 else None),
            ]
        )
    return out


def main(arguments: Sequence[str]) -> None:
    """Measures, prints the tables and writes the JSON."""
    bench = tyro.cli(Roofline, description=__doc__, args=arguments)
    peak, algorithms = clock.isolated(measure, bench)
    text = (
        f"\nMachine: {peak.flops / 1e9:.0f} Gflop/s, {peak.memory / 1e9:.1f} GB/s in memory, "
        f"{peak.cache / 1e9:.0f} GB/s in cache.\n"
    )
    base = algorithms[bench.algorithms[0]]
    for algorithm, parts in algorithms.items():
        one, trained = (parts[name].seconds / base[name].seconds for name in ("update", TRAINED))
        text += (
            f"\n**{algorithm}**, {one:.2f} times {bench.algorithms[0]}'s time, {trained:.2f} times "
            f"as trained.\n\n{report.table(HEADER, rows(peak, parts))}"
        )
    text += "\n" + report.source("roofline", arguments)
    record = {
        algorithm: {
            name: phase._replace(cost=phase.cost._asdict())._asdict()
            for name, phase in parts.items()
        }
        for algorithm, parts in algorithms.items()
    }
    name = title(bench.game, bench.net, bench.agents)
    bench.out.mkdir(parents=True, exist_ok=True)
    files.write_json(bench.out / f"{name}.json", {"peak": peak._asdict(), "phases": record})
    report.publish(f"roofline {name}", text, bench.into)
