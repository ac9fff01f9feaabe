"""What was recorded, answered again: no model is asked and no tool runs."""

from __future__ import annotations

import inspect
from collections import defaultdict, deque
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from orchestra.core.ids import canonical
from orchestra.models.scripted import by_words, prompt_tokens
from orchestra.ports.model import OnDelta, Reply, Request
from orchestra.stores.codec import JsonCodec
from orchestra.testing.errors import NotRecorded
from orchestra.testing.redact import Redaction, Scrubber
from orchestra.testing.tape import arguments_of, bare_function, lines_of, plain, raised
from orchestra.tools.hints import resolved

F = TypeVar("F", bound=Callable[..., Any])
Record = dict[str, Any]
SHOWN = 80


class Replayer:
    """A model, and tools, that answer from the file of a Recorder.

    A request is found by its whole content, after redaction: give the ``redact`` of the recording. Equal requests are
    answered in the order of their recording, each record once; the order among different ones is free. As a context
    manager it fails at the end if a record was not asked for, unless the block raised.
    Raises: BadDefinition, JournalVersion for a file that cannot be read; NotRecorded; the errors that were recorded;
    AssertionError from ``assert_consumed``.
    """

    def __init__(self, path: str | Path, *, redact: Redaction = ()) -> None:
        self.path: Path = Path(path)
        self._scrub = Scrubber(redact)
        self._left: dict[tuple[str, str, str], deque[Record]] = defaultdict(deque)
        header, *records = lines_of(self.path)
        self.name: str = header["model"]
        self.context_window: int | None = header["context_window"]
        self._records = records
        for record in records:
            self._left[_key(record)].append(record)

    def count(self, request: Request, /) -> int:
        """Of the recorded reply's own figure where the request is recorded, so that it is a bound."""
        held = self._left.get(_key({"kind": "model", "name": self.name, "asked": self._scrub(plain(request))}))
        figures = [record["answer"]["usage"]["input_tokens"] for record in held or () if "answer" in record]
        return max(figures, default=prompt_tokens(request))

    async def request(self, request: Request, /) -> Reply:
        reply: Reply = JsonCodec().typed(self._answer("model", self.name, plain(request)), Reply)
        return reply

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, word by word."""
        return by_words(await self.request(request), on_delta)

    def tool(self, fn: F) -> F:
        """Stands for the function and gives what was recorded for these arguments, as its return type; ``fn`` never
        runs. It goes under ``@tool``.
        """
        name, output_type = bare_function(fn), resolved(fn).get("return")

        def now(*args: Any, **kwargs: Any) -> Any:
            answer = self._answer("tool", name, arguments_of(fn, args, kwargs))
            return None if output_type is type(None) else JsonCodec().typed(answer, output_type)

        async def later(*args: Any, **kwargs: Any) -> Any:
            return now(*args, **kwargs)

        return wraps(fn)(later if inspect.iscoroutinefunction(fn) else now)  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    @property
    def unused(self) -> list[str]:
        """The records that nobody asked for, a line each."""
        left = {id(record) for held in self._left.values() for record in held}
        return [_shown(record) for record in self._records if id(record) in left]

    def assert_consumed(self) -> None:
        """Raises AssertionError if records are left."""
        if self.unused:
            lines = "\n  ".join(self.unused)
            raise AssertionError(f"{len(self.unused)} of {len(self._records)} records were not asked for:\n  {lines}")

    def __enter__(self) -> Replayer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.assert_consumed()

    def _answer(self, kind: str, name: str, asked: Any) -> Any:
        wanted = {"kind": kind, "name": name, "asked": self._scrub(asked)}
        held = self._left.get(_key(wanted))
        if not held:
            raise NotRecorded(self._missing(wanted))
        record = held.popleft()
        if "error" in record:
            raise raised(record["error"])
        return record["answer"]

    def _missing(self, wanted: Record) -> str:
        what, same = _shown(wanted), [record for record in self._records if _key(record) == _key(wanted)]
        if same:
            return f"{self.path} holds {len(same)} of {what}, and one more was asked for."
        near = [
            r
            for held in self._left.values()
            for r in held
            if (r["kind"], r["name"]) == (wanted["kind"], wanted["name"])
        ]
        if not near:
            return f"{self.path} holds nothing more for {what}."
        where = difference(near[0]["asked"], wanted["asked"])
        return f"{self.path} does not hold {what}; the next record differs at {where}."


def _key(record: Record) -> tuple[str, str, str]:
    return record["kind"], record["name"], canonical(record["asked"])


def _shown(record: Record) -> str:
    asked = record["asked"]
    if record["kind"] == "model":
        asked = [message["text"] for message in asked["messages"]][-1:]
    text = canonical(asked)
    return f"{record['kind']} {record['name']} {text if len(text) <= SHOWN else text[:SHOWN] + '...'}"


def difference(recorded: Any, asked: Any, at: str = "") -> str:
    """The first place where two JSON values differ."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for name in sorted({*recorded, *asked}):
            if (name in recorded) != (name in asked):
                return f"{at}.{name} ({'recorded' if name in recorded else 'asked'} only)".lstrip(".")
            if recorded[name] != asked[name]:
                return difference(recorded[name], asked[name], f"{at}.{name}")
    if isinstance(recorded, list) and isinstance(asked, list):
        for place, (one, other) in enumerate(zip(recorded, asked, strict=False)):
            if one != other:
                return difference(one, other, f"{at}[{place}]")
        return f"{at.lstrip('.')} ({len(recorded)} recorded, {len(asked)} asked)"
    return f"{at.lstrip('.')} ({canonical(recorded)[:SHOWN]} recorded, {canonical(asked)[:SHOWN]} asked)"
