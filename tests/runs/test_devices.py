import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from envs.checks import ConfigError
from lase_jax.presets import preset
from lase_jax.runs import devices, folder, metrics_csv, program
from lase_jax.runs.program import start_of
from lase_jax.runs.setup import set_up
from lase_jax.types import Carry, Clock, World

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("seeds", "num_envs", "count", "ways"),
    [
        (5, 16, 1, (1, 1)),
        (8, 16, 8, (8, 1)),
        (64, 16, 8, (8, 1)),
        (1, 16, 8, (1, 8)),
        (2, 16, 8, (2, 4)),
        (5, 16, 8, (1, 8)),  # no device has a place to spare
        (10, 16, 8, (2, 4)),
        (3, 1, 8, (3, 1)),
        (9, 1, 8, (5, 1)),  # two seeds on each of five
        (1, 7, 8, (1, 7)),
    ],
)
def test_devices_share_seeds_and_where_these_do_not_divide_environments(
    seeds, num_envs, count, ways
):
    assert devices.cut(seeds, num_envs, count) == ways


def test_cores_share_environments_where_each_has_some():
    assert devices.cut(1, 16, 8, fewest=4) == (1, 4)
    assert devices.cut(1, 4, 8, fewest=4) == (1, 1)
    assert devices.cut(1, 2, 8, fewest=4) == (1, 1)
    assert devices.cut(3, 16, 8, fewest=4) == (3, 2)
    assert devices.cut(8, 2, 8, fewest=4) == (8, 1)


def carry(first, seeds):
    number = jnp.arange(first, first + seeds, dtype=jnp.float32)
    world = World(env_state=number[:, None], obs=number[:, None, None], memory=())
    keys = jax.vmap(jax.random.key)(jnp.arange(first, first + seeds, dtype=jnp.uint32))
    return Carry({"w": number}, world, keys, Clock(jnp.int32(5)))


def test_carries_lie_side_by_side_and_come_apart_again():
    grid = devices.mesh(5, 1)
    whole = devices.joined([carry(0, 2), carry(2, 3)], grid)
    np.testing.assert_array_equal(whole.state["w"], np.arange(5))
    assert whole.clock.update == 5
    own = devices.part(whole, 2, 3)
    np.testing.assert_array_equal(own.world.obs[:, 0, 0], [2, 3, 4])
    np.testing.assert_array_equal(*map(jax.random.key_data, (own.key, carry(2, 3).key)))
    assert devices.part(whole, 0, 5) is whole


def test_places_that_are_left_over_repeat_the_last_seed(monkeypatch):
    monkeypatch.setattr(devices, "places", lambda seeds, grid: 8)
    whole = devices.joined([carry(0, 2), carry(2, 3)], devices.mesh(5, 1))
    np.testing.assert_array_equal(whole.state["w"], [0, 1, 2, 3, 4, 4, 4, 4])


def test_what_a_program_takes_is_known_before_it_runs():
    compiled = jax.jit(lambda x: x @ x).lower(jnp.zeros((256, 256))).compile()
    assert devices.needed(compiled) >= 2 * 4 * 256**2
    assert devices.free(devices.mesh(1, 1)) > 2**20


def test_what_is_larger_than_the_memory_is_refused(monkeypatch):
    program = jax.jit(lambda x: x + 1).lower(jnp.zeros(1000)).compile()
    grid = devices.mesh(1, 1)
    devices.require_memory(program, grid, "num_envs", 4, "use fewer")
    monkeypatch.setattr(devices, "free", lambda grid: 100.0)
    with pytest.raises(ConfigError, match="num_envs is 4: this takes .* GiB of .*, use fewer"):
        devices.require_memory(program, grid, "num_envs", 4, "use fewer")


def environment(**more):
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return os.environ | {"PYTHONPATH": path} | more


