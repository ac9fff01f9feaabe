"""From the events of a run back to the call it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestra.core.budget import Budget
from orchestra.core.call import Call, NodeName, Route
from orchestra.core.catalog import Catalog, Node, required_node
from orchestra.core.errors import JournalMissing, JournalVersion, UnknownWorkflow
from orchestra.core.events import Event, RunStarted

FORMAT = 1


def started_of(events: Sequence[Event]) -> RunStarted:
    """How the run began. Raises JournalMissing where its content was not kept, JournalVersion for another format."""
    started = next((e for e in events if isinstance(e, RunStarted)), None)
    if started is None:
        raise JournalMissing("The store holds no beginning of this run.")
    if started.format != FORMAT:
        raise JournalVersion(f"The run was written in format {started.format}, this version reads {FORMAT}.")
    return started


def call_again(
    started: RunStarted, sources: Mapping[str, Node], catalog: Catalog, workflow: Any, unlimited: bool
) -> Call:
    """The run's first call. Nothing is imported: the name is looked up among what this process knows.

    With ``unlimited`` the node's own budget gives way to the one that the run is resumed with.
    Raises: UnknownWorkflow.
    """
    kind, _, name = started.workflow.partition(":")
    if kind == "capability":
        return Call(target=name, input=started.arguments, key=started.name)
    if kind == "route":
        return Call(target=Route(capabilities=tuple(name.split(">"))), input=started.arguments, key=started.name)
    if kind == "node" and workflow is None and name in catalog.nodes:
        return Call(target=NodeName(name=name), input=started.arguments, key=started.name)
    node = required_node(workflow) if workflow is not None else sources.get(name)
    if node is None:
        raise UnknownWorkflow(f"The run was of {name!r}, which this process does not know.")
    if unlimited and node.budget is not None:
        node = replace(node, budget=None)
    return Call(target=node, input=started.arguments, key=started.name, output_type=node.contract.output_type)


def budget_again(started: RunStarted, budget: Budget | None) -> Budget:
    """The new budget, or the limits that the run began with."""
    return budget if budget is not None else Budget(**started.limits)
