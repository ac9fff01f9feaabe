"""Asking a person what is to become of a step that nobody could do."""

from __future__ import annotations

from orchestra.core.call import Call
from orchestra.core.errors import GivenUp, NotSerialisable, PauseRequested
from orchestra.core.events import CallEnded
from orchestra.core.outcome import Done, Failed, Outcome, Paused, cause_of
from orchestra.runtime.scope import Scope

NAME = "person"
GIVE_UP = "give up"


async def stuck_body(child: Scope, call: Call) -> Outcome:
    """The answer as the step's result; Failed with GivenUp where it is 'give up'; the question where there is none, or
    where it does not fit what the step returns.

    About an effect that may have happened the question is the one that a resumed run would ask, under the same key.
    """
    child.kind, child.name = "ask", NAME
    said = question = call.target.question or _asked_before(child)
    if child.path in child.run.answers:
        answer = child.run.answers[child.path]
        if answer == GIVE_UP:
            return Failed(cause=cause_of(GivenUp(f"A person gave it up. {question}")), filed=True)
        try:
            return Done(output=child.run.services.codec.typed(answer, call.output_type))
        except NotSerialisable as error:
            said = f"{error.what} {question}"
    key = _effect_of(child, call.target.origin) or child.path
    return Paused(cause=cause_of(PauseRequested(said)), asks=((key, said),))


def _asked_before(child: Scope) -> str:
    known = child.run.known.get(child.path)
    return known.asks[0][1] if type(known) is Paused else ""


def _effect_of(child: Scope, origin: str) -> str | None:
    ends = (e for e in reversed(child.run.events) if isinstance(e, CallEnded) and e.key == origin)
    return next((e.effect for e in ends), None) if origin else None
