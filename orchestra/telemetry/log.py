"""The events of a run, sorted by what they are and by key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from orchestra.core.events import (
    Attempt,
    CallEnded,
    CallStarted,
    Charged,
    Decided,
    Dropped,
    Event,
    Filed,
    Overrun,
    Recalled,
    Refused,
    Rewarded,
    RunEnded,
    RunStarted,
    Signalled,
    Streamed,
    Withheld,
)
from orchestra.core.usage import ZERO, Usage


@dataclass(slots=True)
class Log:
    """``rewarded`` is key -> source -> the reward in force; ``decision_to_keys`` the calls that a decision led to;
    ``dropped`` key -> the join that did not use it. There is no ``end`` after the run was taken up again.
    """

    run: RunStarted | None = None
    end: RunEnded | None = None
    started: dict[str, CallStarted] = field(default_factory=dict)
    ended: list[CallEnded] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    charged: dict[str, Usage] = field(default_factory=dict)
    filed: list[Filed] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    rewarded: dict[str, dict[str, float]] = field(default_factory=dict)
    decision_to_keys: dict[str, list[str]] = field(default_factory=dict)
    retries: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    overrun: dict[str, Overrun] = field(default_factory=dict)
    streamed: dict[str, Streamed] = field(default_factory=dict)
    signalled: list[Signalled] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    recalled: int = 0
    last_at: float = 0.0


def read_log(events: Sequence[Event]) -> Log:
    log = Log()
    for event in events:
        if not isinstance(event, Rewarded | Withheld):  # feedback comes after the run
            log.last_at = max(log.last_at, event.at)
        if isinstance(event, CallEnded):
            log.ended.append(event)
            if event.decision is not None:
                log.decision_to_keys.setdefault(event.decision, []).append(event.key)
        elif isinstance(event, CallStarted):
            log.started[event.key] = event
        elif isinstance(event, Charged):
            log.charged[event.key] = log.charged.get(event.key, ZERO) + event.usage
        elif isinstance(event, Decided):
            log.decided.append(event)
        elif isinstance(event, Filed):
            log.filed.append(event)
        elif isinstance(event, Rewarded):
            log.rewarded.setdefault(event.key, {})[event.source] = event.reward
        elif isinstance(event, Withheld):
            log.withheld.append(event)
        elif isinstance(event, Attempt):
            log.retries[event.key] += 1
        elif isinstance(event, Recalled):
            log.recalled += 1
        elif isinstance(event, Dropped):
            log.dropped[event.key] = event.by
        elif isinstance(event, Streamed):
            log.streamed[event.key] = event  # the last attempt's
        elif isinstance(event, Signalled):
            log.signalled.append(event)
        elif isinstance(event, Refused):
            log.refused.append(event)
        elif isinstance(event, Overrun):
            log.overrun[event.key] = event
        elif isinstance(event, RunStarted):
            log.run, log.end = log.run or event, None
        elif isinstance(event, RunEnded):
            log.end = event
    return log


def parts_of(events: Sequence[Event]) -> list[list[Event]]:
    """The events of a run and of each time it was taken up again. Feedback, which comes late, is in all of them."""
    parts: list[list[Event]] = [[]]
    late: list[Event] = []
    for event in events:
        if isinstance(event, Rewarded | Withheld):
            late.append(event)
            continue
        if isinstance(event, RunStarted) and parts[-1]:
            parts.append([])
        parts[-1].append(event)
    return [[*part, *late] for part in parts if part]


def was_cut(end: CallEnded) -> bool:
    """Whether it is a model call whose reply ended at ``max_tokens``; unknown, so no, where outputs were not kept."""
    reply = getattr(end.outcome, "output", None)
    finish = reply.get("finish") if isinstance(reply, Mapping) else getattr(reply, "finish", None)
    return end.kind == "model" and finish == "length"


def above_of(key: str, known: Container[str]) -> str | None:
    """The nearest key above this one that is known."""
    while "/" in key:
        key = key.rpartition("/")[0]
        if key in known:
            return key
    return None
