"""What an ant colony keeps of an edge: its last deposits, each with the time of the decision that it is for.

Evaporation depends on an order. It is that of the policy's version when each decision was made, and between equals that
of the hash of the decision's key: so a row of trails is a function of the deposits alone, whoever saw them first, and
states of several processes are united exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestra.core.decision import Decision
from orchestra.core.errors import BadDefinition, BadNumber, JournalVersion
from orchestra.core.ids import digest
from orchestra.ports.router import Lesson
from orchestra.routing.floor import recorded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
FORM = "trails"
ID_BYTES = 8

Place = tuple[str, str]
"""Where a step is taken: the capability that it is for, and the node that it goes on from."""


class Deposit(NamedTuple):
    """What one decision leaves on one edge.

    ``at`` is the policy's version when it was decided, ``good`` how many sources call it good: less than 0 where a
    correction came before its reward. ``weights`` are those of the task types. Shapes: ``weights`` (T,).
    """

    at: int
    good: int
    amount: float
    weights: tuple[float, ...]


class Columns(NamedTuple):
    """Deposits as arrays. Shapes: ``weights`` (n, T), the others (n,)."""

    at: NDArray[np.int64]
    ids: NDArray[np.uint64]
    amounts: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Trail:
    """One edge: how many rewards it had, since when it is known, and at most ``memory`` deposits in their order."""

    memory: int
    pulls: int = 0
    since: int | None = None
    id_to_deposit: dict[str, Deposit] = field(default_factory=dict)
    _columns: Columns | None = field(default=None, repr=False, compare=False)

    def seen(self, at: int, pulls: int = 1) -> None:
        self.pulls += pulls
        self.since = at if self.since is None else min(self.since, at)

    def put(self, identity: str, new: Deposit) -> None:
        """Adds to what is known of this decision; ``settle`` has to follow."""
        old = self.id_to_deposit.get(identity)
        self.id_to_deposit[identity] = new if old is None else old._replace(good=old.good + new.good)

    def settle(self) -> None:
        """Order, and then room: those that do not fit are gone."""
        kept = sorted((d.at, identity, d) for identity, d in self.id_to_deposit.items() if d.good)[-self.memory :]
        self.id_to_deposit = {identity: deposit for _, identity, deposit in kept}
        self._columns = None

    def columns(self) -> Columns:
        """The deposits of decisions that are called good."""
        if self._columns is None:
            import numpy as np

            good = [(identity, deposit) for identity, deposit in self.id_to_deposit.items() if deposit.good > 0]
            self._columns = Columns(
                np.array([deposit.at for _, deposit in good], dtype=np.int64),
                np.array([int(identity, 16) for identity, _ in good], dtype=np.uint64),
                np.array([deposit.amount for _, deposit in good]),
                np.array([deposit.weights for _, deposit in good]),
            )
        return self._columns


Trails = dict[Place, Trail]
"""All edges that lead to one option."""
PATH = ">"
"""What stands between the capabilities of a path."""


class Ground:
    """The trails to every option, and those of them that no store has yet.

    ``read`` gives what a good decision deposits on each of its edges, and the weights of the ``types``; ``gate`` is the
    least reward that is good.
    """

    __slots__ = ("_gate", "_memory", "_pending", "_read", "_types", "totals", "version")

    def __init__(
        self,
        types: Sequence[str],
        memory: int,
        gate: Callable[[float], bool],
        read: Callable[[Decision], tuple[float, tuple[float, ...]]],
    ) -> None:
        self._types, self._memory, self._gate, self._read = tuple(types), memory, gate, read
        self.totals: dict[str, Trails] = {}
        self.version = 0
        self._pending: dict[str, Trails] = {}

    def pulls(self, option: str) -> int:
        return sum(trail.pulls for trail in self.totals.get(option, {}).values())

    def rows(self) -> dict[Place, dict[str, Trail]]:
        """The trails by where they begin."""
        found: dict[Place, dict[str, Trail]] = {}
        for option, trails in self.totals.items():
            for place, trail in trails.items():
                found.setdefault(place, {})[option] = trail
        return found

    def learn(self, lessons: Sequence[Lesson]) -> set[Place]:
        """Adds all of the lessons or, where one is bad, none; names the rows that changed.

        Raises: BadNumber, BadDefinition.
        """
        changes: list[tuple[str, Place, str, Deposit, bool]] = []
        for decision, reward, before in lessons:
            was = None if before is None else self._gate(before)
            good = int(self._gate(reward)) - int(bool(was))
            amount, weights = self._read(decision)
            deposit = Deposit(decision.version, good, amount, weights)
            for number, (place, option) in enumerate(edges(decision)):
                recorded(decision, option)
                identity = digest(f"{decision.key} {number}", ID_BYTES)
                if was is None or good:
                    changes.append((option, place, identity, deposit, was is None))
        for into in (self.totals, self._pending):
            for option, place, identity, deposit, first in changes:
                trail = into.setdefault(option, {}).setdefault(place, Trail(memory=self._memory))
                if first:
                    trail.seen(deposit.at)
                if deposit.good:
                    trail.put(identity, deposit)
            for option, place in {(option, place) for option, place, *_ in changes}:
                into[option][place].settle()
        self.version += sum(first for *_, first in changes)
        return {place for _, place, *_ in changes}

    def state(self) -> dict[str, Any]:
        """Everything, option by option, as JSON values."""
        return {option: to_plain(trails, self._types) for option, trails in self.totals.items()}

    def delta(self) -> dict[str, Any]:
        """What was learned since the last call."""
        pending, self._pending = self._pending, {}
        return {option: to_plain(trails, self._types) for option, trails in pending.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Takes this state, and adds what no ``delta`` has handed out yet.

        Raises: JournalVersion, BadNumber, BadDefinition; then nothing has changed.
        """
        totals = {option: from_plain(data, self._types) for option, data in state.items()}
        for option, trails in self._pending.items():
            totals[option] = add(totals.get(option, {}), trails)
        self.totals = totals
        self.version = sum(trail.pulls for trails in totals.values() for trail in trails.values())


