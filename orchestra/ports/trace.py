"""What goes along with a request to another process, so that what it traces finds its parent."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

headers: ContextVar[Callable[[], dict[str, str]] | None] = ContextVar("orchestra_trace_headers", default=None)
"""Set by whoever traces the running call; nobody does where there is no exporter."""


def trace_headers() -> dict[str, str]:
    """The headers for a request that the running call makes: ``traceparent`` and its like, none where nobody traces."""
    made = headers.get()
    return {} if made is None else made()
