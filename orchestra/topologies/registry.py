"""Whatever names or describes a topology, as a topology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestra.core.call import Plan
from orchestra.core.errors import BadDefinition, UnknownName
from orchestra.tools.nodes import NAME
from orchestra.topologies.auto import Auto
from orchestra.topologies.ensemble import SET, Ensemble
from orchestra.topologies.files import load_topology_file, topology_from
from orchestra.topologies.member import Topology

AUTO = "auto"
SUFFIXES = (".yaml", ".yml")


def topology_of(given: Any, root: str | Path, capabilities: Sequence[str] = ()) -> Topology:
    """A topology from "auto", "set", the name of a file in the folder ``root``, a path, a mapping or a topology.

    A path, with a suffix or a separator in it, is opened as it stands and need not lie in ``root``. ``capabilities``
    are those of the team, for "auto".

    Raises: UnknownName, that lists what there is; BadDefinition.
    """
    if isinstance(given, Auto) and not given.capabilities:
        return replace(given, capabilities=tuple(capabilities))
    if isinstance(given, Topology):
        return given
    if isinstance(given, Mapping):
        return topology_from(given)
    if given == AUTO:
        return Auto(capabilities=tuple(capabilities))
    if given == SET:
        return Ensemble()
    if isinstance(given, Path) or (isinstance(given, str) and (given.endswith(SUFFIXES) or "/" in given)):
        path = Path(given)
        return load_topology_file(path.name, path.parent)
    if not isinstance(given, str):
        raise BadDefinition(f"{given!r} is no topology.", remedy="Pass a name, a path, a mapping or a topology.")
    file = Path(root) / f"{given}.yaml"
    if NAME.fullmatch(given) is None or not file.is_file():
        there = ", ".join([AUTO, *sorted([SET, *(path.stem for path in Path(root).glob("*.yaml"))])])
        raise UnknownName(f"No topology is named {given!r}; there are {there}.", remedy="Name one of them, or a file.")
    return load_topology_file(file.name, root)


def plan_of(topology: Topology, value: Any) -> Plan:
    """The plan of a topology over an input: what a runtime drives. Raises NotSerialisable when it is driven."""
    return topology.plan(value)
