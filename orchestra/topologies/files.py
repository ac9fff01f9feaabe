"""Topologies as files: YAML. Data only; nothing in a file is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestra.core.errors import BadDefinition
from orchestra.tools.editors import editor_schema
from orchestra.tools.nodes import checked_name
from orchestra.tools.yamlfile import Place, confined, first_problem, line_of, mapping, read, refuse
from orchestra.topologies.member import Topology

if TYPE_CHECKING:
    from pydantic import ValidationError

NESTING = 8
"""How deep topologies may lie in one another in a file. Our default: half of the depth that a budget allows."""
# A member of a nested topology is members, index, topology below its own.
_LEVEL = 3


def load_topology_file(path: str | Path, root: str | Path) -> Topology:
    """Reads a topology from ``path``, which must lie below ``root``, also when links are followed.

    A relative path is taken from ``root``. The name defaults to the file's; aliases and repeated keys are refused.

    Raises: BadDefinition that names the file, the line and the field.
    """
    found = confined(path, root)
    data, lines = mapping(read(found), found)
    try:
        return _topology(data, lines, found.stem)
    except BadDefinition as error:
        place: Place = error.facts["at"]
        refuse(found, line_of(place, lines), ".".join(map(str, place)) or None, error.what)


def topology_from(data: Mapping[str, Any]) -> Topology:
    """A topology of the same form from a mapping. Raises BadDefinition that names the field."""
    try:
        return _topology(data, dict.fromkeys(_places(data, ()), 0), "topology")
    except BadDefinition as error:
        field = ".".join(map(str, error.facts["at"]))
        what = f"field {field!r}: {error.what}" if field else error.what
        raise BadDefinition(what, remedy="Correct the mapping.", at=error.facts["at"]) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of a topology file, for editors."""
    from orchestra.topologies.form import ADAPTER

    return editor_schema(ADAPTER, "Topology", "How several agents work on one task together: a topology file.")


def _topology(data: Mapping[str, Any], lines: Mapping[Place, int], default_name: str) -> Topology:
    from pydantic import ValidationError

    from orchestra.topologies.form import ADAPTER, built

    deepest = max(lines, key=lambda place: place.count("topology"), default=())
    if deepest.count("topology") > NESTING:
        raise BadDefinition(f"topologies lie more than {NESTING} deep in one another", at=deepest)
    try:
        form = ADAPTER.validate_python(dict(data))
    except ValidationError as error:
        raise _fault(error, lines) from None
    name = form.name or default_name
    try:
        checked_name(name)
    except BadDefinition as error:
        raise BadDefinition(error.what, at=("name",)) from None
    return built(form, name)


def _fault(error: ValidationError, lines: Mapping[Place, int]) -> BadDefinition:
    from orchestra.topologies.form import TAG_TO_FORM

    place, fault, problem = first_problem(error, lines)
    if fault == "extra_forbidden":
        loc = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
        form = next(TAG_TO_FORM[part] for part in reversed(loc[:-1]) if part in TAG_TO_FORM)
        problem = f"there is no such field; there are {', '.join(form.model_fields)}"
    elif fault == "model_type":
        problem = "it should be the name of a capability, or a mapping"
    elif fault.startswith("union_tag"):
        kinds = ", ".join(tag for tag in TAG_TO_FORM if tag != "member")
        place, problem = (*place, "kind"), f"it is needed, and is one of {kinds}"
    return BadDefinition(problem.removeprefix("Value error, "), at=place)


def _places(data: Any, place: Place) -> list[Place]:
    """Every key and item of a mapping, as deep as a topology can be."""
    if len(place) > _LEVEL * (NESTING + 2):
        return []
    if isinstance(data, Mapping):
        items: list[tuple[Any, Any]] = list(data.items())
    else:
        items = list(enumerate(data)) if isinstance(data, (list, tuple)) else []
    found: list[Place] = []
    for key, value in items:
        found += [(*place, key), *_places(value, (*place, key))]
    return found
