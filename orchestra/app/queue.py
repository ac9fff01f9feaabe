"""What persons are asked: the open questions of all paused runs in a store, and answers for when a run is resumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestra.core.errors import BadInput
from orchestra.core.events import Answered, CallEnded, Event, RunEnded, RunStarted
from orchestra.core.outcome import Paused
from orchestra.ports.store import Entry, Store
from orchestra.runtime.approval import NAME as APPROVAL
from orchestra.runtime.approval import check_answers
from orchestra.runtime.stuck import NAME as PERSON

AT_MOST = 1000
"""How many paused runs are looked through, the newest first. Our default."""
NAME_TO_KIND = {APPROVAL: "approval", PERSON: "escalation", "ask": "question"}


class Pending(NamedTuple):
    """One open question of one run.

    ``kind`` is approval (yes or no), question (what user code asked), escalation (nobody could do a step) or effect (it
    is not known whether an effect happened). ``answer`` is one that was recorded for when the run is resumed, as JSON
    in a list of one; () if there is none. Units: ``since`` seconds since 1970.
    """

    run_id: str
    run: str
    key: str
    question: str
    kind: str
    since: float
    answer: tuple[Any, ...] = ()


def pending(store: Store) -> list[Pending]:
    """The open questions of a store, the oldest first. Raises StateUnusable."""
    found = [
        one for row in store.runs(AT_MOST, "paused") for one in questions(row.run_id, row.name, store.read(row.run_id))
    ]
    return sorted(found, key=lambda one: (one.since, one.run_id, one.key))


def questions(run_id: str, name: str, events: Sequence[Event]) -> list[Pending]:
    """Those that a run waits for: none where it was not paused when it ended last."""
    ends = [event for event in events if isinstance(event, RunEnded)]
    if not ends or ends[-1].status != "paused" or _parts(events) > len(ends):
        return []
    part = _last_part(events)
    key_to_question = {
        key: question
        for event in part
        if isinstance(event, CallEnded) and isinstance(event.outcome, Paused) and event.key.count("/") == 1
        for key, question in event.outcome.asks
    }
    given = answers_of(events)
    return [
        Pending(
            run_id, name, key, question, _kind(key, part), _since(key, events), (given[key],) if key in given else ()
        )
        for key, question in key_to_question.items()
    ]


def answers_of(events: Sequence[Event]) -> dict[str, Any]:
    """What was answered since the run ended last; the last word on each question counts."""
    now = _parts(events)
    return {event.key: event.answer for event in events if isinstance(event, Answered) and event.part == now}


def record(store: Store, run_id: str, answers: Mapping[str, Any], at: float) -> list[str]:
    """Writes answers down for when the run is resumed, by whoever knows its workflow; returns their keys.

    Raises: UnknownRun, StateUnusable, BadInput for a question that the run does not ask, or an approval that is
    answered by neither yes nor no.
    """
    events = store.read(run_id)
    asked = [one.key for one in questions(run_id, "", events)]
    for key in answers:
        if key not in asked:
            known = ", ".join(asked) or "nothing"
            raise BadInput(f"The run {run_id!r} does not ask {key!r}.", remedy=f"It asks: {known}.")
    check_answers(events, answers)
    part = _parts(events)
    store.append([Entry(run_id, None, Answered(key, at, answer, part), False) for key, answer in answers.items()])
    return list(answers)


def the_key(waiting: Sequence[Pending], run_id: str, key: str | None, kind: str | None) -> str:
    """The question that is meant: the one named, or the only one of its kind. Raises BadInput."""
    mine = [one for one in waiting if one.run_id == run_id and kind in (None, one.kind)]
    if key is not None:
        mine = [one for one in mine if one.key == key]
    if len(mine) == 1:
        return mine[0].key
    what = kind or "question"
    if not mine:
        raise BadInput(f"The run {run_id!r} waits for no such {what}.", remedy="`orchestra asks` lists what is asked.")
    keys = ", ".join(one.key for one in mine)
    raise BadInput(f"The run {run_id!r} waits for {len(mine)} of them.", remedy=f"Name one: {keys}.")


def _parts(events: Sequence[Event]) -> int:
    return sum(isinstance(event, RunStarted) for event in events)


def _last_part(events: Sequence[Event]) -> Sequence[Event]:
    begins = [place for place, event in enumerate(events) if isinstance(event, RunStarted)]
    return events[begins[-1] :]


def _kind(key: str, part: Sequence[Event]) -> str:
    names = [e.name for e in part if isinstance(e, CallEnded) and e.kind == "ask" and e.key == key]
    return NAME_TO_KIND[names[-1]] if names else "effect"


def _since(key: str, events: Sequence[Event]) -> float:
    """When it was asked first, of the times that nobody answered."""
    asked = [e.at for e in events if isinstance(e, CallEnded) and isinstance(e.outcome, Paused) and _asks(e, key)]
    return min(asked, default=0.0)


def _asks(end: CallEnded, key: str) -> bool:
    return any(key == one for one, _ in end.outcome.asks) if isinstance(end.outcome, Paused) else False
