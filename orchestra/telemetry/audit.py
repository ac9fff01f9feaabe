"""The event table as a chain of hashes: what was changed, taken out or put in afterwards is found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from orchestra.core.events import Event
from orchestra.core.ids import plain


class Link(NamedTuple):
    """One event in the chain. ``digest`` is that of the event and of all before it, in hex."""

    seq: int
    kind: str
    key: str
    digest: str


def chained(events: Iterable[Event], start: str = "") -> tuple[Link, ...]:
    """The chain over these events in their order.

    Formula: digest_i = sha256(digest_(i-1) + the event's kind and fields as JSON with sorted keys); digest_0 = start.
    The chain proves nothing by itself: keep its last digest, or all of it, where the table cannot be written from.
    Content that was not recorded is not in it, so take the events from where you will take them again
    (``await team.events(run_id)``).

    Raises: NotSerialisable for content without a JSON form.
    Source: the append-only trace with a hash chain of ACAR, arXiv:2602.21231; the form is our default.
    """
    links, last = [], start
    for seq, event in enumerate(events):
        last = hashlib.sha256(f"{last}\n{_text(event)}".encode("utf-8", "surrogatepass")).hexdigest()
        links.append(Link(seq, type(event).__name__, event.key, last))
    return tuple(links)


def broken_at(events: Sequence[Event], links: Sequence[Link], start: str = "") -> int | None:
    """The place of the first event that is not what the chain was made over, None where all are.

    Events missing at the end, or added there, break it at the place where they are missing or begin.
    """
    for place, (made, kept) in enumerate(zip(chained(events, start), links, strict=False)):
        if made != kept:
            return place
    return None if len(events) == len(links) else min(len(events), len(links))


def _text(event: Event) -> str:
    return json.dumps([type(event).__name__, *event], sort_keys=True, separators=(",", ":"), default=_whole)


def _whole(value: Any) -> Any:
    """Every field, also of an outcome, which a call's key leaves the usage out of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {type(value).__name__: fields}
    return plain(value)
