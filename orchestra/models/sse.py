"""Server-sent events, from bytes. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestra.core.errors import BadRequest

MOST_BYTES = 8_000_000
"""The largest event that is read: a server that never ends a line must not fill the memory."""

_BREAK = re.compile(rb"\r\n|\r|\n")


class Event(NamedTuple):
    """One event: the name of its kind, often none, and its data."""

    kind: str
    data: str


class Events:
    """Bytes in, events out, wherever the bytes were cut; an event without its end is none.

    Raises: BadRequest from ``feed`` for an event larger than MOST_BYTES.
    Source: the HTML standard, 9.2.6, without ``id`` and ``retry``.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_return = False
        self._first = True
        self._kind = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that end in this chunk."""
        if self._after_return and chunk:
            chunk, self._after_return = chunk.removeprefix(b"\n"), False
        self._size += len(chunk)
        if self._size > MOST_BYTES:
            raise BadRequest(f"The server sent an event of more than {MOST_BYTES} bytes.")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._pieces.append(chunk)
            return []
        *lines, rest = _BREAK.split(b"".join([*self._pieces, chunk]))
        self._after_return = chunk.endswith(b"\r")
        self._pieces = [rest]
        found = [event for event in map(self._line, lines) if event is not None]
        self._size = len(rest) + sum(map(len, self._data))
        return found

    def _line(self, raw: bytes) -> Event | None:
        if self._first:
            raw, self._first = raw.removeprefix(b"\xef\xbb\xbf"), False
        name, _, value = raw.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if not raw:
            event = Event(self._kind, "\n".join(self._data)) if self._data else None
            self._kind, self._data = "", []
            return event
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        return None
