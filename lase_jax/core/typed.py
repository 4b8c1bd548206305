"""Values held against the types that signatures and classes name."""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import typeguard

from envs.checks import refusal

F = TypeVar("F", bound=Callable[..., Any])
CheckError = typeguard.TypeCheckError
"""What `require_type` raises."""


def require_type(value: Any, hint: Any) -> None:
    """Requires that a value is of a type, with all that it holds.

    Raises:
        TypeCheckError: it is not.
    """
    every = typeguard.CollectionCheckStrategy.ALL_ITEMS
    typeguard.check_type(value, hint, collection_check_strategy=every)


def arguments(function: F) -> F:
    """The same function, whose arguments must be of the types that its signature names.

    It then raises a `ConfigError` that names the first argument that is not.
    """
    signature = inspect.signature(function)
    hints = functools.cache(lambda: typing.get_type_hints(function))

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            try:
                require_type(value, hints().get(name, Any))
            except typeguard.TypeCheckError as error:
                wanted = signature.parameters[name].annotation
                shown = getattr(wanted, "__name__", str(wanted))
                raise refusal(name, value, f"it is no {shown}") from error
        return function(*args, **kwargs)

    return typing.cast(F, checked)
