"""What training needs of jax, whatever the environment says.

A seed means the same numbers everywhere: random keys of one kind, float32, compiled programs.
"""

from collections.abc import Callable
from typing import Any

import jax

from envs.checks import refusal

GUARDS = tuple(
    f"jax_transfer_guard_{way}" for way in ("host_to_device", "device_to_device", "device_to_host")
)
NEEDED: dict[str, tuple[Any, str]] = {
    "jax_default_prng_impl": ("threefry2x32", "a seed stands for keys of this kind"),
    "jax_threefry_partitionable": (True, "random numbers do not depend on the devices"),
    "jax_enable_x64": (False, "training uses float32"),
    "jax_disable_jit": (False, "training is one compiled program"),
    "jax_debug_nans": (False, "NaN marks metrics without a value, and health/* names real ones"),
    "jax_random_seed_offset": (0, "a seed stands for the same keys everywhere"),
    **dict.fromkeys(GUARDS, ("allow", "training moves numbers between host and device")),
    "jax_debug_infs": (False, "health/* names losses that are not finite"),
}
"""Settings of jax, what they must be, and why."""


def others() -> dict[str, Any]:
    """The settings in `NEEDED` that are otherwise at present, and their values."""
    now = {name: getattr(jax.config, name, value) for name, (value, _) in NEEDED.items()}
    unset = None  # for settings that are only sometimes given
    return {name: value for name, value in now.items() if value not in (NEEDED[name][0], unset)}


def prepare(say: Callable[[str], None]) -> None:
    """Gives jax the settings that training needs, and says which ones the environment had set."""
    for name, value in others().items():
        needed, why = NEEDED[name]
        jax.config.update(name, needed)
        say(f"{name.upper()} is {value}, but {needed} is used: {why}.")


def require() -> None:
    """Requires that jax has the settings that training needs, for programs that own theirs.

    Raises:
        ConfigError: names the first one that is otherwise.
    """
    for name, value in others().items():
        needed, why = NEEDED[name]
        remedy = f'use jax.config.update("{name}", {needed!r}): {why}'
        raise refusal(name, value, remedy)
