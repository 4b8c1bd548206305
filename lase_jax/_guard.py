"""Guard against another package that is also called `envs`.

lase_jax and its games are two top-level packages side by side. Another project that is also
called `envs` can hide the games. If it is installed later into the same folder, it can overwrite
their `__init__.py`. Without this check the first sign would be an unrelated AttributeError.
"""

from importlib.util import find_spec
from pathlib import Path

SENTINEL = "__lase_jax__"
"""The name that the right `envs/__init__.py` defines."""


def check_envs() -> None:
    """Checks that `import envs` finds the games of lase_jax, without importing them.

    Raises:
        ImportError: the import finds nothing or another package; the message names it and a remedy.
    """
    spec = find_spec("envs")
    origin = spec.origin if spec else None
    if origin and SENTINEL in Path(origin).read_text(encoding="utf-8"):
        return
    location = origin or (list(spec.submodule_search_locations or []) if spec else "nothing")
    raise ImportError(
        f"`import envs` finds {location}, not the games of lase_jax: uninstall the package that is "
        "also called `envs` (`pip uninstall envs`), then install lase_jax again or start Python "
        "in its repository."
    )
