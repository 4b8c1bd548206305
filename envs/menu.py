"""Menus of settings by name: the ready-made ones, and those that others register.

An entry is a frozen dataclass whose fields are plain values: numbers, text, flags, None, tuples of
these, and further frozen dataclasses. A run's config.json holds it field by field, and names the
class of an entry from outside as ``module:qualname``. Nothing is imported because a file names it:
a class is known once its entry has been registered, or if an installed package announces it as an
entry point.
"""

import dataclasses
import functools
import importlib.metadata
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from envs import checks

T = TypeVar("T")
PLAIN = (bool, int, float, str, type(None))
"""Types of the values that config.json can hold as they are."""


def qualified(cls: type) -> str:
    """Where a class comes from, as ``module:qualname``."""
    return f"{cls.__module__}:{cls.__qualname__}"


class Menu(Mapping[str, T], Generic[T]):
    """Settings by name.

    Args:
        kind: what an entry is, in messages, e.g. ``"game"``.
        ready: the ready-made entries.
        group: the group of entry points by which installed packages add entries: each of them is a
            frozen dataclass, or a class of which an instance can be made without arguments. It is
            loaded when it is asked for.
        contract: requires that an entry from outside does what its users expect; raises
            `ConfigError`.
    """

    def __init__(
        self, kind: str, ready: Mapping[str, T], group: str, contract: Callable[[Any], None]
    ):
        self._kind, self._group, self._contract = kind, group, contract
        self._entries: dict[str, T] = dict(ready)
        self._ready = frozenset(ready)
        self._classes: dict[str, type] = {}
        self._problems: dict[str, str] = {}

    def register(self, name: str, entry: Any, replace: bool = False) -> None:
        """Adds an entry.

        Args:
            name: the name that it gets.
            entry: a frozen dataclass, not its class.
            replace: whether an entry that has the name already makes room.

        Raises:
            ConfigError: the name is taken, or the entry cannot be used; says why.
        """
        fits = isinstance(name, str) and name.isidentifier()
        remedy = "use letters, digits and underscores, as in Python's names"
        checks.require(fits, f"name of the {self._kind}", name, remedy)
        free = replace or name not in self or _same(self[name], entry)
        taken = "it is taken, use another one or replace=True"
        checks.require(free, f"name of the {self._kind}", name, taken)
        self._add(name, entry)

    def _add(self, name: str, entry: Any) -> None:
        what = f"{self._kind} {name}"
        require_settings(what, entry)
        self._contract(entry)
        self._classes |= {qualified(cls): cls for cls in classes_in(type(entry), entry)}
        self._entries[name] = entry

    def know(self, cls: type) -> None:
        """Lets config.json name a class, whether or not an entry is of that class.

        Args:
            cls: a frozen dataclass.
        """
        self._classes |= {qualified(each): each for each in classes_in(cls)}

    @functools.cached_property
    def _announced(self) -> dict[str, importlib.metadata.EntryPoint]:
        """Entry points of installed packages by name; ready-made names stay ours."""
        found = importlib.metadata.entry_points(group=self._group)
        return {point.name: point for point in found if point.name not in self._ready}

    def __getitem__(self, name: str) -> T:
        if name not in self._entries and name in self._announced:
            self._load(name)
        return self._entries[name]

    def _load(self, name: str) -> None:
        """Loads the entry point of that name.

        Raises:
            ConfigError: it cannot be loaded or used.
        """
        point = self._announced[name]
        try:
            found = point.load()
            self._add(name, found() if isinstance(found, type) else found)
        except Exception as error:
            package = point.dist.name if point.dist else "a package"
            why = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
            remedy = f"{package} announces it as {point.value}, which cannot be used ({why})"
            raise checks.refusal(self._kind, name, remedy) from error

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._announced})

    def __len__(self) -> int:
        return len({**self._entries, **self._announced})

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._announced

    def name_of(self, entry: Any) -> str:
        """The name of an entry: of an equal one, else of one of its class; "" if there is none.

        Entry points that have not been asked for yet are left out.
        """
        equal = [name for name, other in self._entries.items() if _same(entry, other)]
        alike = [name for name, other in self._entries.items() if type(other) is type(entry)]
        return next(iter(equal + alike), "")

    def classes(self) -> dict[str, type]:
        """The classes of entries from outside, by `qualified` name; loads all entry points.

        An entry point that cannot be loaded has none.
        """
        for name in self._announced:
            if name not in self._entries and name not in self._problems:
                try:
                    self._load(name)
                except checks.ConfigError as error:
                    self._problems[name] = str(error)
        return self._classes


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def require_settings(what: str, entry: Any) -> None:
    """Requires a frozen dataclass of plain values.

    Args:
        what: it is, for messages.
        entry: the value.

    Raises:
        ConfigError: it is none; names the field.
    """
    one = "register an instance, e.g. MyGame(), not the class"
    checks.require(not isinstance(entry, type), what, entry, one)
    remedy = "its class must be a dataclass, use @dataclass(frozen=True)"
    checks.require(dataclasses.is_dataclass(entry), what, entry, remedy)
    frozen = getattr(type(entry), "__dataclass_params__").frozen  # noqa: B009
    checks.require(frozen, what, entry, "its dataclass can change, use @dataclass(frozen=True)")
    for field in dataclasses.fields(typing.cast(Any, entry)):
        _require_plain(f"{what}.{field.name}", getattr(entry, field.name))


def _require_plain(what: str, value: Any) -> None:
    if isinstance(value, tuple):
        for part in value:
            _require_plain(what, part)
    elif dataclasses.is_dataclass(value):
        require_settings(what, value)
    else:
        remedy = "use numbers, text, flags, None, tuples of these or frozen dataclasses"
        checks.require(isinstance(value, PLAIN), what, value, remedy)


def classes_in(cls: type, entry: Any = None) -> set[type]:
    """A dataclass and those that its fields name as their type, or hold in `entry`.

    Raises:
        ConfigError: a field has a type that cannot be found.
    """
    found: set[type] = set()
    waiting = [cls, *(type(value) for value in vars(entry).values())] if entry else [cls]
    while waiting:
        now = waiting.pop()
        if now in found or not dataclasses.is_dataclass(now):
            continue
        found.add(now)
        try:
            hints = typing.get_type_hints(now)
        except NameError as error:
            remedy = f"its module must define the types of its fields ({error})"
            raise checks.refusal("class", qualified(now), remedy) from error
        waiting += [part for hint in hints.values() for part in _types_in(hint)]
    return found


def _types_in(hint: Any) -> Iterator[type]:
    """The classes that a type is made of."""
    if isinstance(hint, type):
        yield hint
    for part in typing.get_args(hint):
        yield from _types_in(part)
