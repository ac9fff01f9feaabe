"""How a call ended. Failure is a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from orchestra.core.errors import OrchestraError, StepFailed
from orchestra.core.usage import ZERO, Usage

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", covariant=True, default=Any)
else:  # core needs the standard library only, whose TypeVar has no default before Python 3.13
    from typing import TypeVar

    T = TypeVar("T", covariant=True)

NOTHING: Any = None


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
class Detour:
    """What was known when a failure's record was made, and where the work went.

    ``before`` is the path that was taken and failed, ``after`` the one taken instead, from ``stands`` on; () with a
    reason in ``why`` where there is none. ``known`` are (name, reason) of those that were not to be used.
    Units: the costs in dollars where a node was chosen, in what paths are weighed in where a path was; None if unknown.
    """

    before: tuple[str, ...] = ()
    before_cost: float | None = None
    stands: str = ""
    after: tuple[str, ...] = ()
    after_cost: float | None = None
    known: tuple[tuple[str, str], ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Generic[T]):
    """It ended with an output."""

    output: T = NOTHING
    usage: Usage = ZERO
    cause: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """What is left after retries. ``origin`` is the key of the call that failed first; ``filed`` once it has its
    record; ``detour`` what that record will say beside the cause.
    """

    cause: Cause
    usage: Usage = ZERO
    origin: str = ""
    filed: bool = False
    detour: Detour | None = field(default=None, compare=False)


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


Outcome = Done[T] | Failed | Cancelled | Paused


def failed(error: BaseException, *, origin: str = "", usage: Usage = ZERO) -> Failed:
    return Failed(cause=cause_of(error), usage=usage, origin=origin)
