"""What a join did not use is written down, so that its decision is not rewarded."""

from typing import Any

import pytest

from orchestra import agent
from orchestra.app.learning import used_decisions
from orchestra.core.call import Batch, Call, Plan, Planned
from orchestra.core.events import CallEnded, Dropped
from orchestra.core.outcome import Done
from tests.support.runtime import Rig, go, on_every_loop


@agent(provides="guess")
async def first(text: str) -> str:
    return "a"


@agent(provides="other")
async def second(text: str) -> str:
    return "b"


CALLS = (Call(target="guess", input="x"), Call(target="other", input="x"))


def race(value: object) -> Plan:
    outcomes = yield Batch.first(*CALLS)
    return next(outcome for outcome in outcomes if type(outcome) is Done)


def poll(value: object) -> Plan:
    outcomes = yield Batch.all(*CALLS)
    yield Batch(calls=(), outvoted=(1,))
    return outcomes[0]


def no_race(value: object) -> Plan:
    outcomes = yield Batch.all(*CALLS)
    return Done(output=len(outcomes))


@on_every_loop
@pytest.mark.parametrize(("plan", "by"), [(race, "join"), (poll, "vote"), (no_race, None)])
def test_only_what_was_used_is_rewarded(plan: object, by: str | None, loop: str, native: bool) -> None:
    rig = Rig(members=(first, second), native=native)
    go(loop, rig.run, Planned(name="p", plan=plan), "x")  # type: ignore[arg-type]
    events = rig.last.events
    done = [e for e in events if isinstance(e, CallEnded) and e.kind == "bind" and type(e.outcome) is Done]
    dropped = [e for e in events if isinstance(e, Dropped)]
    assert len(used_decisions(events)) == len(done) - len(dropped)
    assert by != "vote" or [e.by for e in dropped] == ["vote"]
    assert by is not None or (not dropped and len(done) == 2)


def test_a_second_answer_beyond_the_first_is_dropped() -> None:
    """Both are there before anybody can be cancelled: the log of a finished race, taken up again."""
    rig = Rig(members=(first, second))
    go("asyncio", rig.run, Planned(name="p", plan=no_race), "x")
    past = tuple(e for e in rig.last.events if not (isinstance(e, CallEnded) and e.key == "run/main"))
    again = Rig(members=(first, second))
    go("asyncio", again.run, Planned(name="p", plan=race), "x", *_resumed(past))
    assert [e.by for e in again.last.events if isinstance(e, Dropped)] == ["join"]


def _resumed(past: tuple[object, ...]) -> tuple[Any, ...]:
    from orchestra.core.budget import UNLIMITED

    return UNLIMITED, past, "resume"
