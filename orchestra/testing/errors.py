"""What goes wrong in tests only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestra.core.errors import Diverged, OrchestraError


class RealModelCalled(OrchestraError):
    """A client of a real model was asked while that is forbidden; nothing was sent."""

    remedy = (
        "Give the team Orchestra(models={'provider:model': Scripted(...)}) or a Replayer, or mark the test real_models."
    )


class NotRecorded(Diverged):
    """A replay was asked for something that the recording does not hold, or no longer holds."""

    remedy = "Delete the file and record again, or replay with the redaction that it was recorded with."


class RecordedFailure(OrchestraError):
    """Stands in a replay for an exception of a type that is neither ours nor Python's own."""


class LawBroken(AssertionError):
    """A port's promises are not kept. ``laws`` are their names, the message says how each was broken."""

    def __init__(self, what: str = "", laws: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.laws: tuple[str, ...] = tuple(laws)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.laws)
