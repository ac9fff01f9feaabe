"""A task taken apart: subtasks, what each waits for, how tightly they hang together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition
from orchestra.core.ids import canonical
from orchestra.tools.nodes import checked_name
from orchestra.topologies.member import ANYONE, Member
from orchestra.topologies.select import Coupling, Dag

if TYPE_CHECKING:
    from orchestra.tools.structured import OutputSchema

MAX_SUBTASKS = 12
"""Our default: more parts than this cost more to lead and to join than they save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A step that must be done before. ``coupling``: how far its result decides what has to be done."""

    id: str
    coupling: Coupling = "weak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """``capability`` is who can do it, "*" for any agent; ``after`` are the steps whose results it uses, an id alone
    where the coupling is weak.
    """

    id: str
    task: str
    capability: str = ANYONE
    after: tuple[str | Need, ...] = ()

    @property
    def needs(self) -> tuple[Need, ...]:
        return tuple(Need(id=one) if isinstance(one, str) else one for one in self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """1 to 12 steps, in any order, and what should have been asked before the work began."""

    steps: tuple[Subtask, ...]
    questions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises BadDefinition for none or more than 12 steps, an empty task, an id that cannot be a name or is given
        twice, a need that is not there or is named twice, a cycle.
        """
        try:
            self._check()
        except BadDefinition as error:
            raise BadDefinition(error.what, remedy="") from None

    def _check(self) -> None:
        if not 1 <= len(self.steps) <= MAX_SUBTASKS:
            raise BadDefinition(f"There are {len(self.steps)} steps, not 1 to {MAX_SUBTASKS}.")
        ids = [one.id for one in self.steps]
        for one in self.steps:
            checked_name(one.id)
            needs = [need.id for need in one.needs]
            if ids.count(one.id) > 1:
                raise BadDefinition(f"Two steps have the id {one.id!r}.")
            if len(set(needs)) < len(needs):
                raise BadDefinition(f"{one.id!r} comes after one step twice.")
            if not one.task.strip():
                raise BadDefinition(f"The step {one.id!r} says nothing of what is to be done.")
        _ = self.dag.layers

    @property
    def dag(self) -> Dag:
        return Dag(parents={one.id: {need.id: need.coupling for need in one.needs} for one in self.steps})

    def members(self, capabilities: Collection[str]) -> tuple[Member, ...]:
        """The steps as members; one whose capability is not among those given goes to any agent."""
        return tuple(
            Member(
                target=one.capability if one.capability in capabilities else ANYONE,
                name=one.id,
                task=one.task,
                after=tuple(need.id for need in one.needs),
            )
            for one in self.steps
        )


def decomposition_schema() -> dict[str, Any]:
    """The JSON Schema of a decomposition, for the planning agent."""
    return dict(_reader().schema or {})


def decomposition_of(reply: Any) -> Decomposition:
    """What a planning agent answered: its text, the JSON value in it, or a Decomposition.

    Raises: BadReply; its ``what`` can be shown to the agent.
    """
    if isinstance(reply, Decomposition):
        return reply
    found: Decomposition = _reader().parse(reply if isinstance(reply, str) else canonical(reply))
    return found


@lru_cache(maxsize=1)
def _reader() -> OutputSchema:
    from orchestra.tools.structured import OutputSchema

    return OutputSchema(Decomposition)
