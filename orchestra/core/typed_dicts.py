"""typing.TypedDict before Python 3.12: pydantic reads only those of another making, so each is made again."""

from __future__ import annotations

import sys
import typing
from threading import RLock
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict, Union, get_args, get_origin
from weakref import WeakKeyDictionary

_OLD = sys.version_info < (3, 12)
_old_to_new: WeakKeyDictionary[type, type] = WeakKeyDictionary()
_lock = RLock()


class _Any(TypedDict):
    pass


class _Made(type(_Any)):  # type: ignore[misc]  # pydantic asks in which module the metaclass was written
    """The metaclass of the copies."""


def readable(hint: Any) -> Any:
    """The hint with copies in place of such TypedDicts; the same object where there are none."""
    if not _OLD:
        return hint
    if isinstance(hint, type) and not isinstance(hint, GenericAlias):
        if type(hint) is not type(_Any):
            return hint
        with _lock:  # nobody meets one that is half made
            return _copy(hint)
    origin, old = get_origin(hint), get_args(hint)
    if origin in (None, Literal) or not old:
        return hint
    if origin is Annotated:
        new = readable(old[0])
        return hint if new is old[0] else Annotated[(new, *old[1:])]
    args = tuple(readable(one) for one in old)
    if all(new is one for new, one in zip(args, old, strict=True)):
        return hint
    if origin in (Union, UnionType):
        return Union[args]  # noqa: UP007 - of a tuple
    copy_with = getattr(hint, "copy_with", None)
    return GenericAlias(origin, args) if copy_with is None else copy_with(args)


def _copy(old: Any) -> type:
    if old in _old_to_new:
        return _old_to_new[old]
    try:
        hints = typing.get_type_hints(old, include_extras=True)
    except NameError:
        return typing.cast("type", old)  # pydantic says which name it misses
    named = {
        "__module__": old.__module__,
        "__qualname__": old.__qualname__,
        "__doc__": old.__doc__,
        "__orig_bases__": (TypedDict,),
    }
    new: Any = type.__new__(_Made, old.__name__, (dict,), named)
    _old_to_new[old] = new  # before its fields, which may name it
    new.__total__ = old.__total__
    new.__annotations__ = {name: readable(hint) for name, hint in hints.items()}
    # Where hints are kept as text, the class itself does not know what they say of a key.
    word_of = {name: get_origin(get_args(h)[0] if get_origin(h) is Annotated else h) for name, h in hints.items()}
    needed = {Required: True, NotRequired: False}
    new.__required_keys__ = frozenset(n for n, word in word_of.items() if needed.get(word, n in old.__required_keys__))
    new.__optional_keys__ = frozenset(hints) - new.__required_keys__
    if (config := getattr(old, "__pydantic_config__", None)) is not None:
        new.__pydantic_config__ = config
    return typing.cast("type", new)
