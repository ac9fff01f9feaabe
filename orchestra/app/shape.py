"""From a topology, however it is given, to the first call of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from orchestra.agents.bundled import bundled_root
from orchestra.app.binder import ANYONE, providers
from orchestra.core.call import Call, NodeName, Plan, Planned
from orchestra.core.catalog import Catalog
from orchestra.core.errors import UnknownCapability
from orchestra.topologies.acar import Acar
from orchestra.topologies.auto import PLAN, Auto
from orchestra.topologies.ensemble import Ensemble
from orchestra.topologies.member import Member, Topology
from orchestra.topologies.registry import SUFFIXES, plan_of, topology_of

Shape = str | Path | Mapping[str, Any] | Topology
"""A topology: "auto", the name of a shipped one, a path, a mapping of a file's form, or the thing itself."""
KEY = "task"


def shaped(given: Shape, value: Any, catalog: Catalog) -> Call:
    """The call of a topology over a task. Raises UnknownName, UnknownCapability, UnknownAgent, BadDefinition."""
    topology = checked(given, catalog)
    return Call(target=Planned(name=topology.name, plan=partial(plan_of, topology)), input=value, key=KEY)


def plan_for(given: Shape, value: Any, catalog: Catalog) -> Plan:
    """The plan of a step's topology. Raises as ``shaped``."""
    return plan_of(checked(given, catalog), value)


def checked(given: Shape, catalog: Catalog) -> Topology:
    """The topology, with everybody that it names in the team. Raises as ``shaped``."""
    topology = built(given, catalog)
    check(topology, catalog)
    return topology


def built(given: Shape, catalog: Catalog) -> Topology:
    """Raises UnknownName, BadDefinition."""
    return topology_of(given, bundled_root("topologies"), sorted(catalog.capability_to_names))


def is_name(given: Any) -> bool:
    """Whether it can be looked up again by this text, in any process."""
    return isinstance(given, str) and not given.endswith(SUFFIXES) and "/" not in given


def check(topology: Topology, catalog: Catalog) -> None:
    """Everybody that the topology names is there. Raises UnknownCapability, UnknownAgent."""
    if isinstance(topology, Auto):
        _check_auto(topology, catalog)
    if isinstance(topology, Acar | Ensemble):
        topology.fits(catalog)
    for member in members(topology):
        if isinstance(member.target, str):
            providers(catalog, member.target)
        elif isinstance(member.target, NodeName):
            catalog.named(member.target.name)
        elif isinstance(member.target, Topology):
            check(member.target, catalog)


def members(topology: Topology) -> tuple[Member, ...]:
    """Everybody that a topology names, in the order of work; none where it does not tell."""
    found = [getattr(topology, "lead", None), *getattr(topology, "members", ())]
    found += [getattr(topology, place, None) for place in ("report", "by")]
    return tuple(one for one in found if isinstance(one, Member))


def _check_auto(topology: Auto, catalog: Catalog) -> None:
    if topology.planner == PLAN and PLAN not in catalog.capability_to_names:
        raise UnknownCapability(
            f"topology='auto' asks an agent for the plan, and nobody provides {PLAN!r}.",
            remedy="Add the shipped 'planner', or give an agent provides='plan'.",
        )
    providers(catalog, ANYONE)
