"""What a router was made with, so that a file can say how to make it again."""

from __future__ import annotations

import inspect
from copy import copy
from typing import Any, Self


class Made:
    """Remembers the arguments it was made with, by the names of the parameters. A base of all routers of this package.

    Source: our default.
    """

    _made_of: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made._made_of = tuple(map(_held, args)), {name: _held(value) for name, value in kwargs.items()}
        return made

    def made_with(self) -> dict[str, Any]:
        """Every parameter and its argument, the defaults too, as they may change; ``*args`` are one entry, a tuple."""
        args, kwargs = self._made_of
        signature = inspect.signature(type(self))
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        for one in signature.parameters.values():
            if one.kind is inspect.Parameter.VAR_KEYWORD:
                given |= given.pop(one.name, {})
        return given


def _held(value: Any) -> Any:
    """What the caller may change afterwards, as it is now."""
    return copy(value) if isinstance(value, (dict, list)) else value
