"""Canonical JSON and the short hashes that keys are made of."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import secrets
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from orchestra.core.errors import NotSerialisable
from orchestra.core.outcome import Cancelled, Done, Failed, Paused

_OUTCOMES = frozenset({Done, Failed, Cancelled, Paused})


@functools.cache
def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def plain(value: Any) -> Any:
    """The JSON value that stands for an object. Raises NotSerialisable where there is none.

    An outcome is {status, output | cause}, without usage: what a step cost is no part of what it is asked.
    """
    if type(value) in _OUTCOMES:
        what = {"output": value.output} if isinstance(value, Done) else {"cause": value.cause and str(value.cause)}
        return {"status": type(value).__name__.lower(), **what}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _field_names(type(value))}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value, key=repr)
    if isinstance(value, (Decimal, UUID, PurePath)):
        return str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    raise NotSerialisable(f"A value of type {type(value).__name__} has no JSON form.")


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=plain
).encode


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, no NaN. Raises NotSerialisable."""
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotSerialisable(f"This {type(value).__name__} cannot be written as JSON: {error}.") from None


def digest(text: str, size: int = 6) -> str:
    """Hex hash of a text. Units: ``size`` in bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def new_run_id() -> str:
    """A fresh, unguessable run id of 12 hex digits."""
    return secrets.token_hex(6)
