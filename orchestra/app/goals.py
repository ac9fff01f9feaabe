"""The goals of a team: their kinds, where their events are kept, and the guard of each run that works on one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from orchestra.core.errors import BadDefinition, DuplicateName, GoalBusy, GoalMoved, StateUnusable, UnknownGoal
from orchestra.core.outcome import Done, Failed, Outcome, Paused, cause_of
from orchestra.guards.data import goal_from
from orchestra.guards.dispatch import claims, end, legal_next, refusal
from orchestra.guards.goal import Goal, goal_named
from orchestra.guards.predicates import World
from orchestra.guards.state import GoalState, ProcessEvent, event_from, rebuilt
from orchestra.ports.guard import Asked
from orchestra.ports.store import Store
from orchestra.runtime.writer import Writer
from orchestra.tools.yamlfile import confined, line_of, mapping, read, refuse

T = TypeVar("T")
TRIES = 16
"""How often somebody whose version is no longer the last looks again before giving up. Our default."""


def load_goal(path: str | Path, *, checks: Mapping[str, Callable[[World], bool]] | None = None) -> Goal:
    """A goal from a YAML file. Raises BadDefinition that names the file, the line and the field."""
    place = Path(path)
    found = confined(place.name, place.parent)
    data, lines = mapping(read(found), found)
    try:
        return goal_from(data, name=found.stem, checks=checks)
    except BadDefinition as error:
        at = error.facts["at"]
        refuse(found, line_of(at, lines) if at else None, ".".join(map(str, at)) or None, error.facts["problem"])


class GoalRecord:
    """One goal of a team: what is known of it, and what a program may say about it."""

    def __init__(self, goals: Goals, goal_id: str) -> None:
        self.id = goal_id
        self._goals = goals
        self.kind: Goal = goals.kind_of(goal_id)

    async def events(self) -> list[ProcessEvent]:
        """All that happened to it, in order. Raises StateUnusable."""
        return await self._goals.read(self.id)

    async def state(self) -> GoalState:
        """Where it stands, rebuilt from its events. Raises StateUnusable."""
        return rebuilt(self.kind.start, await self.events())

    async def legal(self) -> str:
        """What may be done now, as a blocked call is told. Raises StateUnusable."""
        return legal_next(self.kind, await self.state())

    async def note(self, facts: Mapping[str, Any], *, version: int | None = None, by: str = "user") -> GoalState:
        """Adds facts that no skill sets, as an approval from elsewhere. With ``version`` only if the goal is at it.

        Raises: GoalBusy where it is not, or if others change it all the time; NotSerialisable; StateUnusable.
        """
        return await self._changed("noted", by, facts, version)

    async def release(self, *, by: str = "user") -> GoalState:
        """Takes the goal from the calls that hold it: those of a run that was killed and will not be resumed.

        A call that still runs does not advance the goal any more. Raises as ``note``.
        """
        return await self._changed("released", by, {}, None)

    async def _changed(self, kind: Any, by: str, facts: Mapping[str, Any], version: int | None) -> GoalState:
        known = self._goals.plain(dict(facts))
        for _ in range(TRIES):
            state = await self.state()
            if version is not None and state.version != version:
                raise GoalBusy(f"The goal {self.id!r} is at version {state.version}, not {version}.")
            event = ProcessEvent(kind=kind, by=by, at=self._goals.now(), facts=known)
            if await self._goals.append(self.id, state.version, event):
                return state.after(event)
        raise GoalBusy(f"The goal {self.id!r} was changed by others {TRIES} times in between.")


class Goals:
    """The kinds of goals that a team knows, and the process events of each goal in its store.

    An event is a row of its own under the goal and its number, written if nobody has written that number before:
    compare-and-set, for several processes on one file too.
    """

    def __init__(
        self, kinds: Sequence[Any], store: Store, writer: Writer | None, plain: Callable[[Any], Any], now: Any
    ) -> None:
        self._store, self._writer = store, writer
        self.plain: Callable[[Any], Any] = plain
        self.now: Callable[[], float] = now
        self._kinds: dict[str, Goal] = {}
        for given in kinds:
            kind = _goal(given)
            if kind.name in self._kinds:
                raise DuplicateName(f"Two goals are named {kind.name!r}.", remedy="Rename one of them.")
            self._kinds[kind.name] = kind

    @property
    def kinds(self) -> tuple[Goal, ...]:
        return tuple(self._kinds.values())

    def kind_of(self, goal_id: str) -> Goal:
        """Raises UnknownGoal, BadDefinition."""
        name, _ = goal_named(goal_id)
        if name not in self._kinds:
            known = ", ".join(sorted(self._kinds)) or "none"
            raise UnknownGoal(f"No kind of goal is named {name!r}; there are: {known}.")
        return self._kinds[name]

    def guard(self, goal_id: str | None) -> StageGuard | None:
        """Raises UnknownGoal, BadDefinition."""
        return StageGuard(self, goal_id) if goal_id else None

    async def read(self, goal_id: str) -> list[ProcessEvent]:
        """Raises StateUnusable where a row is missing or is none."""
        rows = await self._call(lambda: self._store.load_state(_policy(goal_id)))
        if sorted(rows) != [_number(n) for n in range(len(rows))]:
            raise StateUnusable(f"Process events of the goal {goal_id!r} are missing.")
        return [event_from(rows[number]) for number in sorted(rows)]

    async def append(self, goal_id: str, version: int, event: ProcessEvent) -> bool:
        """Whether the event is the next one after this version: False if another one is. Raises NotSerialisable,
        StateUnusable.
        """
        row = {_number(version): self.plain(event.plain())}
        try:
            await self._call(lambda: self._store.add_state(_policy(goal_id), row, _first))
        except _Taken:
            return False
        return True

    async def _call(self, job: Callable[[], T]) -> T:
        return job() if self._writer is None else await self._writer.call(job)


class StageGuard:
    """The port ports.guard.Guard for a run that works on one goal."""

    def __init__(self, goals: Goals, goal_id: str) -> None:
        self.goal = goal_id
        self._goals, self._kind = goals, goals.kind_of(goal_id)

    async def enter(self, asked: Asked) -> Outcome | None:
        for _ in range(TRIES):
            state = await self._state()
            error = refusal(self._kind, self.goal, state, asked)
            if error is not None:
                return Failed(cause=cause_of(error))
            if not claims(self._kind, asked.node) or asked.by in state.done or asked.by in state.holders:
                return None
            if await self._append(state, "entered", asked):
                return None
        return Failed(cause=cause_of(GoalBusy(f"Others change the goal {self.goal!r} all the time.")))

    async def leave(self, asked: Asked, outcome: Outcome, acted: bool) -> Outcome:
        if not self._kind.rules_for(asked.node):
            return outcome
        for _ in range(TRIES):
            state = await self._state()
            if type(outcome) is Done:
                event = end(self._kind, self.goal, state, asked, self._goals.plain(outcome.output), self._goals.now())
                if event is None:
                    return outcome
                if isinstance(event, ProcessEvent):
                    if await self._goals.append(self.goal, state.version, event):
                        return outcome
                    continue
                outcome = Failed(cause=cause_of(event), usage=outcome.usage)
            if acted or type(outcome) is Paused or asked.by not in state.holders:
                return outcome
            if await self._append(state, "left", asked):
                return outcome
        if type(outcome) is not Done:
            return outcome
        return Failed(cause=cause_of(GoalMoved(f"Others change the goal {self.goal!r} all the time.")))

    async def _state(self) -> GoalState:
        return rebuilt(self._kind.start, await self._goals.read(self.goal))

    async def _append(self, state: GoalState, kind: Any, asked: Asked) -> bool:
        event = ProcessEvent(kind=kind, by=asked.by, at=self._goals.now(), skill=asked.node.name)
        return await self._goals.append(self.goal, state.version, event)


class _Taken(Exception):
    """The number has an event already."""


def _first(old: Any, new: Any) -> Any:
    if old is not None:
        raise _Taken
    return new


def _policy(goal_id: str) -> str:
    return f"goal:{goal_id}"


def _number(version: int) -> str:
    return f"{version:09d}"


def _goal(given: Any) -> Goal:
    if isinstance(given, Goal):
        return given
    if isinstance(given, (str, Path)):
        return load_goal(given)
    if isinstance(given, Mapping):
        return goal_from(given)
    raise BadDefinition(f"goals=[{given!r}] is no goal.", remedy="Pass a Goal, a mapping, or the path of a YAML file.")
