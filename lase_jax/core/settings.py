"""Settings that hold other settings, read and changed by one name each.

A field that is marked `Inline` holds settings of its own whose fields are named as if they stood
beside it: the discount of the learner of an agent is ``gamma``, on the command line
``--agent.gamma``, though it stands in ``agent.learner.gamma``.
"""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import tyro

from envs import checks

T = TypeVar("T")
INLINE = "inline"
Inline = Annotated[T, tyro.conf.arg(name=""), INLINE]
"""Marks a field of a dataclass whose own fields are named without it."""


def inlined(settings: Any) -> tuple[str, ...]:
    """Names of the fields of a dataclass, or of an instance, that are marked `Inline`."""
    cls = settings if isinstance(settings, type) else type(settings)
    hints = typing.get_type_hints(cls, include_extras=True)
    names = (field.name for field in dataclasses.fields(cls))
    return tuple(name for name in names if INLINE in getattr(hints[name], "__metadata__", ()))


def items(settings: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of every field, those of inlined settings in the place of these."""
    hidden = inlined(settings)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in hidden:
            yield from items(value)
        else:
            yield field.name, value


def get(settings: Any, name: str) -> Any:
    """The value of a field, which may stand in inlined settings.

    Raises:
        ConfigError: no such field (with the nearest ones).
    """
    own = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    known = dict(items(settings)) | own
    checks.choice(f"field of {type(settings).__name__}", name, known)
    return known[name]


def changed(settings: T, values: dict[str, Any], what: str = "") -> T:
    """The same settings with other values of some fields, which may stand in inlined settings.

    An inlined field may be given as a whole, too; what else is given is changed in the new one.

    Args:
        settings: a frozen dataclass.
        values: new ones by name.
        what: what a name is of, for messages; by default the settings' class.

    Raises:
        ConfigError: no such field (with the nearest ones), or a value that cannot work.
    """
    own = {field.name for field in dataclasses.fields(typing.cast(Any, settings))}
    new = {name: value for name, value in values.items() if name in own}
    known = set(own)
    for field in inlined(settings):
        inner = new.get(field, getattr(settings, field))
        names = dict(items(inner)).keys() - own
        known |= names
        new[field] = changed(inner, {name: values[name] for name in names & values.keys()})
    for name in values:
        checks.choice(what or f"field of {type(settings).__name__}", name, known)
    return dataclasses.replace(typing.cast(Any, settings), **new)


def fitting(settings: T, values: dict[str, Any]) -> T:
    """`changed` by those of some values whose fields the settings have."""
    known = dict(items(settings))
    return changed(settings, {name: value for name, value in values.items() if name in known})
