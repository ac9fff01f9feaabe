"""Asking a person before a node starts: once for each call, and for those very arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from orchestra.core.call import Approval, Batch, Call
from orchestra.core.catalog import Code, Node
from orchestra.core.errors import BadInput, NotApproved, NotSerialisable, PauseRequested
from orchestra.core.events import CallEnded, Event
from orchestra.core.ids import canonical, digest
from orchestra.core.outcome import Done, Failed, Outcome, Paused, cause_of
from orchestra.runtime.scope import Scope

NAME = "approval"
SHOWN = 240
"""Characters of each argument that a question shows. Our default."""
ANSWERS = (
    "Answer True or 'yes', False or 'no', or {'approved': False, 'reason': '...'}; nothing else is taken for either."
)


async def refusal(child: Scope, call: Call, node: Node, kwargs: Mapping[str, Any]) -> Outcome | None:
    """What the call ends as instead of starting: Paused until it is answered, Failed once refused; None to go on.

    The question's key holds a hash of the node's name, the call's input and the defaults beside it, so that an answer
    is for what will run and for nothing else.
    """
    unsaid = defaults(node)
    given = {**unsaid, **kwargs}
    arguments = {name: given[name] for name in node.contract.names if name in given}
    if callable(node.approval):
        try:
            needed = node.approval(**arguments)
        except Exception as error:
            return _refused(f"The approval rule of {node.name!r} failed: {type(error).__name__}: {error}.")
        if type(needed) is not bool:
            return _refused(f"The approval rule of {node.name!r} returned {needed!r}, which is neither True nor False.")
        if not needed:
            return None
    kept = {name: one for name, one in unsaid.items() if name not in kwargs and _text(child, one) is not None}
    bound = digest(canonical([node.name, call.input, child.run.services.codec.plain(kept)]), 8)
    ask = Call(target=Approval(question=_question(child, node, arguments)), key=f"{NAME}:{bound}")
    (outcome,) = await child.run.perform(child, Batch(calls=(ask,)), (child.key(ask),))
    if type(outcome) is not Done:
        return outcome
    approved, reason = answer_of(outcome.output)
    return None if approved else _refused(f"{node.name!r} was not approved{f': {reason}' if reason else ''}.")


async def approval_body(child: Scope, call: Call) -> Outcome:
    """The answer, if it is one; what is neither yes nor no leaves the question open."""
    child.kind, child.name = "ask", NAME
    said = question = call.target.question
    if child.path in child.run.answers:
        answer = child.run.answers[child.path]
        try:
            answer_of(answer)
        except BadInput as error:
            said = f"{error} {question}"
        else:
            return Done(output=answer)
    return Paused(cause=cause_of(PauseRequested(said)), asks=((child.path, question),))


def answer_of(answer: Any) -> tuple[bool, str]:
    """Whether it was approved, and the reason given. Raises BadInput for what is neither yes nor no."""
    if answer in ("yes", "no"):
        return answer == "yes", ""
    reason = ""
    if isinstance(answer, Mapping) and answer.keys() <= {"approved", "reason"}:
        answer, reason = answer.get("approved"), answer.get("reason", "")
    if type(answer) is bool and isinstance(reason, str):
        return answer, reason
    raise BadInput("The answer to an approval is neither yes nor no.", remedy=ANSWERS)


def check_answers(past: Iterable[Event], answers: Mapping[str, Any]) -> None:
    """Raises BadInput, before anything runs, for an answer that decides nothing."""
    asked = {e.key for e in past if isinstance(e, CallEnded) and e.kind == "ask" and e.name == NAME}
    for key in asked & answers.keys():
        try:
            answer_of(answers[key])
        except BadInput as error:
            raise BadInput(f"answers[{key!r}]: {error.what}", remedy=ANSWERS) from None


def _refused(what: str) -> Failed:
    return Failed(cause=cause_of(NotApproved(what)))


def defaults(node: Node) -> dict[str, Any]:
    """What the body would see of parameters that are not given."""
    if not isinstance(node.body, Code):
        return {}
    given = inspect.signature(node.body.fn).parameters.values()
    return {p.name: p.default for p in given if p.default is not p.empty and p.name != node.body.context}


def _question(child: Scope, node: Node, arguments: Mapping[str, Any]) -> str:
    said = ", ".join(f"{name}={_cut(_text(child, one) or type(one).__name__)}" for name, one in arguments.items())
    return f"May the {node.kind} {node.name!r} be called with {said or 'no arguments'}?"


def _text(child: Scope, value: Any) -> str | None:
    """Its JSON; None for what JSON cannot hold, which no model can have written."""
    try:
        return canonical(child.run.services.codec.plain(value))
    except NotSerialisable:
        return None


def _cut(text: str) -> str:
    """Characters that show as nothing, or turn the text around, are written as escapes."""
    rest = len(text) - SHOWN
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:SHOWN])
    return f"{plain}... ({rest} more characters)" if rest > 0 else plain
