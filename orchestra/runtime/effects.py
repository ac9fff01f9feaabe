"""The effect ledger: for one effect key two nodes of one side-effect class never both act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestra.core.catalog import Node
from orchestra.core.errors import EffectStands, EffectUnknown, NoEffect
from orchestra.core.outcome import Cause, Done, Failed, Outcome, Paused, cause_of

UNKNOWN, NONE = "unknown", "none"
NOT_DONE = "not done"


class Effects:
    """(class, effect key) -> node -> unknown | none | the Done outcome. A start counts as unknown until its end.

    ``branches`` are the keys of the parallel calls in flight: what is below one of them may still be met there.
    """

    __slots__ = ("_doubts", "_not_done", "_table", "_unmatched", "branches")

    def __init__(self) -> None:
        self.branches: set[str] = set()
        self._table: dict[tuple[str, str], dict[str, str | Done]] = {}
        self._unmatched: dict[str, set[str]] = {}
        self._not_done: set[str] = set()
        self._doubts: set[tuple[str, str, str]] = set()

    def started(self, kind: str, key: str, node: str) -> None:
        row = self._table.setdefault((kind, key), {})
        if row.get(node) == UNKNOWN:
            self.doubted(kind, key, node)
        row[node] = UNKNOWN

    def doubted(self, kind: str, key: str, node: str) -> None:
        """An attempt of it ended, nobody knows how, and another follows: the last one cannot speak for both."""
        self._doubts.add((kind, key, node))

    def in_doubt(self, kind: str, key: str, node: str) -> bool:
        return (kind, key, node) in self._doubts

    def ended(self, kind: str, key: str, node: str, outcome: Outcome) -> None:
        if type(outcome) is Done:
            state: str | Done = outcome
        elif type(outcome) is Failed and not outcome.cause.is_a(EffectUnknown):
            state = NONE
        else:
            state = UNKNOWN
        row = self._table.get((kind, key))
        if row is not None and node in row:
            row[node] = state
        if state != UNKNOWN:
            self._doubts.discard((kind, key, node))

    def remember(self) -> None:
        """What an earlier run did, or may have done, has to be met again before anything of its class is done anew."""
        for (kind, key), row in self._table.items():
            if any(state != NONE for state in row.values()):
                self._unmatched.setdefault(kind, set()).add(key)

    def met(self, key: str) -> None:
        """The call of this key was recalled: the effects below it are accounted for."""
        for keys in self._unmatched.values():
            keys -= {k for k in keys if below(k, key)}

    def acted(self, key: str) -> bool:
        """Whether below this key something was done to the world, or may have been."""
        return any(
            below(effect, key) and any(state != NONE for state in row.values())
            for (_, effect), row in self._table.items()
        )

    def failed(self, key: str, outcome: Outcome | None) -> bool:
        """Whether the call of this key failed, and nothing was done below it."""
        return type(outcome) is Failed and not self.acted(key)

    def _may_come(self, other: str, key: str) -> bool:
        return any(below(other, branch) and not below(key, branch) for branch in self.branches)

    def verdict(self, node: Node, key: str, answers: Mapping[str, Any]) -> Outcome | None:
        """What to return instead of acting; None if the node may act."""
        kind = node.side_effect or ""
        self.met(key)
        if key in answers and answers[key] != NOT_DONE:
            return Done(output=answers[key])
        if key in answers and key not in self._not_done:  # said once: what is done after it stands
            self._not_done.add(key)
            for row in self._rows(key).values():
                row.update({name: NONE for name, state in row.items() if state == UNKNOWN})
            self._doubts = {doubt for doubt in self._doubts if doubt[1] != key}
        for name, state in self._table.get((kind, key), {}).items():
            if isinstance(state, Done):
                return state
            if state == UNKNOWN and not (name == node.name and node.idempotent):
                return self._asked("", key)
        if key in self._not_done:
            return None
        others = [other for other in self._unmatched.get(kind, ()) if not self._may_come(other, key)]
        if others:
            first = min(others)
            what = f"The journal holds a {kind!r} effect ({first}) that this resumed run did not come to again."
            return self._asked(what, key)
        return None

    def _rows(self, key: str) -> dict[str, dict[str, str | Done]]:
        return {kind: row for (kind, one), row in self._table.items() if one == key}

    def _asked(self, what: str, key: str) -> Paused:
        """One answer is for all that may have been done for this key, of whatever class, so all of it is named."""
        doubts = [
            f"{name!r} may have done its {kind!r} effect for {key}."
            for kind, row in self._rows(key).items()
            for name, state in row.items()
            if state == UNKNOWN
        ]
        return _pause(" ".join(filter(None, (what, *doubts))), key)


def below(key: str, branch: str) -> bool:
    return key == branch or key.startswith(branch + "/")


def unknown(cause: Cause, in_doubt: bool = False) -> Cause:
    """The cause of a failure after an effect was started, unless it says that nothing was done. Of one ``in_doubt`` an
    attempt before may have done it, whatever the last one says.
    """
    if cause.is_a(EffectUnknown):
        return cause
    if cause.is_a(NoEffect):
        said = f"An attempt before may have done its effect; the last one says {cause.kind}: {cause.message}"
        return cause_of(EffectUnknown(said)) if in_doubt else cause
    family = tuple(sorted({*cause.family, "EffectUnknown"}))
    return Cause(kind=cause.kind, message=cause.message, family=family, remedy=cause.remedy or EffectUnknown.remedy)


def standing(cause: Cause) -> Cause:
    """The cause of a failure after something that it had called has acted: nobody else may do all of it again."""
    if cause.is_a(EffectUnknown):
        return cause
    family = tuple(sorted({*cause.family, "EffectStands"}))
    return Cause(kind=cause.kind, message=cause.message, family=family, remedy=EffectStands.remedy)


def _pause(what: str, key: str) -> Paused:
    return Paused(cause=cause_of(EffectUnknown(what)), asks=((key, what),))
