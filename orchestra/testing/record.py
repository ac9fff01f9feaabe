"""What models and tools really answered, written down to be replayed."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from orchestra.core.errors import BadDefinition
from orchestra.ports.model import Model, OnDelta, Reply, Request, streamed
from orchestra.stores.codec import JsonCodec
from orchestra.testing.redact import Redaction, Scrubber
from orchestra.testing.tape import VERSION, arguments_of, bare_function, failure_of, line_of, plain

F = TypeVar("F", bound=Callable[..., Any])


class Recorder:
    """Another model, whose requests and replies are written to ``path`` as JSON lines; so are the tools'.

    It begins a new file. Keys that are known or look like keys are never written; ``redact`` says what else is not: a
    function from JSON value to JSON value, or names of keys and compiled patterns. What passes through is not changed.
    Errors are recorded as well, cancellations are not.
    Raises: BadDefinition where there is a file already; NotSerialisable for arguments or results without a JSON form.
    """

    def __init__(self, model: Model, path: str | Path, *, redact: Redaction = ()) -> None:
        self.model = model
        self.name: str = model.name
        self.context_window: int | None = model.context_window
        self.path: Path = Path(path)
        self._scrub = Scrubber(redact, model)
        self._lock = threading.Lock()
        header = {"kind": "recording", "version": VERSION, "model": self.name, "context_window": self.context_window}
        try:
            with self.path.open("x", encoding="utf-8") as file:
                file.write(line_of(header))
        except FileExistsError:
            raise BadDefinition(f"{self.path} is there already.", remedy="Delete it to record again.") from None

    def count(self, request: Request, /) -> int:
        return self.model.count(request)

    async def request(self, request: Request, /) -> Reply:
        return await self._asked(request, None)

    async def stream(self, request: Request, on_delta: OnDelta, /) -> Reply:
        """As ``request``, in the pieces of the model; what is written is the whole."""
        return await self._asked(request, on_delta)

    async def aclose(self) -> None:
        """Closes the model."""
        close = getattr(self.model, "aclose", None)
        if close is not None:
            await close()

    def tool(self, fn: F) -> F:
        """The function, whose calls are written down by their arguments; the Context is not. It goes under ``@tool``.

        Raises: BadDefinition for a function that is decorated already.
        """
        name = bare_function(fn)

        @wraps(fn)
        async def later(*args: Any, **kwargs: Any) -> Any:
            with self._written("tool", name, arguments_of(fn, args, kwargs)) as end:
                result = await fn(*args, **kwargs)
                end["answer"] = JsonCodec().plain(result)
            return result

        @wraps(fn)
        def now(*args: Any, **kwargs: Any) -> Any:
            with self._written("tool", name, arguments_of(fn, args, kwargs)) as end:
                result = fn(*args, **kwargs)
                end["answer"] = JsonCodec().plain(result)
            return result

        return later if inspect.iscoroutinefunction(fn) else now  # type: ignore[return-value]  # pyright: ignore[reportReturnType]

    async def _asked(self, request: Request, on_delta: OnDelta | None) -> Reply:
        with self._written("model", self.name, plain(request)) as end:
            asked = self.model.request(request) if on_delta is None else streamed(self.model, request, on_delta)
            reply = await asked
            end["answer"] = plain(reply)
        return reply

    @contextmanager
    def _written(self, kind: str, name: str, asked: Any) -> Iterator[dict[str, Any]]:
        """One line when the block ends, with what it put into the dictionary or the error it raised."""
        asked, end = self._scrub(asked), dict[str, Any]()
        try:
            yield end
        except Exception as error:
            end = {"error": failure_of(error)}
            raise
        finally:
            if end:  # nothing after a cancellation
                (what, value), *_ = end.items()
                line = line_of({"kind": kind, "name": name, "asked": asked, what: self._scrub(value)})
                with self._lock, self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
