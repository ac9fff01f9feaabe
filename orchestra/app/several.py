"""The decision for a set: one for the set as a whole, and where there are several, one for each member."""

from __future__ import annotations

from collections.abc import Sequence

from orchestra.core.call import Batch, Call, Plan, Several
from orchestra.core.catalog import Node
from orchestra.core.decision import OOS, Decide, Decision
from orchestra.core.errors import BadDefinition
from orchestra.core.outcome import Done, Failed, failed
from orchestra.ports.binder import View
from orchestra.routing.decide import Decider


def several(decider: Decider, call: Call, view: View, nodes: Sequence[Node]) -> Plan:
    """Who takes the task, as ``Several`` says.

    Each of several members has a decision of its own, so that a reward or a failure reaches that member alone. Of those
    that could do one effect twice, the first stays.
    """
    target: Several = call.target
    if any(node.name == OOS for node in nodes):
        return failed(BadDefinition(f"No agent of a set may be named {OOS!r}: that stands for out of scope."))
    offered = [node for node in nodes if not set(target.without).intersection(node.provides)]
    made = yield from decider.decide(
        offered, capability=target.capability, value=call.input, view=view, several=target.most
    )
    if isinstance(made, Failed):
        return made
    if made.chosen == (OOS,):
        return Done(output=[{"name": "", "decision": made.key}])
    name_to_node = {node.name: node for node in offered}
    names = [node.name for node in _acting_once([name_to_node[name] for name in made.chosen])]
    if len(made.chosen) == 1:
        return Done(output=[{"name": names[0], "decision": made.key}])
    own = yield Batch.all(*(Call(target=_member(made, name), key=f"member:{name}") for name in names))
    keys = [outcome.output.key for outcome in own if isinstance(outcome, Done)]
    return Done(output=[{"name": name, "decision": key} for name, key in zip(names, keys, strict=True)])


def _acting_once(nodes: Sequence[Node]) -> list[Node]:
    acting: set[str] = set()
    kept = []
    for node in nodes:
        if node.side_effect is not None and not node.idempotent:
            if node.side_effect in acting:
                continue
            acting.add(node.side_effect)
        kept.append(node)
    return kept


def _member(made: Decision, name: str) -> Decide:
    option = next(option for option in made.options if option.name == name)
    return Decide(
        capability=made.capability,
        options=(option,),
        x=made.x,
        marks=made.marks,
        budget_left_nano=made.budget_left_nano,
        policy=f"{made.policy}/member",
        chosen=(name,),
        reason=f"one of the set of {len(made.chosen)}",
        probability=option.probability if made.probability is not None else None,
    )
