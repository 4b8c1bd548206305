"""Where the games are: `lase_jax.envs`, wherever lase_jax comes from.

In an installed wheel the games are a folder of this package. In the repository, and where it is
installed editable, they are its folder `envs` beside this one: `envs` and `lase_jax.envs` are then
two names of the same modules. There another package that is also called `envs` can hide them, and
without the check made here the first sign would be an unrelated AttributeError.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

SENTINEL = "__lase_jax__"
"""The name that the right `envs/__init__.py` defines."""
ALIAS = "lase_jax.envs"
OWN = Path(__file__).parent / "envs"
"""The games of a wheel."""


class Alias(MetaPathFinder, Loader):
    """Finds ``lase_jax.envs.x`` as ``envs.x``, the same module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The place of a module of the games under their second name."""
        del path, target
        return ModuleSpec(fullname, self) if f"{fullname}.".startswith(f"{ALIAS}.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its first name."""
        module = import_module(spec.name.removeprefix("lase_jax."))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Gives the module, which has been executed, its first name's place back."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def settle() -> None:
    """Makes the games importable as `lase_jax.envs`, without importing them.

    Raises:
        ImportError: this is no wheel, and `import envs` finds nothing or another package; the
            message names it and a remedy.
    """
    if OWN.is_dir():
        return
    spec = find_spec("envs")
    origin = spec.origin if spec else None
    if not (origin and SENTINEL in Path(origin).read_text(encoding="utf-8")):
        location = origin or (list(spec.submodule_search_locations or []) if spec else "nothing")
        raise ImportError(
            f"`import envs` finds {location}, not the games of lase_jax: start Python in the "
            "repository of lase_jax, or install it without -e (`pip install path/to/lase_jax`), "
            "which puts its games into lase_jax.envs and leaves your `envs` alone."
        )
    if not any(isinstance(finder, Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, Alias())  # ahead of what would load the same files anew
