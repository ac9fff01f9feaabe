"""The event table's vocabulary: journal, decisions, spans, ledger history and explanations are projections of it.

Tuples, as a step makes several of them. ``key`` is the call's key, ``at`` wall time in seconds since 1970.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestra.core.decision import Decision
from orchestra.core.outcome import Cause, Outcome
from orchestra.core.usage import Usage


class RunStarted(NamedTuple):
    """``workflow`` is the target's ``module:qualname`` or node name; ``arguments`` are content."""

    key: str
    at: float
    name: str
    workflow: str
    arguments: Any
    seed: int
    limits: dict[str, Any]
    catalog: int = 0
    format: int = 1


class CallStarted(NamedTuple):
    """``kind`` is agent, tool, workflow, model, decide, bind, plan, branch or ask. ``effect`` is the effect key, if
    any.
    """

    key: str
    at: float
    kind: str
    name: str
    effect: str | None = None
    side_effect: str | None = None
    decision: str | None = None
    input: Any = None


class CallEnded(NamedTuple):
    """``usage`` is that of the call and all below it. The outcome's output is content."""

    key: str
    at: float
    kind: str
    name: str
    outcome: Outcome
    usage: Usage
    began: float
    decision: str | None = None
    effect: str | None = None
    side_effect: str | None = None


class Charged(NamedTuple):
    """A leaf's settlement."""

    key: str
    at: float
    usage: Usage


class Overrun(NamedTuple):
    """A leaf used more than it had reserved; ``by`` are (nano-dollars, tokens, requests, tool calls)."""

    key: str
    at: float
    by: tuple[int, int, int, int]


class Refused(NamedTuple):
    """A reservation that the budget refused."""

    key: str
    at: float
    account: str
    wanted: tuple[int, int, int, int]


class Attempt(NamedTuple):
    """A model attempt that failed and is tried again after ``wait_s``."""

    key: str
    at: float
    number: int
    cause: Cause
    wait_s: float


class Decided(NamedTuple):
    key: str
    at: float
    decision: Decision


class Filed(NamedTuple):
    """The one record of a failure: ``how`` is rerouted, tolerated, demoted or escalated."""

    key: str
    at: float
    how: str
    to: str
    name: str
    cause: Cause


class TextDelta(NamedTuple):
    """A piece of a model's reply as it arrives. Shown to who streams, never kept: the reply's record holds the
    whole.
    """

    key: str
    at: float
    text: str


class Dropped(NamedTuple):
    """A finished call whose outcome its join did not use: it was beyond a quorum, or outvoted."""

    key: str
    at: float
    by: str


class Recalled(NamedTuple):
    """The journal answered; nothing was called."""

    key: str
    at: float


class Rewarded(NamedTuple):
    """Feedback as it was given; the value in force for (decision, source) is the last one."""

    key: str
    at: float
    reward: float
    source: str


class RunEnded(NamedTuple):
    """``status`` is done, stopped, paused or failed."""

    key: str
    at: float
    status: str
    usage: Usage
    cause: Cause | None = None
    output: Any = None


Event = (
    RunStarted
    | CallStarted
    | CallEnded
    | Charged
    | Overrun
    | Refused
    | Attempt
    | Decided
    | Filed
    | TextDelta
    | Dropped
    | Recalled
    | Rewarded
    | RunEnded
)
