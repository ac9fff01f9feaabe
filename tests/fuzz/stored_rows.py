"""What lies on disk between runs: orchestra.toml, and the rows of the event table.

Parts: the TOML; the kind of a row; its facts; its payload.
"""

from __future__ import annotations

from orchestra.app.settings import FILE, settings_in
from orchestra.core.errors import NotSerialisable
from orchestra.stores.rows import decode, encode
from tests.fuzz.oracle import Finding, fresh, parts, text, watched


def target(data: bytes) -> None:
    toml, kind, facts, payload = parts(data, 4)
    folder = fresh("settings")
    (folder / FILE).write_bytes(toml)
    with watched():
        settings_in(folder)
    with watched():
        event = decode(text(kind).strip(), "run/a", 1.0, text(facts), text(payload) or None)
        try:
            again = encode(event)
        except NotSerialisable:
            return
        # What JSON cannot hold is written as its type.
        if '{"unrecorded":' in (again[2] or ""):
            return
        read = decode(again[0], event.key, event.at, again[1], again[2])
        if read != event and repr(read) != repr(event):  # a NaN is not equal to itself, False is to 0
            raise Finding(f"a row is another when it is written again: {event!r}")
