"""From the events of a run back to the call it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.app.binder import providers
from orchestra.app.shape import is_name, shaped
from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName, Route
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.errors import JournalMissing, JournalVersion, UnknownWorkflow
from orchestra.core.events import CallEnded, Event, RunStarted
from orchestra.core.message import messages_of
from orchestra.core.task import Task
from orchestra.graph.graph import layered
from orchestra.runtime.execute import ROOT

FORMAT = 2


def started_of(events: Sequence[Event]) -> RunStarted:
    """How the run began. Raises JournalMissing where its content was not kept, JournalVersion for another format."""
    started = next((e for e in events if isinstance(e, RunStarted)), None)
    if started is None:
        raise JournalMissing("The store holds no beginning of this run.")
    if started.format != FORMAT:
        raise JournalVersion(f"The run was written in format {started.format}, this version reads {FORMAT}.")
    if started.arguments is None:
        raise JournalMissing("This run was made without a journal: its input was not kept.")
    return started


def limits_of(events: Sequence[Event]) -> tuple[Budget, bool]:
    """The limits in force when the run last went on, and whether they are others than those that it began with."""
    limits = [e.limits for e in events if isinstance(e, RunStarted)]
    return Budget(**limits[-1]), limits[-1] != limits[0]


def limits_facts(budget: Budget) -> dict[str, Any]:
    """The limits as a run's first row keeps them."""
    usd = None if budget.usd is None else str(budget.usd)
    return {
        "usd": usd,
        "tokens": budget.tokens,
        "requests": budget.requests,
        "tool_calls": budget.tool_calls,
        "seconds": budget.seconds,
        "depth": budget.depth,
    }


def call_again(
    started: RunStarted, sources: Mapping[str, Node], catalog: Catalog, workflow: Any, unlimited: bool
) -> Call:
    """The run's first call. Nothing is imported: the name is looked up among what this process knows.

    With ``unlimited`` the node's own budget gives way to the one that the run is resumed with.
    Raises: UnknownWorkflow, UnknownAgent, UnknownCapability; for a topology UnknownName and BadDefinition.
    """
    kind, _, name = started.workflow.partition(":")
    value, key = _value(started), started.name
    if kind in ("topology", "given topology"):
        if kind == "given topology" and (workflow is None or is_name(workflow)):
            raise UnknownWorkflow(
                f"The run was of the topology {name!r}, of which the journal keeps only the name.",
                remedy="Pass the path, mapping or topology that it began with as workflow=...",
            )
        return shaped(name if kind == "topology" else workflow, value, catalog)
    if kind == "capability":
        providers(catalog, name)
        return Call(target=name, input=value, key=key, fallback=started.fallback, hedge_s=started.hedge_s)
    if kind == "route":
        route = Route(capabilities=tuple(name.split(">")))
        layered(catalog, route.capabilities)
        return Call(target=route, input=value, key=key, fallback=started.fallback)
    if kind == "node" and workflow is None:
        kind_of = catalog.named(name).contract.output_type
        return Call(target=NodeName(name=name), input=value, key=key, output_type=kind_of)
    node = required_node(workflow) if workflow is not None else sources.get(name)
    if node is None:
        raise UnknownWorkflow(f"The run was of {name!r}, which this process does not know.")
    if unlimited and node.budget is not None:
        node = replace(node, budget=None)
    return Call(target=node, input=value, key=key, output_type=node.contract.output_type)


def _value(started: RunStarted) -> Any:
    """What the run was asked, as it was given to its first call."""
    if not started.task:
        return started.arguments
    fields = started.arguments
    return Task(
        text=fields["text"],
        input=fields["input"],
        history=messages_of(fields["history"]),
        passed_by=tuple(fields["passed_by"]),
    )


def without_end(events: Sequence[Event], call: Call) -> Sequence[Event]:
    """The log without the end of the run's own workflow: its code is what a replay runs again."""
    if not isinstance(call.target, Node) or call.target.kind != "workflow":
        return events
    return [e for e in events if not (isinstance(e, CallEnded) and e.key == f"{ROOT}/{call.key}")]