@pytest.mark.thorough
def test_eight_devices_train_as_one_does():
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    script = [sys.executable, str(ROOT / "tests" / "many_devices.py")]
    eight = environment(XLA_FLAGS=flags, JAX_PLATFORMS="cpu")
    done = subprocess.run(script, env=eight, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


class Processes:
    """Trainings on the command line, of one process or of two that work together."""

    def __init__(self, parent):
        self.words = [*tiny.FLAGS, "--env", "ssh", "--algo", "a2c", "--out", str(parent)]
        self.started = []

    def start(self, *more, new=True):
        process = subprocess.Popen(
            [sys.executable, "-m", "lase_jax.cli", "train", *(self.words if new else []), *more],
            cwd=ROOT,
            env=environment(JAX_PLATFORMS="cpu"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def pair(self, *more, new=True):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        return [self.start(*more, "--hosts", f"{address},2,{k}", new=new) for k in range(2)]


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path)
    yield made
    for process in made.started:
        with process:  # waits, and closes what it prints to
            process.kill()


def ends(*processes):
    """The exit codes, and what was printed."""
    printed = [process.communicate(timeout=300)[0] for process in processes]
    return [process.returncode for process in processes], printed


@pytest.mark.thorough
def test_two_processes_stop_together_and_go_on_to_the_same_end_as_one(tmp_path, processes):
    """A signal that one has received stops both; they save often, each by a clock of its own."""
    steps = ["--steps", "16000", "--chunks", "500", "--save-every", "0.05"]
    alone = processes.start(*steps, "--name", "one")
    pair = processes.pair(*steps, "--name", "two")
    metrics = tmp_path / "two" / folder.METRICS
    deadline = time.monotonic() + 200
    while not metrics.exists() or len(metrics.read_bytes()) < 20_000:
        assert all(process.poll() is None for process in pair), ends(*pair)
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pair[1].send_signal(signal.SIGTERM)
    codes, printed = ends(*pair)
    assert codes == [143, 143], printed
    assert "Stopped after update" in printed[0] and not printed[1].count("Stopped")
    resumed = processes.pair("--resume", str(tmp_path / "two"), new=False)
    codes, printed = ends(alone, *resumed)
    assert codes == [0, 0, 0], printed
    one, two = (metrics_csv.load(tmp_path / name / folder.METRICS) for name in ("one", "two"))
    np.testing.assert_array_equal(one.update, two.update)
    first = slice(0, 20)  # later, rounding has grown into other actions
    for name, values in one.metrics.items():
        np.testing.assert_allclose(two.metrics[name][first], values[first], 1e-3, 1e-4, name)


@pytest.mark.thorough
def test_what_the_first_process_cannot_do_all_processes_know(tmp_path, processes):
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "mine").touch()
    codes, printed = ends(*processes.pair("--steps", "80", "--name", "two"))
    assert codes == [2, 2] and "name is 'two'" in printed[0], printed


PROGRAMS = [
    *(("cleanup", "lase"), ("ssh", "lase"), ("ssg", "lio"), ("ipd", "lio")),
    *(("ipd", "lola"), ("coingame", "lola"), ("ssh", "si"), ("cleanup", "si")),
    *(("coingame", "si_basic"), ("ssg", "si_basic")),
    *(("cleanup", "si_comm"), ("harvest_small", "si_comm")),
]
"""Games and algorithms, which together use all kinds of networks and updates."""


def needs_more_than_xla(traced, platform):
    return "custom_call" in traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize(
    ("env", "algo"),
    [PROGRAMS[0], *(pytest.param(*p, marks=pytest.mark.thorough) for p in PROGRAMS[1:])],
)
def test_programs_for_accelerators_are_pure_xla(env, algo):
    """They can be made without an accelerator; whatever calls a library of one may lack there."""
    setup = set_up(preset(env, algo))
    first = start_of([(setup.algorithm, setup.seeds)])
    begin = jax.jit(partial(program.initial_carry, setup.trainer)).trace(first)
    train = jax.jit(setup.trainer.run, static_argnums=1).trace(begin.out_info, 2)
    for traced, platform in itertools.product((begin, train), ("cuda", "tpu")):
        assert not needs_more_than_xla(traced, platform)


def test_a_program_that_calls_a_library_is_noticed():
    assert needs_more_than_xla(jax.jit(jnp.linalg.qr).trace(jnp.eye(3)), "cuda")


def test_every_core_becomes_a_device(monkeypatch):
    asked = {}
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(devices, "cores", lambda: 4)
    monkeypatch.setattr(jax.config, "update", asked.__setitem__)
    devices.use_cores()
    assert asked == {"jax_num_cpu_devices": 4}


def test_devices_that_are_there_stay(monkeypatch):
    jax.device_count()
    monkeypatch.setattr(devices, "cores", lambda: 4)
    devices.use_cores()
    assert jax.config.jax_num_cpu_devices in (-1, jax.device_count())
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
    monkeypatch.setattr(jax.config, "update", None)
    devices.use_cores()
