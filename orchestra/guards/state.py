"""A goal's state and the process events that it is rebuilt from. A list of events is only ever added to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestra.core.errors import StateUnusable

Kind = Literal["entered", "advanced", "left", "noted", "released"]
KINDS = ("entered", "advanced", "left", "noted", "released")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEvent:
    """One thing that happened to a goal.

    entered: a call claimed it; left: that call gave it back and nothing changed; advanced: that call is done, the goal
    is at ``stage`` and ``facts`` are new; noted: ``facts`` from outside; released: by hand, whoever held it.
    ``by`` is the run and the key of the call, or who noted. Units: ``at`` in seconds since 1970.
    """

    kind: Kind
    by: str
    at: float
    skill: str = ""
    stage: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON; ``event_from`` is the inverse."""
        bare = {"kind": self.kind, "by": self.by, "at": self.at}
        more = {"skill": self.skill, "stage": self.stage, "facts": dict(self.facts)}
        return bare | {name: value for name, value in more.items() if value}


def event_from(row: Mapping[str, Any]) -> ProcessEvent:
    """Raises StateUnusable for what is no such row."""
    try:
        event = ProcessEvent(**row)
    except TypeError as error:
        raise StateUnusable(f"A process event cannot be read: {error}.") from None
    if event.kind not in KINDS:
        raise StateUnusable(f"A process event is of the unknown kind {event.kind!r}.")
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalState:
    """Where a goal stands. ``version`` counts its events: what is to change it names the version that it saw.

    ``holders`` are the calls that are changing it now, the outermost first; ``done`` those that have changed it.
    """

    stage: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    holders: tuple[str, ...] = ()
    done: frozenset[str] = frozenset()

    def after(self, event: ProcessEvent) -> GoalState:
        """The state after one more event."""
        holders, done, stage = self.holders, self.done, self.stage
        if event.kind == "entered":
            holders = (*_without(holders, event.by), event.by)
        elif event.kind == "released":
            holders = ()
        elif event.kind in ("left", "advanced"):
            holders = _without(holders, event.by)
        if event.kind == "advanced":
            done, stage = done | {event.by}, event.stage
        return GoalState(
            stage=stage,
            facts={**self.facts, **event.facts},
            version=self.version + 1,
            holders=holders,
            done=done,
        )


def rebuilt(start: str, events: Iterable[ProcessEvent]) -> GoalState:
    """The state that these events lead to from the start stage: the same for the same events, on every machine."""
    state = GoalState(stage=start)
    for event in events:
        state = state.after(event)
    return state


def inside(key: str, holder: str) -> bool:
    """Whether a call is part of another one."""
    return key.startswith(holder + "/")


def _without(holders: tuple[str, ...], by: str) -> tuple[str, ...]:
    """A call that ends takes along what was begun inside it."""
    return tuple([one for one in holders if one != by and not inside(one, by)])
