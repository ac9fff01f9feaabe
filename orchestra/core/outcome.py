"""How a call ended. Failure is a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestra.core.errors import OrchestraError, StepFailed
from orchestra.core.usage import ZERO, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a call did not end Done, as plain data: it goes through the journal and between processes.

    ``kind`` is the exception's class name, ``family`` the names of its bases that this package knows.
    """

    kind: str
    message: str
    family: tuple[str, ...] = ()
    remedy: str = ""

    def is_a(self, error: type[OrchestraError]) -> bool:
        return error.__name__ in self.family

    def __str__(self) -> str:
        return f"{self.kind}: {self.message} {self.remedy}".strip()


def cause_of(error: BaseException, *also: type[OrchestraError]) -> Cause:
    """The cause that an exception stands for. A group of one is its member; a StepFailed is its outcome's cause."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, StepFailed) and getattr(error.outcome, "cause", None) is not None:
        cause: Cause = error.outcome.cause
        return cause
    family = {c.__name__ for cls in (type(error), *also) for c in cls.__mro__ if issubclass(c, OrchestraError)}
    message, remedy = (error.what, error.fix) if isinstance(error, OrchestraError) else (str(error), "")
    return Cause(kind=type(error).__name__, message=message, family=tuple(sorted(family)), remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """It ended with an output."""

    output: Any = None
    usage: Usage = ZERO
    cause: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """What is left after retries. ``origin`` is the key of the call that failed first; ``filed`` once it has its
    record.
    """

    cause: Cause
    usage: Usage = ZERO
    origin: str = ""
    filed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """It was stopped from outside: a sibling was enough, a deadline passed, the run ended."""

    usage: Usage = ZERO
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """It waits for a person. ``asks`` are the (key, question) pairs that resume(answers=...) can answer."""

    cause: Cause
    usage: Usage = ZERO
    asks: tuple[tuple[str, str], ...] = ()


Outcome = Done | Failed | Cancelled | Paused


def failed(error: BaseException, *, origin: str = "", usage: Usage = ZERO) -> Failed:
    return Failed(cause=cause_of(error), usage=usage, origin=origin)
