"""Strict JAX on the CPU, compiled in haste, and a compile cache, before any test imports jax.

Every part gives way to the environment: ``JAX_PLATFORMS=cuda`` tests on an accelerator,
``JAX_COMPILATION_CACHE_DIR`` puts the cache elsewhere, and flags in ``XLA_FLAGS`` override those
here. Processes that tests start inherit all of it.
"""

import collections
import gc
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
HASTE = "--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false"
"""Tests compile large programs and run them for moments: this takes a third of the time."""
LARGE = 1_500_000_000
"""Bytes that a process may keep from file to file."""

import hypothesis  # noqa: E402
import jax  # noqa: E402
import psutil  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# The first example of a test compiles, which is no sign of a slow test.
hypothesis.settings.register_profile("compiled", deadline=None)
hypothesis.settings.load_profile("compiled")


def known(flag):
    """Whether XLA has a flag; one that it has not ends the process."""
    asked = [sys.executable, "-c", "from jaxlib import xla_client; xla_client.CompileOptions()"]
    setting = os.environ | {"XLA_FLAGS": flag}
    return not subprocess.run(asked, env=setting, stderr=subprocess.DEVNULL).returncode


def pytest_configure(config):
    is_worker = hasattr(config, "workerinput")  # it has its flags from the process that started it
    if config.option.markexpr != "slow" and not is_worker:  # slow tests train for long
        flags = [*filter(known, HASTE), os.environ.get("XLA_FLAGS", "")]
        os.environ["XLA_FLAGS"] = " ".join(flags)
    # Processes share the cache without a lock; an entry that is half written is only compiled anew.
    config.addinivalue_line(
        "filterwarnings", "ignore:Error (reading|writing) persistent compilation cache:UserWarning"
    )


@pytest.hookimpl(trylast=True)  # of the tests that are selected
def pytest_collection_modifyitems(items):
    """Processes take whole files in this order: those that may take longest come first."""
    tests = collections.Counter(item.path for item in items)
    longest = collections.Counter()
    for item in items:
        marker = item.get_closest_marker("timeout")
        longest[item.path] = max(longest[item.path], marker.args[0] if marker else 0)
    items.sort(key=lambda item: (-longest[item.path], -tests[item.path], str(item.path)))


def pytest_collection_finish(session):
    """Tracing makes many objects and little garbage: looking for it often costs a tenth."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="module", autouse=True)
def programs():
    """Lets go of a file's programs where they have grown large: together they take gigabytes."""
    yield
    if psutil.Process().memory_info().rss > LARGE:
        jax.clear_caches()