def edges(decision: Decision) -> list[tuple[Place, str]]:
    """The steps of a decision: one, or those of the path that it chose. Each is for the capability of its own layer."""
    previous, found = decision.previous, []
    capabilities = decision.capability.split(PATH) if len(decision.chosen) > 1 else [decision.capability]
    if len(capabilities) != len(decision.chosen):
        capabilities = [decision.capability] * len(decision.chosen)
    for capability, option in zip(capabilities, decision.chosen, strict=True):
        found.append(((capability, previous), option))
        previous = option
    return found


def add(one: Trails, two: Trails) -> Trails:
    """Both, within the room of the second."""
    both = {place: _copy(trail) for place, trail in one.items()}
    for place, trail in two.items():
        mine = both.get(place)
        if mine is None:
            both[place] = _copy(trail)
            continue
        mine.memory = trail.memory
        if trail.since is None:
            mine.pulls += trail.pulls
        else:
            mine.seen(trail.since, trail.pulls)
        for identity, deposit in trail.id_to_deposit.items():
            mine.put(identity, deposit)
        mine.settle()
    return both


def _copy(trail: Trail) -> Trail:
    return Trail(memory=trail.memory, pulls=trail.pulls, since=trail.since, id_to_deposit=dict(trail.id_to_deposit))


def to_plain(trails: Trails, types: Sequence[str]) -> dict[str, Any]:
    """JSON values."""
    edges = []
    for (capability, previous), trail in trails.items():
        held = trail.id_to_deposit.values()
        edges.append(
            {
                "capability": capability,
                "previous": previous,
                "memory": trail.memory,
                "pulls": trail.pulls,
                "since": trail.since,
                "ids": list(trail.id_to_deposit),
                "at": [deposit.at for deposit in held],
                "good": [deposit.good for deposit in held],
                "amounts": [deposit.amount for deposit in held],
                "weights": [list(deposit.weights) for deposit in held],
            }
        )
    return {"version": VERSION, "form": FORM, "types": list(types), "edges": edges}


def from_plain(data: Mapping[str, Any], types: Sequence[str] | None = None) -> Trails:
    """Raises JournalVersion for another form or format, BadDefinition for other task types, BadNumber for damage."""
    if (data.get("form"), data.get("version")) != (FORM, VERSION):
        found = f"{data.get('form', 'sums')!r} of format {data.get('version')!r}"
        raise JournalVersion(f"Learned state in the form {found} was found; this is {FORM!r} of format {VERSION}.")
    try:
        found_types = [str(name) for name in data["types"]]
        trails = {(str(e["capability"]), str(e["previous"])): _trail(e, len(found_types)) for e in data["edges"]}
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise BadNumber(f"Learned state is damaged: {error}.", remedy="Start with a new state file.") from None
    if types is not None and found_types != list(types):
        raise BadDefinition(
            f"These trails are of the task types {found_types}, not {list(types)}.",
            remedy="Go back to the types they were laid for, or give the router another name.",
        )
    return trails


def _trail(edge: Mapping[str, Any], types: int) -> Trail:
    since = None if edge["since"] is None else int(edge["since"])
    trail = Trail(memory=int(edge["memory"]), pulls=int(edge["pulls"]), since=since)
    columns = zip(edge["ids"], edge["at"], edge["good"], edge["amounts"], edge["weights"], strict=True)
    for identity, at, good, amount, weights in columns:
        deposit = Deposit(int(at), int(good), float(amount), tuple(float(w) for w in weights))
        values = (deposit.amount, *deposit.weights)
        if len(deposit.weights) != types or not all(math.isfinite(value) and value >= 0.0 for value in values):
            raise ValueError(f"a deposit of {values}")
        int(identity, 16)
        trail.id_to_deposit[str(identity)] = deposit
    if trail.memory < 1 or trail.pulls < 0:
        raise ValueError(f"memory={trail.memory}, pulls={trail.pulls}")
    return trail


def add_plain(old: Any | None, delta: Any) -> Any:
    """``add`` on JSON values. Raises BadDefinition where they are of different task types."""
    if old is None:
        return delta
    two = from_plain(delta)
    return to_plain(add(from_plain(old, delta["types"]), two), delta["types"])
