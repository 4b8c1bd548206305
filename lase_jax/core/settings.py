"""Nested settings whose fields are read and changed by flat names.

A field that is marked `Inline` holds settings whose fields are named as if they belonged to the
outer settings: the discount of an agent's learner is called ``gamma``, on the command line
``--agent.gamma``, although it is stored in ``agent.learner.gamma``.
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
"""Marks a field of a dataclass whose name is left out of the names of the fields it holds."""


def inlined(settings: Any) -> tuple[str, ...]:
    """Names of the fields of a dataclass, or of an instance, that are marked `Inline`."""
    cls = settings if isinstance(settings, type) else type(settings)
    hints = typing.get_type_hints(cls, include_extras=True)
    names = (field.name for field in dataclasses.fields(cls))
    return tuple(name for name in names if INLINE in getattr(hints[name], "__metadata__", ()))


def items(settings: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of every field; the fields of inlined settings replace the inlined field."""
    hidden = inlined(settings)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in hidden:
            yield from items(value)
        else:
            yield field.name, value


def unusual(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their defaults, by name."""
    own = ((field, getattr(settings, field.name)) for field in dataclasses.fields(settings))
    return {field.name: value for field, value in own if value != field.default}


def get(settings: Any, name: str) -> Any:
    """The value of a field, which may belong to inlined settings.

    Raises:
        ConfigError: no such field (with the nearest ones).
    """
    direct = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    values = dict(items(settings)) | direct
    checks.choice(f"field of {type(settings).__name__}", name, values)
    return values[name]


def changed(settings: T, values: dict[str, Any], what: str = "") -> T:
    """The same settings with other values of some fields, which may belong to inlined settings.

    An inlined field may also be replaced as a whole; values of its fields are then set in the new
    one.

    Args:
        settings: a frozen dataclass.
        values: new values by name.
        what: what a name stands for, for messages; by default a field of the settings' class.

    Raises:
        ConfigError: no such field (with the nearest ones), or a value that cannot work.
    """
    direct = {field.name for field in dataclasses.fields(typing.cast(Any, settings))}
    new = {name: value for name, value in values.items() if name in direct}
    allowed = set(direct)
    for field in inlined(settings):
        inner = new.get(field, getattr(settings, field))
        names = dict(items(inner)).keys() - direct
        allowed |= names
        new[field] = changed(inner, {name: values[name] for name in names & values.keys()})
    for name in values:
        checks.choice(what or f"field of {type(settings).__name__}", name, allowed)
    return dataclasses.replace(typing.cast(Any, settings), **new)


def fitting(settings: T, values: dict[str, Any]) -> T:
    """The settings `changed` by given values, except for fields that the settings do not have."""
    fields = dict(items(settings))
    return changed(settings, {name: value for name, value in values.items() if name in fields})
