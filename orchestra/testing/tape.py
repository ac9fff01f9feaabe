"""The form of a recording: JSON lines, the first of them the header."""

from __future__ import annotations

import builtins
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestra.core import errors as known
from orchestra.core.catalog import node_of
from orchestra.core.errors import BadDefinition, JournalVersion, NotSerialisable, OrchestraError
from orchestra.core.ids import canonical
from orchestra.ports.scope import Context
from orchestra.testing.errors import RecordedFailure

VERSION = 1


def plain(value: Any) -> Any:
    """The JSON value. Raises NotSerialisable."""
    return json.loads(canonical(value))


def line_of(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, allow_nan=False) + "\n"


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """The header, then the records. Raises BadDefinition, JournalVersion."""
    if not path.is_file():
        raise BadDefinition(f"There is no recording at {path}.", remedy="Record it with Recorder(model, path) first.")
    lines = path.read_text(encoding="utf-8").split("\n")
    if not lines[0]:
        raise BadDefinition(f"{path} is empty.", remedy="Delete it and record again.")
    for number, line in enumerate(lines if lines[-1] else lines[:-1], 1):
        try:
            record = json.loads(line)
            kind = record["kind"]
            if kind not in ("recording", "model", "tool") or (kind == "recording") != (number == 1):
                raise ValueError(f"a line of kind {kind!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise BadDefinition(f"{path}, line {number}: {error}.", remedy="Delete it and record again.") from None
        if number == 1 and record.get("version") != VERSION:
            raise JournalVersion(f"{path} has format {record.get('version')!r}; this is format {VERSION}.")
        yield record


def failure_of(error: Exception) -> dict[str, Any]:
    """An exception as JSON values, without facts that have no such form."""
    if not isinstance(error, OrchestraError):
        return {"kind": type(error).__name__, "what": str(error)}
    facts = {}
    for name, value in error.facts.items():
        try:
            facts[name] = plain(value)
        except NotSerialisable:
            continue
    return {"kind": type(error).__name__, "what": error.what, "remedy": error.fix, "facts": facts}


def raised(failure: dict[str, Any]) -> Exception:
    """The exception again. Names are looked up among ours and Python's own; nothing is imported for them."""
    kind, what = failure["kind"], failure["what"]
    ours = getattr(known, kind, None)
    if isinstance(ours, type) and issubclass(ours, OrchestraError):
        return ours(what, remedy=failure.get("remedy", ""), **failure.get("facts", {}))
    own = getattr(builtins, kind, None)
    if isinstance(own, type) and issubclass(own, Exception) and own.__init__ is Exception.__init__:
        return own(what)
    if isinstance(own, type) and issubclass(own, (OSError, ImportError, StopIteration)):
        return own(what)
    return RecordedFailure(f"{kind}: {what}")


def bare_function(fn: Callable[..., Any]) -> str:
    """Its name. Raises BadDefinition for one that bears a definition already: its node would call past the tape."""
    name = getattr(fn, "__name__", "")
    if node_of(fn) is not None or not name:
        raise BadDefinition(f"{name or fn!r} is not a plain function.", remedy="Put @tool above @recorder.tool.")
    return str(name)


def arguments_of(fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """By name, defaults filled in, without the Context. Raises NotSerialisable."""
    bound = inspect.signature(fn).bind(*args, **kwargs)
    bound.apply_defaults()
    return plain({name: value for name, value in bound.arguments.items() if not isinstance(value, Context)})
