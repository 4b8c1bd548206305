"""Speed: environment steps, training steps, compile times and memory, as a table and as JSON.

    make bench ARGS="[--out runs/bench.json] [--repeats 5] [--only cleanup] [--quick]"

Every case runs in a fresh process, so that its compile times are cold and its peak memory is its
own. Rates are medians over repeats after a warm-up; compile times are one cold and one from a fresh
persistent cache. "ready" is the waiting time with that cache: the time of a further process from
its start until its program can run.

Training has the settings and the batch of `lase_jax.presets`; the paper's networks replace
theirs where a case says so. Every repeat trains the same few updates of the untrained agents. That
matters to LASE, which computes its weights only where an agent is rewarded: in Cleanup untrained
agents are hardly ever rewarded, so the time measured there is the least that LASE takes. The case
"weigh all" computes every weight and measures the most that it takes.
"""

import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich
import rich.console
import rich.table
import tyro

from experiments.bench import clock
from lase_jax.runs import devices, files
from lase_jax.runs.program import placed_carry, start_of
from lase_jax.runs.setup import set_up

if TYPE_CHECKING:
    from lase_jax.runs.config import RunConfig

GRID_GAMES = ("ssh", "ssg", "coingame", "cleanup")
ALGORITHMS = ("a2c", "go", "ia", "si", "si_basic", "si_comm", "lio", "lase_wo", "lase")
PAPER = ("a2c", "go", "lase_wo", "lase")
"""Algorithms that are measured with the paper's networks too."""


@dataclass(frozen=True)
class Bench:
    """What to measure."""

    out: Path = Path("runs/bench.json")
    """Where the JSON goes."""
    repeats: int = 5
    """Timed repeats of each case; the median counts."""
    envs: int = 256
    """Environments side by side under random actions."""
    seeds: int = 1
    """Seeds side by side in training."""
    only: str = ""
    """Measure only cases whose name contains this."""
    quick: bool = False
    """A tenth of the work per repeat, to see that it runs."""


@dataclass(frozen=True)
class Case:
    """One measurement."""

    game: str
    algorithm: str = ""  # "" for the game alone, under random actions
    net: str = "dense"  # "dense" for the preset's own
    weigh: str = ""  # "" for the preset's own

    @property
    def name(self) -> str:
        """The name of the case in the table."""
        if not self.algorithm:
            return f"{self.game} random"
        weigh = f" weigh {self.weigh}" if self.weigh else ""
        return f"{self.game} {self.algorithm} {self.net}{weigh}"


def cases() -> list[Case]:
    """Every game alone, every algorithm on its games, and Cleanup's two expensive variants."""
    import envs

    alone = [Case(game) for game in envs.names()]
    dense = [Case(game, algorithm) for game in GRID_GAMES for algorithm in ALGORITHMS]
    paper = [Case("cleanup", algorithm, "paper") for algorithm in PAPER]
    two = [Case("ipd", "a2c"), Case("ipd", "lola"), Case("coingame", "lola")]
    return [*alone, *dense, *paper, Case("cleanup", "lase", weigh="all"), *two]


def measure(case: Case, bench: Bench, cache: str) -> dict[str, Any]:
    """Measures one case in this process.

    Returns:
        Steps per second (environment steps of all environments and seeds; median, lowest and
        highest), seconds of tracing and of compiling cold and from the cache in the folder `cache`,
        peak memory in MiB.
    """
    import jax

    use_cache(cache)
    program, argument, steps = work(case, bench)
    cold = clock.compiled(program, argument)
    jax.clear_caches()
    warm = clock.compiled(program, argument)
    rates = [steps / taken for taken in clock.times({"": warm}, bench.repeats)[""]]
    return {
        "case": case.name,
        **dataclasses.asdict(case),
        "steps_per_second": statistics.median(rates),
        "lowest": min(rates),
        "highest": max(rates),
        "trace_seconds": cold.trace_seconds,
        "compile_seconds_cold": cold.compile_seconds,
        "compile_seconds_cached": warm.compile_seconds,
        "peak_memory_mib": clock.peak_memory(),
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
    }


