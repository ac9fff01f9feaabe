"""Where events and learned state are kept. Stores are synchronous; the runtime calls them from one writer thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from orchestra.core.events import Event


class Entry(NamedTuple):
    """One row to be. ``seq`` None is after all others of its run, for what comes late and has no content.

    ``content`` says whether prompts and outputs may be written.
    """

    run_id: str
    seq: int | None
    event: Event
    content: bool


class RunRow(NamedTuple):
    """One run in a listing. Units: ``at`` seconds since 1970."""

    run_id: str
    at: float
    name: str
    status: str


class Store(Protocol):
    """An append-only event table, and the sums that learners keep.

    Raises JournalVersion when it is opened on another format, and leaves the file as it was.
    """

    def append(self, entries: Sequence[Entry], /) -> None:
        """All or nothing, durable when it returns."""
        ...

    def read(self, run_id: str, /) -> list[Event]:
        """In order of writing. Outputs are plain JSON values, None where no content was recorded. Raises UnknownRun."""
        ...

    def runs(self, limit: int = 50, status: str | None = None, /) -> list[RunRow]:
        """The newest first; those of one status alone, where it is given."""
        ...

    def run_of(self, decision: str, /) -> str | None:
        """The run that a decision's key belongs to."""
        ...

    def add_state(self, policy: str, delta: Mapping[str, Any], add: Any, /) -> None:
        """In one transaction: state[option] = add(state.get(option), delta[option]) for every option of the delta."""
        ...

    def load_state(self, policy: str, /) -> dict[str, Any]: ...

    def transaction(self) -> AbstractContextManager[None]:
        """What this thread reads and writes inside stands or falls together; nobody writes sums or late rows between.

        An error that leaves it undoes all of it.
        """
        ...

    def close(self) -> None: ...


class Codec(Protocol):
    """Values to JSON and back: the journal's door."""

    def plain(self, value: Any, /) -> Any:
        """The JSON value. Raises NotSerialisable."""
        ...

    def typed(self, value: Any, output_type: Any, /) -> Any:
        """The value of this type; None is plain JSON. Raises NotSerialisable where it does not fit."""
        ...
