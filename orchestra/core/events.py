"""The event table's vocabulary: journal, decisions, spans, ledger history and explanations are projections of it.

Tuples, as a step makes several of them. ``key`` is the call's key, ``at`` wall time in seconds since 1970.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestra.core.decision import Decision
from orchestra.core.outcome import Cause, Detour, Outcome
from orchestra.core.usage import Usage


class RunStarted(NamedTuple):
    """``workflow`` is the target's ``module:qualname`` or node name; ``arguments`` are content. ``trace`` is the
    caller's span as a W3C traceparent, if the run was traced and there was one. ``task`` is whether the arguments are
    the fields of a Task, its history among them. ``goal`` is the goal that it works on, as kind:id. ``fallback`` and
    ``hedge_s`` are those of its first call.
    """

    key: str
    at: float
    name: str
    workflow: str
    arguments: Any
    seed: int
    limits: dict[str, Any]
    catalog: int = 0
    format: int = 1
    trace: str = ""
    task: bool = False
    goal: str = ""
    fallback: tuple[str, ...] | None = None
    hedge_s: float | None = None


class CallStarted(NamedTuple):
    """``kind`` is agent, tool, workflow, model, decide, bind, plan, branch or ask. ``effect`` is the effect key, if
    any, ``tool_call_id`` what the model that asked for a tool calls this, ``transfer`` the mode of a hand-off, return
    or pass. ``server`` is where a model is asked, as host:port.
    """

    key: str
    at: float
    kind: str
    name: str
    effect: str | None = None
    side_effect: str | None = None
    decision: str | None = None
    input: Any = None
    tool_call_id: str | None = None
    transfer: str | None = None
    server: str = ""


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
    """The one record of a failure: ``how`` is rerouted, tolerated, demoted or escalated. ``detour`` is what was known,
    and the ways before and after.
    """

    key: str
    at: float
    how: str
    to: str
    name: str
    cause: Cause
    detour: Detour | None = None


class TextDelta(NamedTuple):
    """A piece of a model's reply as it arrives. Shown to who streams, never kept: the reply's record holds the
    whole.
    """

    key: str
    at: float
    text: str


class Streamed(NamedTuple):
    """When the pieces of a model's streamed reply came. Units: ``first_s`` seconds from the request to the first,
    ``gaps_us`` microseconds from each to the next.
    """

    key: str
    at: float
    first_s: float
    gaps_us: tuple[int, ...] = ()


class Dropped(NamedTuple):
    """A finished call whose outcome its join did not use: it was beyond a quorum, or outvoted."""

    key: str
    at: float
    by: str


class Signalled(NamedTuple):
    """A monitor outranked the others and changed what happens: ``act`` is avoid, ask_model, ask_person or stop.

    ``name`` is the node that was about to be called, ``nodes`` are others that are avoided too. ``payload`` is content.
    """

    key: str
    at: float
    source: str
    priority: float
    act: str
    name: str
    nodes: tuple[str, ...] = ()
    payload: Any = None


class Recalled(NamedTuple):
    """The journal answered; nothing was called."""

    key: str
    at: float


class Rewarded(NamedTuple):
    """Feedback as it was given; the value in force for (decision, source) is the last one. ``learned`` is the reward of
    the decision after it, over all sources, None where that is ``reward`` itself.
    """

    key: str
    at: float
    reward: float
    source: str
    learned: float | None = None


class Withheld(NamedTuple):
    """A reward that nothing was learned from: its source or its confidence is not trusted, or whoever was to give it
    gave none. ``key`` is the decision's, or that of the run's root where it was for all of them.
    """

    key: str
    at: float
    source: str
    why: str
    reward: float | None = None


class Answered(NamedTuple):
    """What a person answered to a question of a paused run, for when it is resumed. ``part`` counts the times that the
    run had been taken up when it was said: an answer is for the pause that it was given to, and for no later one.
    """

    key: str
    at: float
    answer: Any
    part: int


class RunEnded(NamedTuple):
    """``status`` is done, stopped, paused, failed, or abandoned where its effects were undone."""

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
    | Streamed
    | Dropped
    | Signalled
    | Recalled
    | Rewarded
    | Withheld
    | Answered
    | RunEnded
)
