import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import envs
from envs.checks import ConfigError
from lase_jax import api
from lase_jax.runs import runtime

ROOT = Path(__file__).parents[2]
AS_IF_SET = {
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_enable_x64": True,
    "jax_disable_jit": True,
    "jax_debug_nans": True,
    "jax_random_seed_offset": 5,
    **dict.fromkeys(runtime.GUARDS, "disallow"),
    "jax_debug_infs": True,
}


@pytest.fixture
def otherwise():
    before = {name: getattr(jax.config, name) for name in AS_IF_SET}
    for name, value in AS_IF_SET.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_jax_gets_what_training_needs_and_the_difference_is_said(otherwise):
    said = []
    assert runtime.others() == AS_IF_SET
    runtime.prepare(said.append)
    assert not runtime.others() and len(said) == len(AS_IF_SET) == len(runtime.NEEDED)
    assert said[2] == "JAX_ENABLE_X64 is True, but False is used: training uses float32."
    runtime.prepare(said.append)
    assert len(said) == len(AS_IF_SET)


def test_a_program_that_owns_its_settings_is_told_the_first_that_does_not_fit(otherwise):
    game = envs.make("ipd")
    society = api.society(game, "a2c")
    with pytest.raises(ConfigError, match=r"jax_default_prng_impl is 'rbg': use jax.config.update"):
        api.train(game, society, steps=10)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("JAX_PLATFORMS", "nonsense", "JAX_PLATFORMS is 'nonsense': jax finds no such device"),
        (
            "XLA_FLAGS",
            "--xla_force_host_platform_device_count=0",
            "XLA_FLAGS is '--xla_force_host_platform_device_count=0': jax finds no such device",
        ),
        ("JAX_LOG_COMPILES", "perhaps", "invalid truth value 'perhaps'"),
    ],
)
def test_an_environment_that_jax_cannot_use_is_one_line(name, value, words, tmp_path):
    command = [sys.executable, "-m", "lase_jax.cli", "train", "--env", "ipd", "--algo", "a2c"]
    start = "import sys; from lase_jax.cli import main; sys.exit(main())"
    command[1:3] = ["-c", start]
    place = ["--out", str(tmp_path / "runs")]
    setting = os.environ | {name: value, "MPLBACKEND": "nonsense"}
    done = subprocess.run(
        [*command, *place], env=setting, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "runs").exists()