def use_cache(path: str) -> None:
    """Keeps every compiled program in a folder."""
    import jax

    jax.config.update("jax_compilation_cache_dir", path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def ready(case: Case, bench: Bench, cache: str, begin: float) -> float:
    """Seconds from ``begin``, before this process was started, until its program can run."""
    use_cache(cache)
    program, argument, _ = work(case, bench)
    clock.compiled(program, argument)
    return clock.since(begin)


def work(case: Case, bench: Bench) -> tuple[Any, Any, int]:
    """A case's program, its argument and its environment steps."""
    return training(case, bench) if case.algorithm else playing(case, bench)


def playing(case: Case, bench: Bench) -> tuple[Any, Any, int]:
    """A program that plays at random and writes all observations; its argument and its steps.

    The environments are divided over the devices, which include a CPU's cores.
    """
    import jax
    import jax.numpy as jnp

    import envs

    devices.use_cores()
    grid = devices.mesh(1, bench.envs)
    count = grid.shape[devices.ENVS]
    env, share = envs.make(case.game), bench.envs // count
    spec, length = env.spec, 20 if bench.quick else 200

    def play(key: Any) -> Any:
        key_reset, key_steps = jax.random.split(key)
        state, obs = jax.vmap(env.reset)(jax.random.split(key_reset, share))

        def step(carry: Any, key: Any) -> tuple[Any, None]:
            state, _, paid = carry
            key_act, key_env = jax.random.split(key)
            action = jax.random.randint(key_act, (share, spec.num_agents), 0, spec.num_actions)
            state, out = jax.vmap(env.step)(jax.random.split(key_env, share), state, action)
            return (state, out.obs, paid + out.reward), None

        blank = jnp.zeros((share, spec.num_agents))
        return jax.lax.scan(step, (state, obs, blank), jax.random.split(key_steps, length))[0]

    shared = jax.sharding.NamedSharding(grid, jax.sharding.PartitionSpec(devices.ENVS))
    keys = jax.device_put(jax.random.split(jax.random.key(0), count), shared)
    return jax.vmap(play), keys, bench.envs * length


def training(case: Case, bench: Bench) -> tuple[Any, Any, int]:
    """A program that trains some updates; its argument and its steps."""
    config = settings(case, bench.seeds)
    updates = max(2, (4 if bench.quick else 40) // (4 if case.net == "paper" else 1))
    steps = updates * config.schedule.steps_per_update(config.game.spec()) * bench.seeds
    return *laid_out(config, updates), steps


def laid_out(config: "RunConfig", updates: int) -> tuple[Any, Any]:
    """A program that trains some updates, and its argument, over devices as in training."""
    devices.use_cores()
    grid = devices.mesh(config.seeds, config.schedule.num_envs)
    setup = set_up(config)
    start = start_of([(setup.algorithm, setup.seeds)], grid)
    run = devices.on(grid, lambda carry: setup.trainer.run(carry, updates))
    return run, placed_carry(setup.trainer, start, grid)


def settings(case: Case, seeds: int) -> "RunConfig":
    """The preset of a case's game and algorithm, with the case's variant."""
    from lase_jax import presets
    from lase_jax.algorithms import NETS
    from lase_jax.core.settings import changed, fitting

    run = presets.preset(case.game, case.algorithm)
    agent = fitting(run.agent, NETS[case.net]) if case.net != "dense" else run.agent
    agent = changed(agent, {"weigh": case.weigh} if case.weigh else {})
    return replace(run, agent=agent, seeds=seeds)


def table(rows: list[dict[str, Any]]) -> rich.table.Table:
    """The measurements as a table, with each algorithm's cost beside A2C's."""
    out = rich.table.Table(title="Speed (medians)")
    for column in (
        "case",
        "steps/s",
        "lowest-highest",
        "x A2C's time",
        "trace s",
        "cold s",
        "cached s",
        "ready s",
        "MiB",
    ):
        named = column == "case"
        out.add_column(column, justify="left" if named else "right", no_wrap=named)
    base = {(r["game"], r["net"]): r["steps_per_second"] for r in rows if r["algorithm"] == "a2c"}
    for row in rows:
        reference = base.get((row["game"], row["net"])) if row["algorithm"] else None
        out.add_row(
            row["case"],
            f"{row['steps_per_second']:,.0f}",
            f"{row['lowest']:,.0f}-{row['highest']:,.0f}",
            f"{reference / row['steps_per_second']:.2f}" if reference else "",
            f"{row['trace_seconds']:.1f}",
            f"{row['compile_seconds_cold']:.1f}",
            f"{row['compile_seconds_cached']:.1f}",
            f"{row['ready_seconds']:.1f}",
            f"{row['peak_memory_mib']:,.0f}",
        )
    return out


def main(arguments: Sequence[str]) -> None:
    """Measures, prints the table and writes the JSON."""
    bench = tyro.cli(Bench, description=__doc__, args=arguments)
    chosen = [case for case in cases() if bench.only in case.name]
    if not chosen:
        raise SystemExit(f"No case is called {bench.only!r}: {', '.join(c.name for c in cases())}.")
    settings = dataclasses.asdict(bench) | {"out": str(bench.out)}
    report = {"date": date.today().isoformat(), "cores": devices.cores(), "settings": settings}
    bench.out.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, case in enumerate(chosen, 1):
        with tempfile.TemporaryDirectory() as cache:
            row = clock.isolated(measure, case, bench, cache)
            row["ready_seconds"] = clock.isolated(ready, case, bench, cache, time.time())
        rows.append(row)
        files.write_json(bench.out, report | {"rows": rows})  # an interruption loses nothing
        rich.print(f"[{number}/{len(chosen)}] {case.name}: {row['steps_per_second']:,.0f} steps/s")
    wide = None if sys.stdout.isatty() else 140
    rich.console.Console(width=wide).print(table(rows))
    rich.print(
        f"{report['date']}, {rows[0]['device']}, {devices.cores()} cores; written to {bench.out}"
    )
