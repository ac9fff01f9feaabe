"""Undoing what a run did to the world, where it is abandoned: the compensations of its effects, the last one first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestra.core.call import Ask, Batch, Call, Plan, Planned
from orchestra.core.catalog import Catalog, Node
from orchestra.core.errors import Abandoned, BadInput, EffectUnknown
from orchestra.core.events import CallEnded, CallStarted, Event, RunEnded, RunStarted
from orchestra.core.ids import digest
from orchestra.core.outcome import Done, Failed
from orchestra.runtime.effects import NOT_DONE, below
from orchestra.runtime.execute import ROOT

ABANDON = "abandon"
PLACE = f"{ROOT}/{ABANDON}"
UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """One effect of a run. ``known`` is whether it is sure that it happened; then ``output`` is what it returned."""

    key: str
    effect: str
    kind: str
    node: str
    input: Any
    output: Any = None
    known: bool = False


def effects_of(events: Sequence[Event]) -> list[Acted]:
    """What a run did to the world, and what it may have done, in the order in which it ended."""
    found: dict[str, Acted] = {}
    for event in events:
        if isinstance(event, CallStarted) and event.side_effect and not below(event.key, PLACE):
            effect = event.effect or event.key
            found.pop(event.key, None)
            found[event.key] = Acted(
                key=event.key, effect=effect, kind=event.side_effect, node=event.name, input=event.input
            )
        elif isinstance(event, CallEnded):
            for one in [one for one in found.values() if event.key in (one.key, one.effect) and not one.known]:
                _ended(found, one, event)
    return list(found.values())


def _ended(found: dict[str, Acted], one: Acted, end: CallEnded) -> None:
    """A call's end is its effect's. That of the step above it is one too where a person said what it came to; where
    another did it after all, this one had not.
    """
    if end.key != one.key and any(other.known for other in found.values() if other.effect == one.effect):
        del found[one.key]
        return
    if isinstance(end.outcome, Done):
        del found[one.key]
        found[one.key] = replace(one, output=end.outcome.output, known=True)
    elif end.key == one.key and isinstance(end.outcome, Failed) and not end.outcome.cause.is_a(EffectUnknown):
        del found[one.key]


def is_abandoned(events: Sequence[Event]) -> bool:
    """Whether a run is being undone, or has been."""
    return any(isinstance(event, RunStarted) and event.workflow == ABANDON for event in events)


def check_abandon(run_id: str, events: Sequence[Event], going: bool) -> None:
    """Raises Abandoned where all is undone already, BadInput for a run that is done or under way."""
    if going:
        raise BadInput(f"The run {run_id!r} is under way.", remedy="Cancel it, or wait until it has ended.")
    ends = [event.status for event in events if isinstance(event, RunEnded)]
    if ends[-1:] == ["abandoned"]:
        raise Abandoned(f"The run {run_id!r} was abandoned already.", remedy="There is nothing left to undo.")
    if ends[-1:] == ["done"] and not is_abandoned(events):
        raise BadInput(f"The run {run_id!r} is done, so it cannot be abandoned.", remedy="Undo it by a run of its own.")


def abandoning(events: Sequence[Event], catalog: Catalog, met: Mapping[str, Node]) -> Call:
    """The call that undoes a run. Today's catalogue says how, then what this process has called."""

    def find(name: str) -> Node | None:
        tools = (tool for node in catalog.nodes.values() for tool in node.tools if tool.name == name)
        return catalog.nodes.get(name) or next(tools, None) or met.get(name)

    effects = effects_of(events)
    return Call(target=Planned(name=ABANDON, plan=lambda _: undoing(effects, find)), key=ABANDON)


def undoing(effects: Sequence[Acted], find: Callable[[str], Node | None]) -> Plan:
    """Calls the compensation of each effect, the last one first, and stops at the first that fails.

    What may have happened is asked for; what nobody here knows how to undo, too. What declares no compensation stays.
    The output names what was ``undone``, what was ``left`` and what was ``not done``, by the effects' nodes.
    Source: H. Garcia-Molina and K. Salem, Sagas, 1987.
    """
    told: dict[str, list[str]] = {UNDONE: [], "left": [], NOT_DONE: []}
    for one in reversed(effects):
        node = find(one.node)
        about, mark = f"{one.node!r} ({one.kind}, {one.effect})", digest(one.key)
        output = one.output
        if not one.known:
            question = f"{about} may have happened. Answer 'not done', or with its result, and it is undone."
            (answer,) = yield Batch(calls=(Call(target=Ask(question=question), key=f"known:{mark}"),))
            if not isinstance(answer, Done):
                return answer
            if answer.output == NOT_DONE:
                told[NOT_DONE].append(one.node)
                continue
            output = answer.output
        if node is None:
            question = (
                f"{about} happened, and nobody here knows {one.node!r}. Undo it by hand if need be: then 'undone'."
            )
            (answer,) = yield Batch(calls=(Call(target=Ask(question=question), key=f"by hand:{mark}"),))
            if not isinstance(answer, Done):
                return answer
        elif node.compensate is not None:
            given = arguments(node, node.compensate, one.input, output)
            call = Call(target=node.compensate, input=given, key=f"undo:{one.node}:{mark}")
            (outcome,) = yield Batch(calls=(call,))
            if not isinstance(outcome, Done):
                return outcome
        else:
            told["left"].append(one.node)
            continue
        told[UNDONE].append(one.node)
    return Done(output=told)


def arguments(node: Node, compensate: Node, value: Any, output: Any) -> dict[str, Any]:
    """What a compensation is given of what it names: the effect's own arguments, its ``input`` and its ``output``."""
    names = node.contract.names
    if isinstance(value, Mapping) and {"text", "input", "history", "passed_by"} == value.keys():  # a Task
        value = value["text"] if value["input"] is None else value["input"]
    own = dict(value) if isinstance(value, Mapping) and value.keys() <= set(names) else dict.fromkeys(names[:1], value)
    there = {"input": value, **own, "output": output}
    return {name: there[name] for name in compensate.contract.names if name in there}
