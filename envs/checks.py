"""Checks of user settings: an error message names the field, the value and the remedy."""

import dataclasses
import difflib
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Settings = TypeVar("Settings", bound=Any)
LARGEST = 1e12
"""The largest number that a setting may be: float32 can hold sums of squares of such numbers."""
SMALLEST = 1.2e-38
"""The smallest number above 0 that float32 holds in full."""
LARGEST_INTEGER = 2**31 - 1
"""The largest whole number that a setting may be: int32 can hold it."""

_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 200
_BRIEF.maxtuple = _BRIEF.maxlist = _BRIEF.maxdict = 20


class ConfigError(ValueError):
    """A setting that cannot work. The message names the field, its value and the remedy."""


def refusal(field: str, value: Any, remedy: str) -> ConfigError:
    """The error "`field` is `value`: `remedy`.", with the middle of a long value left out."""
    return ConfigError(f"{field} is {_BRIEF.repr(value)}: {remedy}.")


def require(condition: bool, field: str, value: Any, remedy: str) -> None:
    """Raises `ConfigError` unless `condition` holds.

    Args:
        condition: what must be true.
        field: name of the setting.
        value: what was given.
        remedy: what to write instead, e.g. ``"use a value in [0, 1]"``.

    Raises:
        ConfigError: "`field` is `value`: `remedy`."
    """
    if not condition:
        raise refusal(field, value, remedy)


def integer(field: str, value: Any, low: int, high: int = LARGEST_INTEGER) -> None:
    """Requires an integer in ``[low, high]``."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    inside = whole and low <= value <= high
    unbounded = high == LARGEST_INTEGER and not (whole and value > high)
    end = "or more" if unbounded else f"to {high}"
    require(inside, field, value, f"use a whole number, {low} {end}")


def number(
    field: str,
    value: Any,
    low: float = -LARGEST,
    high: float = LARGEST,
    open_low: bool = False,
) -> None:
    """Requires a number in ``[low, high]``, or ``(low, high]`` where `open_low`."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    inside = real and (value > low if open_low else value >= low) and value <= high
    bracket = "(" if open_low else "["
    require(inside, field, value, f"use a finite number in {bracket}{low:g}, {high:g}]")
    held = value == 0 or abs(value) >= SMALLEST
    require(held, field, value, f"use 0 or a number of {SMALLEST:g} or more, smaller ones become 0")


def probability(field: str, value: Any) -> None:
    """Requires a number in [0, 1]."""
    number(field, value, 0.0, 1.0)


def choice(field: str, value: Any, options: Iterable[str]) -> None:
    """Requires one of `options`; the message suggests the nearest names."""
    options = list(options)
    if value in options:
        return
    near = nearest(value, options)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise refusal(field, value, f"{hint}use one of {', '.join(sorted(options))}")


def nearest(value: Any, options: Iterable[str]) -> list[str]:
    """Up to three of some names that are like a value but for case, the nearest first."""
    small = {option.lower(): option for option in options}
    found = difflib.get_close_matches(str(value).lower(), small, n=3, cutoff=0.5)
    return [small[name] for name in found]


def pick(kind: str, menu: Mapping[str, Settings], name: str, overrides: dict[str, Any]) -> Settings:
    """An entry of a menu of ready-made settings, with some fields replaced.

    Args:
        kind: what the entries are, e.g. ``"game"``, for messages.
        menu: frozen dataclass instances by name.
        name: of the entry.
        overrides: new values by field.

    Raises:
        ConfigError: unknown name or field (the message suggests the nearest), or an invalid value.
    """
    choice(kind, name, menu)
    fields = [field.name for field in dataclasses.fields(menu[name])]
    for field in overrides:
        choice(f"field of {name}", field, fields)
    return dataclasses.replace(menu[name], **overrides)
