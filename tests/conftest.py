"""Strict JAX on the CPU, compiled in haste, and a compile cache, before any test imports jax.

Every part gives way to the environment: ``JAX_PLATFORMS=cuda`` tests on an accelerator,
``JAX_COMPILATION_CACHE_DIR`` puts the cache elsewhere, and flags in ``XLA_FLAGS`` override those
here. Processes that tests start inherit all of it.
"""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
HASTE = "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true"
"""Tests compile large programs and run them for moments: this halves their time."""

import hypothesis  # noqa: E402
import jax  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# The first example of a test compiles, which is no sign of a slow test.
hypothesis.settings.register_profile("compiled", deadline=None)
hypothesis.settings.load_profile("compiled")


def pytest_configure(config):
    if config.option.markexpr != "slow":  # those train for long
        os.environ["XLA_FLAGS"] = f"{HASTE} {os.environ.get('XLA_FLAGS', '')}"
    # Processes share the cache without a lock; an entry that is half written is only compiled anew.
    config.addinivalue_line(
        "filterwarnings", "ignore:Error (reading|writing) persistent compilation cache:UserWarning"
    )
